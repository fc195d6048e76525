"""Golden days and the burst of forty migrations, to be read by people. WAVELIFT_UPDATE_GOLDEN=1 rewrites them."""

import os
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from simulate_fleets import HOUR, SLOW, URGENT, at, over_limits, sim_machine

from replication.model.record import CycleKind
from replication.schedule import Policy
from replication.simulate import GIB, MBIT, Assumptions, Fleet, Migration, Simulation, made_up, report, text
from replication.throttle import Except, Throttle
from replication.windows import Blackout
from replication.windowtext import parse

GOLDEN = Path(__file__).parents[1] / "golden" / "simulate"


def held_against(name, found):
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("WAVELIFT_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found)
    assert found == path.read_text()


def told(simulation, zone):
    """Starts, ends and orders, one a line, and the report."""
    lines = []
    for event in simulation.events:
        if event.what.startswith(("start", "asked", "released")) or event.what.endswith("completed"):
            when = datetime.fromtimestamp(event.at, ZoneInfo(zone))
            lines.append(f"{when:%a %d %H:%M}  {event.machine:6}{event.what}")
    return "\n".join(lines) + "\n\n" + text(report(simulation))


def few(begin, windows, zone):
    """Six machines on two hosts, one of them with eight disks, one that takes the night."""
    policy = Policy(blackout=Blackout(parse(windows), zone))
    sizes = [(2, 40), (4, 25), (8, 90), (1, 300), (1, 5), (2, 60)]
    machines = [
        sim_machine(f"vm-{n}", begin, gib, disks, f"esx-0{n % 2 + 1}", f"ds-0{n % 2 + 1}") for n, (disks, gib) in enumerate(sizes)
    ]
    return Fleet(tuple(machines), {"gw-01": policy})


DAYS = {
    "blackout_over_midnight": ("2027-03-08T16:00", "Monday;22:00;5h", "Asia/Seoul"),
    "clocks_go_forward": ("2027-03-27T20:00", "Sunday;1:00;3h", "Europe/Berlin"),
    "clocks_go_back": ("2027-10-30T20:00", "Sunday;1:30;2h", "Europe/Berlin"),
}


@pytest.mark.parametrize("name", DAYS)
def test_a_day_as_it_was(name):
    """S8.2, S8.3, S8.5, S9, S14: vm-0 is to migrate six hours after the begin, vm-1 at one in the night."""
    begin, windows, zone = DAYS[name]
    start = at(begin, zone)
    orders = [Migration(start + 6.5 * HOUR, ("vm-0",)), Migration(start + 9 * HOUR, ("vm-1",))]
    simulation = Simulation(few(start, windows, zone), start, orders, SLOW, tell=True)
    simulation.run(start + 24 * HOUR)
    shut = [closed_span(e, windows, zone) for e in simulation.events if e.what.startswith("start") and "final" not in e.what]
    assert not any(shut)
    held_against(name, told(simulation, zone))


def closed_span(event, windows, zone):
    return Blackout(parse(windows), zone).closed_until(event.at) is not None


def test_the_night_of_the_change_is_an_hour_shorter_or_longer():
    """S14 by the clocks of the appliance: `Sunday 1:00 for 3h` ends at 4:00, two hours later in spring."""
    for name, hours in (("clocks_go_forward", 2), ("clocks_go_back", 3)):
        begin, windows, zone = DAYS[name]
        start = at(begin, zone)
        simulation = Simulation(few(start, windows, zone), start, (), SLOW, tell=True)
        simulation.run(start + 24 * HOUR)
        times = [e.at for e in simulation.events if e.what.startswith("start")]
        gaps = [after - before for before, after in pairwise(times)]
        assert hours * HOUR <= max(gaps) < (hours + 1.5) * HOUR


BURST = Assumptions(link=2000 * MBIT)


@pytest.fixture(scope="module")
def burst():
    """160 machines on a line of 2 Gbit/s, two of them with 8 TiB: after sixteen hours the initial replications go on for days.
    Then forty that are in delta sync are asked to migrate at once, those first that lie beside a VM with more than 15 disks."""
    start = at("2027-03-08T08:00")
    simulation = Simulation(made_up(160, 7, start), start, (), BURST)
    simulation.run(start + 16 * HOUR)
    initial = sum(1 for f in simulation.running.values() if f.cycle.kind is CycleKind.INITIAL)
    synced = sorted(simulation.points)
    taken = {store for f in simulation.running.values() for store, disks in f.cycle.datastores.items() if disks > 15}
    beside = [name for name in synced if taken.intersection(simulation.machines[name].datastores)]
    chosen = [*beside, *(name for name in synced if name not in beside)][:40]
    for name in chosen:
        simulation.ask(name)
    simulation.run(start + 22 * HOUR, lambda s, d: over_limits(s) and pytest.fail(str(over_limits(s))))
    return simulation, chosen, initial, len(synced), len(beside)


def test_a_burst_of_forty_migrations_amid_initial_replications(burst):
    """S8.5: no initial replication, however large, keeps a migration waiting for longer than a delta takes.
    Nor does a VM with more than 15 disks, beside which nothing may run on its datastore (S9.3): it gives way for a time."""
    simulation, chosen, initial, before, beside = burst
    assert beside > 0
    assert len(chosen) == 40 and initial >= 10 and before < 140
    assert set(chosen) == set(simulation.migrated)
    waits = simulation.meter.waits[CycleKind.ON_DEMAND]
    assert len(waits) == 40
    worst, who = max(waits)
    print(f"longest wait of an on-demand cycle: {worst / 60:.0f} min ({who})")
    assert worst <= 30 * 60
    assert any(f.cycle.kind is CycleKind.INITIAL for f in simulation.running.values())
    lines = [f"{wait / 60:4.0f} min  {who}" for wait, who in sorted(waits, key=lambda w: (-w[0], w[1]))]
    head = f"{initial} initial replications under way, {before} of 160 machines in delta sync, 40 asked to migrate at once.\n"
    held_against(
        "burst_of_forty", head + "\nWait of their on-demand cycles\n" + "\n".join(lines) + "\n\n" + text(report(simulation))
    )


def test_a_large_initial_replication_never_blocks_a_migration():
    """S8.5, S9.2, S9.3: 8 TiB on eight disks takes days; those beside it on host and datastore migrate in minutes."""
    start = at("2027-03-08T08:00")
    small = tuple(sim_machine(f"vm-{n}", start, gib=5, disks=2) for n in range(4))
    giant = sim_machine("giant", start + 4 * HOUR, gib=8192, disks=8)
    fleet = Fleet((*small, giant), {"gw-01": Policy(disks_per_appliance=12)})
    names = tuple(m.name for m in small)
    simulation = Simulation(fleet, start, [Migration(start + 10 * HOUR, names)], SLOW)
    simulation.run(start + 14 * HOUR)
    assert "giant" in simulation.running and "giant" not in simulation.points
    assert set(simulation.migrated) == set(names)
    # Two disks' room is kept on the host, the largest machine's need, so the four take turns.
    assert max(wait for kind in URGENT for wait, _ in simulation.meter.waits[kind]) <= 15 * 60


def test_on_demand_cycles_have_the_first_claim_on_a_throttled_line():
    """S8.5, S13: with the line full of initial cycles the on-demand cycle takes what it would take alone, but a tenth."""
    start = at("2027-03-08T08:00")
    throttle = {"gw-01": Throttle(80e6)}  # 10 MB a second
    first = sim_machine("vm-0", start, gib=4, churn=6.0)
    others = [sim_machine(f"vm-{n}", start + 3 * HOUR, gib=900, host=f"esx-0{n + 1}", on=f"ds-0{n + 1}") for n in range(1, 9)]
    took = []
    for machines in ((first,), (first, *others)):
        simulation = Simulation(Fleet(machines, {"gw-01": Policy()}, throttle), start, [Migration(start + 6 * HOUR, ("vm-0",))])
        simulation.run(start + 8 * HOUR)
        took.append(simulation.meter.durations[CycleKind.ON_DEMAND][0][0])
    assert took[0] > 60
    assert took[1] <= took[0] / 0.9 + 120


def test_a_throttle_by_the_hour_is_followed():
    """S13: ten megabits by day, no limit by night; the sum of a day is what these allow."""
    start = at("2027-03-08T08:00")
    night = Throttle(10e6, (Except(parse("Monday;20:00;4h"), None),), "Asia/Seoul")
    fleet = Fleet((sim_machine("vm-0", start, gib=400),), {"gw-01": Policy()}, {"gw-01": night})
    simulation = Simulation(fleet, start, (), Assumptions(link=None, appliance=None, host=None, disk=100 * MBIT))
    simulation.run(start + 12 * HOUR)
    sent = simulation.running["vm-0"]
    assert sent.size - sent.left == pytest.approx(12 * HOUR * 10 * MBIT, rel=0.01)
    simulation.run(start + 16 * HOUR)
    more = 4 * HOUR * 100 * MBIT
    assert sent.size - sent.left == pytest.approx(12 * HOUR * 10 * MBIT + more, rel=0.01)
    assert sent.size == 400 * GIB


def test_overwrites_fold():
    """S12: a machine that rewrites itself ten times a day never has more to send than what it writes to at all."""
    start = at("2027-03-08T08:00")
    fleet = Fleet((sim_machine("vm-0", start, gib=10, churn=10.0),), {"gw-01": Policy(delta_minimum=12 * HOUR)})
    simulation = Simulation(fleet, start, (), Assumptions(hot=0.2))
    simulation.run(start + 40 * HOUR)
    deltas = len(simulation.meter.durations[CycleKind.DELTA])
    assert deltas >= 3
    assert simulation.meter.sent[CycleKind.DELTA] <= deltas * 2 * GIB
