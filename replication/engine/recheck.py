"""The rolling re-check: in each delta a share of the blocks is read and held against the stored hashes.

A block that differs although tracking reported nothing about it is silent loss of change tracking: the disk is compared
whole in the same cycle, and the evidence says so. Only scheduled deltas do this: an on-demand or final cycle is waited for.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from replication import blocks
from replication.bitmap import SectorSet
from replication.engine.attempt import current
from replication.engine.chunks import windows
from replication.engine.gateway import Checked, Gateway
from replication.engine.parallel import run_all
from replication.engine.work import Work
from replication.model.extents import Extent, normal, subtract
from replication.model.item import ItemDisk
from replication.model.record import CycleKind
from replication.ports import DiskReader


def chosen(work: Work, requested: Mapping[int, SectorSet]) -> dict[int, list[Extent]]:
    """Disk key -> blocks to check in this cycle, those left out that are read anyway. Moves the place on, in memory."""
    share, known = work.policy.recheck, work.record.committed
    if share <= 0 or current(work).kind is not CycleKind.DELTA or known is None:
        return {}
    out: dict[int, list[Extent]] = {}
    for disk in work.item.disks:
        whole = requested[disk.key].length == disk.capacity
        if disk.key not in known.points or whole or disk.key in work.resync:
            continue
        size, count = work.sizes.limits.block, blocks.number(disk.capacity, work.sizes.limits.block)
        checksums = work.checksums(disk)
        todo = min(count, max(1, round(count * share)))
        begin = checksums.cursor % count
        checksums.cursor = (begin + todo) % count
        checksums.moved = True
        span = _span(begin, min(count, begin + todo), size, disk), _span(0, max(0, begin + todo - count), size, disk)
        left = subtract(normal(span), blocks.cover(requested[disk.key].extents(), size, disk.capacity))
        if left:
            out[disk.key] = left
    return out


def run(
    work: Work, gateway: Gateway, readers: Mapping[int, DiskReader], checks: Mapping[int, list[Extent]]
) -> list[Checked]:
    """What was found, one answer per disk."""
    disks = {disk.key: disk for disk in work.item.disks}
    found: dict[int, list[Checked]] = {}
    jobs = (
        partial(gateway.check, disks[key], readers[key], tuple(window))
        for key, extents in checks.items()
        for window in windows(extents, work.sizes.limits.chunk)
    )
    run_all(
        work.pool, work.sizes.workers.inflight, jobs, lambda checked: found.setdefault(checked.disk, []).append(checked)
    )
    return [_together(key, parts) for key, parts in sorted(found.items())]


def _together(key: int, parts: list[Checked]) -> Checked:
    differing = normal(e for part in parts for e in part.differing)
    unknown = normal(e for part in parts for e in part.unknown)
    return Checked(key, sum(part.size for part in parts), tuple(differing), tuple(unknown))


def _span(first: int, end: int, size: int, disk: ItemDisk) -> Extent:
    return Extent(first * size, max(0, min(end * size, disk.capacity) - first * size))
