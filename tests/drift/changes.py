"""What somebody changes outside of wavelift, as they would: by Azure's own SDK, in vCenter; and what drift says of each."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pyVim.connect import Disconnect, SmartConnect
from pyVim.task import WaitForTask
from pyVmomi import vim as _vim

from tests.e2e.site import Site

vim: Any = _vim
"""pyVmomi makes its classes at run time."""
GROUP = "rg-e2e"
Change = tuple[str, str, str]
"""(class, address, property)"""


def tags(site: Site, address: str, **change: str | None) -> None:
    """Set or take off tags of a storage account, as its owner would in the portal."""
    at = id_of(site, address).split("/")
    accounts = site.wiring().azure.storage(site.subscription).storage_accounts
    held = {**(accounts.get_properties(at[4], at[-1]).tags or {}), **change}
    body: Any = {"tags": {name: value for name, value in held.items() if value is not None}}
    accounts.update(at[4], at[-1], body)


def id_of(site: Site, address: str) -> str:
    return str(site.state["artifacts"][address]["id"])


def _vm(site: Site, name: str, **more: Any) -> None:
    site.control("vcenter", "POST", f"vm/{name}", more)


@contextmanager
def _vsphere(site: Site, name: str) -> Iterator[Any]:
    """The VM as pyVmomi has it, for an administrator who signs in, does one thing and leaves."""
    at = site.lab.known["vcenter"]
    context = ssl.create_default_context(cafile=str(site.lab.known["ca"]))
    connection: Any = SmartConnect(host=at["host"], port=at["port"], user=at["user"], pwd=at["password"], sslContext=context)
    try:
        yield connection.content.searchIndex.FindByUuid(None, site.uuid(name), True, True)
    finally:
        Disconnect(connection)


def _tracking(site: Site, on: bool) -> None:
    """Switched by a reconfiguration, and in force with the next stun: a snapshot made and removed."""
    with _vsphere(site, "still") as vm:
        WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=on)))
        WaitForTask(vm.CreateSnapshot_Task(name="stun", description="", memory=False, quiesce=False))
        WaitForTask(vm.RemoveAllSnapshots_Task())


def _into_another_folder(site: Site) -> None:
    with _vsphere(site, "still") as vm:
        WaitForTask(vm.parent.parent.MoveIntoFolder_Task([vm]))


def out_of_the_inventory(site: Site, name: str) -> None:
    with _vsphere(site, name) as vm:
        WaitForTask(vm.PowerOffVM_Task())
        vm.UnregisterVM()


def _delete_lock(site: Site) -> None:
    vault = id_of(site, "vault")
    site.wiring().azure.locks(site.subscription).management_locks.delete_by_scope(vault, "wavelift")


def _resize_vm(site: Site) -> None:
    name = id_of(site, "vm.away").rpartition("/")[2]
    body: Any = {"properties": {"hardwareProfile": {"vmSize": "Standard_D4s_v5"}}}
    site.wiring().azure.compute(site.subscription).virtual_machines.begin_update(GROUP, name, body).result()


def _delete_container(site: Site) -> None:
    endpoint = site.state["artifacts"]["log_store.koreacentral"]["attributes"]["blob_endpoint"]
    site.blobs(endpoint).delete_container("log")


def _shared_keys(site: Site) -> None:
    at = id_of(site, "seed_store.korea").split("/")
    body: Any = {"properties": {"allowSharedKeyAccess": True}}
    site.wiring().azure.storage(site.subscription).storage_accounts.update(at[4], at[-1], body)


def _soft_delete(site: Site) -> None:
    at = id_of(site, "seed_store.korea").split("/")
    policy: Any = {"properties": {"deleteRetentionPolicy": {"enabled": True, "days": 7}}}
    site.wiring().azure.storage(site.subscription).blob_services.set_service_properties(at[4], at[-1], policy)


def _for_deployment(site: Site) -> None:
    at = id_of(site, "key_vault.koreacentral").split("/")
    body: Any = {"properties": {"enabledForDeployment": True}}
    site.wiring().azure.key_vaults(site.subscription).vaults.update(at[4], at[-1], body)


def _nic(site: Site) -> None:
    at = id_of(site, "nic.away/4000").split("/")
    client = site.wiring().azure.network(site.subscription).network_interfaces
    nic = client.get(at[4], at[-1])
    assert nic.properties.ip_configurations
    nic.properties.ip_configurations[0].properties.private_ip_address = "10.20.1.77"
    client.begin_create_or_update(at[4], at[-1], nic).result()


def _queue(site: Site) -> None:
    at = id_of(site, "service_bus.koreacentral").split("/")
    queues = site.wiring().azure.service_bus(site.subscription).queues
    name = next(iter(queues.list_by_namespace(at[4], at[-1]))).name
    queues.delete(at[4], at[-1], str(name))


CHANGES: dict[str, tuple[Callable[[Site], None], set[Change]]] = {
    "tag of others": (
        lambda s: tags(s, "log_store.koreacentral", env="prod"),
        {("foreign", "log_store.koreacentral", "tags.env")},
    ),
    "our tag taken off": (
        lambda s: tags(s, "gateway_store.koreacentral", **{"wavelift-estate": None}),
        {("ours", "gateway_store.koreacentral", "tags")},
    ),
    "lock deleted": (_delete_lock, {("ours", "lock.vault", "")}),
    "keys of an account": (_shared_keys, {("ours", "seed_store.korea", "shared_keys")}),
    "soft delete": (_soft_delete, {("ours", "seed_store.korea", "soft_delete")}),
    "key vault for deployment": (_for_deployment, {("ours", "key_vault.koreacentral", "deployment")}),
    "queue deleted": (_queue, {("ours", "service_bus.koreacentral", "queues")}),
    "size of the VM": (_resize_vm, {("ours", "vm.away", "size")}),
    "address of the NIC": (_nic, {("ours", "nic.away/4000", "address")}),
    "container gone": (_delete_container, {("urgent", "container.log_store.koreacentral", "")}),
    "source powered on": (
        lambda s: _vm(s, "away", power="poweredOn"),
        {("urgent", "machine.away", "power")},
    ),
    "disk added": (
        lambda s: _vm(s, "still", add_disk={"gib": 1}),
        {("ours", "machine.still", "disk scsi0:2")},
    ),
    "disk resized": (
        lambda s: _vm(s, "still", grow={"disk": 2001, "gib": 1}),
        {("ours", "machine.still", "disk scsi0:1")},
    ),
    "tracking off": (lambda s: _tracking(s, False), {("ours", "machine.still", "tracking")}),
    "moved": (_into_another_folder, {("foreign", "machine.still", "path")}),
    "renamed": (lambda s: _vm(s, "still", rename="still-standing"), {("foreign", "machine.still", "path")}),
    "foreign snapshot": (
        lambda s: _vm(s, "still-standing", foreign_snapshot="Veeam"),
        {("foreign", "machine.still", "snapshot")},
    ),
    "disk removed": (
        lambda s: _vm(s, "still-standing", foreign_snapshot=False, remove_disk=2001),
        {("ours", "machine.still", "disk scsi0:1")},
    ),
}
