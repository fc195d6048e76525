"""What the source forbids: too little room, a snapshot that gets too old, another's snapshot, disks that come and go."""

from __future__ import annotations

from replication.model.documents import load_status, status_name
from replication.model.item import OrderKind
from replication.model.status import Status
from replication.schedule import Policy
from tests.engine.harness import Run, cycles, outcome, replicated, run
from tests.engine.test_cycles import LATER, once
from tests.fakes.world import World

GIB = 1024**3


def status(world: World, machine: str = "m1") -> Status:
    return load_status(world.documents.docs[status_name(machine)][0])


def test_no_snapshot_is_taken_where_too_little_is_free() -> None:
    """Pitfall 15, moment 15: never fill a datastore. Said with numbers; replication goes on by itself."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.guest_writes("m1")
    world.vcenter.free = 9 * GIB
    world.clock.advance(LATER)
    one = Run(world)
    one.step()
    record = world.record()
    assert record.cycle == 2 and "ds-01 has 9.0 GiB free" in record.problem and world.vcenter.vms["m1"].most_snapshots == 1
    assert record.retry_at is not None and not record.unclean
    world.vcenter.free = 11 * GIB
    one.until(cycles(world, 3))
    one.end()
    world.assert_replica_is_source()


def test_a_datastore_that_fills_ends_a_delta_before_its_seal() -> None:
    """Moment 15: release our snapshot; the next delta covers the same changes."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.vcenter.write("m1", 2000, 0, b"\x01" * 200 * 1024)
    world.clock.advance(LATER)

    def fill() -> None:
        world.vcenter.free = GIB
        world.clock.advance(25)

    one = Run(world, once("reader.read", 3, fill))
    one.step()
    assert world.own_snapshots() == [] and world.record().cycle == 2 and "1.0 GiB free" in world.record().problem
    world.vcenter.free = 100 * GIB
    one.until(cycles(world, 3))
    one.end()
    world.assert_replica_is_source()


def test_a_datastore_that_fills_ends_an_initial_attempt_and_what_was_copied_is_kept() -> None:
    """Moment 15, pitfall 15: release our snapshot, keep what was copied, resume."""
    world = World()
    world.add(size=512 * 1024, fill=1.0, disks=1)

    def fill() -> None:
        world.vcenter.free = GIB
        world.clock.advance(25)

    first = once("reader.read", 17, fill)
    one = Run(world, first)
    one.step()
    assert world.own_snapshots() == [] and world.record().cycle == 0
    one.step()
    assert "1.0 GiB free" in world.record().problem
    before = first.names["reader.read"]
    assert before < 32
    world.vcenter.free = 100 * GIB
    one.until(cycles(world, 1))
    one.end()
    assert first.names["reader.read"] <= 32 + 4, "what was copied is copied again"
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()


def test_an_initial_attempt_ends_when_its_snapshot_gets_too_old() -> None:
    """Design, initial in mid-disk: no initial replication holds a snapshot for days; each attempt goes on where the last was."""
    world = World()
    world.add(size=512 * 1024, fill=1.0, disks=1)
    slow = once("reader.read", 0, lambda: None)
    slow.hooks["reader.read"] = lambda _: world.clock.advance(3)
    run(world, cycles(world, 1), slow, policy=Policy(snapshot_hours=9 / 3600))
    evidence = world.record().evidence[0]
    assert evidence.attempts >= 4 and evidence.snapshot_seconds < 60
    assert slow.names["reader.read"] <= 32 + 4 * evidence.attempts
    assert slow.names["source.create_snapshot"] == evidence.attempts
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()
    world.assert_tidy()


def test_a_final_cycle_needs_no_room() -> None:
    """A machine that is off writes nothing: its snapshot does not grow, and it must not stay off for want of space."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.order("m1", 1, OrderKind.MIGRATE)

    def fill() -> None:
        world.vcenter.free = GIB

    run(world, outcome(world, 1), once("source.shutdown_guest", 1, fill))
    order = world.record().order
    assert order is not None and order.outcome == "done"
