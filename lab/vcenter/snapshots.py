"""Snapshots: taking them (a stun of all disks at one moment), removing them, and consolidating what they leave."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from functools import partial

from lab.vcenter.cbt import Tracker
from lab.vcenter.disks import Disk, Layer
from lab.vcenter.inventory import World
from lab.vcenter.machine import Controller, FrozenDisk, Snapshot, Vm, now_text, track_path
from lab.vcenter.vimtypes import Fault, vim


def create(world: World, vm: Vm, name: str, description: str) -> Snapshot:
    """Freeze every disk that snapshots cover, all at the same moment, and open a new leaf on each."""
    with vm.lock, stunned(vm):
        start_tracking(vm)
        vm.snapshots_made += 1
        snapshot = Snapshot(
            moid=f"snapshot-{vm.number * 1000 + vm.snapshots_made}",
            kind="VirtualMachineSnapshot",
            vm=vm.moid,
            name=name,
            description=description,
            number=vm.snapshots_made,
            parent=vm.snapshots[-1].moid if vm.snapshots else None,
            created=now_text(),
            power=vm.power,
        )
        for disk in vm.disks:
            if disk.in_snapshots:
                change_id = disk.tracker.advance() if disk.tracker else None
                snapshot.disks.append(FrozenDisk(disk, disk.freeze(), change_id, disk.capacity))
        vm.snapshots.append(snapshot)
        vm.save()  # before any write may land in the new leaves
    world.add(snapshot)
    world.touch(vm)
    return snapshot


def remove(world: World, vm: Vm, snapshot: Snapshot, *, children: bool, consolidate: bool) -> None:
    """Take a snapshot (with `children`: and all after it) out of the tree, then merge what it froze.

    Raises a fault when consolidation was ordered to fail: then the snapshot is gone and its chain stays.
    """
    with vm.lock:
        position = vm.snapshots.index(snapshot)
        gone = vm.snapshots[position:] if children else [snapshot]
        vm.snapshots = [entry for entry in vm.snapshots if entry not in gone]
        _relink(vm)
        vm.consolidation_needed = bool(_mergeable(vm))
        vm.save()
    for entry in gone:
        world.remove(entry.moid)
    world.touch(vm)
    if consolidate:
        consolidate_disks(world, vm)


def consolidate_disks(world: World, vm: Vm) -> None:
    """Merge every layer that no snapshot needs into the one below it. The guest may go on writing."""
    settings = vm.settings
    if settings.consolidate_s > 0:
        time.sleep(settings.consolidate_s)
    with vm.lock:
        todo = _mergeable(vm)
        if todo and settings.fail_consolidate > 0:
            settings.fail_consolidate -= 1
            vm.consolidation_needed = True
            vm.save()
            world.touch(vm)
            path = f"[{world.objects[vm.datastore].name}] {todo[0][0].leaf.name}"
            detail = vim.fault.FileLocked(file=path)
            raise Fault(detail, f"Unable to access file {path} since it is locked")
    for disk, lower in todo:
        disk.merge(lower, vm.lock, partial(_merged, vm, disk, lower))
    with vm.lock, stunned(vm):
        start_tracking(vm)
        vm.consolidation_needed = bool(_mergeable(vm))
        vm.save()
    world.touch(vm)


def _mergeable(vm: Vm) -> list[tuple[Disk, Layer]]:
    """(disk, layer) pairs where the layer above is to be merged into `layer`: newest first within a disk."""
    needed = {id(entry.layer) for snapshot in vm.snapshots for entry in snapshot.disks}
    return [
        (disk, layer) for disk in vm.disks for layer in reversed(disk.chain[:-1]) if id(layer) not in needed
    ]


def _merged(vm: Vm, disk: Disk, lower: Layer) -> None:
    """The layer above `lower` is no more: snapshots that froze it have their content in `lower` now."""
    alive = set(map(id, disk.chain))
    for snapshot in vm.snapshots:
        for entry in snapshot.disks:
            if entry.disk is disk and id(entry.layer) not in alive:
                entry.layer = lower
    vm.save()


def _relink(vm: Vm) -> None:
    previous: str | None = None
    for snapshot in vm.snapshots:
        snapshot.parent = previous
        previous = snapshot.moid


@contextlib.contextmanager
def stunned(vm: Vm) -> Iterator[None]:
    """No guest write runs inside: the moment at which a snapshot is taken, the same for all disks."""
    with contextlib.ExitStack() as stack:
        for disk in vm.disks:
            stack.enter_context(disk.lock)
        yield


def start_tracking(vm: Vm) -> None:
    """What a stun does to change tracking: it begins where it was switched on, and ends where it was switched off."""
    for disk in vm.disks:
        if not vm.cbt or not can_track(vm, disk):
            disk.tracker = None
        elif disk.tracker is None:
            disk.tracker = Tracker.start(track_path(disk), vm.settings.cbt_granularity)


def can_track(vm: Vm, disk: Disk) -> bool:
    """Change tracking knows no physical RDMs, no independent disks and no shared buses."""
    controller = next((entry for entry in vm.controllers if entry.key == disk.controller_key), None)
    return disk.in_snapshots and not shares_bus(controller)


def shares_bus(controller: Controller | None) -> bool:
    return controller is not None and controller.shared_bus != "noSharing"
