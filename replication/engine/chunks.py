"""Cutting what was asked for into log blobs, and each blob into reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from replication.model.extents import Extent

Chunk = tuple[Extent, ...]
"""Normal extents that go into one log blob."""


def chunks(extents: Iterable[Extent], size: int, most: int) -> Iterator[Chunk]:
    """Normal `extents` in order, cut into chunks of at most `size` bytes and `most` extents."""
    current: list[Extent] = []
    room = size
    for extent in extents:
        start = extent.offset
        while start < extent.end:
            take = min(room, extent.end - start)
            current.append(Extent(start, take))
            room -= take
            start += take
            if not room or len(current) == most:
                yield tuple(current)
                current, room = [], size
    if current:
        yield tuple(current)


def windows(extents: Iterable[Extent], size: int) -> Iterator[list[Extent]]:
    """Normal `extents` in order, in lists of about `size` bytes (the last is smaller)."""
    for chunk in chunks(extents, size, 1 << 20):
        yield list(chunk)


def reads(chunk: Chunk, bridge: int, most: int) -> Iterator[tuple[Extent, list[Extent]]]:
    """(what to read, which parts of it were asked for): gaps up to `bridge` closed, no read longer than `most`."""
    span: Extent | None = None
    parts: list[Extent] = []
    for extent in _cut(chunk, most):
        joined = None if span is None else Extent(span.offset, extent.end - span.offset)
        if span is not None and joined is not None and extent.offset - span.end <= bridge and joined.length <= most:
            span = joined
            parts.append(extent)
            continue
        if span is not None:
            yield span, parts
        span, parts = extent, [extent]
    if span is not None:
        yield span, parts


def zero_chunks(extents: Iterable[Extent], most: int) -> Iterator[Chunk]:
    """Extents that are known to be zero: they carry no bytes, so only their number bounds a blob."""
    found = list(extents)
    for at in range(0, len(found), most):
        yield tuple(found[at : at + most])


class Within:
    """Hands out, part by part in rising order, what of normal `extents` lies in each part."""

    def __init__(self, extents: Iterable[Extent]) -> None:
        self._left = list(extents)
        self._at = 0

    def take(self, part: Extent) -> list[Extent]:
        out: list[Extent] = []
        while self._at < len(self._left) and self._left[self._at].offset < part.end:
            extent = self._left[self._at]
            start, end = max(extent.offset, part.offset), min(extent.end, part.end)
            if start < end:
                out.append(Extent(start, end - start))
            if extent.end > part.end:
                break
            self._at += 1
        return out


def _cut(extents: Iterable[Extent], size: int) -> Iterator[Extent]:
    for extent in extents:
        for start in range(extent.offset, extent.end, size):
            yield Extent(start, min(size, extent.end - start))

