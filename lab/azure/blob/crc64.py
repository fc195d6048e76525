"""The CRC-64 of Azure Storage (`x-ms-content-crc64`): polynomial 0x9A6C9329AC4BC9B5 reflected, inverted in and out.

Eight tables take eight bytes a step; still far slower than MD5, so it is computed only where a client sends one.
"""

from __future__ import annotations

import base64
import struct

_POLYNOMIAL = 0x9A6C9329AC4BC9B5
_ALL = 0xFFFFFFFFFFFFFFFF


def _tables() -> list[list[int]]:
    first: list[int] = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        first.append(value)
    tables = [first]
    for _ in range(7):
        tables.append([first[value & 0xFF] ^ (value >> 8) for value in tables[-1]])
    return tables


_TABLES = _tables()


def crc64(data: bytes) -> int:
    t0, t1, t2, t3, t4, t5, t6, t7 = _TABLES
    crc = _ALL
    whole = len(data) - len(data) % 8
    for (word,) in struct.iter_unpack("<Q", data[:whole]):
        crc ^= word
        crc = (
            t7[crc & 0xFF]
            ^ t6[crc >> 8 & 0xFF]
            ^ t5[crc >> 16 & 0xFF]
            ^ t4[crc >> 24 & 0xFF]
            ^ t3[crc >> 32 & 0xFF]
            ^ t2[crc >> 40 & 0xFF]
            ^ t1[crc >> 48 & 0xFF]
            ^ t0[crc >> 56]
        )
    for byte in data[whole:]:
        crc = t0[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ _ALL


def encode(data: bytes) -> str:
    """As the header carries it: base64 of eight bytes, little endian."""
    return base64.b64encode(struct.pack("<Q", crc64(data))).decode()
