"""Ranges of set bits: how overlays and change maps are walked without visiting every bit in Python."""

from __future__ import annotations

from collections.abc import Iterator

from pyroaring import BitMap64

SECTOR = 512


def ranges(bits: BitMap64, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Runs `(first, end)` of set bits within `start <= bit < end`, ascending."""
    if start >= end or not bits:
        return
    # Runs end where the complement begins; the complement is taken over one window only.
    window = bits & _window(start, end)
    if not window:
        return
    holes = window.flip(start, end + 1)  # the bit at `end` is clear in `window`, so every run has an end
    position = start
    while position < end:
        try:
            first = window.next_set_bit(position)
        except ValueError:
            return
        position = holes.next_set_bit(first)
        yield first, position


def slices(runs: Iterator[tuple[int, int]], limit: int) -> Iterator[tuple[int, int]]:
    """The same runs cut so that none is longer than `limit`."""
    for first, end in runs:
        while first < end:
            stop = min(end, first + limit)
            yield first, stop
            first = stop


def add_run(bits: BitMap64, first: int, end: int) -> bool:
    """Set `first <= bit < end`; False when all of them were set already."""
    if bits.contains_range(first, end):
        return False
    bits.add_range(first, end)
    return True


def _window(start: int, end: int) -> BitMap64:
    window = BitMap64()
    window.add_range(start, end)
    return window
