"""Cycles on the ports in memory: what they carry, what they leave, what a fault does to them."""

from __future__ import annotations

from replication.model.record import CycleKind, Life
from tests.engine.harness import Run, cycles
from tests.fakes.world import World


def test_initial_then_first_delta_at_once() -> None:
    """S1.2, S1.3, S8.2: the replica is the source; the first delta follows the initial cycle without a pause."""
    world = World()
    world.add()
    one = Run(world)
    one.until(cycles(world, 1))
    world.assert_replica_is_source()
    world.guest_writes("m1")
    one.until(cycles(world, 2), steps=3, pause=1.0)
    one.end()
    world.assert_replica_is_source()
    world.assert_tidy()
    record = world.record()
    assert record.life is Life.DELTA and record.committed is not None and record.committed.kind is CycleKind.DELTA
