"""Kill -9 and faults at every port call of every kind of work: the next process brings it to its end, nothing is lost."""

from __future__ import annotations

from replication.model.item import OrderKind, Shutdown
from replication.model.record import Life
from replication.model.source import Power
from tests.engine.harness import Rule, cycles, outcome, replicated, run
from tests.engine.sweep import Scenario, calls, fault_at_every_call, kill_at_every_call, kill_twice, with_processes
from tests.fakes.faults import Process
from tests.fakes.world import World

SIZE = 256 * 1024


def fresh() -> World:
    world = World()
    world.add(size=SIZE)
    return world


def in_delta_sync() -> World:
    world = fresh()
    replicated(world, deltas=0)
    world.guest_writes("m1")
    world.clock.advance(7200)
    return world


def guest(world: World) -> None:
    if world.vcenter.vms["m1"].power is Power.ON:
        world.guest_writes("m1", 4)


def whole(world: World) -> None:
    world.assert_points_are_snapshots()
    world.assert_tidy()
    assert world.vcenter.vms["m1"].most_snapshots == 1, "two snapshots were open at once"
    assert all(len(blob.points) <= 2 for blob in world.replicas.blobs.values()), "recovery points pile up"
    assert not world.record().dirty


INITIAL = Scenario(fresh, lambda world: cycles(world, 1), whole, guest)
DELTA = Scenario(in_delta_sync, lambda world: cycles(world, 2), whole, guest)


def test_initial_killed_at_every_call() -> None:
    """Design, initial in mid-disk: kill -9 anywhere; the next attempt goes on and the recovery point is the snapshot."""
    assert kill_at_every_call(INITIAL) > 50


def test_initial_killed_twice_in_a_row() -> None:
    """Issue 2: a kill -9 in the middle of initial replication, twice in a row."""
    kill_twice(INITIAL, [(a, b) for a in range(20, 75, 9) for b in range(18, 75, 11)])


def test_delta_killed_at_every_call() -> None:
    """Design, steps 1 to 7: before the seal thrown away, from the seal on rolled forward."""
    assert kill_at_every_call(DELTA) > 40


def test_initial_with_a_fault_at_every_call() -> None:
    """A call that is refused, and one whose answer is lost, at every place: the same process comes through."""
    fault_at_every_call(INITIAL, "before", most=3)
    fault_at_every_call(INITIAL, "after", most=3)


def test_delta_with_a_fault_at_every_call() -> None:
    fault_at_every_call(DELTA, "before", most=3)
    fault_at_every_call(DELTA, "after", most=3)


def test_calls_held_on_the_wire_land_late() -> None:
    """Design, step 5: a write delayed on the wire can never land after its time. Every kind of write is held once and
    lands when everything is over; then another cycle runs."""
    for scenario in (INITIAL, DELTA):
        for name, count in calls(scenario).names.items():
            if name.split(".")[0] not in ("replicas", "log", "documents") or name.endswith((".get", ".list")):
                continue
            for nth in range(1, min(count, 3) + 1):
                _late(scenario, name, nth)


def _late(scenario: Scenario, name: str, nth: int) -> None:
    process = Process((Rule(name, "held", nth),))
    world = with_processes(scenario, process)
    world.guest_writes("m1")
    world.clock.advance(7200)
    run(world, cycles(world, world.record().cycle + 1))
    process.release()
    before = {name: bytes(blob.content) for name, blob in world.replicas.blobs.items()}
    world.assert_points_are_snapshots()
    world.clock.advance(7200)
    run(world, cycles(world, world.record().cycle + 1))
    world.assert_points_are_snapshots()
    world.assert_replica_is_source()
    world.assert_tidy()
    assert before.keys() == world.replicas.blobs.keys()


def migrating() -> World:
    world = in_delta_sync()
    world.order("m1", 1, OrderKind.MIGRATE)
    return world


def migrated(world: World) -> None:
    record = world.record()
    assert record.order is not None
    assert (record.order.outcome, record.order.problem) == ("done", ""), record.order.problem
    assert record.life is Life.MIGRATED
    assert world.vcenter.vms["m1"].power is Power.OFF
    (vm,) = world.cloud.vms.values()
    assert vm.running and set(vm.disks) == {2000, 2001}
    for key, made in vm.disks.items():
        source = world.vcenter.content("m1", key)
        assert bytes(world.cloud.disks[made].content[: len(source)]) == source, f"managed disk {key} is not the source"
    assert len(world.cloud.disks) == 2, "a disk is left over"
    whole(world)


MIGRATE = Scenario(migrating, lambda world: outcome(world, 1), migrated, guest)


def test_migration_killed_at_every_call() -> None:
    """S1.4, S7; issue 2: killed anywhere, also between power-off and VM creation: it finishes, sectors equal."""
    assert kill_at_every_call(MIGRATE) > 80


def test_migration_with_a_fault_at_every_call() -> None:
    fault_at_every_call(MIGRATE, "before", most=2)
    fault_at_every_call(MIGRATE, "after", most=2)


def ordered_test() -> World:
    world = in_delta_sync()
    world.order("m1", 1, OrderKind.TEST)
    world.order("m1", 2, OrderKind.CLEAN_UP)
    return world


def no_test_left(world: World) -> None:
    record = world.record()
    assert record.order is not None and record.order.outcome == "done" and record.test == {}
    assert not world.cloud.vms and not world.cloud.disks and not world.cloud.nics
    assert world.vcenter.vms["m1"].powered == [] and record.life is Life.DELTA


def test_test_migration_and_clean_up_killed_at_every_call() -> None:
    """A test leaves nothing behind and touches neither the source nor the replica."""
    kill_at_every_call(Scenario(ordered_test, lambda world: outcome(world, 2), no_test_left, guest))


def stopping() -> World:
    world = in_delta_sync()
    world.order("m1", 1, OrderKind.STOP)
    return world


def stopped(world: World) -> None:
    record = world.record()
    assert record.life is Life.STOPPED and record.committed is None
    assert world.replicas.blobs == {}
    assert [name for name in world.documents.docs if name.startswith("progress/")] == []
    world.assert_tidy()


def test_stop_killed_at_every_call() -> None:
    """S11: whatever happens, in the end the seeds with all their recovery points are gone."""
    kill_at_every_call(Scenario(stopping, lambda world: outcome(world, 1), stopped, guest))


def test_stop_while_the_initial_replication_runs_killed_at_every_call() -> None:
    def begun() -> World:
        world = fresh()
        with_initial = Process(kill_when=lambda name, n: name == "replicas.write" and n == 3)
        run(world, cycles(world, 1), with_initial)
        world.order("m1", 1, OrderKind.STOP, Shutdown())
        return world

    kill_at_every_call(Scenario(begun, lambda world: outcome(world, 1), stopped, guest))
