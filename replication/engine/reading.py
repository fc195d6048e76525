"""What a read of the source costs, measured cycle by cycle; and from it, which gaps are cheaper to read than to skip."""

from __future__ import annotations

import threading

from replication.model.extents import SECTOR
from replication.model.record import Reading

LEAST = 8
"""Reads of which nothing is concluded."""


class ReadTimes:
    """Sums over the reads of one cycle; `add` may be called from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n = self._size = self._seconds = 0.0
        self._size2 = self._both = 0.0

    def add(self, size: int, seconds: float) -> None:
        if seconds <= 0.0:  # a clock that does not move tells nothing
            return
        with self._lock:
            self._n += 1
            self._size += size
            self._seconds += seconds
            self._size2 += float(size) * size
            self._both += size * seconds

    def reading(self) -> Reading | None:
        """The straight line seconds = latency + size / throughput through all reads; None when these were too few, or alike."""
        with self._lock:
            spread = self._n * self._size2 - self._size * self._size
            if self._n < LEAST or spread <= 0.01 * self._size * self._size:
                return None
            slope = (self._n * self._both - self._size * self._seconds) / spread
            latency = (self._seconds - slope * self._size) / self._n
            if slope <= 0 or latency <= 0:  # noise: size did not matter, or small reads were not even slower
                return None
            return Reading(latency, 1 / slope)


def gap(reading: Reading | None, otherwise: int, most: int) -> int:
    """Bytes: a gap is read through while that takes less time than another read would wait: latency x throughput."""
    if reading is None:
        return min(otherwise, most)
    return min(int(reading.latency * reading.throughput), most) // SECTOR * SECTOR


def mixed(before: Reading | None, now: Reading | None) -> Reading | None:
    """What is believed after a cycle: half of it is old, so that one odd cycle does not change everything."""
    if before is None or now is None:
        return now or before
    return Reading((before.latency + now.latency) / 2, (before.throughput + now.throughput) / 2)
