"""A target subscription in memory: upload disks with their states, NICs, VMs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from replication.model.errors import Denied, NotFound, Permanent, Temporary
from replication.model.extents import MIB, SECTOR
from replication.model.item import DiskOrder, NicOrder, VmOrder
from replication.ports import DiskUpload, Exposure
from tests.fakes.stores import FakeReplicas


@dataclass
class Managed:
    content: bytearray
    state: str
    tags: dict[str, str]


@dataclass
class AzureVm:
    size: str
    disks: dict[int, str]
    nics: dict[int, str]
    tags: dict[str, str]
    running: bool = False


@dataclass
class FakeCloud:
    replicas: FakeReplicas
    disks: dict[str, Managed] = field(default_factory=dict)
    nics: dict[str, dict[str, str]] = field(default_factory=dict)
    vms: dict[str, AzureVm] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)
    """Sizes without capacity."""
    problems: list[str] = field(default_factory=list)
    agent: bool = True
    """Whether VM agents report that they are ready."""
    serial: str = ""
    """What guests have written to their serial ports."""
    listening: set[int] = field(default_factory=set)
    """TCP ports that answer."""
    open: Exposure = field(default_factory=Exposure)
    foreign: set[str] = field(default_factory=set)
    """Ids of things that carry other tags than ours."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def _id(self, vm: VmOrder, kind: str, name: str) -> str:
        space = "Network" if kind == "networkInterfaces" else "Compute"
        return (
            f"/subscriptions/{vm.subscription}/resourceGroups/{vm.resource_group}/providers/Microsoft.{space}/{kind}/{name}"
        )

    def begin_disk(self, vm: VmOrder, disk: DiskOrder, tags: Mapping[str, str]) -> DiskUpload:
        with self.lock:
            made = self._id(vm, "disks", disk.name)
            old = self.disks.get(made)
            if old is not None and old.state != "ActiveUpload":
                raise Permanent(f"a finished disk of that name is there ({old.state})", subject=disk.name)
            if disk.size % MIB:
                raise Permanent("size is not a whole number of MiB", subject=disk.name)
            self.disks[made] = Managed(bytearray(disk.size), "ActiveUpload", dict(tags))
            return DiskUpload(made, f"fake-disk:{made}:{id(self.disks[made])}")

    def copy_range(self, upload: DiskUpload, source_url: str, offset: int, length: int) -> None:
        name, _, point = source_url.removeprefix("fake://").partition("?")
        with self.lock:
            disk = self.disks.get(upload.disk_id)
            if disk is None or disk.state != "ActiveUpload" or not upload.url.endswith(f":{id(disk)}"):
                raise Denied("no write access", subject=upload.disk_id, code="AuthenticationFailed")
            if length > 4 * MIB or offset % SECTOR or length % SECTOR:
                raise Permanent("bad range", subject=upload.disk_id)
            data = self.replicas.read(name, point, offset, length)
            disk.content[offset : offset + length] = data

    def finish_disk(self, upload: DiskUpload, size: int) -> None:
        with self.lock:
            disk = self.disks.get(upload.disk_id)
            if disk is None:
                raise NotFound("no such disk", subject=upload.disk_id)
            if disk.state != "ActiveUpload":
                return
            if not upload.url.endswith(f":{id(disk)}"):
                raise Denied("no write access", subject=upload.disk_id, code="AuthenticationFailed")
            disk.state = "Unattached"

    def create_nic(self, vm: VmOrder, nic: NicOrder, tags: Mapping[str, str]) -> str:
        with self.lock:
            made = self._id(vm, "networkInterfaces", nic.name)
            self.nics[made] = dict(tags)
            return made

    def create_vm(
        self, vm: VmOrder, size: str, disks: Mapping[int, str], nics: Mapping[int, str], tags: Mapping[str, str]
    ) -> str:
        with self.lock:
            made = self._id(vm, "virtualMachines", vm.name)
            if made in self.vms:
                return made
            if size in self.full:
                raise Temporary(f"no capacity for {size}", code="SkuNotAvailable")
            if any(part not in self.disks and part not in self.nics for part in (*disks.values(), *nics.values())):
                raise NotFound("a disk or NIC of it is not there", subject=made)
            for disk in disks.values():
                if self.disks[disk].state != "Unattached":
                    raise Permanent(f"disk is {self.disks[disk].state}", subject=disk)
            for disk in disks.values():
                self.disks[disk].state = "Attached"
            self.vms[made] = AzureVm(size, dict(disks), dict(nics), dict(tags), running=True)
            return made

    def start_vm(self, vm_id: str) -> None:
        with self.lock:
            self.vms[vm_id].running = True

    def stop_vm(self, vm_id: str) -> None:
        with self.lock:
            self.vms[vm_id].running = False

    def agent_ready(self, vm_id: str) -> bool:
        with self.lock:
            return self.vms[vm_id].running and self.agent

    def boot_log(self, vm_id: str) -> str:
        with self.lock:
            return self.serial if self.vms[vm_id].running else ""

    def reachable(self, nic_id: str, port: int) -> bool:
        with self.lock:
            return nic_id in self.nics and port in self.listening

    def exposure(self, vm: VmOrder) -> Exposure:
        return self.open

    def check(self, vm: VmOrder) -> list[str]:
        return list(self.problems)

    def delete(self, resource_id: str) -> None:
        with self.lock:
            if resource_id in self.foreign:
                raise Permanent("it is not ours", subject=resource_id)
            if resource_id in self.vms:
                for disk in self.vms.pop(resource_id).disks.values():
                    self.disks[disk].state = "Unattached"
            elif resource_id in self.disks:
                if self.disks[resource_id].state == "Attached":
                    raise Permanent("disk is attached", subject=resource_id)
                del self.disks[resource_id]
            elif any(resource_id in vm.nics.values() for vm in self.vms.values()):
                raise Permanent("NIC is in use", subject=resource_id)
            else:
                self.nics.pop(resource_id, None)

    def exists(self, resource_id: str) -> bool:
        with self.lock:
            return resource_id in self.vms or resource_id in self.disks or resource_id in self.nics
