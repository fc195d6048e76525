"""NICs and VMs: made once under a name, found again by their tags, started, deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from providers.azure.disks import group_id
from providers.azure.errors import translated
from providers.azure.ids import ArmId, parse
from providers.azure.session import AzureSession
from providers.azure.tags import Owner
from replication.model.errors import NotFound, Permanent, Temporary
from replication.model.item import NicOrder, VmOrder

_START_SECONDS = 900.0
_LOG_MINUTES = 10
_LOG_BYTES = 256 * 1024
"""So much of the end of a boot log is looked at."""
IP_CONFIGURATION = "ipconfig1"
"""What a NIC's address is called, as in Azure's portal."""
_DETACH = "Detach"
"""Deleting the VM must leave its disks and NICs: they are artifacts of their own."""


class Machines:
    """NICs and VMs of one subscription."""

    def __init__(self, session: AzureSession, owner: Owner) -> None:
        self._session = session
        self._owner = owner

    # --- NICs

    def create_nic(self, vm: VmOrder, nic: NicOrder, tags: Mapping[str, str]) -> str:
        """PUT; the same again is the same NIC."""
        at = parse(nic_id(vm, nic.name))
        client = self._session.network(at.subscription).network_interfaces
        self.find_nic(at)
        address = {"privateIPAllocationMethod": "Dynamic"}
        if nic.address:
            address = {"privateIPAllocationMethod": "Static", "privateIPAddress": nic.address}
        body: Any = {
            "location": vm.region,
            "tags": {**vm.tags, **self._owner.tags(extra=tags)},
            "properties": {
                "ipConfigurations": [
                    {"name": IP_CONFIGURATION, "properties": {**address, "subnet": {"id": nic.subnet}, "primary": True}}
                ]
            },
        }
        with translated(at.text):
            return str(client.begin_create_or_update(at.group, at.name, body).result().id or at.text)

    def find_nic(self, at: ArmId) -> Any | None:
        """The NIC, or None. `Permanent` when one of that name is not ours."""
        return self._ours(at, "a NIC", self._session.network(at.subscription).network_interfaces.get)

    def holds(self, at: ArmId, address: str) -> bool:
        """Whether our NIC of that id is there and has this address."""
        found = self.find_nic(at)
        configurations = found.properties.ip_configurations or () if found is not None else ()
        return any(one.properties.private_ip_address == address for one in configurations)

    # --- VMs

    def create_vm(
        self, vm: VmOrder, size: str, disks: Mapping[int, str], nics: Mapping[int, str], tags: Mapping[str, str]
    ) -> str:
        """PUT. One of ours that is there already stays; one whose making failed goes first (its disks and NICs stay)."""
        at = parse(vm_id(vm))
        there = self.find_vm(at)
        if there is not None:
            if there.properties.provisioning_state != "Failed":
                return self._finished(at)
            self.delete_vm(at)
        client = self._session.compute(at.subscription).virtual_machines
        with translated(at.text):
            made = client.begin_create_or_update(at.group, at.name, self._body(vm, size, disks, nics, tags)).result()
        return str(made.id or at.text)

    def find_vm(self, at: ArmId) -> Any | None:
        """The VM, or None. `Permanent` when one of that name is not ours."""
        return self._ours(at, "a VM", self._session.compute(at.subscription).virtual_machines.get)

    def start(self, at: ArmId) -> None:
        """Start unless it runs; returns when the instance view says so."""
        client = self._session.compute(at.subscription).virtual_machines
        if self._power(at) == "PowerState/running":
            return
        with translated(at.text):
            client.begin_start(at.group, at.name).result()
        until = time.monotonic() + _START_SECONDS
        while (state := self._power(at)) != "PowerState/running":
            if time.monotonic() > until:
                raise Temporary(f"it is {state or 'without a power state'} and does not come to run", subject=at.text)
            self._session.pause(self._session.polling_interval)

    def stop(self, at: ArmId) -> None:
        """Deallocate: off, and nothing of it costs but its disks. Off already, or gone, is success."""
        if self.find_vm(at) is None or self._power(at) == "PowerState/deallocated":
            return
        with translated(at.text):
            self._session.compute(at.subscription).virtual_machines.begin_deallocate(at.group, at.name).result()
        if (state := self._power(at)) == "PowerState/running":
            raise Temporary(f"it is still {state}", subject=at.text, code="PowerState")

    def agent_ready(self, at: ArmId) -> bool:
        """Whether the VM agent in the guest says that it is ready."""
        with translated(at.text):
            view = self._session.compute(at.subscription).virtual_machines.instance_view(at.group, at.name)
        statuses = view.vm_agent.statuses if view.vm_agent is not None else None
        return any(str(one.code) == "ProvisioningState/succeeded" for one in statuses or ())

    def boot_log(self, at: ArmId) -> str:
        """The end of the serial log that boot diagnostics keeps; empty while there is none. Its url is a secret."""
        client = self._session.compute(at.subscription).virtual_machines
        with translated(at.text):
            found = client.retrieve_boot_diagnostics_data(at.group, at.name, sas_uri_expiration_time_in_minutes=_LOG_MINUTES)
        url = found.serial_console_log_blob_uri
        if not url:
            return ""
        try:
            answer = self._session.wire.send("GET", url, {}, subject=f"boot log of {at.name}", repeat=True)
        except NotFound:
            return ""
        return answer.body[-_LOG_BYTES:].decode("utf-8", "replace")

    def addresses(self, at: ArmId) -> list[str]:
        """The private addresses of a NIC of ours."""
        found = self.find_nic(at)
        configurations = found.properties.ip_configurations or () if found is not None else ()
        return [str(one.properties.private_ip_address) for one in configurations if one.properties.private_ip_address]

    def delete_vm(self, at: ArmId) -> None:
        with translated(at.text):
            self._session.compute(at.subscription).virtual_machines.begin_delete(at.group, at.name).result()

    def delete_nic(self, at: ArmId) -> None:
        with translated(at.text):
            self._session.network(at.subscription).network_interfaces.begin_delete(at.group, at.name).result()

    # --- inside

    def _finished(self, at: ArmId) -> str:
        """Wait for the end of somebody's earlier PUT."""
        until = time.monotonic() + _START_SECONDS
        while True:
            there = self.find_vm(at)
            state = there.properties.provisioning_state if there is not None else "gone"
            if there is not None and state == "Succeeded":
                return str(there.id or at.text)
            if state in ("Failed", "gone", "Deleting") or time.monotonic() > until:
                raise Temporary(f"its making ended {state}", subject=at.text, code="ProvisioningFailed")
            self._session.pause(self._session.polling_interval)

    def _power(self, at: ArmId) -> str:
        with translated(at.text):
            view = self._session.compute(at.subscription).virtual_machines.instance_view(at.group, at.name)
        codes = [str(status.code) for status in view.statuses or ()]
        return next((code for code in codes if code.startswith("PowerState/")), "")

    def _ours(self, at: ArmId, what: str, get: Callable[[str, str], Any]) -> Any | None:
        try:
            with translated(at.text):
                found = get(at.group, at.name)
        except NotFound:
            return None
        if not self._owner.owns(found.tags):
            remedy = "choose another name for the machine, or remove it"
            raise Permanent(f"{what} of that name is not ours", subject=at.text, remedy=remedy, code="NotOurs")
        return found

    def _body(
        self, vm: VmOrder, size: str, disks: Mapping[int, str], nics: Mapping[int, str], tags: Mapping[str, str]
    ) -> Any:
        system = next(disk for disk in vm.disks if disk.lun is None)
        attach = {"createOption": "Attach", "deleteOption": _DETACH}
        data = [
            {**attach, "lun": disk.lun, "caching": "None", "managedDisk": {"id": disks[disk.key]}}
            for disk in sorted((d for d in vm.disks if d.lun is not None), key=lambda d: d.lun or 0)
        ]
        os_disk = {**attach, "caching": "ReadWrite", "osType": system.os_type, "managedDisk": {"id": disks[system.key]}}
        interfaces = [
            {"id": nics[nic.key], "properties": {"primary": nic.primary, "deleteOption": _DETACH}} for nic in vm.nics
        ]
        return {
            "location": vm.region,
            "tags": {**vm.tags, **self._owner.tags(extra=tags)},
            "properties": {
                "hardwareProfile": {"vmSize": size},
                "storageProfile": {"osDisk": os_disk, "dataDisks": data},
                "networkProfile": {"networkInterfaces": interfaces},
                **_asked(vm),
            },
        } | ({"zones": [vm.zone]} if vm.zone else {})


def _asked(vm: VmOrder) -> dict[str, Any]:
    """Licence, security type and boot log, where the estate says something of them."""
    out: dict[str, Any] = {"licenseType": vm.licence} if vm.licence else {}
    if vm.boot_log:
        out["diagnosticsProfile"] = {"bootDiagnostics": {"enabled": True}}
    security = vm.security
    if security is not None and security.type == "TrustedLaunch":
        flags = {"secureBootEnabled": security.secure_boot, "vTpmEnabled": security.vtpm}
        out["securityProfile"] = {"securityType": "TrustedLaunch", "uefiSettings": flags}
    elif security is not None:
        out["securityProfile"] = {"securityType": "Standard"}
    return out


def nic_id(vm: VmOrder, name: str) -> str:
    return f"{group_id(vm)}/providers/Microsoft.Network/networkInterfaces/{name}"


def vm_id(vm: VmOrder) -> str:
    return f"{group_id(vm)}/providers/Microsoft.Compute/virtualMachines/{vm.name}"
