"""A vCenter in memory: snapshots freeze, changed block tracking counts, change ids reset, consolidation can lag."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from replication.model.errors import NotFound, Permanent, ResyncRequired, Temporary
from replication.model.extents import Extent, normal, whole_sectors
from replication.model.source import ChangeId, Power, Snapshot, SourceDisk, SourceFacts

GRAIN = 4096
"""Changed block tracking answers in areas of this many bytes."""
PAGE = 2000
"""Areas in one answer of QueryChangedDiskAreas."""


@dataclass
class Disk:
    key: int
    content: bytearray
    uuid: str
    epoch: str = field(default_factory=lambda: str(uuid.uuid4()))
    sequence: int = 1
    writes: list[tuple[int, int, int]] = field(default_factory=list)
    """(sequence at the time of the write, offset, length)"""
    faults: str = ""
    """What the query for changes fails with although the change id fits."""

    def change_id(self) -> ChangeId:
        return ChangeId(f"{self.epoch}/{self.sequence}")


@dataclass
class Frozen:
    ref: str
    name: str
    ids: dict[int, ChangeId]
    content: dict[int, bytes]
    allocated: dict[int, list[Extent]]
    created: float = 0.0


@dataclass
class Vm:
    machine: str
    name: str
    disks: dict[int, Disk]
    power: Power = Power.ON
    host: str = "esx-01"
    snapshots: dict[str, Frozen] = field(default_factory=dict)
    needs_consolidation: int = 0
    """How many times `consolidated` still answers no."""
    tools: bool = True
    ignores_shutdown: bool = False
    powered: list[str] = field(default_factory=list)
    """History of power operations."""
    most_snapshots: int = 0
    nics_connected: bool = True
    notes: str = ""


class FakeVCenter:
    def __init__(self) -> None:
        self.vms: dict[str, Vm] = {}
        self.lock = threading.RLock()
        self.history: dict[str, dict[int, bytes]] = {}
        """Name of every snapshot that ever was -> what the disks held then."""
        self._refs = 0
        self.now: Callable[[], float] = lambda: 0.0
        """vCenter's clock."""
        self.free = 1 << 40
        """Bytes free on the one datastore."""

    # what tests do to it

    def add(self, machine: str, name: str, disks: dict[int, bytes]) -> Vm:
        vm = Vm(machine, name, {k: Disk(k, bytearray(v), f"6000C29-{machine}-{k}") for k, v in disks.items()})
        for disk in vm.disks.values():
            held = [i for i in range(0, len(disk.content), GRAIN) if any(disk.content[i : i + GRAIN])]
            disk.writes = [(0, at, min(GRAIN, len(disk.content) - at)) for at in held]
        self.vms[machine] = vm
        return vm

    def attach(self, machine: str, key: int, content: bytes) -> None:
        """A disk is added while the machine runs."""
        disk = Disk(key, bytearray(content), f"6000C29-{machine}-{key}")
        disk.writes = [(0, 0, len(content))]
        self.vms[machine].disks[key] = disk

    def write(self, machine: str, key: int, offset: int, data: bytes) -> None:
        """A guest writes."""
        with self.lock:
            vm = self.vms[machine]
            if vm.power is not Power.ON:
                raise AssertionError("a guest that is off cannot write")
            disk = vm.disks[key]
            disk.content[offset : offset + len(data)] = data
            disk.writes.append((disk.sequence, offset, len(data)))

    def reset_tracking(self, machine: str, key: int) -> None:
        with self.lock:
            self.vms[machine].disks[key].epoch = str(uuid.uuid4())

    def content(self, machine: str, key: int) -> bytes:
        with self.lock:
            return bytes(self.vms[machine].disks[key].content)

    # the port

    def _vm(self, machine: str) -> Vm:
        if machine not in self.vms:
            raise NotFound("no VM with this instance uuid", subject=machine)
        return self.vms[machine]

    def _frozen(self, machine: str, ref: str) -> Frozen:
        vm = self._vm(machine)
        if ref not in vm.snapshots:
            raise NotFound("snapshot is gone", subject=ref)
        return vm.snapshots[ref]

    def facts(self, machines: tuple[str, ...]) -> dict[str, SourceFacts]:
        with self.lock:
            return {
                m: SourceFacts(
                    *(m, vm.name, vm.power, vm.host, {"ds-01": len(vm.disks)}, vm.tools, vm.needs_consolidation > 0),
                    snapshots=tuple((s.ref, s.name) for s in vm.snapshots.values()),
                    tracking=True,
                    snapshot_times={s.ref: s.created for s in vm.snapshots.values()},
                )
                for m in machines
                if (vm := self.vms.get(m)) is not None
            }

    def datastore_free(self, machine: str) -> dict[str, int]:
        with self.lock:
            self._vm(machine)
            return {"ds-01": self.free}

    def create_snapshot(self, machine: str, name: str, description: str, quiesce: bool) -> str:
        with self.lock:
            vm = self._vm(machine)
            self._refs += 1
            frozen = Frozen(f"snapshot-{self._refs}", name, {}, {}, {}, self.now())
            for key, disk in vm.disks.items():
                frozen.ids[key] = disk.change_id()
                frozen.content[key] = bytes(disk.content)
                frozen.allocated[key] = self._areas(disk, -1, disk.sequence)
                disk.sequence += 1
            vm.snapshots[frozen.ref] = frozen
            self.history[name] = frozen.content
            vm.most_snapshots = max(vm.most_snapshots, len(vm.snapshots))
            return frozen.ref

    def find_snapshots(self, machine: str, prefix: str) -> dict[str, str]:
        with self.lock:
            return {s.ref: s.name for s in self._vm(machine).snapshots.values() if s.name.startswith(prefix)}

    def snapshot(self, machine: str, ref: str) -> Snapshot:
        with self.lock:
            vm, frozen = self._vm(machine), self._frozen(machine, ref)
            return Snapshot(
                ref,
                frozen.name,
                tuple(
                    SourceDisk(k, d.uuid, f"Hard disk {k}", len(d.content), frozen.ids[k], f"[ds-01] {vm.name}/{k}.vmdk")
                    for k, d in vm.disks.items()
                ),
            )

    def remove_snapshot(self, machine: str, ref: str) -> None:
        with self.lock:
            self._vm(machine).snapshots.pop(ref, None)

    def consolidated(self, machine: str) -> bool:
        with self.lock:
            vm = self._vm(machine)
            if vm.needs_consolidation:
                vm.needs_consolidation -= 1
                return False
            return True

    def _areas(self, disk: Disk, after: int, upto: int) -> list[Extent]:
        found = [Extent(at // GRAIN * GRAIN, -(-(at + n) // GRAIN) * GRAIN - at // GRAIN * GRAIN)
                 for seq, at, n in disk.writes if after < seq <= upto]  # fmt: skip
        return whole_sectors(found, len(disk.content))

    def _page(self, areas: list[Extent], start: int, capacity: int) -> tuple[list[Extent], int]:
        """One answer of QueryChangedDiskAreas from `start`: areas and where the next page begins."""
        if start >= capacity:
            raise Permanent("A specified parameter was not correct: startOffset")
        found = [a for a in areas if a.offset >= start][:PAGE]
        return found, (found[-1].end if len(found) == PAGE else capacity)

    def changed_areas(self, machine: str, ref: str, disk: int, since: ChangeId | None, capacity: int) -> list[Extent]:
        with self.lock:
            vm, frozen = self._vm(machine), self._frozen(machine, ref)
            upto = frozen.ids[disk]
            if since is None:
                return frozen.allocated[disk]
            if not since.comparable(upto):
                raise ResyncRequired("change tracking was reset", subject=f"{vm.name} disk {disk}")
            if vm.disks[disk].faults:
                raise ResyncRequired(vm.disks[disk].faults, subject=f"{vm.name} disk {disk}")
            areas = self._areas(vm.disks[disk], int(since.text.split("/")[1]), int(upto.text.split("/")[1]))
            out: list[Extent] = []
            start = 0
            while start < capacity:
                page, start = self._page(areas, start, capacity)
                out += page
            return normal(out)

    @contextmanager
    def open_disk(self, machine: str, snapshot: Snapshot, disk: int) -> Iterator[FakeReader]:
        with self.lock:
            frozen = self._frozen(machine, snapshot.ref)
        yield FakeReader(self, machine, frozen, disk)

    def shutdown_guest(self, machine: str) -> None:
        with self.lock:
            vm = self._vm(machine)
            if not vm.tools:
                raise Permanent("VMware Tools is not running", subject=vm.name)
            vm.powered.append("shutdown")
            if not vm.ignores_shutdown:
                vm.power = Power.OFF

    def power_off(self, machine: str) -> None:
        with self.lock:
            self._vm(machine).powered.append("off")
            self._vm(machine).power = Power.OFF

    def power_on(self, machine: str) -> None:
        with self.lock:
            self._vm(machine).powered.append("on")
            self._vm(machine).power = Power.ON

    def connect_nics(self, machine: str, connected: bool) -> None:
        with self.lock:
            self._vm(machine).nics_connected = connected

    def annotate(self, machine: str, text: str) -> None:
        with self.lock:
            self._vm(machine).notes = text


class FakeReader:
    def __init__(self, center: FakeVCenter, machine: str, frozen: Frozen, disk: int) -> None:
        self._center, self._machine, self._frozen, self._disk = center, machine, frozen, disk

    def read(self, offset: int, length: int) -> bytes:
        """A reader of the base disk does not notice that its snapshot is gone: it reads anything."""
        with self._center.lock:
            if self._frozen.ref not in self._center.vms[self._machine].snapshots:
                return b"\xee" * length
        content = self._frozen.content[self._disk]
        if offset < 0 or offset + length > len(content):
            raise Permanent(f"read of {length} bytes at {offset} is past the end of the disk")
        return content[offset : offset + length]

    def confirm(self) -> None:
        with self._center.lock:
            if self._frozen.ref not in self._center.vms[self._machine].snapshots:
                raise Temporary("the snapshot is gone", subject=self._frozen.name)
