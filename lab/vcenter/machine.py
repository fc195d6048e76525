"""A virtual machine as the simulator keeps it: plain values, no pyVmomi, saved as JSON at every change."""

from __future__ import annotations

import datetime
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.vcenter.cbt import DEFAULT_GRANULARITY, Tracker
from lab.vcenter.disks import Disk, Layer
from lab.vcenter.entities import Managed
from lab.vcenter.files import replace_json


@dataclass(slots=True)
class Settings:
    """How a VM behaves, set through the control API. Times in seconds, sizes in bytes."""

    tools: str = "running"  # running, notRunning, notInstalled
    ignore_shutdown: bool = False  # the guest never obeys
    shutdown_s: float = 0.5  # how long an obedient guest takes to power off
    latency_s: float | None = None  # of each task; None: the lab's default
    consolidate_s: float = 0.0  # what consolidation takes at least
    fail_consolidate: int = 0  # how many consolidations still fail
    cbt_granularity: int = DEFAULT_GRANULARITY
    areas_span: int = 0  # QueryChangedDiskAreas describes at most so many bytes a call; 0: no such limit


@dataclass(slots=True)
class Controller:
    key: int
    kind: str  # vSphere's type name, such as ParaVirtualSCSIController
    family: str  # scsi, sata, nvme, ide
    bus: int
    shared_bus: str = "noSharing"


@dataclass(slots=True)
class Nic:
    key: int
    label: str
    network: str
    mac: str
    ip: str = ""
    connected: bool = True


@dataclass(slots=True)
class FrozenDisk:
    """A disk as a snapshot saw it: the frozen layer and the change id (None while nothing was tracked)."""

    disk: Disk
    layer: Layer
    change_id: str | None
    capacity: int


@dataclass(slots=True, eq=False)
class Snapshot(Managed):
    """A snapshot. `vm` is its machine's managed object id."""

    vm: str = ""
    name: str = ""
    description: str = ""
    number: int = 0
    parent: str | None = None
    created: str = ""
    power: str = "poweredOn"
    disks: list[FrozenDisk] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Vm(Managed):
    """`lock` guards every field but the disks' content and chains, which have locks of their own (taken second)."""

    folder: str = ""  # moids of the surroundings
    host: str = ""
    datastore: str = ""
    datacenter: str = ""
    instance_uuid: str = ""
    uuid: str = ""
    directory: str = ""  # in the datastore; a rename does not move it
    guest_id: str = ""
    firmware: str = "bios"
    cpus: int = 2
    memory_mb: int = 4096
    power: str = "poweredOn"
    hw: str = "vmx-19"
    cbt: bool = False
    annotation: str = ""
    template: bool = False
    extra_config: dict[str, str] = field(default_factory=dict)
    controllers: list[Controller] = field(default_factory=list)
    disks: list[Disk] = field(default_factory=list)
    nics: list[Nic] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)  # oldest first; each is the parent of the next
    snapshots_made: int = 0
    consolidation_needed: bool = False
    change_version: int = 1
    settings: Settings = field(default_factory=Settings)
    registered: bool = True  # in the inventory; its files are there in any case
    state_file: Path = Path()
    task: Any = None  # the one that runs
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def number(self) -> int:
        return int(self.moid.removeprefix("vm-"))

    def disk(self, key: int) -> Disk | None:
        return next((disk for disk in self.disks if disk.key == key), None)

    def find_disk(self, name: str | int | None) -> Disk | None:
        """By key, label or place ("scsi0:1"); the first disk for None."""
        if name is None:
            return self.disks[0] if self.disks else None
        return next(
            (disk for disk in self.disks if str(name) in (str(disk.key), disk.label, self.place(disk))), None
        )

    def place(self, disk: Disk) -> str:
        controller = next((entry for entry in self.controllers if entry.key == disk.controller_key), None)
        return f"{controller.family}{controller.bus}:{disk.unit}" if controller else ""

    def save(self) -> None:
        """Make the state durable. The caller holds the lock."""
        replace_json(self.state_file, _dump(self))


_PLAIN = (
    "name", "host", "folder", "annotation", "power", "hw", "cbt", "extra_config", "cpus", "memory_mb", "snapshots_made",
    "consolidation_needed", "change_version", "registered",
)  # fmt: skip


def _dump(vm: Vm) -> dict[str, Any]:
    return {
        **{name: getattr(vm, name) for name in _PLAIN},
        "settings": asdict(vm.settings),
        "controllers": [asdict(controller) for controller in vm.controllers],
        "nics": [asdict(nic) for nic in vm.nics],
        "disks": [_dump_disk(disk) for disk in vm.disks],
        "snapshots": [_dump_snapshot(snapshot) for snapshot in vm.snapshots],
    }


def _dump_disk(disk: Disk) -> dict[str, Any]:
    tracker = disk.tracker
    return {
        **{name: getattr(disk, name) for name in _DISK},
        "chain": [layer.name for layer in disk.chain],
        "files": [layer.path.name for layer in disk.chain],
        "tracker": None
        if tracker is None
        else {"uuid": tracker.uuid, "sequence": tracker.sequence, "granularity": tracker.granularity},
    }


_DISK = ("key", "controller_key", "unit", "label", "capacity", "uuid", "datastore", "mode", "rdm")


def _dump_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    names = ("moid", "name", "description", "number", "parent", "created", "power")
    frozen = [
        {
            "disk": entry.disk.key,
            "layer": entry.layer.name,
            "change_id": entry.change_id,
            "capacity": entry.capacity,
        }
        for entry in snapshot.disks
    ]
    return {**{name: getattr(snapshot, name) for name in names}, "disks": frozen}


def restore(vm: Vm, document: dict[str, Any], data_folder: Path) -> None:
    """Bring a VM that was made from its specification to its saved state. `data_folder` holds its disk files."""
    for name in _PLAIN:
        setattr(vm, name, document[name])
    vm.settings = Settings(**document["settings"])
    vm.controllers = [Controller(**entry) for entry in document["controllers"]]
    vm.nics = [Nic(**entry) for entry in document["nics"]]
    vm.disks = [_restore_disk(entry, data_folder) for entry in document["disks"]]
    vm.snapshots = [_restore_snapshot(vm, entry) for entry in document["snapshots"]]


def _restore_disk(document: dict[str, Any], folder: Path) -> Disk:
    chain = [
        Layer(name, folder / file) for name, file in zip(document["chain"], document["files"], strict=True)
    ]
    for layer in chain[1:]:
        layer.load_map()
    disk = Disk(**{name: document[name] for name in _DISK}, chain=chain)
    if document["tracker"] is not None:
        saved = document["tracker"]
        disk.tracker = Tracker.load(track_path(disk), saved["uuid"], saved["sequence"], saved["granularity"])
    return disk


def _restore_snapshot(vm: Vm, document: dict[str, Any]) -> Snapshot:
    frozen = []
    for entry in document["disks"]:
        disk = vm.disk(entry["disk"])
        layer = (
            None if disk is None else next((part for part in disk.chain if part.name == entry["layer"]), None)
        )
        if disk is not None and layer is not None:
            frozen.append(FrozenDisk(disk, layer, entry["change_id"], entry["capacity"]))
    names = ("moid", "name", "description", "number", "parent", "created", "power")
    return Snapshot(
        kind="VirtualMachineSnapshot", vm=vm.moid, disks=frozen, **{name: document[name] for name in names}
    )


def track_path(disk: Disk) -> Path:
    """Where the change map of a disk is logged."""
    return disk.base.path.with_name(Path(disk.stem).name + "-ctk.log")


def now_text() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat()
