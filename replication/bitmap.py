"""Sector bitmaps (S5.1): which 512-byte sectors of a disk were asked for, logged or applied.

`SectorSet` speaks bytes at its border (extents) and sectors inside. It rests on a 64-bit Roaring bitmap: a whole
64 TiB disk is one range call, 100,000 scattered extents take some 20 ms, and runs come back out by two set operations
instead of a walk over every bit.

Threads: each method that changes a set is one call into C that keeps the interpreter's lock, except `update` with
extents, which is one such call per extent. Adding from several threads is therefore safe; reading a set (`extents`,
`==`, `to_bytes`) while another thread adds to it sees some of the additions, so readers wait until the writers are done.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from blake3 import blake3
from pyroaring import BitMap64

from replication.model.extents import SECTOR, Extent

_DIGEST = 32
_EXTENTS, _ROARING = b"E", b"R"
_FEW = 64
"""Up to so many extents are not worth a second encoding (a whole 64 TiB disk would make 29 MB of it)."""


class BadBitmap(ValueError):
    """Bytes that `SectorSet.to_bytes` did not write, or not all of them."""


class SectorSet:
    """A set of sectors. Extents given to it must be whole sectors (`ValueError` otherwise): widen with `whole_sectors`."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = BitMap64()

    @classmethod
    def of(cls, extents: Iterable[Extent]) -> SectorSet:
        """The sectors of `extents`, in any order, overlapping or not."""
        made = cls()
        made.update(extents)
        return made

    @classmethod
    def whole(cls, capacity: int) -> SectorSet:
        """Every sector of a disk of `capacity` bytes."""
        return cls.of([Extent(0, capacity)] if capacity else [])

    def add(self, extent: Extent) -> None:
        start, length = extent
        if start < 0 or length < 0 or start % SECTOR or length % SECTOR:
            raise ValueError(f"extent at byte {start} of {length} bytes is not made of whole {SECTOR}-byte sectors")
        self._bits.add_range(start // SECTOR, (start + length) // SECTOR)

    def update(self, other: SectorSet | Iterable[Extent]) -> None:
        """Add all of `other`."""
        if isinstance(other, SectorSet):
            self._bits |= other._bits
            return
        for extent in other:
            self.add(extent)

    def remove(self, other: SectorSet) -> None:
        """Take all of `other` away, in place."""
        self._bits -= other._bits

    def difference(self, other: SectorSet) -> SectorSet:
        return self._made(self._bits - other._bits)

    def intersection(self, other: SectorSet) -> SectorSet:
        return self._made(self._bits & other._bits)

    def union(self, other: SectorSet) -> SectorSet:
        return self._made(self._bits | other._bits)

    def copy(self) -> SectorSet:
        return self._made(self._bits.copy())

    @property
    def sectors(self) -> int:
        return len(self._bits)

    @property
    def length(self) -> int:
        """In bytes."""
        return len(self._bits) * SECTOR

    def extents(self) -> list[Extent]:
        """The set as normal extents, in bytes."""
        return list(self._runs())

    def digest(self) -> str:
        """blake3 (hex) of the sectors themselves: equal sets have equal digests, however they came about."""
        return blake3(_pack(self.extents())).hexdigest()

    def to_bytes(self) -> bytes:
        """For `from_bytes`; the smaller of two encodings, so not a canonical form: compare sets or `digest`."""
        found = self.extents()
        body = _EXTENTS + _pack(found)
        if len(found) > _FEW:
            self._bits.run_optimize()
            roaring = self._bits.serialize()
            if len(roaring) + 1 < len(body):
                body = _ROARING + roaring
        return blake3(body).digest() + body

    @classmethod
    def from_bytes(cls, data: bytes) -> SectorSet:
        """Raises `BadBitmap`. The digest in front is checked before anything is read."""
        digest, body = data[:_DIGEST], data[_DIGEST:]
        if len(digest) < _DIGEST or blake3(body).digest() != digest:
            raise BadBitmap(f"sector set of {len(data)} bytes is cut short or altered")
        if body[:1] == _ROARING:
            return cls._made(BitMap64.deserialize(body[1:]))
        if body[:1] == _EXTENTS and (len(body) - 1) % 16 == 0:
            return cls.of(Extent(*pair) for pair in struct.iter_unpack(">QQ", body[1:]))
        raise BadBitmap(f"sector set in an unknown encoding {body[:1]!r}")

    def __contains__(self, sector: int) -> bool:
        return sector in self._bits

    def __bool__(self) -> bool:
        return bool(self._bits)

    def __eq__(self, other: object) -> bool:
        return self._bits == other._bits if isinstance(other, SectorSet) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes, so it must not be a key

    def __repr__(self) -> str:
        return f"SectorSet({self.sectors} sectors)"

    @classmethod
    def _made(cls, bits: BitMap64) -> SectorSet:
        made = cls.__new__(cls)
        made._bits = bits
        return made

    def _runs(self) -> Iterator[Extent]:
        bits = self._bits
        if not bits:
            return
        first, last = bits.min(), bits.max()
        if len(bits) == last - first + 1:  # one run: a whole disk needs no shifting of two million containers
            yield Extent(first * SECTOR, len(bits) * SECTOR)
            return
        shifted = bits.shift(1)
        starts, ends = (bits - shifted).to_array(), (shifted - bits).to_array()
        for start, end in zip(starts, ends, strict=True):
            yield Extent(start * SECTOR, (end - start) * SECTOR)


def _pack(extents: list[Extent]) -> bytes:
    return struct.pack(f">{2 * len(extents)}Q", *(number for extent in extents for number in extent))
