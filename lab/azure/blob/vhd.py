"""The 512-byte footer of a fixed VHD: the last sector of an uploaded disk."""

from __future__ import annotations

import struct
import time
import uuid

FOOTER = 512
_COOKIE = b"conectix"
_FIXED = 2
_EPOCH_2000 = 946_684_800
_LAYOUT = struct.Struct(">8sIIQI4sI4sQQHBBII16sB427s")
_CHECKSUM_AT = 64


class InvalidVhd(Exception):
    """Not a fixed VHD of the right size; the message says what is wrong, as Azure words it."""


def make_footer(size: int) -> bytes:
    """A footer for a fixed disk of `size` bytes."""
    fields = [
        _COOKIE,
        2,  # features: the reserved bit is always set
        0x0001_0000,
        0xFFFF_FFFF_FFFF_FFFF,  # a fixed disk has no dynamic header
        max(0, int(time.time()) - _EPOCH_2000),
        b"win ",
        0x000A_0000,
        b"Wi2k",
        size,
        size,
        *_geometry(size),
        _FIXED,
        0,
        uuid.uuid4().bytes,
        0,
        bytes(427),
    ]
    raw = bytearray(_LAYOUT.pack(*fields))
    struct.pack_into(">I", raw, _CHECKSUM_AT, _checksum(raw))
    return bytes(raw)


def check_footer(footer: bytes, size: int) -> None:
    """Raises InvalidVhd unless the footer describes a fixed disk of `size` bytes."""
    cookie, _, version, _, _, _, _, _, _, current, *rest = _LAYOUT.unpack(footer)
    kind, checksum = rest[3], rest[4]
    if cookie != _COOKIE:
        raise InvalidVhd(
            f"The specified cookie value in VHD footer indicates that the disk is not a supported VHD. "
            f"Disk is expected to have cookie value 'conectix', it has {cookie!r}."
        )
    if checksum != _checksum(footer):
        raise InvalidVhd(
            f"The checksum in the VHD footer is {checksum:#010x}, it should be {_checksum(footer):#010x}."
        )
    if kind != _FIXED:
        raise InvalidVhd(f"The disk type in the VHD footer is {kind}; only fixed disks (2) are supported.")
    if version >> 16 != 1:
        raise InvalidVhd(f"The file format version in the VHD footer is {version:#x}, expected 1.0.")
    if current != size:
        raise InvalidVhd(f"The current size in the VHD footer is {current} bytes, the disk has {size}.")


def _checksum(footer: bytes | bytearray) -> int:
    total = sum(footer) - sum(footer[_CHECKSUM_AT : _CHECKSUM_AT + 4])
    return ~total & 0xFFFF_FFFF


def _geometry(size: int) -> tuple[int, int, int]:
    """Cylinders, heads, sectors per track: the VHD specification's way of guessing them."""
    sectors = min(size // 512, 65535 * 16 * 255)
    if sectors >= 65535 * 16 * 63:
        return sectors // 255 // 16, 16, 255
    per_track = 17
    tracks = sectors // per_track
    heads = max(4, (tracks + 1023) // 1024)
    if tracks >= heads * 1024 or heads > 16:
        per_track, heads = 31, 16
        tracks = sectors // per_track
    if tracks >= heads * 1024:
        per_track, heads = 63, 16
        tracks = sectors // per_track
    return tracks // heads, heads, per_track
