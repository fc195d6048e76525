"""When a cut-over may power off, what follows a failure, what people can say, and who counts as ready."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from replication.engine.orders.commands import sentence
from replication.engine.orders.forecast import forecast
from replication.model.command import Verb
from replication.model.documents import load_status, status_name
from replication.model.item import Cutover, Forbidden, Order, OrderKind, Shutdown
from replication.model.record import CycleKind, DiskEvidence, Evidence, Life, OrderProgress, StepState
from replication.model.source import Power
from replication.model.standing import standing
from replication.ports import Exposure
from replication.windows import Dated
from replication.windowtext import write
from tests.engine.harness import Process, Rule, Run, cycles, outcome, replicated, run
from tests.engine.test_cycles import once
from tests.engine.test_orders import assert_as_before, assert_migrated
from tests.fakes.world import World
from wavelift.applying.commanding import acknowledge as tell

HOUR = 3600.0


@pytest.fixture
def world() -> World:
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.guest_writes("m1")
    return world


def progress(world: World, machine: str = "m1") -> OrderProgress:
    order = world.record(machine).order
    assert order is not None
    return order


def migrate(world: World, machine: str = "m1", **cutover: Any) -> None:
    number = world.record(machine).orders_done + 1
    world.order(machine, number, OrderKind.MIGRATE, cutover=Cutover(**cutover))


def step(world: World, times: int = 1, pause: float = 20.0, process: Process | None = None) -> Process:
    """An engine for so many passes."""
    one = Run(world, process)
    for _ in range(times):
        one.step()
        world.clock.advance(pause)
    one.end()
    return one.process


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


def test_after_the_power_off_nothing_is_automatic_but_trying_again(world: World) -> None:
    """Weeks, 28: a refusal of Azure leaves everything as it is and is tried again, until it works."""
    migrate(world)
    process = Process((Rule("cloud.create_vm", "permanent", 1, 4),))
    one = Run(world, process)
    one.until(lambda: process.names["cloud.create_vm"] >= 3)
    assert world.vcenter.vms["m1"].power is Power.OFF and world.record().orders_done == 0
    order = progress(world)
    assert order.facts["trouble"] and int(order.facts["tried"]) >= 2
    shown = load_status(world.documents.docs[status_name("m1")][0])
    assert shown.step == "create the Azure VM"
    one.until(outcome(world, 1))
    one.end()
    assert world.vcenter.vms["m1"].powered == ["shutdown"]
    assert_migrated(world)


def pair(**cutover: Any) -> World:
    world = World()
    for machine in ("m1", "m2"):
        world.add(machine, size=128 * 1024, disks=1)
    replicated(world)
    run(world, cycles(world, 2, "m2"))
    return world


def test_a_failure_holds_the_wave(world: World) -> None:
    """Weeks, 22: the database fails after its power-off, its web server is not cut over without it."""
    world = pair()
    migrate(world, "m1", on_failure="hold-wave")
    process = Process((Rule("cloud.create_vm", "permanent", 1, 6),))
    one = Run(world, process)
    one.until(lambda: process.names["cloud.create_vm"] >= 1)
    migrate(world, "m2", on_failure="hold-wave")
    for _ in range(4):
        one.step()
        world.clock.advance(20)
    assert world.vcenter.vms["m2"].powered == []
    assert "wave-1 is on hold" in progress(world, "m2").facts["waits"]
    one.until(outcome(world, 1))
    one.until(outcome(world, 1, "m2"))
    one.end()
    assert world.record("m2").life is Life.MIGRATED
    assert not [name for name in world.documents.docs if name.startswith("holds/")]


def test_a_refusal_before_the_power_off_holds_the_wave_until_somebody_says_otherwise() -> None:
    world = pair()
    migrate(world, "m1", on_failure="hold-wave", downtime=1.0)
    run(world, outcome(world, 1))
    assert progress(world).outcome == "aborted"
    migrate(world, "m2")
    step(world, 3)
    assert world.vcenter.vms["m2"].powered == [] and world.record("m2").orders_done == 0
    world.command("m2", Verb.RESUME, "goes without its database")
    run(world, outcome(world, 1, "m2"))
    assert world.record("m2").life is Life.MIGRATED and world.vcenter.vms["m1"].powered == []


def test_a_machine_waits_for_another_to_be_ready() -> None:
    """`start_after`: started is not ready."""
    world = pair()
    world.cloud.agent = False
    migrate(world, "m2", start_after="m1", start_after_name="vm-m1", start_after_region="koreacentral")
    migrate(world, "m1", ready="agent", ready_within=20.0)
    one = Run(world)
    one.until(lambda: "started" in progress(world, "m1").facts)
    one.until(lambda: "vm-m1" in progress(world, "m2").facts.get("waits", ""))
    assert world.vcenter.vms["m2"].powered == []
    assert world.record("m1").orders_done == 0
    world.cloud.agent = True
    one.until(outcome(world, 1, "m2"))
    one.end()
    first, second = progress(world, "m1"), progress(world, "m2")
    assert float(second.facts["powered_off"]) >= float(first.facts["ready"])
    assert "ready (agent)" in first.steps[-1].detail


def test_ready_by_port_and_what_becomes_of_the_source(world: World) -> None:
    """Weeks, 19 and 33: tcp on the private address; the source's NICs disconnected and the VM annotated."""
    world.cloud.listening = {443}
    migrate(world, ready="tcp:443", source_after="off-and-nic-disconnected")
    run(world, outcome(world, 1))
    vm = world.vcenter.vms["m1"]
    assert not vm.nics_connected and "do not power on" in vm.notes
    assert "tcp:443" in progress(world).steps[-1].detail
    assert_migrated(world)


def test_ready_by_the_guest_s_own_words(world: World) -> None:
    """Weeks, 19: `boot-log` waits for what its OS type writes to its serial port, colours and all; or for a pattern given."""
    world.cloud.serial = "Loading\r\n[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mMulti-User System\x1b[0m.\r\n"
    migrate(world, ready="boot-log")
    run(world, outcome(world, 1))
    assert "ready (boot-log)" in progress(world).steps[-1].detail
    assert_migrated(world)


def test_a_guest_that_does_not_come_up_is_not_ready(world: World) -> None:
    """Weeks, 19: started is not ready. It is looked at again, as with every other sign, and nothing goes back by itself."""
    world.cloud.serial = "UEFI\r\nLoading the kernel ...\r\nshop is up\r\n"
    migrate(world, ready="boot-log", ready_within=20.0)
    one = Run(world)
    one.until(lambda: "the Azure VM runs and is not ready (boot-log)" in world.record().problem)
    assert "az vm boot-diagnostics get-boot-log --ids /subscriptions/" in world.record().problem
    assert progress(world).outcome is None and "ready" not in progress(world).facts
    assert any(vm.running for vm in world.cloud.vms.values())
    world.cloud.serial += "m1 login: "
    one.until(outcome(world, 1))
    one.end()
    assert_migrated(world)


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


def _evidence(cycle: int, started: float, seconds: float, changed: int) -> Evidence:
    disk = DiskEvidence(2000, 0, 0, 0, changed, None, changed, changed, 1)
    return Evidence(cycle, CycleKind.DELTA, "a", 1, started, started + seconds, 1.0, (disk,))


def test_the_forecast_follows_churn_not_disk_size() -> None:
    """p50 and p90 from what this machine's own cycles measured."""
    gib = 1024**3
    calm = [_evidence(n, 10_000.0 - n * 3600, 60.0, gib) for n in range(1, 6)]
    busy = [replace(e, disks=(replace(e.disks[0], changed_bytes=20 * gib),)) for e in calm]
    measured = {"azure": 100.0}
    small, large = (forecast(e, measured, Shutdown(), 60.0) for e in (calm, busy))
    assert small.p50 < large.p50 and small.p50 <= small.p90 and small.bytes50 < large.bytes50
    assert 150 < small.p50 < 400


def test_the_card_says_what_is_safe_and_what_can_be_done(world: World) -> None:
    """Screen 4: source, replica, Azure, what was tried, and commands that exist."""
    from typer.main import get_command

    from wavelift.cli.app import app
    from wavelift.watching.card import card, needs_somebody

    migrate(world)
    process = Process((Rule("cloud.create_vm", "permanent", 1, 1000),))
    one = Run(world, process)
    one.until(lambda: process.names["cloud.create_vm"] >= 2)
    one.end()
    assert needs_somebody(world.record())
    asked = Order("m1", 1, "9c1e", OrderKind.MIGRATE, "r", "7f3ac1", 0.0, cutover=Cutover(downtime=1e9), pull_request="381")
    text = "\n".join(card(world.record(), "shop-db-01", "waves/shop.yaml:12:15", asked, ()))
    for words in (
        'FAILURE shop-db-01', 'step "create the Azure VM"', "source: OFF since", "source at power-off, verified",
        "disks and NICs, no VM", "already tried", "resume shop-db-01", "rollback shop-db-01", "waves/shop.yaml:12:15",
        "no other source of its wave is off", "Azure did not make: ", "the budget lasts until", "pull request 381",
        "request id 9c1e", "wavelift support-bundle shop-db-01",
    ):  # fmt: skip
        assert words in text, text
    commands = get_command(app).commands  # type: ignore[attr-defined]  # typer's group
    assert {"hold", "resume", "rollback"} <= set(commands)


def test_a_test_is_isolated_or_is_not_begun(world: World) -> None:
    """Weeks, 18: what is asserted stands in the step; a peering, a route or a DNS server of its own refuses the test."""
    world.cloud.open = Exposure(peerings=("to-hub",), dns=("10.0.0.4",))
    world.order("m1", 1, OrderKind.TEST)
    run(world, outcome(world, 1))
    order = progress(world)
    assert order.outcome == "aborted" and "peered with to-hub" in order.problem and "10.0.0.4" in order.problem
    assert not world.cloud.disks
    world.cloud.open = Exposure()
    world.order("m1", 2, OrderKind.TEST)
    run(world, outcome(world, 2))
    assert "isolated: no peering" in progress(world).steps[0].detail
    assert set(world.record().measured) == {"azure"}
    world.command("m1", Verb.ACCEPT_TEST, "logins work")
    step(world, 2)
    assert "kim" in world.record().test_accepted and "logins work" in world.record().test_accepted


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


def late_guest(world: World, on_failure: str) -> Run:
    """Its guest is given up, and shuts down a minute afterwards."""
    vm = world.vcenter.vms["m1"]
    vm.ignores_shutdown = True
    migrate(world, on_failure=on_failure)
    one = Run(world)
    one.until(outcome(world, 1))
    assert progress(world).outcome == "aborted" and vm.power is Power.ON
    vm.power = Power.OFF
    world.clock.advance(60)
    one.step()
    return one


def test_a_guest_that_shuts_down_after_it_was_given_up_needs_somebody(world: World) -> None:
    """Pitfall 16, weeks 28: a machine that our order left off is never off in silence; `rollback` powers it on."""
    one = late_guest(world, "retry")
    shown = load_status(world.documents.docs[status_name("m1")][0])
    assert shown.needs and "OFF" in shown.problem and "wavelift rollback" in shown.problem
    vm = world.vcenter.vms["m1"]
    one.step()
    assert vm.power is Power.OFF, "nothing is powered on unless a policy or a person says so"
    world.command("m1", Verb.ROLLBACK, "INC-9")
    one.step()
    world.clock.advance(20)
    one.step()
    one.end()
    assert vm.power is Power.ON and "kim: INC-9" in progress(world).problem and world.record().hold is None
    assert "OFF" not in load_status(world.documents.docs[status_name("m1")][0]).problem
    world.clock.advance(7200)
    run(world, cycles(world, world.record().cycle + 1))
    assert_as_before(world)


def test_a_guest_that_shuts_down_late_is_powered_on_by_policy(world: World) -> None:
    """`on_failure: power_on_source` holds for a guest that obeys late, too; long afterwards it is somebody else's doing."""
    one = late_guest(world, "power_on_source")
    one.step()
    vm = world.vcenter.vms["m1"]
    assert vm.power is Power.ON and "powered on again" in progress(world).problem
    world.clock.advance(2 * HOUR)
    vm.power = Power.OFF
    for _ in range(3):
        one.step()
        world.clock.advance(20)
    assert vm.power is Power.OFF
    assert "OFF" in load_status(world.documents.docs[status_name("m1")][0]).problem
    vm.power = Power.ON
    world.clock.advance(20)
    one.step()
    one.end()
    assert "OFF" not in load_status(world.documents.docs[status_name("m1")][0]).problem


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
