"""Kill -9 and faults at every call of the cut-over's newer ways: windows, rollbacks, and a second host that carries on."""

from __future__ import annotations

import os

from replication.engine.orders.commands import sentence
from replication.model.command import Verb
from replication.model.item import Cutover, OrderKind
from replication.model.record import Life
from replication.model.source import Power
from tests.engine.harness import Killed, Process, Run, cycles, outcome, run
from tests.engine.sweep import Scenario, calls, fault_at_every_call, kill_at_every_call
from tests.engine.test_sweeps import MIGRATE, guest, in_delta_sync, migrated
from tests.fakes.world import World

STRIDE = 1 if os.environ.get("WAVELIFT_FAULTS") == "full" else 5
"""`make test` takes a share; the environment asks for every place."""


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
    assert not world.vcenter.vms["m1"].nics_connected and world.vcenter.vms["m1"].powered == ["shutdown"]
    left = [name for name in world.documents.docs if name.startswith(("fills/", "holds/"))]
    assert left == [], "left over"


WINDOWED = Scenario(windowed, lambda world: outcome(world, 1), in_its_window, guest)


def test_a_cut_over_in_its_window_killed_at_every_call() -> None:
    """Issue 3, proof: kill -9 anywhere; powered off once, inside the window, sectors equal, nothing left over."""
    assert kill_at_every_call(WINDOWED, stride=STRIDE) > 80


def test_a_cut_over_in_its_window_with_a_fault_at_every_call() -> None:
    fault_at_every_call(WINDOWED, "before", most=1)
    fault_at_every_call(WINDOWED, "after", most=1)


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
    world.clock.advance(7200)
    run(world, cycles(world, record.cycle + 1))
    world.assert_replica_is_source()
    world.assert_tidy()


ROLLED = Scenario(rolled, lambda world: lambda: world.record().life is Life.DELTA and not world.record().rollback, back_again)


def test_a_rollback_killed_at_every_call() -> None:
    kill_at_every_call(ROLLED)


def test_a_rollback_with_a_fault_at_every_call() -> None:
    fault_at_every_call(ROLLED, "before")
    fault_at_every_call(ROLLED, "after")


def test_source_and_azure_vm_never_run_at_once() -> None:
    """At every call of a rollback: the Azure VM is off before the source is powered on."""
    world, process = rolled(), Process()

    def look(_: object) -> None:
        assert not any(vm.running for vm in world.cloud.vms.values()), "both would run"

    process.hooks["source.power_on"] = look
    run(world, ROLLED.done(world), process)
    assert process.names["source.power_on"] == 1


def test_another_host_carries_the_order_on_when_the_lease_has_run_out() -> None:
    """Weeks, 29: two engines at once; the first dies in each step, the second waits for the lease and carries it to its
    end, under a higher epoch."""
    names = calls(MIGRATE).calls
    for at in range(10, names, max(1, names // 24)):
        world = MIGRATE.prepare()
        first, second = Run(world, Process(kill_at=at)), Run(world)
        died = False
        try:
            first.until(outcome(world, 1))
        except Killed:
            died = True
        assert died
        second.step()
        assert second.process.names["source.power_on"] == second.process.names["source.power_off"] == 0
        epoch = world.record().epoch
        assert second.process.names["source.shutdown_guest"] == 0, "it worked without the lease"
        world.clock.advance(61.0)
        guest(world)
        second.until(outcome(world, 1))
        assert world.record().epoch > epoch
        migrated(world)
        second.end()
        first.end()
