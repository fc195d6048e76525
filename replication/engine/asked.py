"""What is requested of one disk in a cycle, and what of it is logged: changes, or the whole disk held against its hashes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from replication import blocks
from replication.bitmap import SectorSet
from replication.engine.gateway import Logged
from replication.engine.work import Work
from replication.manifest import BlobEntry
from replication.model.extents import Extent, intersect, subtract, whole_sectors
from replication.model.item import ItemDisk
from replication.model.source import Snapshot


@dataclass
class Asked:
    """What is requested of one disk, and what of it is logged so far. `data` is to be read, `zero` reads as zero.

    `same`: requested, and by its stored hash in the replica already. `areas`: what tracking reported.
    """

    disk: ItemDisk
    data: list[Extent]
    zero: list[Extent]
    requested: SectorSet
    areas: list[Extent] = field(default_factory=list)
    note: str = ""
    logged: SectorSet = field(default_factory=SectorSet)
    same: SectorSet = field(default_factory=SectorSet)
    blobs: list[BlobEntry] = field(default_factory=list)
    read: int = 0
    sent: int = 0
    rechecked: int = 0
    numbers: Iterator[int] = field(default_factory=count)

    def add(self, logged: Logged) -> None:
        self.logged.update(logged.covered)
        self.same.update(logged.same)
        self.read += logged.read
        self.sent += logged.sent
        if logged.entry is not None:
            self.blobs.append(logged.entry)

    @property
    def to_send(self) -> SectorSet:
        return self.requested.difference(self.same)


def whole(work: Work, snapshot: Snapshot, disk: ItemDisk, why: str, trust: bool = True) -> Asked:
    """A resync: the whole disk is requested. Allocated blocks are read and compared with their stored hashes; those that
    are not allocated any more are zeroed unless their hash says that they are. Blocks without a hash are sent.

    Without `trust` in change tracking, its word on what is allocated is not asked for: everything is read.
    """
    work.note(f"disk {disk.label} is compared whole: {why}")
    everything, size = [Extent(0, disk.capacity)], work.sizes.limits.block
    allocated = everything
    if trust:
        found = work.retry(lambda: work.source.changed_areas(work.uuid, snapshot.ref, disk.key, None, disk.capacity))
        allocated = blocks.cover(intersect(whole_sectors(found, disk.capacity), everything), size, disk.capacity)
    empty = subtract(everything, allocated)
    same = work.checksums(disk).zeros(empty)
    asked = Asked(disk, allocated, subtract(empty, same), SectorSet.of(everything), note=f"compared whole: {why}")
    asked.same.update(same)
    return asked
