"""What vCenter was seen to hold, as values: the planner's only knowledge of the source side.

A provider reads it, `dumps`/`loads` record it (a plan can be made from a recorded snapshot), `resolve` finds a machine.
Nothing here talks to vCenter or knows a clock: `read_at` is given by who read it.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from planner.garbage import paused_gc
from replication.model.parse import parsed
from replication.model.quick import quick

FORMAT = "wavelift-inventory-1"


@quick
@dataclass(frozen=True, slots=True)
class DiskFacts:
    """One virtual disk in its live configuration.

    `key` device key (2000), `uuid` the backing's, `controller` "scsi0:1" ("" when the controller is unknown), `capacity`
    bytes, `mode` vSphere's disk mode ("persistent", "independent_persistent", ...), `backing` the backing's vSphere type
    ("FlatVer2", "SeSparse", "RawDiskMapping/physicalMode", ...), `datastore_type` "VMFS", "NFS", "vsan", ..., `sharing` True
    for sharingMultiWriter, `tracking` whether this disk carries a change id, `file` "[datastore] vm/vm.vmdk", `parent` True
    when the backing is a chain (the VM has snapshots).
    """

    key: int
    uuid: str
    label: str
    controller: str
    capacity: int
    mode: str
    backing: str
    datastore: str
    datastore_type: str
    sharing: bool
    tracking: bool
    file: str
    parent: bool = False
    encrypted: bool = False
    linked: bool = False


@quick
@dataclass(frozen=True, slots=True)
class NicFacts:
    """One network adapter; `network` is the port group's name, `addresses` what VMware Tools reported."""

    key: int
    label: str
    network: str
    mac: str
    connected: bool
    addresses: tuple[str, ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class VmFacts:
    """One VM. `uuid` is the instance uuid, `path` "/DC/vm/folder/name", `power` vSphere's word ("poweredOn").

    `hw_version` 13 for "vmx-13"; `tools` vSphere's toolsRunningStatus ("guestToolsRunning", "" unknown); `tracking` the VM's
    own switch; `snapshots` how many exist now, whoever made them; `shared_bus` the SCSI controllers that share their bus
    ("scsi1"); `os_disk` the key of the disk it boots from (0: it has no disk).
    """

    uuid: str
    name: str
    path: str
    host: str
    power: str
    guest_id: str
    os_type: Literal["Linux", "Windows"] | None
    firmware: Literal["bios", "efi"]
    cpus: int
    memory_mib: int
    hw_version: int
    tools: str
    tracking: bool
    snapshots: int
    consolidation_needed: bool
    os_disk: int
    shared_bus: tuple[str, ...]
    disks: tuple[DiskFacts, ...]
    nics: tuple[NicFacts, ...]

    def disk(self, wanted: str) -> DiskFacts | None:
        """The disk that people call `wanted`: "os", "scsi0:1" or a label ("Hard disk 2")."""
        if wanted == "os":
            return next((d for d in self.disks if d.key == self.os_disk), None)
        return next((d for d in self.disks if wanted in (d.controller, d.label)), None)


@dataclass(frozen=True, slots=True)
class SourceInventory:
    """One vCenter as read at `read_at` (unix time); `instance_uuid` is vCenter's own. `free`: datastore -> bytes that were
    free then; without those that did not say."""

    name: str
    instance_uuid: str
    read_at: float
    vms: tuple[VmFacts, ...]
    free: Mapping[str, int] = field(default_factory=dict)

    def by_uuid(self) -> dict[str, VmFacts]:
        return {vm.uuid: vm for vm in self.vms}


@dataclass(frozen=True, slots=True)
class Inventory:
    """Source name -> what it holds."""

    sources: Mapping[str, SourceInventory]

    def by_uuid(self) -> dict[tuple[str, str], VmFacts]:
        """(source, instance uuid) -> VM."""
        return {(source.name, vm.uuid): vm for source in self.sources.values() for vm in source.vms}


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several VMs answer to that name; `paths` tells them apart."""

    wanted: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """No VM answers to that name; `suggestions` are names near it."""

    wanted: str
    suggestions: tuple[str, ...]


class Finder:
    """Looks machines up by name, inventory path or uuid; build one per inventory (indexes are made once)."""

    def __init__(self, inventory: Inventory) -> None:
        self._names: dict[str, dict[str, list[VmFacts]]] = {}
        self._paths: dict[str, dict[str, VmFacts]] = {}
        self._uuids = inventory.by_uuid()
        for source in inventory.sources.values():
            names = self._names.setdefault(source.name, {})
            paths = self._paths.setdefault(source.name, {})
            for vm in source.vms:
                names.setdefault(vm.name, []).append(vm)
                paths[vm.path] = vm

    def uuid(self, source: str, uuid: str) -> VmFacts | None:
        return self._uuids.get((source, uuid))

    def find(self, source: str, wanted: str) -> VmFacts | Ambiguous | Missing:
        """`wanted` is a full path when it begins with "/", else a name; a name that several VMs carry is `Ambiguous`."""
        if wanted.startswith("/"):
            vm = self._paths.get(source, {}).get(wanted.rstrip("/"))
            return vm or Missing(wanted, self._near(wanted, self._paths.get(source, {})))
        found = self._names.get(source, {}).get(wanted, [])
        if len(found) == 1:
            return found[0]
        if found:
            return Ambiguous(wanted, tuple(sorted(vm.path for vm in found)))
        return Missing(wanted, self._near(wanted, self._names.get(source, {})))

    @staticmethod
    def _near(wanted: str, names: Iterable[str]) -> tuple[str, ...]:
        folded: dict[str, str] = {}
        for name in names:
            folded.setdefault(name.casefold(), name)
        close = difflib.get_close_matches(wanted.casefold(), folded, n=3, cutoff=0.7)
        return tuple(folded[name] for name in close)


def resolve(inventory: Inventory, source: str, wanted: str) -> VmFacts | Ambiguous | Missing:
    """One look-up; for many, keep a `Finder`."""
    return Finder(inventory).find(source, wanted)


def dumps(inventory: Inventory) -> str:
    """Canonical JSON: sources by name, VMs by uuid, one VM a line as an array in the order of the classes' fields."""
    lines = []
    for name in sorted(inventory.sources):
        source = inventory.sources[name]
        head: dict[str, object] = {"name": source.name, "instance_uuid": source.instance_uuid, "read_at": source.read_at}
        if source.free:
            head["free"] = dict(source.free)
        vms = ",\n".join(_line(_vm_row(vm)) for vm in sorted(source.vms, key=lambda vm: (vm.uuid, vm.path)))
        lines.append(f'{{"source":{_line(head)},"vms":[\n{vms}\n]}}')
    return f'{{"format":{_line(FORMAT)},"sources":[\n' + ",\n".join(lines) + "\n]}\n"


@paused_gc()
def loads(text: str) -> Inventory:
    """The inverse of `dumps`; `ValueError` says what is wrong with the text."""
    try:
        document = parsed(text.encode())
        found = document["format"]
        sources = [_source(entry) for entry in document["sources"]] if found == FORMAT else []
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"not a recorded inventory ({type(error).__name__}: {error}): export it again") from error
    if found != FORMAT:
        raise ValueError(f"this inventory is of format {found!r}, wanted is {FORMAT!r}: export it again with this version")
    return Inventory({source.name: source for source in sources})


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


# The longest part of loading is building 50,000 small values: rows are positional so that a class takes a row as it is.
def _disk_row(d: DiskFacts) -> list[object]:
    return [
        d.key, d.uuid, d.label, d.controller, d.capacity, d.mode, d.backing, d.datastore, d.datastore_type,
        d.sharing, d.tracking, d.file, d.parent, d.encrypted, d.linked,
    ]  # fmt: skip


def _nic_row(n: NicFacts) -> list[object]:
    return [n.key, n.label, n.network, n.mac, n.connected, list(n.addresses)]


def _vm_row(v: VmFacts) -> list[object]:
    return [
        v.uuid, v.name, v.path, v.host, v.power, v.guest_id, v.os_type, v.firmware, v.cpus, v.memory_mib, v.hw_version,
        v.tools, v.tracking, v.snapshots, v.consolidation_needed, v.os_disk, list(v.shared_bus),
        [_disk_row(d) for d in v.disks], [_nic_row(n) for n in v.nics],
    ]  # fmt: skip


def _source(entry: dict[str, Any]) -> SourceInventory:
    head = entry["source"]
    free = {str(name): int(size) for name, size in head.get("free", {}).items()}
    vms = tuple([_vm(row) for row in entry["vms"]])
    return SourceInventory(head["name"], head["instance_uuid"], float(head["read_at"]), vms, free)


def _vm(row: list[Any]) -> VmFacts:
    (uuid, name, path, host, power, guest_id, os_type, firmware, cpus, memory_mib, hw_version,
     tools, tracking, snapshots, consolidation_needed, os_disk, shared, disks, nics) = row  # fmt: skip
    return VmFacts(
        uuid, name, path, host, power, guest_id, os_type, firmware, cpus, memory_mib, hw_version,
        tools, tracking, snapshots, consolidation_needed, os_disk, tuple(shared),
        tuple([DiskFacts(*disk) for disk in disks]),
        tuple([NicFacts(k, label, network, mac, on, tuple(ips)) for k, label, network, mac, on, ips in nics]),
    )  # fmt: skip
