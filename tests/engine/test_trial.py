"""Test migrations that expire and are refreshed."""

from __future__ import annotations

import itertools
from functools import partial

import pytest

from replication.model.command import Verb
from replication.model.documents import dumps, load_order, load_status, order_name, status_name
from replication.model.item import OrderKind, Trial
from tests.engine.harness import Process, cycles, outcome, replicated, run
from tests.fakes.world import World

HOUR = 3600.0


@pytest.fixture
def world() -> World:
    return delta()


def delta(size: int = 256 * 1024) -> World:
    world = World()
    world.add(disks=1, size=size)
    replicated(world)
    return world


def order_test(world: World, **trial: object) -> int:
    from dataclasses import replace

    number = world.record().orders_done + 1
    world.order("m1", number, OrderKind.TEST)
    name = order_name("m1", number)
    order = replace(load_order(world.documents.docs[name][0]), trial=Trial(**trial))  # type: ignore[arg-type]  # the test's words
    world.documents.put_any(name, dumps(order))
    return number




def content_of_test(world: World) -> bytes:
    (disk,) = [d for name, d in world.cloud.disks.items() if "-test-" in name]
    return bytes(disk.content)


def assert_test_is_the_newest_point(world: World) -> None:
    record = world.record()
    assert record.committed is not None and record.trial is not None and record.trial.cycle == record.committed.cycle
    blob = world.replicas.blobs[world.item("m1").disks[0].seed]
    point = blob.points[record.committed.points[2000]][0]
    assert content_of_test(world)[: len(point)] == point


def test_a_test_is_deleted_when_its_time_is_over(world: World) -> None:
    """Weeks, 20: a time to live; the clean-up is the engine's own, replication goes on, status says it."""
    number = order_test(world, ttl=48 * HOUR)
    run(world, outcome(world, number))
    mark = world.record().trial
    assert mark is not None and mark.until == mark.made + 48 * HOUR and len(world.cloud.vms) == 1
    world.clock.advance(47 * HOUR)
    run(world, cycles(world, world.record().cycle + 1))
    assert len(world.cloud.vms) == 1 and "is deleted" in load_status(world.documents.docs[status_name("m1")][0]).notice
    world.clock.advance(2 * HOUR)
    run(world, lambda: not world.record().test)
    assert not world.cloud.vms and not world.cloud.disks and not world.cloud.nics
    mark = world.record().trial
    assert mark is not None and mark.expired is not None and world.record().orders_done == number
    world.guest_writes("m1")
    world.clock.advance(2 * HOUR)
    run(world, cycles(world, world.record().cycle + 1))
    assert "has expired" in load_status(world.documents.docs[status_name("m1")][0]).notice


def test_a_hold_keeps_an_expired_test(world: World) -> None:
    """Somebody is looking at it: it goes when the hold ends."""
    run(world, outcome(world, order_test(world, ttl=HOUR)))
    world.command("m1", Verb.HOLD)
    world.clock.advance(5 * HOUR)
    run(world, cycles(world, world.record().cycle + 1))
    assert len(world.cloud.vms) == 1
    world.command("m1", Verb.RESUME)
    run(world, lambda: not world.record().test)


def gone(world: World) -> bool:
    return not world.record().test


def test_a_kill_at_every_call_of_the_expiry_is_made_good() -> None:
    for nth in range(1, 100):
        world = delta(64 * 1024)
        run(world, outcome(world, order_test(world, ttl=HOUR)))
        world.clock.advance(1.5 * HOUR)
        alive = run(world, partial(gone, world), Process(kill_at=nth))
        run(world, partial(gone, world))
        assert not world.cloud.vms and not world.cloud.disks and not world.cloud.nics, nth
        if alive:
            assert nth > 10
            return
    raise AssertionError("never came through")


def test_a_refresh_replaces_the_test_by_the_newest_point(world: World) -> None:
    """Weeks, 20: one order; what was there goes, what comes holds what was written since."""
    run(world, outcome(world, order_test(world)))
    first = content_of_test(world)
    world.guest_writes("m1", 40)
    world.clock.advance(2 * HOUR)
    run(world, cycles(world, world.record().cycle + 1))
    number = order_test(world, refresh=True, asked="2")
    run(world, outcome(world, number))
    assert len(world.cloud.vms) == 1 and content_of_test(world) != first
    assert_test_is_the_newest_point(world)
    mark = world.record().trial
    assert mark is not None and (mark.order, mark.asked) == (number, "2")


def test_without_refresh_a_test_that_is_there_is_never_replaced(world: World) -> None:
    run(world, outcome(world, order_test(world)))
    run(world, outcome(world, order_test(world)))
    order = world.record().order
    assert order is not None and order.outcome == "aborted" and len(world.cloud.vms) == 1


def test_a_kill_at_every_call_of_a_refresh_leaves_one_whole_test() -> None:
    """Issue 3: refresh, also after a crash: the newest point, once, no orphan."""
    places = itertools.count(1, 7)
    for nth in places:
        world = delta(64 * 1024)
        run(world, outcome(world, order_test(world)))
        world.guest_writes("m1")
        world.clock.advance(2 * HOUR)
        run(world, cycles(world, world.record().cycle + 1))
        number = order_test(world, refresh=True)
        alive = run(world, outcome(world, number), Process(kill_at=nth))
        run(world, outcome(world, number))
        order = world.record().order
        assert order is not None and order.outcome == "done", (nth, order)
        assert (len(world.cloud.vms), len(world.cloud.disks), len(world.cloud.nics)) == (1, 1, 1), nth
        assert_test_is_the_newest_point(world)
        if alive:
            assert nth > 50
            return
