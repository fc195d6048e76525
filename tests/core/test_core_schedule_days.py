"""Golden days (S8, S9, S14): what a whole day looks like, to be read by people. WAVELIFT_UPDATE_GOLDEN=1 rewrites them."""

import os
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from schedule_world import HOUR, World

from replication.model.record import CycleKind
from replication.schedule import Candidate, Policy, Start
from replication.windows import Blackout
from replication.windowtext import parse

GOLDEN = Path(__file__).parents[1] / "golden" / "schedule"
INITIAL, ON_DEMAND = CycleKind.INITIAL, CycleKind.ON_DEMAND


def machine(n, begin, disks, host, datastore):
    on = {datastore: disks}
    return Candidate(f"vm-{n}", f"vm-{n}", "gw-1", host, disks, on, INITIAL, queued_since=begin - 60 + n, ready_at=begin)


def blackout_over_midnight(zone):
    """Seven machines on two hosts; a window from 23:00 to 2:30; a migration asked for at 20:10, another at 23:30."""
    begin = datetime(2027, 1, 11, 16, 0, tzinfo=zone).timestamp()
    world = World({"gw-1": Policy(blackout=Blackout(parse("Monday;23:00;3h30m"), zone.key))}, begin)
    one, two = "esx-01", "esx-02"
    fleet = [(4, one, 90), (4, one, 200), (2, one, 45), (8, two, 30), (1, two, 20), (1, two, 400), (3, two, 15)]
    for n, (disks, host, minutes) in enumerate(fleet):
        world.add(machine(n, begin, disks, host, f"ds-{n % 2}"), initial=minutes, delta=minutes / 3, on_demand=4)
    return world, begin + 12 * HOUR, {begin + 4 * HOUR + 600: "vm-0", begin + 7.5 * HOUR: "vm-2"}


def clocks_go_forward(zone):
    """Berlin, the night of 28 March 2027: the window is 1:00 to 4:00 by the clock, two hours in fact."""
    begin = datetime(2027, 3, 27, 22, 0, tzinfo=zone).timestamp()
    world = World({"gw-1": Policy(blackout=Blackout(parse("Sunday;1:00;3h"), zone.key))}, begin)
    for n in range(3):
        world.add(machine(n, begin, 2, "esx-01", "ds-0"), initial=20 + n, delta=5 + n)
    return world, begin + 9 * HOUR, {}


def clocks_go_back(zone):
    """Berlin, the night of 31 October 2027: 2:15 to 2:45 is shown twice, and the window lasts an hour and a half."""
    begin = datetime(2027, 10, 31, 0, 30, tzinfo=zone).timestamp()
    world = World({"gw-1": Policy(blackout=Blackout(parse("Sunday;2:15;30m"), zone.key))}, begin)
    world.add(machine(0, begin, 2, "esx-01", "ds-0"), initial=20, delta=5)
    return world, begin + 6 * HOUR, {}


def told(world, until, orders, zone):
    """One line for every start and end, and for every reason that is new."""
    lines, said = [], {}
    while world.now < until:
        for at in [at for at in orders if at <= world.now]:
            name = orders.pop(at)
            world.ask(name, ON_DEMAND)
            lines.append(f"{stamp(world.now, zone)}  {name}  asked to migrate")
        for decision in world.step():
            text = f"start {decision.kind.value}, {decision.lanes} disks at once" if isinstance(decision, Start) else decision.why
            if said.get(decision.machine) != text and "under way" not in text:
                lines.append(f"{stamp(world.now, zone)}  {decision.machine}  {text}")
            said[decision.machine] = text
        done = len(world.finished)
        world.advance(min(t for t in (world.next_event(), *orders, until) if t is not None))
        lines += [f"{stamp(at, zone)}  {name}  {kind.value} completed" for at, name, kind in world.finished[done:]]
    return "\n".join(lines) + "\n"


def stamp(at, zone):
    return datetime.fromtimestamp(at, zone).strftime("%a %H:%M")


DAYS = [(blackout_over_midnight, "Asia/Seoul"), (clocks_go_forward, "Europe/Berlin"), (clocks_go_back, "Europe/Berlin")]


@pytest.mark.parametrize(("day", "zone"), DAYS, ids=[day.__name__ for day, _ in DAYS])
def test_a_day_as_it_was(day, zone):
    """S8.2, S8.3, S8.5, S9.2, S9.3, S14"""
    found = told(*day(ZoneInfo(zone)), ZoneInfo(zone))
    path = GOLDEN / f"{day.__name__}.txt"
    if os.environ.get("WAVELIFT_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found)
    assert found == path.read_text()
