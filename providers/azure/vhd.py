"""The 512 bytes that end a fixed VHD: what Azure checks before an uploaded disk may be used.

All numbers are big-endian. A reader takes the disk's size either from the size fields or from the geometry; the creator
application `win ` makes every reader take the size fields, which hold any number of bytes (the geometry ends at 127 GiB).
"""

from __future__ import annotations

import struct
import uuid
from typing import NamedTuple

FOOTER = 512
SECTOR = 512

_LAYOUT = struct.Struct(">8sIIQI4sI4sQQHBBII16sB427x")
_COOKIE = b"conectix"
_FEATURES = 0x00000002
"""The reserved bit, which is always set."""
_FORMAT = 0x00010000
_NO_NEXT = 0xFFFFFFFFFFFFFFFF
_CREATOR = b"win "
_CREATOR_VERSION = 0x000A0000
_CREATOR_HOST = b"Wi2k"
_FIXED = 2
_CHECKSUM = slice(64, 68)
_EPOCH = 946684800
"""VHD counts seconds from 2000-01-01 UTC."""


class Geometry(NamedTuple):
    cylinders: int
    heads: int
    sectors: int


def footer(size: int, disk: uuid.UUID, made: float) -> bytes:
    """The footer of a fixed disk of `size` bytes (whole sectors) called `disk`, made at unix time `made`."""
    if size <= 0 or size % SECTOR:
        raise ValueError(f"a disk has a positive number of whole sectors, not {size} bytes")
    shape = geometry(size // SECTOR)
    blank = _LAYOUT.pack(
        _COOKIE, _FEATURES, _FORMAT, _NO_NEXT, max(0, int(made) - _EPOCH), _CREATOR, _CREATOR_VERSION, _CREATOR_HOST,
        size, size, shape.cylinders, shape.heads, shape.sectors, _FIXED, 0, disk.bytes, 0,
    )  # fmt: skip
    return blank[: _CHECKSUM.start] + struct.pack(">I", checksum(blank)) + blank[_CHECKSUM.stop :]


def checksum(data: bytes) -> int:
    """The one's complement of the sum of all bytes, the checksum's own left out."""
    return ~(sum(data) - sum(data[_CHECKSUM])) & 0xFFFFFFFF


def geometry(sectors: int) -> Geometry:
    """Cylinders, heads and sectors per track that hold at most `sectors`, by the rules of the format's document."""
    sectors = min(sectors, 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        return Geometry(sectors // 255 // 16, 16, 255)
    tracks = sectors // 17
    heads = max((tracks + 1023) // 1024, 4)
    if tracks < heads * 1024 and heads <= 16:
        return Geometry(tracks // heads, heads, 17)
    tracks = sectors // 31
    if tracks < 16 * 1024:
        return Geometry(tracks // 16, 16, 31)
    tracks = sectors // 63
    return Geometry(tracks // 16, 16, 63)
