"""The throttle of one appliance, shared by its threads: waits slice by slice, so that nobody waits behind a whole chunk."""

from __future__ import annotations

import threading
from collections.abc import Callable

from replication.ports import Clock
from replication.throttle import SLICE, TokenBucket


class Pace:
    def __init__(self, clock: Clock, rate: float | None) -> None:
        """`rate` in bits a second, None for none."""
        self._clock, self._bucket, self._lock = clock, TokenBucket(rate), threading.Lock()

    def set_rate(self, rate: float | None) -> None:
        with self._lock:
            self._bucket.set_rate(rate, self._clock.now())

    def wait(self, size: int, check: Callable[[], None], urgent: bool) -> None:
        """Return when `size` bytes may pass; `check` may raise to leave earlier."""
        left = size
        while left > 0:
            if self._bucket.rate is None:
                return
            check()
            part = min(left, SLICE)
            with self._lock:
                seconds = self._bucket.take(part, self._clock.now(), urgent)
            if seconds > 0:
                self._clock.sleep(seconds)
            left -= part
