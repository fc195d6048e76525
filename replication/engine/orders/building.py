"""Disks and NICs of the Azure VM, for tests and migrations alike: each announced, made, told."""

from __future__ import annotations

from functools import partial

from replication.engine import materialise
from replication.engine.orders.steps import Steps, tags_of
from replication.engine.parallel import run_all
from replication.engine.work import Work
from replication.model.errors import Conflict, Permanent
from replication.model.item import DiskOrder, ItemDisk, VmOrder
from replication.model.record import Commit
from replication.ports import Cloud


def pin(steps: Steps, point: Commit) -> None:
    """Keep this recovery point as long as the order is under way, and remember which it is."""
    points = {f"point/{key}": name for key, name in point.points.items()}
    steps.learn({"cycle": str(point.cycle), "recovery_point": str(point.snapshot_time), **points})


def fill_disks(steps: Steps, cloud: Cloud, vm: VmOrder) -> None:
    """Fill every disk of the order that is not finished yet from the pinned points, side by side."""
    work = steps.work
    sources = {disk.key: disk for disk in work.item.disks}
    todo = [disk for disk in vm.disks if f"disk/{disk.key}" not in steps.progress.made]
    work.meter.begin("filling disks", 0)

    def take(made: tuple[int, str]) -> None:
        steps.learn(made={f"disk/{made[0]}": made[1]})

    jobs = (partial(_fill, steps, cloud, vm, disk, sources[disk.key]) for disk in todo)
    run_all(work.disks, max(1, len(todo)), jobs, take)
    work.meter.end()


def _fill(steps: Steps, cloud: Cloud, vm: VmOrder, disk: DiskOrder, source: ItemDisk) -> tuple[int, str]:
    work, point = steps.work, steps.facts[f"point/{disk.key}"]
    fill = partial(materialise.fill, work, cloud, vm, disk, source, point, tags_of(work, vm))
    try:
        return disk.key, fill()
    except (Permanent, Conflict):
        # A crash between its end and our note of it leaves a finished disk of this order; only then is there one to delete.
        announced = steps.facts.get(f"announced/disk/{disk.key}")
        if announced is None or not work.retry(partial(cloud.exists, announced)):
            raise
        work.retry(partial(cloud.delete, announced))
        return disk.key, fill()


def create_nics(work: Work, steps: Steps, cloud: Cloud, vm: VmOrder) -> dict[int, str]:
    """NIC key -> ARM id; idempotent."""
    tags = tags_of(work, vm)
    made = {nic.key: work.retry(partial(cloud.create_nic, vm, nic, tags)) for nic in vm.nics}
    steps.learn(made={f"nic/{key}": name for key, name in made.items()})
    return made


def disks_made(steps: Steps, vm: VmOrder) -> dict[int, str]:
    return {disk.key: steps.progress.made[f"disk/{disk.key}"] for disk in vm.disks}


__all__ = ["create_nics", "disks_made", "fill_disks", "pin"]
