"""Sector for sector, without any part of the product: two raw files, read side by side. Holes are compared as zeros."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SECTOR = 512
PIECE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Comparison:
    """`different` sectors of the source's `sectors`; `beyond` is whether the rest of the larger disk is all zero."""

    sectors: int
    different: int
    beyond_zero: bool

    @property
    def equal(self) -> bool:
        return self.different == 0 and self.beyond_zero


def compare(source: Path, disk: Path) -> Comparison:
    """`disk` may be larger than `source` (a managed disk is whole MiB, or was asked to be larger)."""
    size, larger = source.stat().st_size, disk.stat().st_size
    if larger < size:
        return Comparison(size // SECTOR, (size - larger) // SECTOR, False)
    different = 0
    with source.open("rb") as left, disk.open("rb") as right:
        for offset in range(0, size, PIECE):
            length = min(PIECE, size - offset)
            a, b = os.pread(left.fileno(), length, offset), os.pread(right.fileno(), length, offset)
            if a != b:
                different += sum(a[i : i + SECTOR] != b[i : i + SECTOR] for i in range(0, length, SECTOR))
        beyond = all(
            not any(os.pread(right.fileno(), min(PIECE, larger - offset), offset)) for offset in range(size, larger, PIECE)
        )
    return Comparison(size // SECTOR, different, beyond)
