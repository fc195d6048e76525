"""The bytes of a log blob, version 1: `docs/log-format.md` is the document, this is its codec. Bytes in, values out.

    blob    = header | sealed body
    header  = "WLFTLOG\\n"  u16 version  u8 codec  u8 cipher  u32 header length  u32 body length  u32 plain length
              u32 chunk  u64 sectors  12-byte nonce  and four texts: replication, disk, attempt, key version
    text    = u8 length, then that many bytes of UTF-8
    plain   = u32 data extents  u32 zero extents  (u64 first sector, u64 sectors) each, data first, then the data

Numbers are big-endian. Nothing is read, allocated or believed before its length was checked against the limits here.
Every problem is a `BadFormat`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain, pairwise
from typing import TypeVar

from replication.model.extents import MIB, SECTOR, Extent

MAGIC = b"WLFTLOG\n"
VERSION = 1
NONCE = 12
TAG = 16
MAX_DATA = 16 * MIB
"""Most data bytes in a block: bounds the memory of a reader, far above what a chunk ever carries."""
MAX_EXTENTS = 65_536
"""Most extents in a block, data and zero together: the table stays within 1 MiB."""
MAX_DISK = 64 * MIB * MIB
"""64 TiB: above the largest VMDK (62 TiB)."""

_E = TypeVar("_E", bound=IntEnum)
_FIXED = struct.Struct(f">8sHBBIIIIQ{NONCE}s")
_COUNTS = struct.Struct(">II")
_ENTRY = 16
MAX_PLAIN = MAX_DATA + MAX_EXTENTS * _ENTRY + _COUNTS.size
MAX_TEXT = 255
MAX_HEADER = _FIXED.size + 4 * (1 + MAX_TEXT)
MAX_BLOB = MAX_HEADER + MAX_PLAIN + TAG


class BadFormat(ValueError):
    """These bytes are no log blob of a version that we can read; says what is off and where."""


class Codec(IntEnum):
    RAW = 0
    ZSTD = 1


class Cipher(IntEnum):
    AES_256_GCM = 1
    """Key by HKDF-SHA256 from the named key version; the 16-byte tag stands at the end of the body."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in clear before a sealed body and is bound to it as associated data.

    `sectors` counts data and zero sectors; `plain` is the length in bytes of table + data after decompression.
    """

    replication: str
    disk: str
    attempt: str
    chunk: int
    sectors: int
    plain: int
    codec: Codec
    key_version: str
    nonce: bytes
    cipher: Cipher = Cipher.AES_256_GCM
    version: int = VERSION


def encode(header: Header, body_length: int) -> bytes:
    """The header's bytes, in front of a sealed body of `body_length` bytes (tag included)."""
    texts = [_text(t) for t in (header.replication, header.disk, header.attempt, header.key_version)]
    tail = b"".join(texts)
    if len(header.nonce) != NONCE:
        raise BadFormat(f"nonce of {len(header.nonce)} bytes instead of {NONCE}")
    try:
        fixed = _FIXED.pack(
            *(MAGIC, header.version, header.codec, header.cipher, _FIXED.size + len(tail), body_length),
            *(header.plain, header.chunk, header.sectors, header.nonce),
        )
    except struct.error as error:
        raise BadFormat(f"a number does not fit into the header of chunk {header.chunk}: {error}") from error
    return fixed + tail


def decode(blob: bytes | memoryview) -> tuple[Header, memoryview, memoryview]:
    """Header, the header's own bytes (the associated data) and the sealed body. Refuses anything cut short or too long."""
    view = memoryview(blob)
    if not _FIXED.size <= len(view) <= MAX_BLOB:
        raise BadFormat(f"{len(view)} bytes cannot be a log blob ({_FIXED.size} to {MAX_BLOB})")
    magic, version, codec, cipher, length, body, plain, chunk, sectors, nonce = _FIXED.unpack_from(view)
    if magic != MAGIC:
        raise BadFormat("does not begin as a log blob does")
    if version != VERSION:
        raise BadFormat(f"log format version {version}; this reader knows {VERSION}")
    if not _FIXED.size < length <= min(MAX_HEADER, len(view)):
        raise BadFormat(f"header length {length} is out of bounds")
    if length + body != len(view):
        raise BadFormat(f"header of {length} and body of {body} bytes announced, {len(view)} bytes there")
    if not _COUNTS.size <= plain <= MAX_PLAIN or body < TAG:
        raise BadFormat(f"plain length {plain} or body length {body} is out of bounds")
    replication, disk, attempt, key_version = _texts(bytes(view[_FIXED.size : length]))
    header = Header(
        replication=replication,
        disk=disk,
        attempt=attempt,
        chunk=chunk,
        sectors=sectors,
        plain=plain,
        codec=_known(Codec, codec),
        key_version=key_version,
        nonce=nonce,
        cipher=_known(Cipher, cipher),
        version=version,
    )
    return header, view[:length], view[length:]


def encode_table(data: tuple[Extent, ...], zero: tuple[Extent, ...]) -> bytes:
    """The extent table in front of a block's data: the canonical form that the checksum covers."""
    _checked(data, "data")
    _checked(zero, "zero")
    _disjoint(data, zero)
    if not 0 < len(data) + len(zero) <= MAX_EXTENTS:
        raise BadFormat(f"a block of {len(data) + len(zero)} extents (1 to {MAX_EXTENTS})")
    numbers = (number // SECTOR for extent in chain(data, zero) for number in extent)
    return _COUNTS.pack(len(data), len(zero)) + struct.pack(f">{2 * (len(data) + len(zero))}Q", *numbers)


def decode_table(plain: bytes | memoryview) -> tuple[tuple[Extent, ...], tuple[Extent, ...], memoryview]:
    """Data extents, zero extents and the data itself, whose length is what the data extents say."""
    view = memoryview(plain)
    if len(view) < _COUNTS.size:
        raise BadFormat("the extent table is cut short")
    data_count, zero_count = _COUNTS.unpack_from(view)
    count = data_count + zero_count
    if not 0 < count <= MAX_EXTENTS or _COUNTS.size + count * _ENTRY > len(view):
        raise BadFormat(f"extent table of {count} extents is out of bounds")
    numbers = struct.unpack_from(f">{2 * count}Q", view, _COUNTS.size)
    extents = [Extent(s * SECTOR, n * SECTOR) for s, n in zip(numbers[::2], numbers[1::2], strict=True)]
    data, zero = tuple(extents[:data_count]), tuple(extents[data_count:])
    size = _checked(data, "data")
    _checked(zero, "zero")
    _disjoint(data, zero)
    content = view[_COUNTS.size + count * _ENTRY :]
    if len(content) != size:
        raise BadFormat(f"{size} data bytes in the extent table, {len(content)} bytes there")
    return data, zero, content


def _checked(extents: tuple[Extent, ...], what: str) -> int:
    """Bytes in `extents`, which must be whole sectors, normal and on a disk that can exist."""
    size = 0
    for extent in extents:
        if (
            extent.offset < 0
            or extent.length <= 0
            or extent.end > MAX_DISK
            or extent.offset % SECTOR
            or extent.length % SECTOR
        ):
            raise BadFormat(f"{what} extent at byte {extent.offset} of {extent.length} bytes is impossible")
        size += extent.length
    for left, right in pairwise(extents):
        if left.end >= right.offset:
            raise BadFormat(f"{what} extents at bytes {left.offset} and {right.offset} touch or are out of order")
    if what == "data" and size > MAX_DATA:
        raise BadFormat(f"a block of {size} data bytes (at most {MAX_DATA})")
    return size


def _disjoint(data: tuple[Extent, ...], zero: tuple[Extent, ...]) -> None:
    for left, right in pairwise(sorted(chain(data, zero))):
        if left.end > right.offset:
            raise BadFormat(f"byte {right.offset} is in two extents")


def _text(text: str) -> bytes:
    raw = text.encode()
    if not 0 < len(raw) <= MAX_TEXT:
        raise BadFormat(f"text of {len(raw)} bytes in a header (1 to {MAX_TEXT}): {text[:40]!r}")
    return bytes((len(raw),)) + raw


def _texts(raw: bytes) -> tuple[str, str, str, str]:
    texts: list[str] = []
    at = 0
    while at < len(raw):
        length = raw[at]
        if not length or at + 1 + length > len(raw):
            raise BadFormat("a text in the header is empty or cut short")
        try:
            texts.append(raw[at + 1 : at + 1 + length].decode())
        except UnicodeDecodeError as error:
            raise BadFormat("a text in the header is not UTF-8") from error
        at += 1 + length
    if len(texts) != 4:
        raise BadFormat(f"{len(texts)} texts in the header instead of 4")
    return texts[0], texts[1], texts[2], texts[3]


def _known(kind: type[_E], number: int) -> _E:
    try:
        return kind(number)
    except ValueError as error:
        raise BadFormat(f"unknown {kind.__name__.lower()} {number}") from error
