"""Sets of byte ranges, in memory and on disk.

A range is half open, `[start, end)`. The set keeps its ranges sorted, apart and never touching, in two parallel lists,
so that every question is a bisection. The log makes such sets survive a kill: one record of 16 bytes per change,
appended before the change that it describes takes effect.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path

Range = tuple[int, int]

_RECORD = struct.Struct("<QQ")
_HOLE = 1 << 63  # the top bit of a record's length says that the range holds no data
_COMPACT_ABOVE = (
    4096  # records; a log that is longer than this and mostly superseded is rewritten when it is opened
)


class Extents:
    """A set of bytes, kept as sorted ranges that neither overlap nor touch."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, start: int, end: int) -> None:
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        if first < last:
            start = min(start, self._starts[first])
            end = max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def remove(self, start: int, end: int) -> None:
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        if first >= last:
            return
        pieces: list[Range] = []
        if self._starts[first] < start:
            pieces.append((self._starts[first], start))
        if self._ends[last - 1] > end:
            pieces.append((end, self._ends[last - 1]))
        self._starts[first:last] = [piece[0] for piece in pieces]
        self._ends[first:last] = [piece[1] for piece in pieces]

    def covers(self, start: int, end: int) -> bool:
        """Whether every byte of the range is in the set."""
        at = bisect_right(self._starts, start) - 1
        return at >= 0 and self._ends[at] >= end

    def within(self, start: int, end: int) -> list[Range]:
        """The set's ranges that lie in the given one, cut to it."""
        found: list[Range] = []
        at = bisect_right(self._ends, start)
        while at < len(self._starts) and self._starts[at] < end:
            found.append((max(start, self._starts[at]), min(end, self._ends[at])))
            at += 1
        return found

    def gaps(self, start: int, end: int) -> list[Range]:
        """What of the given range is not in the set."""
        missing: list[Range] = []
        for low, high in self.within(start, end):
            if start < low:
                missing.append((start, low))
            start = high
        if start < end:
            missing.append((start, end))
        return missing

    def __iter__(self) -> Iterator[Range]:
        return zip(self._starts, self._ends, strict=True)


class ExtentLog:
    """Which bytes are known (`known`) and which of those hold data (`data`); the rest of what is known reads as zero.

    With `holes=False` only `data` is kept, for a file where unknown and empty mean the same.
    A record that was cut off by a kill is ignored: the change that it announced had not happened yet.
    """

    def __init__(self, path: Path, *, holes: bool) -> None:
        self.path = path
        self.data = Extents()
        self.known = Extents()
        self._holes = holes
        self._load()

    def set_data(self, start: int, end: int) -> None:
        self._append(start, end, data=True)

    def set_hole(self, start: int, end: int) -> None:
        self._append(start, end, data=False)

    def unlink(self) -> None:
        self.path.unlink(missing_ok=True)

    def _append(self, start: int, end: int, *, data: bool) -> None:
        if start >= end:
            return
        if data and self.data.covers(start, end):
            return
        with self.path.open("ab", buffering=0) as log:
            log.write(_RECORD.pack(start, (end - start) | (0 if data else _HOLE)))
        self._apply(start, end, data=data)

    def _apply(self, start: int, end: int, *, data: bool) -> None:
        if data:
            self.data.add(start, end)
        else:
            self.data.remove(start, end)
        if self._holes:
            self.known.add(start, end)

    def _load(self) -> None:
        if not self.path.exists():
            self.path.touch()
            return
        content = self.path.read_bytes()
        whole = len(content) - len(content) % _RECORD.size
        if whole != len(content):
            os.truncate(self.path, whole)
        records = 0
        for start, marked in _RECORD.iter_unpack(content[:whole]):
            self._apply(start, start + (marked & ~_HOLE), data=not marked & _HOLE)
            records += 1
        if records > _COMPACT_ABOVE and records > 2 * (len(self.data) + len(self.known)):
            self._compact()

    def _compact(self) -> None:
        fresh = self.path.with_suffix(self.path.suffix + ".new")
        with fresh.open("wb") as log:
            for start, end in self.known:
                log.write(_RECORD.pack(start, (end - start) | _HOLE))
            for start, end in self.data:
                log.write(_RECORD.pack(start, end - start))
        fresh.replace(self.path)
