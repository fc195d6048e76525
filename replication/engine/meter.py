"""How far the work on a machine is: counters that many threads add to and the status reads."""

from __future__ import annotations

import threading
from collections import deque


class Meter:
    """Bytes to do, done, read and sent in the cycle under way, and a rate over the last half minute."""

    SPAN = 30.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: deque[tuple[float, int]] = deque()
        self.phase = ""
        self.todo = self.done = 0

    def begin(self, phase: str, todo: int, done: int = 0) -> None:
        with self._lock:
            self.phase, self.todo, self.done = phase, todo, done
            self._marks.clear()

    def more(self, todo: int) -> None:
        with self._lock:
            self.todo += todo

    def add(self, done: int, now: float) -> None:
        with self._lock:
            self.done += done
            self._marks.append((now, done))
            while self._marks and self._marks[0][0] < now - self.SPAN:
                self._marks.popleft()

    def end(self) -> None:
        self.begin("", 0)

    @property
    def progress(self) -> float | None:
        """0..1, or None when nothing is under way."""
        with self._lock:
            if not self.phase:
                return None
            return min(1.0, self.done / self.todo) if self.todo else 0.0

    def rate(self, now: float) -> float | None:
        """Bytes a second lately."""
        with self._lock:
            recent = [mark for mark in self._marks if mark[0] >= now - self.SPAN]
            if not recent:
                return None
            return sum(done for _, done in recent) / max(now - recent[0][0], 1.0)
