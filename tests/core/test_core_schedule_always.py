"""S8, S9, S14: what holds for every estate and every moment."""

import random
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from core_strategies import thorough
from hypothesis import given
from hypothesis import strategies as st
from schedule_world import HOUR, World

from replication.model.record import CycleKind
from replication.schedule import Candidate, Hold, Policy, Start, decide
from replication.windows import Blackout
from replication.windowtext import parse

NOW = datetime(2027, 1, 11, 13, 0, tzinfo=ZoneInfo("Asia/Seoul")).timestamp()  # a Monday
ON_DEMAND, FINAL = CycleKind.ON_DEMAND, CycleKind.FINAL

BLACKOUT = Blackout(parse("Monday;10:00;4h | Sunday;22:00;3h"), "Asia/Seoul")
TIGHT = Policy(disks_per_appliance=12, snapshots_per_datastore=6, machines_per_appliance=10, aging=4 * HOUR)


@st.composite
def candidates(draw):
    number = draw(st.integers(1, 14))
    made = []
    for n in range(number):
        disks = draw(st.integers(1, 16))
        first = draw(st.integers(0, disks))
        made.append(
            Candidate(
                machine=f"m{n:02}",
                name=f"m{n:02}",
                appliance=draw(st.sampled_from(["gw-1", "gw-2"])),
                host=draw(st.sampled_from(["esx-1", "esx-2", "esx-3"])),
                disks=disks,
                datastores={"ds-1": first, "ds-2": disks - first},
                want=draw(st.sampled_from(CycleKind)),
                resumed=draw(st.booleans()),
                queued_since=NOW - draw(st.integers(0, 40)) * 600,
                ready_at=NOW + draw(st.integers(-40, 3)) * 600,
                hold=draw(st.sampled_from([None, None, None, "held by hand"])),
            )
        )
    return made


def over_limit(policies, running, disks):
    """S9, counted anew: every limit that these cycles are over, but for the one exception."""
    found = []
    for appliance, policy in policies.items():
        if sum(r.disks for r in running if r.appliance == appliance) > policy.disks_per_appliance:
            found.append(appliance)
    for host in {r.host for r in running}:
        if sum(r.disks for r in running if r.host == host) > TIGHT.disks_per_host:
            found.append(host)
    for name in ("ds-1", "ds-2"):
        there = [r for r in running if r.datastores[name]]
        alone = len(there) == 1 and disks[there[0].machine] > TIGHT.snapshots_per_datastore
        if not alone and sum(r.datastores[name] for r in there) > TIGHT.snapshots_per_datastore:
            found.append(name)
    return found


@thorough
@given(candidates(), st.lists(st.integers(1, 600), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_limits_windows_and_determinism(waiting, waits, shuffled):
    """S9, S14 through an afternoon and over a window; the same question has the same answer in any order."""
    policies = {"gw-1": replace(TIGHT, blackout=BLACKOUT), "gw-2": TIGHT}
    world = World(policies, NOW)
    for candidate in waiting:
        world.add(candidate, initial=90, delta=20, on_demand=5)
    disks = {c.machine: c.disks for c in waiting}
    for wait in waits:
        mixed = list(world.candidates.values())
        shuffled.shuffle(mixed)
        expected = decide(policies, world.now, mixed, list(world.running.values())[::-1])
        asked = {c.machine: c for c in world.candidates.values()}
        decisions = world.step()
        assert decisions == expected
        assert sorted(d.machine for d in decisions) == sorted(asked)
        assert over_limit(policies, world.running.values(), disks) == []
        for decision in decisions:
            candidate = asked[decision.machine]
            if isinstance(decision, Start):
                assert candidate.hold is None and candidate.ready_at <= world.now
                closed = policies[candidate.appliance].blackout.closed_until(world.now)
                assert closed is None or decision.kind is FINAL
                assert 1 <= decision.lanes <= candidate.disks
            else:
                assert decision.why and "\n" not in decision.why
                assert decision.until is None or decision.until > world.now
        world.advance(world.now + wait * 60)


@thorough
@given(candidates())
def test_no_lower_cycle_takes_what_an_on_demand_cycle_needs(waiting):
    """S8.5: without the lower ones it would have been held just the same."""
    policies = {"gw-1": TIGHT, "gw-2": TIGHT}
    urgent = [c for c in waiting if c.want in (ON_DEMAND, FINAL)]
    everything = {d.machine: d for d in decide(policies, NOW, waiting, ()) if d.kind in (ON_DEMAND, FINAL)}
    alone = {d.machine: d for d in decide(policies, NOW, urgent, ())}
    assert everything == alone


@thorough
@given(candidates(), st.integers(0, 2**32))
def test_everything_runs_in_the_end(waiting, seed):
    """Nothing starves: every cycle that nobody holds starts, while small machines keep coming back for more."""
    policies = dict.fromkeys(["gw-1", "gw-2"], replace(TIGHT, delta_minimum=600.0, machines_per_appliance=300))
    world = World(policies, NOW)
    times = random.Random(seed)
    for candidate in waiting:
        world.add(candidate, initial=times.uniform(1, 60), delta=times.uniform(1, 40), on_demand=times.uniform(1, 10))
    wanted = {(c.machine, c.want) for c in waiting if c.hold is None}
    while world.now < NOW + 48 * HOUR:
        world.step()
        wanted -= {(d.machine, d.kind) for _, d in world.log if isinstance(d, Start)}
        world.log.clear()
        if not wanted:
            return
        world.advance(world.next_event() or world.now + 60)
    raise AssertionError(f"still waiting after two days: {wanted}")


def small(name, disks, due):
    on = {f"ds-{name}": disks}
    return Candidate(name, name, "gw-1", "esx-03", disks, on, CycleKind.DELTA, queued_since=due, ready_at=due)


def test_a_large_machine_is_not_starved_by_small_ones():
    """Room is kept for what is overdue, so that eight slots are free at once some time."""
    world = World({"gw-1": Policy(delta_minimum=60.0, time_zone="Asia/Seoul")}, NOW)
    for n in range(12):
        world.add(small(f"s{n:02}", 1, NOW + n * 60), delta=7 + n / 2)
    world.add(small("large", 8, NOW + 120), delta=5)
    while world.now < NOW + 5 * HOUR:
        world.step()
        if "large" in world.running:
            break
        world.advance(world.next_event())
    assert 4 * HOUR <= world.now - NOW <= 4.5 * HOUR
    assert any(isinstance(d, Hold) and "yields to delta cycle of large" in d.why for _, d in world.log)


def test_an_initial_cycle_as_large_as_its_datastore_is_not_starved():
    """S9.3: room is kept for all of it once it is overdue; what deltas have in reserve there would never be empty."""
    world = World({"gw-1": replace(TIGHT, delta_minimum=600.0)}, NOW)
    times = random.Random(0)
    for name, disks in (("a", 1), ("b", 1), ("c", 1), ("large", 6), ("other", 2)):
        on = {"ds-2": disks}
        wants = Candidate(name, name, "gw-1", "esx-1", disks, on, CycleKind.INITIAL, queued_since=NOW, ready_at=NOW)
        world.add(wants, initial=times.uniform(1, 60), delta=times.uniform(1, 40), on_demand=times.uniform(1, 10))
    while world.now < NOW + 6 * HOUR:
        world.step()
        if "large" in world.running:
            return
        world.advance(world.next_event() or world.now + 60)
    raise AssertionError("it is still waiting, two hours after room was kept for it")
