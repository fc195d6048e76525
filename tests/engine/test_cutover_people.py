"""What people can say to a cut-over: hold, resume, rollback, and a pull request's acknowledgement."""

from __future__ import annotations

from replication.engine.orders.commands import sentence
from replication.model.command import Verb
from replication.model.documents import load_status, status_name
from replication.model.item import OrderKind
from replication.model.record import Life
from replication.model.source import Power
from replication.model.standing import standing
from tests.engine.harness import Process, Rule, Run, cycles, outcome, run
from tests.engine.setups import assert_as_before, assert_migrated, migrate, once, progress, step
from tests.fakes.world import World
from wavelift.applying.commanding import acknowledge as tell

HOUR = 3600.0


def test_hold_and_resume(world: World) -> None:
    """Weeks, 30: with who and why in the record; its deltas go on; only resume ends it."""
    world.command("m1", Verb.HOLD, "INC-881")
    migrate(world)
    before = world.record().cycle
    one = Run(world)
    for _ in range(5):
        one.step()
        world.clock.advance(20)
    mark = world.record().hold
    assert mark is not None and (mark.who, mark.why) == ("kim", "INC-881")
    assert world.vcenter.vms["m1"].powered == [] and "INC-881" in progress(world).facts["waits"]
    assert before <= world.record().cycle
    world.command("m1", Verb.RESUME, "solved", size="Standard_Z")
    one.until(outcome(world, 1))
    one.end()
    assert [i.verb for i in world.record().interventions] == ["resume", "hold"]
    assert progress(world).facts["size"] == "Standard_Z"
    assert_migrated(world)


def acknowledge(world: World, since: float) -> str:
    """What the engine answers to what `apply` writes for a pull request; written again by an apply that was cut off."""
    for _ in range(2):
        tell(world.documents, "m1", since, "INC-881", "acknowledges INC-881 (approver lee)")
    step(world, 2)
    return world.record().interventions[0].answer


def test_an_acknowledgement_ends_that_hold_and_no_other(world: World) -> None:
    """Weeks, 30: YAML cannot override it until a pull request acknowledges it."""
    world.command("m1", Verb.HOLD, "INC-881")
    step(world, 2)
    mark = world.record().hold
    assert mark is not None and mark.number == 1
    assert "nothing of it begins" in acknowledge(world, mark.since - 1), "nothing is written for what is over"
    world.command("m1", Verb.ACKNOWLEDGE, "of a plan that was overtaken", since=mark.since - 1, word="INC-881")
    step(world, 2)
    assert "does not stand any more" in world.record().interventions[0].answer and world.record().hold == mark
    assert acknowledge(world, mark.since) == "held no more" and world.record().acknowledged == "INC-881"
    assert world.record().hold is None and "lee" in world.record().interventions[0].why
    told = [(i.number, i.verb) for i in world.record().interventions]
    assert told == [(3, "acknowledge"), (2, "acknowledge"), (1, "hold")], "told once however often it is applied"


def test_an_acknowledged_rollback_begins_nothing(world: World) -> None:
    migrate(world)
    one = Run(world, Process((Rule("cloud.create_nic", "before", 2, 1000),)))
    one.until(lambda: "trouble" in (progress(world).facts if world.record().order else {}))
    world.command("m1", Verb.ROLLBACK, "INC-881")
    one.until(outcome(world, 1))
    one.end()
    found = standing(world.record())
    assert found is not None and found.why == "INC-881" and found.held
    powered = list(world.vcenter.vms["m1"].powered)
    assert "only by another order" in acknowledge(world, found.since)
    step(world, 4)
    assert standing(world.record()) is None and progress(world).outcome == "aborted" and world.record().orders_done == 1
    assert world.vcenter.vms["m1"].powered == powered
    assert_as_before(world)


def test_a_hold_that_comes_while_the_disks_are_filled_stops_the_power_off(world: World) -> None:
    migrate(world)
    process = once("cloud.copy_range", 2, lambda: world.command("m1", Verb.HOLD))
    step(world, 3, process=process)
    assert world.vcenter.vms["m1"].powered == [] and world.record().hold is not None
    world.command("m1", Verb.RESUME)
    run(world, outcome(world, 1))
    assert_migrated(world)


def test_resume_begins_a_latched_cut_over_once_more(world: World) -> None:
    opens = world.clock.now() - 5 * HOUR
    migrate(world, opens=opens, closes=opens + HOUR)
    run(world, outcome(world, 1))
    assert progress(world).outcome == "missed"
    step(world, 3)
    assert world.record().orders_done == 1, "it was tried again by itself"
    world.command("m1", Verb.RESUME, "approved by the owner")
    one = Run(world)
    one.until(lambda: world.record().life is Life.MIGRATED)
    one.end()
    assert progress(world).outcome == "done" and progress(world).number == 1
    assert_migrated(world)


def test_rollback_after_the_power_off(world: World) -> None:
    """Screen 4, B: the source is up again, nothing is lost, and the machine is held."""
    migrate(world)
    process = Process((Rule("cloud.create_nic", "before", 2, 1000),))
    one = Run(world, process)
    one.until(lambda: "trouble" in (progress(world).facts if world.record().order else {}))
    assert world.vcenter.vms["m1"].power is Power.OFF
    world.command("m1", Verb.ROLLBACK, "INC-9")
    one.until(outcome(world, 1))
    one.end()
    order, record = progress(world), world.record()
    assert order.outcome == "aborted" and "kim: INC-9" in order.problem and record.hold is not None
    assert_as_before(world)


def test_rollback_after_the_azure_vm_has_run(world: World) -> None:
    """Weeks, 31: only with what is lost typed; the VM is stopped and kept, the source on with its NICs, deltas resume."""
    migrate(world, source_after="off-and-nic-disconnected")
    run(world, outcome(world, 1))
    world.command("m1", Verb.ROLLBACK, "INC-9", confirm="yes")
    step(world, 2)
    assert world.record().life is Life.MIGRATED and "refused" in world.record().interventions[0].answer
    lost = sentence(world.record())
    assert lost.startswith("what was written in Azure since 20")
    world.command("m1", Verb.ROLLBACK, "INC-9", confirm=lost)
    run(world, lambda: world.record().life is Life.DELTA)
    (azure,) = world.cloud.vms.values()
    vm = world.vcenter.vms["m1"]
    assert not azure.running and vm.power is Power.ON and vm.nics_connected and vm.notes == ""
    world.guest_writes("m1")
    world.clock.advance(7200)
    run(world, cycles(world, world.record().cycle + 1))
    world.assert_replica_is_source()
    world.assert_tidy()


def test_rollback_without_seeds_is_refused(world: World) -> None:
    migrate(world)
    run(world, outcome(world, 1))
    world.order("m1", 2, OrderKind.STOP)
    run(world, outcome(world, 2))
    world.command("m1", Verb.ROLLBACK, confirm="what was written")
    step(world, 2)
    assert "refused" in world.record().interventions[0].answer and world.vcenter.vms["m1"].power is Power.OFF


def test_a_hold_with_a_date_ends_by_itself(world: World) -> None:
    """Screen 2: "INC-881 until 20 Jan"; shown, obeyed, over with its date, and the record says that it ended."""
    end = world.clock.now() + 600
    world.command("m1", Verb.HOLD, "INC-881", until=end, until_text="2027-01-20 UTC")
    migrate(world)
    one = Run(world)
    for _ in range(5):
        one.step()
        world.clock.advance(20)
    assert world.vcenter.vms["m1"].powered == []
    assert load_status(world.documents.docs[status_name("m1")][0]).hold == "held by kim: INC-881 until 2027-01-20 UTC"
    world.clock.advance(600)
    one.until(outcome(world, 1))
    one.end()
    assert world.record().hold is None and world.record().interventions[0].verb == "hold ended"
    assert_migrated(world)


def test_a_resume_that_ends_a_hold_begins_no_cut_over_that_has_ended(world: World) -> None:
    """Weeks, 30 and 32: after a rollback (or a missed window) and a hold, the machine is not powered off by the word that
    only lifts the hold; another `resume` is needed."""
    migrate(world)
    process = Process((Rule("cloud.create_nic", "before", 2, 1000),))
    one = Run(world, process)
    one.until(lambda: "trouble" in (progress(world).facts if world.record().order else {}))
    world.command("m1", Verb.ROLLBACK, "INC-9")
    one.until(outcome(world, 1))
    one.end()
    world.vcenter.vms["m1"].powered.clear()
    world.command("m1", Verb.RESUME, "looked at")
    step(world, 4)
    record = world.record()
    assert record.hold is None and record.orders_done == 1 and world.vcenter.vms["m1"].powered == []
    assert "another `resume`" in record.interventions[0].answer
    world.command("m1", Verb.RESUME, "and now again")
    run(world, lambda: world.record().life is Life.MIGRATED)
    assert_migrated(world)
