"""When a cut-over may power off: its window, forbidden days, its budget, and what is looked at an hour before."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from replication.model.command import Verb
from replication.model.item import Forbidden
from replication.model.record import CycleKind, StepState
from replication.windows import Dated
from replication.windowtext import write
from tests.engine.harness import Process, Run, outcome, replicated, run
from tests.engine.setups import assert_as_before, assert_migrated, migrate, progress
from tests.fakes.world import World

HOUR = 3600.0


def test_nothing_is_powered_off_before_the_window_opens(world: World) -> None:
    """Weeks, 24: the deltas go on until it is time to prepare; disks are filled ahead; the power-off is in the window."""
    opens = world.clock.now() + 10 * HOUR
    migrate(world, opens=opens, closes=opens + 4 * HOUR, ahead=2 * HOUR)
    off: list[float] = []
    process = Process()
    process.hooks["source.shutdown_guest"] = lambda _: off.append(world.clock.now())
    filled: list[float] = []
    process.hooks["cloud.begin_disk"] = lambda _: filled.append(world.clock.now())
    one = Run(world, process)
    one.until(outcome(world, 1), steps=400, pause=120.0)
    one.end()
    assert opens <= off[0] <= opens + 300 and opens - 2 * HOUR <= filled[0] < opens
    kinds = [e.kind for e in world.record().evidence]
    assert CycleKind.DELTA in kinds, "its deltas did not go on while it waited"
    assert_migrated(world)


def test_a_window_that_was_missed_needs_a_new_date(world: World) -> None:
    """Weeks, 24 and 32: latched; nothing was powered off; a new date is a new attempt."""
    opens = world.clock.now() - 5 * HOUR
    migrate(world, opens=opens, closes=opens + 4 * HOUR)
    run(world, outcome(world, 1))
    order = progress(world)
    assert order.outcome == "missed" and "new date" in order.problem and world.vcenter.vms["m1"].powered == []
    assert order.facts["window"] == f"{opens:.0f}/{opens + 4 * HOUR:.0f}"
    assert_as_before(world)
    opens = world.clock.now() - 60
    migrate(world, opens=opens, closes=opens + 4 * HOUR)
    run(world, outcome(world, 2))
    assert_migrated(world)


def test_what_does_not_fit_into_the_window_is_not_begun(world: World) -> None:
    """The latest safe power-off: two minutes are left, Azure alone takes longer."""
    opens = world.clock.now() - HOUR
    migrate(world, opens=opens, closes=world.clock.now() + 120)
    run(world, outcome(world, 1))
    assert progress(world).outcome == "missed" and world.vcenter.vms["m1"].powered == []
    assert not world.cloud.disks and not world.cloud.nics
    assert_as_before(world)


@pytest.mark.parametrize("lead", [-HOUR, 60.0], ids=["on the day", "a minute before it"])
def test_an_order_of_an_earlier_day_powers_nothing_off_on_a_forbidden_one(world: World, lead: float) -> None:
    """Issue 4, waves as code: "no migration on named days". The order was placed before; neither on the day nor so late that
    the cut-over would run into it, and afterwards it goes on by itself."""
    begins = world.clock.now() + lead
    ends = begins + 5 * HOUR
    told = write([Dated(*(datetime.fromtimestamp(at, UTC).replace(tzinfo=None) for at in (begins, ends)))])
    migrate(world, forbidden=(Forbidden("calm", told, "UTC"),))
    off: list[float] = []
    process = Process()
    process.hooks["source.shutdown_guest"] = lambda _: off.append(world.clock.now())
    one = Run(world, process)
    one.until(outcome(world, 1), steps=400, pause=120.0)
    one.end()
    assert len(off) == 1 and off[0] >= ends - 60
    assert_migrated(world)


def test_a_budget_that_the_forecast_exceeds_ends_it_before_the_power_off(world: World) -> None:
    migrate(world, downtime=60.0)
    run(world, outcome(world, 1))
    order = progress(world)
    assert order.outcome == "aborted" and "budget" in order.problem and world.vcenter.vms["m1"].powered == []
    assert_as_before(world)


def test_a_process_that_died_between_check_and_power_off_checks_again(world: World) -> None:
    """The window has closed meanwhile: the machine stays on."""
    opens = world.clock.now() - 60
    migrate(world, opens=opens, closes=opens + HOUR)
    assert not run(world, outcome(world, 1), Process(kill_when=lambda name, n: name == "source.shutdown_guest"))
    asked = "power_off_asked" in progress(world).facts
    assert asked  # announced, so the next process goes on with it
    other = World()
    other.add(size=256 * 1024)
    replicated(other)
    opens = other.clock.now() - 60
    migrate(other, opens=opens, closes=opens + HOUR)

    def announced(name: str, n: int) -> bool:
        order = other.record().order
        return name == "documents.put" and order is not None and order.steps[0].state is StepState.DONE

    assert not run(other, outcome(other, 1), Process(kill_when=announced))
    other.clock.advance(2 * HOUR)
    run(other, outcome(other, 1))
    assert progress(other).outcome == "missed" and other.vcenter.vms["m1"].powered == []
    assert_as_before(other)


def test_everything_is_checked_again_an_hour_before_the_window(world: World) -> None:
    """Weeks, 23: quota, size, address, names: when the preparations begin, an hour before the window, right before it."""
    opens = world.clock.now() + 10 * HOUR
    migrate(world, opens=opens, closes=opens + 4 * HOUR, ahead=4 * HOUR)
    at: list[float] = []
    process = Process()
    process.hooks["cloud.check"] = lambda _: at.append(opens - world.clock.now())
    one = Run(world, process)
    one.until(outcome(world, 1), steps=900, pause=60.0)
    one.end()
    assert_migrated(world)
    assert any(3.5 * HOUR < left <= 4 * HOUR for left in at) and any(HOUR - 200 <= left <= HOUR for left in at)
    assert progress(world).facts["checked"]


def test_what_has_become_impossible_is_said_an_hour_before_and_nothing_is_powered_off(world: World) -> None:
    """Weeks, 23: a quota that somebody else used up meanwhile ends the order while there is time."""
    opens = world.clock.now() + 10 * HOUR
    migrate(world, opens=opens, closes=opens + 4 * HOUR, ahead=4 * HOUR)
    one = Run(world)
    one.until(lambda: "secured" in progress(world).facts, steps=900, pause=60.0)
    world.cloud.problems = ["quota: 0 of 8 cores of Standard_A are left"]
    one.until(outcome(world, 1), steps=900, pause=60.0)
    one.end()
    assert HOUR - 300 <= opens - world.clock.now() <= HOUR and "quota" in progress(world).problem
    assert world.vcenter.vms["m1"].powered == []
    assert_as_before(world)


def test_a_rollback_before_its_window_ends_the_cut_over_at_once(world: World) -> None:
    """`wavelift rollback` is answered and done now, not when the window comes near: the files would wait for it for days."""
    opens = world.clock.now() + 100 * HOUR
    migrate(world, opens=opens, closes=opens + HOUR)
    one = Run(world)
    one.step()
    world.command("m1", Verb.ROLLBACK)
    one.until(outcome(world, 1))
    one.end()
    assert world.clock.now() < opens - 90 * HOUR and progress(world).outcome == "aborted"
    assert world.vcenter.vms["m1"].powered == []
