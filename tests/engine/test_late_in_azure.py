"""Disks and NICs that Azure makes only after their clean-up: a request hung on the wire. They are found and deleted."""

from __future__ import annotations

import pytest

from replication.model.item import OrderKind
from replication.model.record import Life
from tests.engine.harness import Process, Rule, cycles, outcome, run
from tests.engine.scenarios import LATER, in_test, stopped
from tests.fakes.cloud import Managed
from tests.fakes.world import World

HUNG = ("cloud.begin_disk", "cloud.create_nic")


def late(name: str) -> World:
    """A test was made and cleaned up; now what it once asked for in vain is made."""
    world, process = in_test(), Process((Rule(name, "held", 1),))
    run(world, outcome(world, 2), process)
    assert not world.cloud.disks and not world.cloud.nics
    process.release()
    assert world.cloud.disks or world.cloud.nics
    return world


@pytest.mark.parametrize("name", HUNG)
def test_what_appears_after_its_clean_up_goes_with_the_next_cycle(name: str) -> None:
    """Issue 3, proof: no orphan is left of a call that landed late."""
    world = late(name)
    world.clock.advance(LATER)
    run(world, cycles(world, world.record().cycle + 1))
    assert not world.cloud.disks and not world.cloud.nics and world.record().deleted == ()


@pytest.mark.parametrize("name", HUNG)
def test_it_does_not_keep_the_machine_from_being_tested_or_stopped(name: str) -> None:
    world = late(name)
    world.order("m1", 3, OrderKind.TEST)
    run(world, outcome(world, 3))
    order = world.record().order
    assert order is not None and order.outcome == "done", order
    world.order("m1", 4, OrderKind.CLEAN_UP)
    world.order("m1", 5, OrderKind.STOP)
    run(world, outcome(world, 5))
    assert not world.cloud.disks and not world.cloud.nics and world.record().life is Life.STOPPED
    stopped(world)


def test_nobody_else_s_is_ever_deleted() -> None:
    """What carries other tags is not ours, whatever its name."""
    world = in_test()
    run(world, outcome(world, 2))
    (name, *_) = (name for name in world.record().deleted if "/disks/" in name)
    world.cloud.disks[name] = Managed(bytearray(512), "Unattached", {"owner": "somebody"})
    world.cloud.foreign.add(name)
    world.clock.advance(LATER)
    run(world, cycles(world, world.record().cycle + 1))
    assert name in world.cloud.disks
