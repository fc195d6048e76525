"""Stopping (S11) in every state, replicating again, and what people say by hand: pause, resume, resync."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from replication.engine.orders.waves import hold_name
from replication.model.command import Command, Verb
from replication.model.documents import command_name, dumps
from replication.model.item import OrderKind, Shutdown
from replication.model.record import Life
from replication.model.source import Power
from tests.engine.harness import Process, Rule, Run, cycles, outcome, run
from tests.engine.setups import LATER, migrate, once, pair
from tests.engine.sweep import Scenario, kill_at_every_call
from tests.engine.test_conditions import status
from tests.fakes.world import World


def say(world: World, verb: Verb, why: str = "a test", disks: tuple[int, ...] = ()) -> None:
    number = world.record().commands + 1
    command = Command("m1", number, verb, "kim", why, world.clock.now(), disks=disks)
    world.documents.put_any(command_name("m1", number), dumps(command))


def assert_stopped(world: World) -> None:
    """S11: seeds, log, own snapshots, progress and hashes are gone, the source is as it was."""
    record = world.record()
    assert record.life is Life.STOPPED and record.committed is None and record.attempt is None
    assert world.replicas.blobs == {}
    assert [n for n in world.documents.docs if n.startswith(("progress/", "hashes/"))] == []
    world.assert_tidy()
    assert world.vcenter.vms["m1"].power is Power.ON
    assert not world.cloud.vms and not world.cloud.disks and not world.cloud.nics


def until(name: str, nth: int) -> Process:
    return Process(kill_when=lambda called, n: called == name and n == nth)


STATES: dict[str, Callable[[World], None]] = {
    "before the power-off": lambda world: run_to(world, until("source.shutdown_guest", 1)),
    "after the power-off": lambda world: run_to(world, until("source.create_snapshot", 2)),
    "final disks being filled": lambda world: run_to(world, until("cloud.copy_range", 2)),
    "about to ask for the VM": lambda world: run_to(world, until("cloud.create_nic", 1)),
    "not begun": lambda world: None,
    "power-off fails again and again": lambda world: some_steps(
        world, Process((Rule("source.shutdown_guest", "before", 1, 99),))
    ),
}


def run_to(world: World, process: Process) -> None:
    run(world, outcome(world, 1), process)


def some_steps(world: World, process: Process) -> None:
    one = Run(world, process)
    for _ in range(4):
        one.step()
        world.clock.advance(70)
    one.end()


@pytest.mark.parametrize("state", STATES)
def test_a_stop_ends_a_migration_that_can_go_back(world: World, state: str) -> None:
    """S11: up to the point of no return: the order is aborted, the source runs again, then replication stops."""
    world.order("m1", 1, OrderKind.MIGRATE)
    STATES[state](world)
    world.order("m1", 2, OrderKind.STOP)
    run(world, outcome(world, 2))
    assert_stopped(world)


def test_a_stop_ends_a_migration_while_it_is_carried_out(world: World) -> None:
    """S11: the order arrives while a step runs; the step ends, then everything goes back."""
    world.order("m1", 1, OrderKind.MIGRATE)
    one = Run(world)
    asked = once("cloud.check", 1, lambda: world.order("m1", 2, OrderKind.STOP))
    one.process.hooks.update(asked.hooks)
    # The coordinator looks while the job runs: here by hand, in the job's own thread.
    one.process.hooks["source.shutdown_guest"] = lambda _: one.engine.tick()
    one.until(outcome(world, 2))
    one.end()
    assert_stopped(world)


def test_a_stop_does_not_take_back_what_cannot_go_back(world: World) -> None:
    """S11: from the announced VM on the migration is finished first, then the seeds go."""
    world.order("m1", 1, OrderKind.MIGRATE)
    run_to(world, until("cloud.create_vm", 1))
    world.order("m1", 2, OrderKind.STOP)
    run(world, outcome(world, 2))
    record = world.record()
    assert record.life is Life.STOPPED and len(world.cloud.vms) == 1 and world.replicas.blobs == {}
    assert world.vcenter.vms["m1"].power is Power.OFF


def test_a_stop_ends_a_test_migration(world: World) -> None:
    world.order("m1", 1, OrderKind.TEST)
    run_to(world, until("cloud.copy_range", 2))
    world.order("m1", 2, OrderKind.STOP)
    run(world, outcome(world, 2))
    assert_stopped(world)


def begun() -> World:
    world = World()
    world.add(size=128 * 1024)
    run(world, cycles(world, 1))
    world.guest_writes("m1")
    world.order("m1", 1, OrderKind.MIGRATE, Shutdown())
    run_to(world, until("cloud.copy_range", 2))
    world.order("m1", 2, OrderKind.STOP)
    return world


@pytest.mark.faults
def test_a_stop_of_a_migration_killed_at_every_call() -> None:
    kill_at_every_call(Scenario(begun, lambda world: outcome(world, 2), assert_stopped))


def test_a_seed_that_vanished_leads_to_a_working_restart(world: World) -> None:
    """S11: the plan orders a stop (`tests/planner`), then enables it under a new uuid; the engine carries both out."""
    world.replicas.delete("m1-r1-2000.vhd")
    world.clock.advance(LATER)
    one = Run(world)
    one.step()
    assert "does not hold recovery point" in world.record().problem
    world.order("m1", 1, OrderKind.STOP)
    one.until(outcome(world, 1))
    assert_stopped(world)
    world.put_item("m1", "r2")
    one.until(lambda: world.record().replication == "m1-r2" and world.record().cycle >= 2)
    one.end()
    assert {name.split("-")[1] for name in world.replicas.blobs} == {"r2"}
    run(world, cycles(world, 2))
    record = world.record()
    assert record.life is Life.DELTA and record.problem == "" and record.orders_done == 1


def test_an_item_of_another_replication_waits_until_the_old_one_is_stopped(world: World) -> None:
    """Nothing of the old replication is deleted because a document names a new one: that needs an order."""
    world.put_item("m1", "r2")
    one = Run(world)
    one.step()
    assert "stop this one first" in str(status(world).held) and "m1-r1-2000.vhd" in world.replicas.blobs
    one.end()


def test_a_machine_that_left_and_came_back(world: World) -> None:
    """S11: stopped, its item gone, later enabled again: a new life under a new uuid, fences still rising."""
    world.order("m1", 1, OrderKind.STOP)
    run(world, outcome(world, 1))
    fence = world.record().fence
    world.documents.delete("items/m1.json")
    one = Run(world)
    one.step()
    world.put_item("m1", "r2")
    one.until(cycles(world, 1))
    one.end()
    assert world.record().fence > fence and world.record().replication == "m1-r2"
    world.assert_tidy()


# ---- by hand


def test_pause_and_resume_by_hand(world: World) -> None:
    """Issue 3, stopping: no cycle begins while it is paused; said with who and why; a cut-over still replicates."""
    say(world, Verb.PAUSE, "storage maintenance")
    world.clock.advance(LATER)
    one = Run(world)
    one.step()
    one.step()
    assert world.record().cycle == 2 and str(status(world).held).startswith("paused by kim since ")
    assert "storage maintenance" in str(status(world).held)
    say(world, Verb.CONTINUE)
    one.until(cycles(world, 3))
    one.end()
    assert [i.verb for i in world.record().interventions] == ["continue", "pause"]


def test_resync_by_hand(world: World) -> None:
    """Issue 3, stopping: the next delta compares the disk whole, once."""
    say(world, Verb.RESYNC, "to be sure", (2001,))
    world.clock.advance(LATER)
    one = Run(world)
    one.until(cycles(world, 3))
    notes = {disk.key: disk.note for disk in world.record().evidence[0].disks}
    assert notes == {2000: "", 2001: "compared whole: asked for by kim: to be sure"}
    world.clock.advance(LATER)
    one.until(cycles(world, 4))
    assert [disk.note for disk in world.record().evidence[0].disks] == ["", ""]
    say(world, Verb.RESYNC, "wrong", (7,))
    one.step()
    one.end()
    assert "refused: it replicates the disks 2000, 2001" in world.record().interventions[0].answer


def test_a_cycle_in_progress_finishes_before_a_machine_in_delta_sync_is_stopped(world: World) -> None:
    """S11: the stop order comes in mid-delta; the delta commits in its first attempt, then the seeds go."""
    world.clock.advance(LATER)
    before, one = world.record().cycle, Run(world)

    def asked() -> None:
        world.order("m1", 1, OrderKind.STOP)
        one.engine.tick()

    one = Run(world, once("replicas.write", 1, asked))
    one.until(outcome(world, 1))
    one.end()
    newest = world.record().evidence[0]
    assert (newest.cycle, newest.attempts) == (before + 1, 1)
    assert_stopped(world)


def test_a_stop_takes_back_the_hold_on_its_wave() -> None:
    """A machine that held its wave and is taken out of the estate: nobody could `resume` it any more, and the others waited."""
    world = pair()
    migrate(world, on_failure="hold-wave", closes=world.clock.now() + 3600.0, opens=world.clock.now(), downtime=0.001)
    run(world, outcome(world, 1))
    assert hold_name("wave-1") in world.documents.docs
    world.order("m1", 2, OrderKind.STOP)
    run(world, outcome(world, 2))
    assert hold_name("wave-1") not in world.documents.docs


def test_a_person_s_hold_outlives_a_stop(world: World) -> None:
    """Weeks, 30: only a person ends it, so a machine that is enabled again is still held."""
    world.command("m1", Verb.HOLD, "INC-7")
    world.order("m1", 1, OrderKind.STOP)
    run(world, outcome(world, 1))
    world.put_item("m1", "r2")
    run(world, lambda: world.record().life is Life.DELTA)
    assert world.record().hold is not None and world.record().hold.why == "INC-7"
