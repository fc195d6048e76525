"""S8, S9, S10, S14: what starts, what does not, and the reason that people read."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from schedule_world import HOUR

from replication.model.record import CycleKind
from replication.schedule import Candidate, Hold, Policy, Running, Start, decide, next_delta, next_retry
from replication.windows import Blackout
from replication.windowtext import parse

SEOUL = ZoneInfo("Asia/Seoul")
NOW = datetime(2027, 1, 11, 13, 0, tzinfo=SEOUL).timestamp()  # a Monday
POLICY = Policy(time_zone="Asia/Seoul")
INITIAL, DELTA, ON_DEMAND, FINAL = CycleKind.INITIAL, CycleKind.DELTA, CycleKind.ON_DEMAND, CycleKind.FINAL


def machine(name, want=DELTA, disks=1, host="esx-01", on=None, **more):
    more = {"queued_since": NOW, "ready_at": NOW, **more}
    return Candidate(name, name, "gw-1", host, disks, on or {f"ds-{name}": disks}, want, **more)


def busy(name, disks=1, host="esx-01", kind=DELTA, on=None, end=None):
    return Running(name, name, "gw-1", host, disks, on or {f"ds-{name}": disks}, kind, NOW - 60, end)


def decided(candidates, running=(), policy=POLICY, now=NOW):
    return {d.machine: d for d in decide({"gw-1": policy}, now, candidates, running)}


def test_order_of_priority():
    """S8.5: on-demand, then initial, deltas last; what goes on before what is new; then who waits longest."""
    waiting = [
        machine("d-new", queued_since=NOW - 9),
        machine("i-new", INITIAL, queued_since=NOW - 9),
        machine("i-on", INITIAL, resumed=True),
        machine("o-late", ON_DEMAND),
        machine("o-early", ON_DEMAND, queued_since=NOW - 5),
        machine("final", FINAL),
        machine("d-old", queued_since=NOW - 99),
        machine("d-on", resumed=True),
    ]
    order = ["final", "o-early", "o-late", "i-on", "i-new", "d-on", "d-old", "d-new"]
    assert [d.machine for d in decide({"gw-1": POLICY}, NOW, waiting, ())] == order


def test_the_reason_names_host_number_and_time():
    """S9.2: 32 MiB of buffer at 4 MiB a disk are 8 disks on a host."""
    running = [busy("a", 5, "esx-03", end=NOW + 4800), busy("b", 3, "esx-03", end=NOW + 9000)]
    hold = decided([machine("erp-db", disks=4, host="esx-03")], running)["erp-db"]
    assert hold == Hold("erp-db", DELTA, "esx-03: 8 of 8 disks in flight, next free about 14:20", NOW + 4800)
    hold = decided([machine("erp-db", disks=6, host="esx-03")], running)["erp-db"]
    assert hold.why == "esx-03: 8 of 8 disks in flight, next free about 15:30"
    hold = decided([machine("erp-db", disks=6, host="esx-03")], [busy("a", 5, "esx-03")])["erp-db"]
    assert hold == Hold("erp-db", DELTA, "esx-03: 5 of 8 disks in flight, needs 6", None)
    assert decided([machine("erp-db", disks=6, host="esx-03")])["erp-db"] == Start("erp-db", DELTA, 6)


def test_the_buffer_budget_is_a_policy():
    """S9.2"""
    assert POLICY.disks_per_host == 8
    assert Policy(host_buffer_mib=48).disks_per_host == 12
    assert Policy(host_buffer_mib=2).disks_per_host == 1


def test_52_disks_on_an_appliance():
    """S9.1"""
    running = [busy(f"r{n}", 4, f"esx-{n}") for n in range(13)]
    assert decided([machine("x", host="esx-99")], running)["x"].why == "gw-1: 52 of 52 disks in flight"
    assert isinstance(decided([machine("x", host="esx-99")], running[1:])["x"], Start)


def test_15_snapshots_on_a_datastore_and_the_one_exception():
    """S9.3"""
    running = [busy(f"r{n}", 4, f"esx-{n}", on={"ds-07": 4}) for n in range(3)]
    assert isinstance(decided([machine("x", disks=3, on={"ds-07": 3})], running)["x"], Start)
    assert decided([machine("x", disks=4, on={"ds-07": 4})], running)["x"].why == ("ds-07: 12 of 15 disk snapshots open, needs 4")
    large = machine("large", disks=20, on={"ds-07": 20})
    assert isinstance(decided([large], running)["large"], Hold)
    alone = decided([large, machine("small", queued_since=NOW + 1, host="esx-02", on={"ds-07": 1})])
    assert alone["large"] == Start("large", DELTA, 8)
    assert alone["small"].why == "ds-07: 20 of 15 disk snapshots open"


def test_a_snapshot_that_was_released_no_longer_counts():
    """S9.3: a cycle that applies has no snapshot open."""
    running = [busy("r", 2, "esx-09", on={})]
    assert isinstance(decided([machine("x", disks=15, on={"ds-07": 15}, host="esx-01")], running)["x"], Start)


def test_a_machine_larger_than_every_limit_runs_alone():
    policy = Policy(disks_per_appliance=6)
    assert decided([machine("x", disks=60)], policy=policy)["x"] == Start("x", DELTA, 6)
    assert decided([machine("x", INITIAL, disks=60)])["x"] == Start("x", INITIAL, 8)


def test_windows_of_waves_and_machines_close_too_and_the_reason_names_them():
    """S14, the estate 4: closed when any of them is; open again when the last one is; each in its own zone."""
    policy = replace(POLICY, blackout=Blackout(parse("Monday;12:00;1h30m"), "Asia/Seoul", "payroll"))
    wave = Blackout(parse("Monday;9:00;5h"), "Asia/Seoul", "db_hours", "wave shop")
    own = Blackout(parse("Monday;5:00;30m"), "Europe/Berlin", "", "shop-db")
    waiting = [
        replace(machine("a"), blackouts=(wave,)),
        replace(machine("b"), blackouts=(wave, own)),
        replace(machine("c"), blackouts=(own,)),
        replace(machine("o", ON_DEMAND), blackouts=(own,), in_blackout="override"),
    ]
    found = decided(waiting, policy=policy)
    both = "gw-1: blackout window payroll, wave shop: blackout window db_hours until"
    assert (found["a"].why, found["a"].until) == (f"{both} 14:00", NOW + HOUR)
    # 5:00 to 5:30 in Berlin is 13:00 to 13:30 in Seoul: inside the others here, the last one open decides.
    assert found["b"].why == f"{both.removesuffix(' until')}, shop-db: blackout window until 14:00"
    assert found["c"].why == "gw-1: blackout window payroll, shop-db: blackout window until 13:30"
    assert isinstance(found["o"], Start)
    later = decided([replace(machine("a"), blackouts=(wave,)), machine("x")], policy=replace(policy, blackout=Blackout()))
    assert later["a"].why == "wave shop: blackout window db_hours until 14:00"
    assert isinstance(later["x"], Start)


def test_an_on_demand_cycle_gets_the_next_free_slot():
    """S8.5: others take the back seat on whatever it needs, and only there."""
    waiting = [
        machine("shop-db", ON_DEMAND, 4, "esx-03"),
        machine("small", disks=2, host="esx-03", resumed=True),
        machine("elsewhere", disks=2, host="esx-04"),
    ]
    found = decided(waiting, [busy("r", 6, "esx-03", end=NOW + 60)])
    assert isinstance(found["shop-db"], Hold)
    assert found["small"].why == "esx-03: yields to on-demand cycle of shop-db"
    assert isinstance(found["elsewhere"], Start)
    without = decided(waiting[1:], [busy("r", 6, "esx-03")])
    assert isinstance(without["small"], Start)


def test_a_held_on_demand_cycle_claims_nothing():
    waiting = [machine("o", ON_DEMAND, 8, "esx-03", hold="INC-881"), machine("d", disks=2, host="esx-03")]
    found = decided(waiting, [busy("r", 4, "esx-03")])
    assert found["o"].why == "INC-881"
    assert isinstance(found["d"], Start)


def test_initial_cycles_leave_room_for_one_on_demand_cycle():
    """S8.5: days of initial replication never fill an appliance that has machines to migrate."""
    policy = Policy(disks_per_appliance=16, time_zone="Asia/Seoul")
    synced = machine("synced", disks=4, ready_at=NOW + HOUR)
    waiting = [machine(f"i{n}", INITIAL, 4, f"esx-{n}") for n in range(4)]
    found = decided([*waiting, synced], policy=policy)
    assert [isinstance(found[f"i{n}"], Start) for n in range(4)] == [True, True, True, False]
    assert all(isinstance(d, Start) for d in decided(waiting, policy=policy).values())  # nobody could be migrated yet
    assert found["i3"].why == "gw-1: 12 of 16 disks in initial replication, 4 kept for on-demand cycles"
    running = [busy(f"i{n}", 4, f"esx-{n}", INITIAL) for n in range(3)]
    assert isinstance(decided([machine("synced", ON_DEMAND, 4, "esx-9")], running, policy)["synced"], Start)


def test_an_initial_cycle_reads_fewer_disks_at_once_rather_than_wait_for_the_reserve():
    policy = Policy(disks_per_appliance=10)
    synced = machine("synced", disks=4, host="esx-02", ready_at=NOW + HOUR)
    assert decided([machine("i", INITIAL, 8), synced], policy=policy)["i"] == Start("i", INITIAL, 6)


def test_the_reserve_is_at_most_half_of_an_appliance():
    synced = machine("synced", disks=8, ready_at=NOW + HOUR)
    assert decided([machine("i", INITIAL, 3), synced], policy=Policy(disks_per_appliance=2))["i"] == Start("i", INITIAL, 1)


def test_a_large_initial_cycle_leaves_room_on_its_host_for_a_migration():
    """S8.5: days of initial replication never fill a host that has machines to migrate."""
    synced = machine("synced", disks=3, ready_at=NOW + HOUR)
    assert decided([machine("i", INITIAL, 8), synced])["i"] == Start("i", INITIAL, 5)
    running = [busy("i", 5, kind=INITIAL)]
    assert decided([replace(synced, want=ON_DEMAND, ready_at=NOW)], running)["synced"] == Start("synced", ON_DEMAND, 3)


def test_initial_cycles_leave_snapshots_of_a_datastore_for_a_migration():
    """S8.5, S9.3"""
    synced = machine("synced", disks=4, host="esx-09", on={"ds-07": 4}, ready_at=NOW + HOUR)
    running = [busy("i", 8, kind=INITIAL, on={"ds-07": 8})]
    new = machine("new", INITIAL, 4, "esx-02", on={"ds-07": 4})
    assert decided([new, synced], running)["new"].why == (
        "ds-07: 8 of 15 disk snapshots of initial cycles, 4 kept for on-demand cycles"
    )
    assert isinstance(decided([new], running)["new"], Start)
    alone = machine("alone", INITIAL, 13, "esx-02", on={"ds-07": 13})
    assert isinstance(decided([alone, synced])["alone"], Start)


def test_what_is_urgent_starts_with_fewer_disks_at_once_rather_than_wait():
    """S8.5: half of a host's buffers are enough to begin."""
    running = [busy("r", 4)]
    assert decided([machine("o", ON_DEMAND, 8)], running)["o"] == Start("o", ON_DEMAND, 4)
    assert decided([machine("d", DELTA, 8)], running)["d"].why == "esx-01: 4 of 8 disks in flight, needs 8"
    late = NOW - POLICY.aging
    assert decided([machine("d", DELTA, 8, queued_since=late, ready_at=late)], running)["d"] == Start("d", DELTA, 4)


def test_what_waits_for_a_host_keeps_no_disk_of_the_appliance_idle():
    """Sixty overdue initial cycles behind a full host: everybody else goes on."""
    late = NOW - 2 * POLICY.aging
    waiting = [machine(f"i{n:02}", INITIAL, 4, queued_since=late, ready_at=late) for n in range(60)]
    found = decided([*waiting, machine("d", DELTA, 8, "esx-02")], [busy("r", 8, kind=INITIAL)])
    assert isinstance(found["d"], Start)


def test_overdue_initial_cycles_do_not_claim_the_reserve():
    """The reserve is not for them, so deltas go on in it."""
    late = NOW - 2 * POLICY.aging
    running = [busy(f"r{n}", 8, f"esx-{n}", INITIAL) for n in range(5)] + [busy("r5", 4, "esx-5", INITIAL)]
    waiting = [machine(f"i{n}", INITIAL, 4, f"esx-7{n}", queued_since=late, ready_at=late) for n in range(20)]
    found = decided([*waiting, machine("d", DELTA, 8, "esx-99")], running)
    assert found["i0"].why == "gw-1: 44 of 52 disks in initial replication, 8 kept for on-demand cycles"
    assert isinstance(found["d"], Start)


def test_an_overdue_delta_goes_before_new_initial_cycles_and_never_before_on_demand_ones():
    """S8.5 without starving: after `aging` a delta stands with what goes on already, the longest waiting first."""
    old = NOW - POLICY.aging
    waiting = [
        machine("i-new", INITIAL, queued_since=old - 9),
        machine("i-on", INITIAL, resumed=True, queued_since=old - 5),
        machine("d-late", queued_since=old + 1, ready_at=old + 1),
        machine("d-overdue", queued_since=old, ready_at=old),
        machine("o", ON_DEMAND),
    ]
    order = [d.machine for d in decide({"gw-1": POLICY}, NOW, waiting, ())]
    assert order == ["o", "i-on", "d-overdue", "i-new", "d-late"]


def test_at_300_machines_a_scale_out_appliance_is_asked_for():
    """S10: the 301st is refused with the reason; with what replicates already nothing changes."""
    waiting = [machine(f"m{n:03}", ready_at=NOW + 9) for n in range(298)]
    running = [busy("r", kind=INITIAL)]
    new = [machine(f"new-{n}", INITIAL, queued_since=NOW + n) for n in range(3)]
    found = decided([*waiting, *new], running)
    assert isinstance(found["new-0"], Start)
    for name in ("new-1", "new-2"):
        assert found[name].why == "gw-1: 300 of 300 machines replicate; deploy a scale-out appliance for more"
    other = [replace(m, appliance="gw-2") for m in new]
    found = decide({"gw-1": POLICY, "gw-2": POLICY}, NOW, [*waiting, *other], running)
    assert all(isinstance(d, Start) for d in found if d.machine.startswith("new"))


def test_nothing_starts_in_a_blackout_window():
    """S14: not even an on-demand cycle; the final delta of a migration that was begun before is its end, and goes on."""
    policy = replace(POLICY, blackout=Blackout(parse("Monday;7:00;7h"), "Asia/Seoul"))
    waiting = [machine("a"), machine("b", INITIAL), machine("c", ON_DEMAND), machine("d", FINAL)]
    found = decided(waiting, policy=policy)
    for name in "abc":
        more = " (the migration's in_blackout: wait)" if name == "c" else ""
        assert (found[name].why, found[name].until) == (f"gw-1: blackout window until 14:00{more}", NOW + HOUR)
        assert found[name].blackout
    assert isinstance(found["d"], Start)
    assert all(isinstance(d, Start) for d in decided(waiting, policy=policy, now=NOW + HOUR).values())
    for_ever = replace(policy, blackout=Blackout(parse("Monday;0:00;7d"), "Asia/Seoul"))
    why = "gw-1: blackout window until further notice"
    assert decided([machine("a")], policy=for_ever)["a"] == Hold("a", DELTA, why, None, blackout=True)


def test_each_appliance_has_its_own_windows():
    """S14"""
    closed = replace(POLICY, blackout=Blackout(parse("Monday;7:00;7h"), "Asia/Seoul"))
    waiting = [machine("a"), replace(machine("b"), appliance="gw-2")]
    found = decide({"gw-1": closed, "gw-2": replace(closed, blackout=Blackout(closed.blackout.windows, "UTC"))}, NOW, waiting, ())
    assert [type(d) for d in found] == [Hold, Start]


@pytest.mark.parametrize(
    ("ready", "why"),
    [
        (600, "next delta cycle at 13:10"),
        (20 * HOUR, "next delta cycle at Tue 9:00"),
        (9 * 24 * HOUR, "next delta cycle at 20 Jan 13:00"),
    ],
)
def test_what_is_not_due_says_when(ready, why):
    """S8.3"""
    assert decided([machine("a", ready_at=NOW + ready)])["a"] == Hold("a", DELTA, why, NOW + ready)


def test_a_machine_whose_cycle_runs_and_an_appliance_that_is_not_there():
    found = decided([machine("a"), replace(machine("b"), appliance="gw-9")], [busy("a", end=NOW + 5)])
    assert found["a"] == Hold("a", DELTA, "its delta cycle is under way", NOW + 5)
    assert found["b"].why == "appliance gw-9 is not known here"


@pytest.mark.parametrize(
    ("minutes", "first", "hours"),
    [(600, True, 0), (10, False, 1), (120, False, 1), (300, False, 2.5), (3000, False, 25)],
)
def test_when_the_next_delta_starts(minutes, first, hours):
    """S8.2: at once after the initial cycle; S8.3: max(duration / 2, 1 hour) after the previous one."""
    assert next_delta(POLICY, minutes * 60.0, NOW, first) == NOW + hours * HOUR


def test_the_cap_is_a_policy():
    """S8.3: Azure's newer documents cap the pause at 12 hours."""
    assert next_delta(Policy(delta_cap=12 * HOUR), 3000 * 60.0, NOW, False) == NOW + 12 * HOUR
    assert next_delta(Policy(delta_minimum=5.0), 2.0, NOW, False) == NOW + 5


def test_retries_back_off():
    assert [next_retry(POLICY, 0, n) for n in (1, 2, 3, 6, 7, 500)] == [60, 120, 240, 1920, 1920, 1920]
