"""How the changes of a cycle lie on a disk: the pattern of churn matters more than its volume (S12). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from replication.model.extents import MIB, Extent, intersect, total

SEQUENTIAL, RANDOM, COMB, REWRITE, NONE = "sequential", "random", "every-other-sector-like", "rewrite", ""
_FEW = 8
"""Fewer areas than this make no comb."""


def pattern(areas: Sequence[Extent], capacity: int, before: Sequence[Extent], same: int) -> str:
    """One word for normal `areas` of a disk of `capacity` bytes.

    `before`: what the last cycle carried; `same`: bytes of the areas that turned out not to differ.
    rewrite: most of it was carried by the last cycle too, or did not differ at all (a file rewritten in place: cheap).
    sequential: few long runs. every-other-sector-like: many areas at a steady distance with gaps about as long as they
    are (dear: nothing can be joined). random: everything else. Empty: nothing changed.
    """
    changed = total(areas)
    if not changed:
        return NONE
    if 2 * max(total(intersect(areas, before)), same) > changed:
        return REWRITE
    if changed / len(areas) >= MIB or len(areas) == 1 or _longest_half(areas) <= max(1, len(areas) // 16):
        return SEQUENTIAL
    return COMB if len(areas) >= _FEW and _steady(areas) else RANDOM


def amplification(sent: int, read: int, altered: int | None) -> tuple[float | None, float | None]:
    """(read, sent) bytes for each byte that really differs; None where nothing did or nobody knows."""
    if not altered:
        return None, None
    return read / altered, sent / altered


def _longest_half(areas: Sequence[Extent]) -> int:
    """How many of the longest areas hold half of the bytes."""
    half, count = total(areas) / 2, 0
    for length in sorted((a.length for a in areas), reverse=True):
        half -= length
        count += 1
        if half <= 0:
            break
    return count


def _steady(areas: Sequence[Extent]) -> bool:
    steps = [right.offset - left.offset for left, right in pairwise(areas)]
    usual = median(steps)
    alike = sum(1 for step in steps if abs(step - usual) <= usual / 4)
    gaps = [right.offset - left.end for left, right in pairwise(areas)]
    return alike * 4 >= len(steps) * 3 and median(gaps) <= 4 * median(a.length for a in areas)
