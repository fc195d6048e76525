"""A clock that only moves when somebody sleeps or a test turns it."""

from __future__ import annotations

import threading


class FakeClock:
    def __init__(self, start: float = 1_790_000_000.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._now += max(0.0, seconds)

    advance = sleep
