"""Blocks of a disk and their hashes: what a resync compares, what a re-check looks for, what a report's root rests on. Pure.

A disk is divided into blocks of `size` bytes from its beginning; the last one may be shorter. A hash is the first 16 bytes
of blake3; `UNKNOWN` (16 zero bytes, which no block has but by a 2^-128 chance) stands for "nobody can say".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from blake3 import blake3

from replication.model.extents import Extent, normal

SIZE = 64 * 1024
DIGEST = 16
UNKNOWN = bytes(DIGEST)


def digest(data: bytes | memoryview) -> bytes:
    """16 bytes."""
    return blake3(data).digest(DIGEST)


@cache
def zero_digest(length: int) -> bytes:
    """The hash of `length` zero bytes."""
    return digest(bytes(length))


def number(capacity: int, size: int) -> int:
    """How many blocks a disk of `capacity` bytes has."""
    return -(-capacity // size)


def cover(extents: Iterable[Extent], size: int, capacity: int) -> list[Extent]:
    """Normal extents widened to whole blocks, cut at `capacity`."""
    return normal(
        Extent(start, min(-(-e.end // size) * size, capacity) - start)
        for e, start in ((e, e.offset // size * size) for e in extents)
        if e.length > 0
    )


def inside(extents: Iterable[Extent], size: int, capacity: int) -> list[Extent]:
    """The whole blocks that lie within normal `extents`."""
    out = []
    for e in extents:
        start = -(-e.offset // size) * size
        end = e.end if e.end == capacity else e.end // size * size
        if end > start:
            out.append(Extent(start, end - start))
    return out


def hashes(offset: int, data: bytes | memoryview, size: int) -> Iterator[tuple[int, bytes]]:
    """(index, hash) of the blocks of `data`, which begins at `offset`, a multiple of `size`."""
    view = memoryview(data)
    first = offset // size
    for at in range(0, len(view), size):
        yield first + at // size, digest(view[at : at + size])


def root(leaves: Iterable[bytes]) -> str:
    """Merkle root (blake3, hex) over block hashes in order: leaves and nodes are told apart, the number of leaves counts.

    A level with an odd end hands its last node up as it is. Needs memory for one node of each level only.
    """
    count = 0
    pending: list[tuple[int, bytes]] = []
    """Whole subtrees from the left, (height, node), heights falling."""
    for leaf in leaves:
        count += 1
        node, height = blake3(b"\0" + leaf).digest(), 0
        while pending and pending[-1][0] == height:
            node, height = blake3(b"\1" + pending.pop()[1] + node).digest(), height + 1
        pending.append((height, node))
    top = b""
    for _, node in reversed(pending):
        top = blake3(b"\1" + node + top).digest() if top else node
    return blake3(b"\2" + count.to_bytes(8, "big") + top).hexdigest()
