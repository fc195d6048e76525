"""Disks and NICs of the Azure VM, for tests and migrations alike: each announced, made, told."""

from __future__ import annotations

from functools import partial

from replication.engine.materialise import Disk
from replication.engine.orders.steps import Steps, tags_of
from replication.engine.parallel import run_all
from replication.engine.work import Work
from replication.model.documents import fill_name
from replication.model.item import VmOrder
from replication.model.record import Commit
from replication.ports import Cloud


def pin(steps: Steps, point: Commit) -> None:
    """Keep this recovery point as long as the order is under way, and the one before it: disks may hold that one."""
    points = {f"point/{key}": name for key, name in point.points.items()}
    before = {f"{fact}/before": value for fact, value in steps.facts.items() if fact in points and value != points[fact]}
    steps.learn({"cycle": str(point.cycle), "recovery_point": str(point.snapshot_time), **points, **before})


def fill_disks(steps: Steps, cloud: Cloud, vm: VmOrder, close: bool = True) -> None:
    """Bring every disk of the order to the pinned points, side by side; with `close` finish them."""
    work = steps.work
    sources = {disk.key: disk for disk in work.item.disks}
    todo = [disk for disk in vm.disks if f"disk/{disk.key}" not in steps.progress.made]
    work.meter.begin("filling disks", 0)
    tags = tags_of(work, vm)

    def fill(key: int, disk: Disk, point: str) -> tuple[int, str]:
        return key, disk.fill(point, close)

    def take(made: tuple[int, str]) -> None:
        if close:
            steps.learn(made={f"disk/{made[0]}": made[1]})

    jobs = (
        partial(
            fill,
            wanted.key,
            Disk(work, cloud, vm, wanted, sources[wanted.key], tags, steps.order.number),
            steps.facts[f"point/{wanted.key}"],
        )
        for wanted in todo
    )
    run_all(work.disks, max(1, len(todo)), jobs, take)
    work.meter.end()


def forget_fills(steps: Steps, vm: VmOrder) -> None:
    """The disks are finished or gone: how far they were filled is of no use any more."""
    work = steps.work
    for disk in vm.disks:
        work.retry(partial(work.documents.delete, fill_name(work.uuid, steps.order.number, disk.key)))


def create_nics(work: Work, steps: Steps, cloud: Cloud, vm: VmOrder) -> dict[int, str]:
    """NIC key -> ARM id; idempotent."""
    tags = tags_of(work, vm)
    made = {nic.key: work.retry(partial(cloud.create_nic, vm, nic, tags)) for nic in vm.nics}
    steps.learn(made={f"nic/{key}": name for key, name in made.items()})
    return made


def disks_made(steps: Steps, vm: VmOrder) -> dict[int, str]:
    return {disk.key: steps.progress.made[f"disk/{disk.key}"] for disk in vm.disks}


__all__ = ["create_nics", "disks_made", "fill_disks", "forget_fills", "pin"]
