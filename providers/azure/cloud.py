"""The target subscription as the engine's orders see it: disks, NICs, VMs, and what would stop them."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from providers.azure.disks import UploadDisks
from providers.azure.errors import translated
from providers.azure.exposure import exposure
from providers.azure.ids import parse
from providers.azure.prerequisites import problems
from providers.azure.session import AzureSession
from providers.azure.tags import Owner
from providers.azure.vms import Machines
from replication.model.errors import NotFound, Permanent
from replication.model.item import DiskOrder, NicOrder, VmOrder
from replication.ports import DiskUpload, Exposure

_DISK, _NIC, _VM = "microsoft.compute/disks", "microsoft.network/networkinterfaces", "microsoft.compute/virtualmachines"


CONNECT_SECONDS = 5.0
"""How long one attempt to connect to a VM's port may take."""


class AzureCloud:
    """`Cloud` of one subscription; what it makes carries `owner`'s tags, what lacks them it leaves alone."""

    def __init__(self, session: AzureSession, subscription: str, owner: Owner) -> None:
        self._session = session
        self._subscription = subscription
        self._disks = UploadDisks(session, owner)
        self._machines = Machines(session, owner)

    def begin_disk(self, vm: VmOrder, disk: DiskOrder, tags: Mapping[str, str]) -> DiskUpload:
        return self._disks.begin(vm, disk, tags)

    def copy_range(self, upload: DiskUpload, source_url: str, offset: int, length: int) -> None:
        self._disks.copy(upload, source_url, offset, length)

    def finish_disk(self, upload: DiskUpload, size: int) -> None:
        self._disks.finish(upload, size)

    def create_nic(self, vm: VmOrder, nic: NicOrder, tags: Mapping[str, str]) -> str:
        return self._machines.create_nic(vm, nic, tags)

    def create_vm(
        self, vm: VmOrder, size: str, disks: Mapping[int, str], nics: Mapping[int, str], tags: Mapping[str, str]
    ) -> str:
        return self._machines.create_vm(vm, size, disks, nics, tags)

    def start_vm(self, vm_id: str) -> None:
        self._machines.start(parse(vm_id))

    def stop_vm(self, vm_id: str) -> None:
        self._machines.stop(parse(vm_id))

    def agent_ready(self, vm_id: str) -> bool:
        return self._machines.agent_ready(parse(vm_id))

    def boot_log(self, vm_id: str) -> str:
        return self._machines.boot_log(parse(vm_id))

    def reachable(self, nic_id: str, port: int) -> bool:
        """From this host to the NIC's private address: the network between the two must allow it."""
        for address in self._machines.addresses(parse(nic_id)):
            try:
                with socket.create_connection((address, port), timeout=CONNECT_SECONDS):
                    return True
            except OSError:
                continue
        return False

    def exposure(self, vm: VmOrder) -> Exposure:
        return exposure(self._session, vm)

    def check(self, vm: VmOrder) -> list[str]:
        return problems(self._session, self._disks, self._machines, vm)

    def delete(self, resource_id: str) -> None:
        """A disk, NIC or VM of ours; waits. Its parts are not deleted with a VM: order is the caller's."""
        at = parse(resource_id)
        match at.kind:
            case "microsoft.compute/disks":
                if self._disks.find(at) is not None:
                    self._disks.delete(at)
            case "microsoft.network/networkinterfaces":
                if self._machines.find_nic(at) is not None:
                    self._machines.delete_nic(at)
            case "microsoft.compute/virtualmachines":
                if self._machines.find_vm(at) is not None:
                    self._machines.delete_vm(at)
            case _:
                raise Permanent(f"not deleted here: {at.kind or 'a group'}", subject=resource_id)

    def exists(self, resource_id: str) -> bool:
        """Whether there is a disk, NIC or VM of that id, whosever it is."""
        at = parse(resource_id)
        compute = self._session.compute(at.subscription)
        get: Any = {
            _DISK: lambda: compute.disks.get(at.group, at.name),
            _NIC: lambda: self._session.network(at.subscription).network_interfaces.get(at.group, at.name),
            _VM: lambda: compute.virtual_machines.get(at.group, at.name),
        }.get(at.kind)
        if get is None:
            raise Permanent(f"not looked for here: {at.kind or 'a group'}", subject=resource_id)
        try:
            with translated(resource_id):
                get()
        except NotFound:
            return False
        return True
