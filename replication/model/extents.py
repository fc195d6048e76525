"""Extents: byte ranges of a disk, always whole sectors.

Rules: an extent list is *normal* when it is sorted, does not overlap and has no empty or touching members. Functions
that return lists return normal ones. Everything is in bytes; `SECTOR` is 512 (spec S5.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

SECTOR = 512
MIB = 1024**2
GIB = 1024**3


class Extent(NamedTuple):
    """`length` bytes from `offset`."""

    offset: int
    length: int

    @property
    def end(self) -> int:
        return self.offset + self.length


def normal(extents: Iterable[Extent]) -> list[Extent]:
    """Sort, drop empty ones, merge those that overlap or touch."""
    out: list[Extent] = []
    for extent in sorted(extents):
        if extent.length <= 0:
            continue
        if out and extent.offset <= out[-1].end:
            out[-1] = Extent(out[-1].offset, max(out[-1].end, extent.end) - out[-1].offset)
        else:
            out.append(extent)
    return out


def whole_sectors(extents: Iterable[Extent], capacity: int) -> list[Extent]:
    """Widen to whole sectors and clamp to `capacity` bytes (a multiple of the sector)."""
    return normal(
        Extent(start, end - start)
        for start, end in ((e.offset // SECTOR * SECTOR, min(-(-e.end // SECTOR) * SECTOR, capacity)) for e in extents)
        if end > start
    )


def total(extents: Iterable[Extent]) -> int:
    return sum(e.length for e in extents)


def pieces(extents: Iterable[Extent], size: int) -> Iterator[Extent]:
    """Cut into pieces of at most `size` bytes, cut at multiples of `size` so that pieces of one disk line up."""
    for extent in extents:
        start = extent.offset
        while start < extent.end:
            end = min(extent.end, (start // size + 1) * size)
            yield Extent(start, end - start)
            start = end


def intersect(left: Iterable[Extent], right: Iterable[Extent]) -> list[Extent]:
    a, b = normal(left), normal(right)
    out: list[Extent] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i].offset, b[j].offset), min(a[i].end, b[j].end)
        if start < end:
            out.append(Extent(start, end - start))
        if a[i].end <= b[j].end:
            i += 1
        else:
            j += 1
    return out


def subtract(left: Iterable[Extent], right: Iterable[Extent]) -> list[Extent]:
    """What is in `left` and not in `right`."""
    out: list[Extent] = []
    cuts = normal(right)
    j = 0
    for extent in normal(left):
        start = extent.offset
        while j < len(cuts) and cuts[j].end <= start:
            j += 1
        k = j
        while k < len(cuts) and cuts[k].offset < extent.end:
            if cuts[k].offset > start:
                out.append(Extent(start, cuts[k].offset - start))
            start = max(start, cuts[k].end)
            k += 1
        if start < extent.end:
            out.append(Extent(start, extent.end - start))
    return out
