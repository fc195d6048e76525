"""Issue 4, "`unlock` refusing a live holder": a dead one of this machine, one of another machine, a lease that never ends."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest

from planner.store import Locked, holder
from planner.store.lease import Pace
from planner.store.leased import HOLDER
from planner.store.unlocking import unlock
from tests.fakes.stateblobs import FakeStateBlobs

KEY = "shop.json"


class Held:
    """A lease on the state, by whoever is told; time passes with `sleep`, which may renew the lease."""

    def __init__(self, who: holder.Holder | None, seconds: float = 60.0) -> None:
        self.now = 1000.0
        self.blobs = FakeStateBlobs(lambda: self.now)
        self.lease = self.blobs.acquire_lease(KEY, seconds)  # type: ignore[arg-type]  # inf: as -1 means to the service
        self.renews = False
        if who is not None:
            found = self.blobs.blobs[KEY]
            self.blobs.mark(KEY, {HOLDER: who.dumps()}, found.etag, self.lease)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.renews:
            self.blobs.renew_lease(KEY, self.lease)

    def unlock(self) -> str:
        return unlock(self.blobs, KEY, HOLDER, Pace(now=lambda: self.now), self.sleep)

    @property
    def leased(self) -> bool:
        head = self.blobs.head(KEY)
        return head is not None and head.leased


def elsewhere() -> holder.Holder:
    return replace(holder.me("apply"), user="kim", host="runner-7", process="another-boot/4026531836/77/1234")


def dead() -> holder.Holder:
    child = multiprocessing.get_context("fork").Process(target=lambda: None)
    child.start()
    process = holder.process_of(child.pid or 0)
    child.join()
    return replace(holder.me("apply"), pid=child.pid or 0, process=process)


def test_a_live_process_of_this_machine_is_never_cut_off() -> None:
    held = Held(holder.me("apply"))
    with pytest.raises(Locked, match="that one lives"):
        held.unlock()
    assert held.leased and held.now == 1000.0, "its process was looked at: nobody waited"


def test_a_dead_process_of_this_machine() -> None:
    held = Held(dead())
    assert "is dead; its lock on fake/wavelift/shop.json is broken" in held.unlock()
    assert not held.leased
    assert held.unlock() == "Nobody holds fake/wavelift/shop.json."


@pytest.mark.parametrize("renews", [True, False])
def test_a_holder_on_another_machine_is_told_by_its_lease(renews: bool) -> None:
    held = Held(elsewhere())
    held.renews = renews
    if renews:
        with pytest.raises(Locked, match="kim on runner-7"):
            held.unlock()
        assert held.now < 1000 + 70, "a little over the lease's length"
    else:
        assert "kim on runner-7" in (said := held.unlock()) and "has run out: it is free" in said
    assert held.leased is renews


def test_a_lease_without_end_is_broken_whoever_holds_it() -> None:
    for who in (None, elsewhere()):
        held = Held(who, float("inf"))
        assert "would never have ended" in held.unlock()
        assert not held.leased


def test_nobody_is_cut_off_who_took_the_lock_while_it_was_looked_at() -> None:
    """The dead one's lease ran out, and a live one has come: the lease is broken only in the version that was looked at."""
    held = Held(dead())
    real = held.blobs.break_lease

    def late(name: str, etag: str) -> None:
        found = held.blobs.blobs[KEY]
        held.blobs.mark(KEY, {HOLDER: holder.me("apply").dumps()}, found.etag, held.lease)
        real(name, etag)

    held.blobs.break_lease = late  # type: ignore[method-assign]  # somebody comes in between
    with pytest.raises(Locked, match="locked anew"):
        held.unlock()
    assert held.leased
