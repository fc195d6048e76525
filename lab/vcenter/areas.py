"""QueryChangedDiskAreas: which areas of a disk changed between two moments, with VMware's limits."""

from __future__ import annotations

from itertools import islice
from typing import Any

from pyroaring import BitMap64

from lab.vcenter.bitmaps import ranges
from lab.vcenter.cbt import ChangeId, Tracker
from lab.vcenter.disks import Disk, Layer
from lab.vcenter.inventory import World
from lab.vcenter.machine import Snapshot, Vm
from lab.vcenter.vimtypes import Fault, invalid_argument, vim

MAX_AREAS = 2000
_WHOLE_EXTENT = frozenset({"nfs", "nfs41", "vsan", "vvol"})  # where "*" knows nothing finer than the disk


def query(world: World, vm: Vm, snapshot: Snapshot | None, device_key: int, start: int, change_id: str) -> Any:
    """vim.VirtualMachine.DiskChangeInfo from byte `start` on: at most 2000 areas, ascending.

    `length` says how far the answer reaches; the caller asks again from there. Raises InvalidArgument (device,
    offset past the end, malformed or future change id) and FileFault (nothing tracked, or another tracking).
    """
    disk, layer, until, capacity = _moment(vm, snapshot, device_key)
    if not 0 <= start < capacity:
        raise invalid_argument("startOffset")
    with disk.lock:
        tracker = disk.tracker
        if tracker is None or until is None:
            raise _file_fault(world, disk)
        blocks, granularity = _blocks(world, disk, layer, tracker, until, change_id, capacity)
    return _info(blocks, granularity, start, capacity, vm.settings.areas_span)


def _moment(vm: Vm, snapshot: Snapshot | None, key: int) -> tuple[Disk, Layer | None, ChangeId | None, int]:
    """The disk, the layer, the change id and the capacity at the snapshot, or now without one."""
    if snapshot is not None:
        for entry in snapshot.disks:
            if entry.disk.key == key:
                until = ChangeId.parse(entry.change_id) if entry.change_id else None
                return entry.disk, entry.layer, until, entry.capacity
        raise invalid_argument("deviceKey")
    disk = vm.disk(key)
    if disk is None:
        raise invalid_argument("deviceKey")
    now = disk.tracker
    return disk, None, ChangeId(now.uuid, now.sequence + 1) if now else None, disk.capacity


def _blocks(
    world: World,
    disk: Disk,
    layer: Layer | None,
    tracker: Tracker,
    until: ChangeId,
    change_id: str,
    capacity: int,
) -> tuple[BitMap64, int]:
    if until.uuid != tracker.uuid:
        raise _file_fault(world, disk)  # tracking was reset after the snapshot
    if change_id == "*":
        if world.disk_datastore(disk).type.lower() in _WHOLE_EXTENT:
            return BitMap64([0]), capacity
        return disk.allocated(layer, tracker.granularity), tracker.granularity
    try:
        since = ChangeId.parse(change_id)
    except ValueError as error:
        raise invalid_argument("changeId") from error
    if since.uuid != tracker.uuid:
        raise _file_fault(world, disk)
    if since.sequence > until.sequence:
        raise invalid_argument("changeId")
    return tracker.changed(since.sequence, until.sequence), tracker.granularity


def _info(blocks: BitMap64, granularity: int, start: int, capacity: int, span: int) -> Any:
    end = capacity if span <= 0 else min(capacity, start + span)
    found = list(islice(ranges(blocks, start // granularity, -(-end // granularity)), MAX_AREAS + 1))
    areas = []
    for first, stop in found[:MAX_AREAS]:
        low, high = max(first * granularity, start), min(stop * granularity, end)
        areas.append(vim.VirtualMachine.DiskChangeInfo.DiskChangeExtent(start=low, length=high - low))
    if len(found) > MAX_AREAS:
        end = areas[-1].start + areas[-1].length
    return vim.VirtualMachine.DiskChangeInfo(startOffset=start, length=end - start, changedArea=areas)


def _file_fault(world: World, disk: Disk) -> Fault:
    path = f"[{world.disk_datastore(disk).name}] {disk.base.name}"
    return Fault(vim.fault.FileFault(file=path), f"Error caused by file {path}")
