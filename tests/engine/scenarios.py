"""The scenarios that faults are tried on: each kind of work, when it is done, and what must be true then."""

from __future__ import annotations

from replication.engine.orders.commands import sentence
from replication.model.command import Verb
from replication.model.item import Cutover, OrderKind, Shutdown
from replication.model.record import CycleKind, Life
from replication.model.source import Power
from tests.engine.harness import cycles, outcome, replicated, run
from tests.engine.sweep import Scenario
from tests.engine.test_resync import resynced, resyncing
from tests.fakes.faults import Process
from tests.fakes.world import World
from tests.full import size

SIZE = size(256, 128) * 1024
LATER = 7200.0


def fresh() -> World:
    world = World()
    world.add(size=SIZE)
    return world


def in_delta_sync() -> World:
    world = fresh()
    replicated(world, deltas=0)
    world.guest_writes("m1")
    world.clock.advance(LATER)
    return world


def guest(world: World) -> None:
    if world.vcenter.vms["m1"].power is Power.ON:
        world.guest_writes("m1", 4)


# ---- cycles


def whole(world: World) -> None:
    """Replica and recovery points are what the source was, and nothing that we made for a while is left."""
    world.assert_points_are_snapshots()
    world.assert_tidy()
    assert all(len(blob.points) <= 2 for blob in world.replicas.blobs.values()), "recovery points pile up"
    assert not world.record().dirty


def another_cycle(world: World) -> None:
    """The next cycle carries what the guest wrote; what landed late has spoilt nothing."""
    world.assert_points_are_snapshots()
    seeds = world.replicas.blobs.keys()
    world.guest_writes("m1")
    for _ in range(2):
        world.clock.advance(LATER)
        run(world, cycles(world, world.record().cycle + 1))
    world.assert_replica_is_source()
    whole(world)
    world.assert_off_only_for_azure()
    assert world.replicas.blobs.keys() == seeds and not world.cloud.disks and not world.cloud.nics


INITIAL = Scenario(fresh, lambda world: cycles(world, 1), whole, guest, another_cycle)
DELTA = Scenario(in_delta_sync, lambda world: cycles(world, 2), whole, guest, another_cycle)


RESYNC = Scenario(resyncing, lambda world: cycles(world, 2), resynced, guest, another_cycle)


# ---- migration


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
    assert len(world.cloud.disks) == 2 and len(world.cloud.nics) == 1, "a disk or NIC is left over"
    left = [name for name in world.documents.docs if name.startswith(("fills/", "holds/"))]
    assert left == [], "left over"
    whole(world)


def completed(world: World) -> None:
    """What comes after a migration: the machine is completed, its seeds go, the Azure VM stays as it is."""
    world.order("m1", 2, OrderKind.STOP)
    run(world, outcome(world, 2))
    stopped(world)
    (vm,) = world.cloud.vms.values()
    assert vm.running and world.vcenter.vms["m1"].power is Power.OFF
    assert len(world.cloud.disks) == 2 and len(world.cloud.nics) == 1, "a disk or NIC is left over"


MIGRATE = Scenario(migrating, lambda world: outcome(world, 1), migrated, guest, completed)


def on_demand_done(world: World) -> bool:
    record = world.record()
    return any(e.kind is CycleKind.ON_DEMAND for e in record.evidence) and cycles(world, 2)()


def on_demand() -> World:
    """A migration that prepares itself an hour before its window opens: its on-demand cycle, disks filled ahead."""
    world = in_delta_sync()
    opens = world.clock.now() + 3 * 3600
    world.order("m1", 1, OrderKind.MIGRATE, cutover=Cutover(opens=opens, closes=opens + 20 * 3600))
    return world


def prepared(world: World) -> None:
    world.assert_points_are_snapshots()
    assert world.vcenter.vms["m1"].power is Power.ON and world.vcenter.vms["m1"].powered == []
    assert world.own_snapshots() == []


def in_the_end_migrated(world: World) -> None:
    while world.record().orders_done < 1:
        world.clock.advance(600.0)
        run(world, lambda: True)
    migrated(world)
    completed(world)


ON_DEMAND = Scenario(on_demand, lambda world: lambda: on_demand_done(world), prepared, guest, in_the_end_migrated)


def windowed() -> World:
    world = in_delta_sync()
    opens = world.clock.now() + 300
    world.order(
        "m1", 1, OrderKind.MIGRATE,
        cutover=Cutover(opens=opens, closes=opens + 10 * 3600, downtime=3600.0, ready="agent",
                        source_after="off-and-nic-disconnected", on_failure="hold-wave"),
    )  # fmt: skip
    return world


def in_its_window(world: World) -> None:
    migrated(world)
    order = world.record().order
    assert order is not None
    opens, _, closes = order.facts["window"].partition("/")
    assert float(opens) <= float(order.facts["power_off_asked"]) <= float(closes)
    vm = world.vcenter.vms["m1"]
    assert not vm.nics_connected and vm.powered[:1] == ["shutdown"] and set(vm.powered) <= {"shutdown"}


WINDOWED = Scenario(windowed, lambda world: outcome(world, 1), in_its_window, guest, completed)


def rolled() -> World:
    world = in_delta_sync()
    world.order("m1", 1, OrderKind.MIGRATE, cutover=Cutover(source_after="off-and-nic-disconnected"))
    run(world, outcome(world, 1))
    world.command("m1", Verb.ROLLBACK, confirm=sentence(world.record()))
    return world


def back_again(world: World) -> None:
    """One of the two runs: the source; the Azure VM is kept; deltas go on from the seeds."""
    (azure,) = world.cloud.vms.values()
    vm = world.vcenter.vms["m1"]
    assert not azure.running and vm.power is Power.ON and vm.nics_connected and vm.notes == ""
    record = world.record()
    assert record.hold is not None and [i.verb for i in record.interventions] == ["rollback"]
    world.guest_writes("m1")
    world.clock.advance(LATER)
    run(world, cycles(world, record.cycle + 1))
    world.assert_replica_is_source()
    world.assert_tidy()


ROLLBACK = Scenario(
    rolled,
    lambda world: lambda: world.record().life is Life.DELTA and not world.record().rollback,
    back_again,
    afterwards=back_again,
)


# ---- test migration


def in_test() -> World:
    world = in_delta_sync()
    world.order("m1", 1, OrderKind.TEST)
    world.order("m1", 2, OrderKind.CLEAN_UP)
    return world


def nothing_tested(world: World) -> None:
    record = world.record()
    assert record.order is not None and record.order.outcome == "done" and record.test == {}
    assert not world.cloud.vms and not world.cloud.disks and not world.cloud.nics
    assert world.vcenter.vms["m1"].powered == [] and record.life is Life.DELTA
    world.assert_points_are_snapshots()


def tested_again(world: World) -> None:
    """What Azure made only after the clean-up is deleted with the next cycle; the machine can be tested again."""
    world.clock.advance(LATER)
    run(world, cycles(world, world.record().cycle + 1))
    nothing_tested(world)
    world.order("m1", 3, OrderKind.TEST)
    world.order("m1", 4, OrderKind.CLEAN_UP)
    run(world, outcome(world, 4))
    nothing_tested(world)


TEST = Scenario(in_test, lambda world: outcome(world, 2), nothing_tested, guest, tested_again)


# ---- stopping


def stopping() -> World:
    world = in_delta_sync()
    world.order("m1", 1, OrderKind.STOP)
    return world


def stopping_in_the_initial_replication() -> World:
    world = fresh()
    run(world, cycles(world, 1), Process(kill_when=lambda name, n: name == "replicas.write" and n == 3))
    world.order("m1", 1, OrderKind.STOP, Shutdown())
    return world


def stopped(world: World) -> None:
    record = world.record()
    assert record.life is Life.STOPPED and record.committed is None
    assert world.replicas.blobs == {}
    assert [name for name in world.documents.docs if name.startswith(("progress/", "hashes/"))] == []
    world.assert_tidy()


def enabled_again(world: World) -> None:
    """S11: replicated again, under another replication uuid; and what the new one makes goes with it."""
    world.put_item("m1", "r2")
    run(world, lambda: world.record().replication == "m1-r2" and cycles(world, 1)())
    world.assert_points_are_snapshots()
    assert len(world.replicas.blobs) == 2
    number = world.record().orders_done + 1
    world.order("m1", number, OrderKind.STOP)
    run(world, outcome(world, number))
    stopped(world)


STOP = Scenario(stopping, lambda world: outcome(world, 1), stopped, guest, enabled_again)
STOP_INITIAL = Scenario(
    stopping_in_the_initial_replication, lambda world: outcome(world, 1), stopped, guest, enabled_again
)

SCENARIOS = {
    "initial": INITIAL,
    "delta": DELTA,
    "resync": RESYNC,
    "on-demand": ON_DEMAND,
    "test": TEST,
    "migrate": MIGRATE,
    "migrate-in-its-window": WINDOWED,
    "rollback": ROLLBACK,
    "stop": STOP,
    "stop-in-initial": STOP_INITIAL,
}
