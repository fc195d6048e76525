"""Issue 4, "finite lease renewed by heartbeat": what a holder believes of its lease, and when it stops writing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from planner.store import LockLost
from planner.store.lease import Lease, Pace, passed
from replication.model.errors import Temporary
from tests.fakes.stateblobs import FakeStateBlobs

KEY = "state.json"


def busy() -> None:
    raise Temporary("server busy")


def gone() -> None:
    raise FileNotFoundError("the login's file")


class Site:
    """A service and a clock; the heart beats every 5 ms of real time, and each beat may go wrong."""

    def __init__(self) -> None:
        self.time = 0.0
        self.blobs = FakeStateBlobs(lambda: self.time)
        self.wrong: Callable[[], None] = lambda: None
        self.beats = 0
        self.lost = threading.Event()
        renew = self.blobs.renew_lease

        def beat(name: str, lease: str) -> None:
            self.beats += 1
            self.wrong()
            renew(name, lease)

        self.blobs.renew_lease = beat  # type: ignore[method-assign]  # the fake, with a line that breaks
        self.lease = Lease(self.blobs, KEY, Pace(renew=0.005, now=lambda: self.time))
        self.lease.when_lost(self.lost.set)

    def beaten(self, times: int = 2) -> None:
        """`times` more beats came to their end."""
        goal, end = self.beats + times, time.monotonic() + 10
        while self.beats < goal and time.monotonic() < end and not self.lost.is_set():
            time.sleep(0.001)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.lease.release()


def test_it_is_held_for_as_long_as_its_holder_lives(site: Site) -> None:
    for _ in range(20):
        site.beaten()
        site.time += 30
        site.lease.check()
        site.beaten()
    head = site.blobs.head(KEY)
    assert head is not None and head.leased and not head.infinite


@pytest.mark.parametrize("wrong", [busy, gone])
def test_some_beats_may_fail(site: Site, wrong: Callable[[], None]) -> None:
    """429, 503, a login's file that is replaced: in the middle of a heartbeat they cost nothing if one comes through in time."""
    site.beaten()
    site.wrong = wrong
    site.time += 40
    site.beaten()
    site.lease.check()
    site.wrong = lambda: None
    site.beaten()
    site.time += 40
    site.lease.check()


@pytest.mark.parametrize("wrong", [busy, gone])
def test_who_cannot_renew_stops_before_the_service_gives_the_lease_away(site: Site, wrong: Callable[[], None]) -> None:
    """Whatever stops the beats, an error of ours or none: ten seconds before the end nothing is written any more."""
    site.beaten()
    site.wrong = wrong
    site.beaten()
    site.time += 51
    head = site.blobs.head(KEY)
    assert head is not None and head.leased, "nobody else can have it yet"
    with pytest.raises(LockLost, match=r"could not be renewed in time.*Apply again"):
        site.lease.check()
    assert site.lost.wait(10)


def test_a_wait_that_outlives_the_lease_is_not_waited(site: Site) -> None:
    """503 with a Retry-After of two minutes in a heartbeat: asked again while the lease runs, the next answer keeps it."""
    waited: list[float] = []

    def pause(stopped: threading.Event, seconds: float) -> bool:
        waited.append(seconds)
        site.time += seconds
        return False

    def refuse() -> None:
        if site.time < 30:
            raise Temporary("server busy", retry_after=120)

    site.lease.release()
    site.lease = Lease(site.blobs, KEY, Pace(now=lambda: site.time, wait=pause))
    site.wrong = refuse
    site.lease.confirm()
    assert site.time < 40 and len(waited) < 5, waited
    site.time += 45
    site.lease.check()
    site.wrong = busy
    with pytest.raises(LockLost, match="could not be renewed in time"):
        site.lease.confirm()


def test_a_dead_heart_is_seen_by_who_writes(site: Site) -> None:
    """The thread that renews hangs in a call while the main thread lives."""
    hangs = threading.Event()

    def hang() -> None:
        hangs.wait(20)

    site.wrong = hang
    site.beaten(1)
    site.time += 51
    with pytest.raises(LockLost, match="could not be renewed in time"):
        site.lease.check()
    hangs.set()


def test_a_lease_that_was_broken_is_heard_of_at_the_next_beat(site: Site) -> None:
    head = site.blobs.head(KEY)
    assert head is not None
    site.blobs.break_lease(KEY, head.etag)
    assert site.lost.wait(10)
    with pytest.raises(LockLost, match="another has taken it"):
        site.lease.check()


def test_its_clock_goes_on_while_the_machine_sleeps() -> None:
    """A laptop that was closed: Linux's monotonic clock has not moved."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # others than Linux have no such clock
    assert abs(passed() - time.clock_gettime(clock)) < 1
    assert Pace().now is passed
