"""The throttle of one appliance, shared by its threads: waits slice by slice, so that nobody waits behind a whole chunk.

A schedule's boundary takes effect in the middle of a transfer: it is looked for at every slice.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from replication.ports import Clock
from replication.throttle import SLICE, Throttle, TokenBucket

LATELY = 10
"""Seconds over which what passed is told."""


class Pace:
    def __init__(self, clock: Clock, throttle: Throttle | float | None) -> None:
        """A number is a rate in bits a second without a schedule, None no limit."""
        self._clock, self._lock = clock, threading.Lock()
        self._bucket, self._seconds = TokenBucket(None), deque[tuple[int, int]](maxlen=LATELY)
        self._throttle, self._looked = Throttle(), 0.0
        self._change: float | None = None
        self.set(throttle)

    def set(self, throttle: Throttle | float | None) -> None:
        """Another throttle, from now on."""
        with self._lock:
            self._throttle = throttle if isinstance(throttle, Throttle) else Throttle(throttle)
            self._look(self._clock.now())

    @property
    def rate(self) -> float | None:
        """What holds now."""
        with self._lock:
            self._follow(self._clock.now())
            return self._bucket.rate

    def carried(self, now: float) -> float:
        """Bits a second that passed lately, limited or not."""
        with self._lock:
            lately = [(second, size) for second, size in self._seconds if second > now - LATELY]
        return 8 * sum(size for _, size in lately) / max(1.0, now - lately[0][0]) if lately else 0.0

    def count(self, size: int) -> None:
        """`size` bytes have passed."""
        second = int(self._clock.now())
        with self._lock:
            before = self._seconds.pop()[1] if self._seconds and self._seconds[-1][0] == second else 0
            self._seconds.append((second, before + size))

    @property
    def next_change(self) -> float | None:
        """Unix time at which another rate may hold, by the schedule."""
        with self._lock:
            self._follow(self._clock.now())
            return self._change

    def wait(self, size: int, check: Callable[[], None], urgent: bool) -> None:
        """Return when `size` bytes may pass; `check` may raise to leave earlier."""
        left = size
        while left > 0:
            with self._lock:
                now = self._clock.now()
                self._follow(now)
                if self._bucket.rate is None:
                    break
            check()
            part = min(left, SLICE)
            with self._lock:
                seconds = self._bucket.take(part, self._clock.now(), urgent)
            if seconds > 0:
                self._clock.sleep(seconds)
            self.count(part)
            left -= part
        if left > 0:  # no limit any more
            self.count(left)

    def charge(self, size: int, urgent: bool) -> None:
        """`size` bytes that nobody waited for (headers, small requests): those that come next wait the longer."""
        self.count(size)
        with self._lock:
            now = self._clock.now()
            self._follow(now)
            self._bucket.charge(size, now, urgent)

    def _follow(self, now: float) -> None:
        """The schedule's next rate when its time has come; everything anew when the clock was set back."""
        if now < self._looked or (self._change is not None and now >= self._change):
            self._look(now)

    def _look(self, now: float) -> None:
        self._looked, self._change = now, self._throttle.next_change(now)
        self._bucket.set_rate(self._throttle.rate_at(now), now)
