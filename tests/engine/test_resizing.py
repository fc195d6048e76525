"""An apply that comes between the seal of a cycle and its roll-forward: what was sealed is what was, not what is wanted now."""

from __future__ import annotations

import pytest

from replication.model.record import Stage
from tests.engine.harness import Process, cycles, replicated, run
from tests.fakes.world import World

LATER = 7200.0


@pytest.fixture(params=["delta", "initial"])
def world(request: pytest.FixtureRequest) -> World:
    """A cycle was sealed, and its process died before anything was committed."""
    world = World()
    world.add(size=128 * 1024)
    number = 1
    if request.param == "delta":
        replicated(world, deltas=0)
        world.guest_writes("m1")
        world.clock.advance(LATER)
        number = 2
    dies = {"delta": "log.get", "initial": "source.remove_snapshot"}[request.param]
    assert not run(world, cycles(world, number), Process(kill_when=lambda name, n: name == dies))
    attempt = world.record().attempt
    assert attempt is not None and attempt.stage is Stage.SEALED
    return world


def test_a_disk_that_grew_since_the_seal_is_compared_whole_by_the_next_cycle(world: World) -> None:
    """Pitfall 14; found by the model test: the recovery point was committed with the size that the disk has now, so that the
    next delta asked tracking alone about a disk that had grown."""
    disk = world.vcenter.vms["m1"].disks[2001]
    disk.content.extend(b"n" * 32 * 1024)
    disk.writes.append((0, 128 * 1024, 32 * 1024))  # allocated, but nothing that tracking tells as changed
    world.put_item("m1")
    number = world.record().cycle + 1
    run(world, cycles(world, number))
    world.assert_points_are_snapshots()
    committed = world.record().committed
    assert committed is not None and committed.sizes == {2000: 128 * 1024, 2001: 128 * 1024}
    world.clock.advance(LATER)
    run(world, cycles(world, number + 1))
    found = {d.key: d for d in world.record().evidence[0].disks}
    assert "size has changed" in found[2001].note and not found[2000].note
    world.assert_replica_is_source()


def test_a_disk_that_was_added_since_the_seal_waits_for_the_next_cycle(world: World) -> None:
    """Pitfall 14: the roll-forward met a disk that its log did not know, and failed for ever with an internal error."""
    world.vcenter.attach("m1", 2002, b"a" * 64 * 1024)
    world.put_item("m1")
    number = world.record().cycle + 1
    run(world, cycles(world, number))
    committed = world.record().committed
    assert committed is not None and set(committed.points) == {2000, 2001}
    world.clock.advance(LATER)
    run(world, cycles(world, number + 1))
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()
    world.assert_tidy()
