"""A finite lease that is renewed for as long as its holder lives.

What we believe is counted from before each request, so a slow answer cannot lengthen it, and ends a margin before the
service's own count. Whoever cannot renew loses the lock to nobody in particular: it just stops writing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from planner.store.port import StateBlobs
from planner.store.view import LockLost
from replication.model.errors import Conflict, PortError, Temporary


def passed() -> float:
    """Seconds of a clock that goes on while the machine sleeps: a laptop that is opened again has lost its lease. Linux's
    monotonic clock stands still then; that of others may, and the service's conditions fence what is written."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: the lease's length, between two renewals, and before its end from which on nothing is written."""

    lease: int = 60
    renew: float = 15.0
    margin: float = 10.0
    now: Callable[[], float] = passed
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait


class Lease:
    """Held from its making to `release`. `lost` is called once, from the heartbeat's thread or a writer's."""

    def __init__(self, blobs: StateBlobs, name: str, pace: Pace) -> None:
        """Take the lease; `Conflict` while another holds it."""
        self._blobs, self._name, self._pace = blobs, name, pace
        asked = pace.now()
        self.id = blobs.acquire_lease(name, pace.lease)
        self._until = asked + pace.lease - pace.margin
        self._gone = ""
        self._stopped = threading.Event()
        self._guard = threading.Lock()
        self._lost: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._beat, name="state lease", daemon=True)
        self._thread.start()

    def when_lost(self, call: Callable[[], object]) -> None:
        self._lost = call

    def check(self) -> None:
        """`LockLost` unless the lease is certainly still ours."""
        if not self._gone and self._pace.now() >= self._until:
            self.lose("it could not be renewed in time")
        self.known()

    def known(self) -> None:
        """`LockLost` when it is known to be lost."""
        if self._gone:
            raise LockLost(
                f"the lock of {self._blobs.where}/{self._name} was lost: {self._gone}. Nothing more was written; what was "
                "begun is in the journal. Apply again: it goes on from there."
            )

    def confirm(self) -> None:
        """Ask the service itself: what was written before this call was written under our lease. One that is busy or away is
        asked again for as long as the lease is ours, however long it wants to be left alone."""
        while True:
            self.check()
            asked = self._pace.now()
            try:
                self._blobs.renew_lease(self._name, self.id)
            except Conflict:
                self.lose("another has taken it")
                self.known()
            except Temporary as error:
                if self._pace.wait(self._stopped, self._pause(error.retry_after)):
                    return self.known()
            else:
                self._until = asked + self._pace.lease - self._pace.margin
                return None

    def _pause(self, asked: float | None) -> float:
        """Seconds until the next try: never more than half of what is left, so that there are some before the end."""
        pace = self._pace
        usual = pace.renew / 3 if asked is None else asked
        return max(min(usual, (self._until - pace.now()) / 2), pace.renew / 15)

    def lose(self, why: str) -> None:
        """Somebody else was seen where only we write."""
        with self._guard:
            if self._gone:
                return
            self._gone = why
        self._stopped.set()
        self._lost()

    def release(self) -> None:
        """Give it back, if it is still ours; it runs out by itself when that fails."""
        self._stopped.set()
        self._thread.join()
        if self._gone:
            return
        self._gone = "it was given back"
        try:
            self._blobs.release_lease(self._name, self.id)
        except PortError:
            return

    def _beat(self) -> None:
        while not self._stopped.wait(self._pace.renew):
            try:
                self.confirm()
            except LockLost:
                return
            except Exception:  # noqa: BLE001, S112 - the thread's edge: whatever it was (a login's file is gone, say), nothing is
                continue  # confirmed, the next beat tries again, and `check` ends it when this goes on
