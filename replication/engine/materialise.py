"""From a recovery point to a managed disk: server-side copies of the ranges that hold data, with their own bitmaps.

A range is never copied again while an earlier copy of it may still land: when a copy's fate is unknown, the disk is
thrown away and filled anew (what was sent to the old one cannot reach the new).
"""

from __future__ import annotations

from functools import partial

from replication.bitmap import SectorSet
from replication.engine.parallel import run_all
from replication.engine.work import Work
from replication.model.errors import Corrupt, Permanent, Temporary, UnknownFate
from replication.model.extents import SECTOR, Extent, pieces, whole_sectors
from replication.model.item import DiskOrder, ItemDisk, VmOrder
from replication.ports import Cloud

TRIES = 3


class _Doubtful(Exception):
    """Some copy's fate is unknown."""


def fill(work: Work, cloud: Cloud, vm: VmOrder, disk: DiskOrder, source: ItemDisk, point: str, tags: dict[str, str]) -> str:
    """Make managed disk `disk` from recovery point `point` of `source`; its ARM id. Raises a port's error.

    Announced by the caller. Entered again after a crash it begins anew: the unfinished disk is deleted.
    """
    name, size = source.seed, source.capacity
    ranges = whole_sectors(work.retry(partial(work.replicas.allocated, name, point, size)), size)
    for _ in range(TRIES):
        try:
            return _fill_once(work, cloud, vm, disk, ranges, partial(work.replicas.copy_url, name, point), tags)
        except _Doubtful:
            work.note(f"disk {disk.name}: the fate of a copy is unknown; it is thrown away and filled anew")
    raise Temporary("copies into it keep getting lost", subject=f"disk {disk.name}")


def _fill_once(
    work: Work,
    cloud: Cloud,
    vm: VmOrder,
    disk: DiskOrder,
    ranges: list[Extent],
    url: partial[str],
    tags: dict[str, str],
) -> str:
    upload = work.retry(partial(cloud.begin_disk, vm, disk, tags))
    source = work.retry(url)
    requested, copied = SectorSet.of(ranges), SectorSet()

    def once(piece: Extent) -> None:
        try:
            cloud.copy_range(upload, source, piece.offset, piece.length)
        except UnknownFate as error:
            raise _Doubtful from error

    def copy(piece: Extent) -> Extent:
        work.guard.check()
        work.retry(partial(once, piece))
        return piece

    def take(piece: Extent) -> None:
        copied.add(piece)
        work.meter.add(piece.length, work.clock.now())

    work.meter.more(SECTOR * requested.sectors)
    jobs = (partial(copy, piece) for piece in pieces(ranges, work.sizes.limits.copy))
    run_all(work.pool, work.sizes.workers.copies, jobs, take)
    if copied != requested:
        raise Corrupt(f"{copied.sectors} of {requested.sectors} sectors copied", subject=f"disk {disk.name}")
    work.retry(partial(cloud.finish_disk, upload, disk.size))
    return upload.disk_id


def require_sizes(vm: VmOrder, disks: tuple[ItemDisk, ...]) -> None:
    """Every replica has a managed disk that is large enough. Raises `Permanent`."""
    wanted = {disk.key: disk for disk in vm.disks}
    for disk in disks:
        order = wanted.pop(disk.key, None)
        if order is None:
            raise Permanent(f"the order has no disk for {disk.label}", subject=vm.name, remedy="plan and apply again")
        if order.size < disk.capacity:
            raise Permanent(
                f"managed disk {order.name} of {order.size} bytes is smaller than {disk.label} ({disk.capacity})",
                subject=vm.name,
                remedy="plan and apply again",
            )
    if wanted:
        names = ", ".join(sorted(disk.name for disk in wanted.values()))
        raise Permanent(f"nothing replicates into {names}", subject=vm.name, remedy="plan and apply again")
