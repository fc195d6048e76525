"""What follows a cut-over's failure, what a failure card says, and what a test migration's network must be."""

from __future__ import annotations

from dataclasses import replace

from replication.engine.orders.forecast import forecast
from replication.model.command import Verb
from replication.model.documents import fill_name, load_status, status_name
from replication.model.item import Cutover, Order, OrderKind, Shutdown
from replication.model.record import CycleKind, DiskEvidence, Evidence, Life
from replication.model.source import Power
from replication.ports import Exposure
from tests.engine.harness import Process, Rule, Run, cycles, outcome, run
from tests.engine.setups import assert_as_before, assert_migrated, migrate, pair, progress, step
from tests.fakes.world import World

HOUR = 3600.0


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
    text = "\n".join(card(world.record(), "shop-db-01", world.clock.now(), "waves/shop.yaml:12:15", asked, ()))
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


def test_trouble_on_the_way_is_not_told_of_a_migrated_machine(world: World) -> None:
    """No cycle follows a migration that would take it back: `status` named a problem that was solved for good."""
    migrate(world)
    run(world, outcome(world, 1), Process((Rule("cloud.create_vm", "before", 1, 12),)))
    assert_migrated(world)
    assert world.record().problem == ""


def test_a_damaged_fill_document_is_judged_by_the_order_s_policy(world: World) -> None:
    """After the power-off, `power_on_source`: whatever the trouble is called, the source comes up again."""
    migrate(world, on_failure="power_on_source")
    process = Process(kill_when=lambda name, _: name == "source.create_snapshot" and world.vcenter.vms["m1"].power is Power.OFF)
    assert not run(world, outcome(world, 1), process)
    content, etag = world.documents.docs[fill_name("m1", 1, 2000)]
    world.documents.docs[fill_name("m1", 1, 2000)] = (content[:-1], etag)
    run(world, outcome(world, 1))
    assert progress(world).outcome == "aborted" and "not a fill document" in progress(world).problem
    assert_as_before(world)
