"""Forecasts from what planning looked at: the schedule's own answer, unknown never 0 (issue 4: forecast; The weeks, 14)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from planner.config import load
from planner.planfile import digest_of
from replication.model.record import Commit, CycleKind, DiskEvidence, Evidence, Record
from replication.schedule import Decision
from replication.schedule import Start as Begin
from replication.simulate import Simulation
from tests.planner.site import GIB, Site, vm
from wavelift.forecasting import beside, text
from wavelift.forecasting.fleet import assumptions, fleet
from wavelift.forecasting.make import forecast
from wavelift.forecasting.model import Forecast
from wavelift.forecasting.warn import warnings

NOW = datetime(2027, 1, 15, 12, tzinfo=ZoneInfo("Asia/Seoul")).timestamp()
HOUR = 3600.0
WAVE = "waves:\n  shop:\n    target: korea\n    phase: {phase}\n{more}    machines: {{web-01: Standard_D2s_v5}}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path, vm(1, "web-01", (8,)))
    site.files(waves=WAVE.format(phase="replicate", more=""))
    yield site


def made(site: Site, most: int | None = None, **files: str) -> Forecast:
    site.files(**files)
    looked = site.look(now=NOW)
    assert not looked.plan.errors, looked.plan.errors
    return forecast(looked, NOW, most=most)


def test_an_initial_replication_takes_bytes_at_the_slowest_rate(site: Site) -> None:
    """8 GiB at 8 Mbit/s are 8590 s; the settling time comes before."""
    [start] = made(site, assumed="forecast: {link: 8 Mbps, settle: 30s}\n").starts
    assert (start.machine, start.bytes, start.begins) == ("web-01", 8 * GIB, NOW)
    assert start.ends is not None
    assert 8 * GIB / 1e6 <= start.ends - NOW <= 8 * GIB / 1e6 + 90
    assert start.churn == "assumed" and start.windows == 0
    grown = 8 * GIB * 0.05 / 86400 * (start.ends - NOW)
    assert start.space["ds-1"] == pytest.approx(grown, rel=0.02)


def test_only_what_holds_data_is_sent(site: Site) -> None:
    assert made(site, assumed="forecast: {used: 25%}\n").starts[0].bytes == 2 * GIB


def test_the_throttle_s_schedule_counts(site: Site) -> None:
    """S13: at noon 8 Mbit/s, from 13:00 on as much as there is."""
    throttle = "{rate: unlimited, except: [{days: Mon-Sun, time: 08:00-13:00, rate: 8 Mbps}]}"
    _appliance(site, f"throttle: {throttle}")
    [start] = made(site).starts
    assert start.ends is not None and HOUR < start.ends - NOW < HOUR + 600


def test_a_blackout_is_cut_out_or_gone_through(site: Site) -> None:
    """The weeks, 14: what runs goes on, or makes way and resumes; nothing starts inside."""
    slow = "forecast: {link: 8 Mbps, settle: 30s}\n"
    whole = made(site, assumed=slow).starts[0]
    assert whole.ends is not None
    _appliance(site, 'blackout: "Friday;13:00;5h"')
    through = made(site).starts[0]
    assert through.ends == whole.ends and through.windows == 1
    _appliance(site, 'blackout: "Friday;13:00;5h", schedule: {initial_in_blackout: release-and-resume}')
    cut = made(site).starts[0]
    assert cut.ends is not None and cut.ends == pytest.approx(whole.ends + 5 * HOUR, abs=180)
    assert cut.snapshot is not None and cut.snapshot < 7 * HOUR
    _appliance(site, 'blackout: "Friday;11:00;5h"')
    assert made(site).starts[0].begins == pytest.approx(NOW + 4 * HOUR, abs=90)


def test_one_that_never_ends_is_unknown(site: Site) -> None:
    found = made(site, assumed="forecast: {link: 1 bps}\n")
    assert found.starts[0].ends is None and found.ends is None
    assert "unknown" in text.text(found)


def test_cost_is_a_price_times_size_or_unknown(site: Site) -> None:
    """Unknown is "unknown", never 0."""
    without = made(site)
    assert without.cost == {"koreacentral": None} and without.monthly is None
    assert "Seeds in koreacentral: 8 GiB, unknown" in text.text(without)
    assert text.to_json(without)["cost"]["known"] is None
    priced = made(site, prices="prices: {currency: EUR, seed_gib_month: {koreacentral: 0.5}}\n")
    assert priced.cost == {"koreacentral": 4.0} and "4.00 EUR a month" in text.text(priced)
    elsewhere = made(site, prices="prices: {seed_gib_month: {japaneast: 0.5}}\n")
    assert elsewhere.cost == {"koreacentral": None}


def test_prices_and_assumptions_make_no_plan_stale(site: Site) -> None:
    digest = digest_of(site.look(now=NOW).plan)
    site.files(prices="prices: {seed_gib_month: {koreacentral: 0.5}}\n", assumed="forecast: {link: 1 Gbps}\n")
    assert digest_of(site.look(now=NOW).plan) == digest


def test_a_plan_of_many_says_what_it_left_out(site: Site) -> None:
    found = made(site, most=0)
    assert found.starts == () and "run `wavelift forecast`" in text.text(found)


def test_the_downtime_is_the_engine_s_own_and_unknown_before_it_measured(site: Site) -> None:
    """Issue 4: expected cut-over downtime from measured churn; `plan` warns when a window is too short."""
    site.go()
    cutover = "    cutover: {window: 2027-01-17 01:00/01:02, downtime: 1m}\n"
    site.files(waves=WAVE.format(phase="migrate", more=cutover))
    [unmeasured] = made(site).cutovers
    assert unmeasured.p50 is None and unmeasured.bytes50 is None
    assert "unknown (nothing measured yet)" in text.text(made(site))
    _measure(site)
    found = made(site)
    [known] = found.cutovers
    assert known.p50 is not None and known.p90 is not None and known.p50 <= known.p90
    assert "its window is 120 s long" in known.short
    told = warnings(site.workspace.estate, found)
    assert [d.code for d in told] == ["WL488"] and str(told[0].span).startswith("waves.yaml:5:")
    assert known.legal.at is None, "what cannot end in its window has no legal start"


def test_a_pull_request_sees_lag_budget_off_and_up_and_what_a_failure_does(site: Site) -> None:
    """users.md, screen 1: lag, final delta, p50/p90, budget, off..up, "if it fails" of each machine that is cut over."""
    site.go()
    cutover = "    cutover: {window: 2027-01-17 01:00/05:00, downtime: 30m, on_failure: hold-wave}\n"
    site.files(waves=WAVE.format(phase="migrate", more=cutover))
    assert "| unknown | unknown | unknown (nothing" in text.markdown(made(site))
    _measure(site)
    heads, _, row = [line for line in text.markdown(made(site)).splitlines() if line.startswith("|")]
    cells = dict(zip(heads.split(" | "), row.split(" | "), strict=True))
    assert (cells["lag"], cells["budget"], cells["if it fails"]) == ("60 min", "30 min ok", "hold the wave")
    assert cells["earliest off .. up"].startswith("Sun 2027-01-17 01:00 .. 01:"), cells
    assert "its window" in cells["earliest off .. up"] and "MiB" in cells["last delta"]


def test_a_pull_request_sees_what_a_start_needs_and_costs(site: Site) -> None:
    """users.md, screen 1: bytes, begin and end, snapshot open, space of so much free, what the plan adds to the bill."""
    site.files(prices="prices: {seed_gib_month: {koreacentral: 0.5}}\n", assumed="forecast: {link: 8 Mbps}\n")
    looked = replace(site.look(now=NOW), free={("seoul", "ds-1"): 420 * GIB, ("other", "ds-1"): GIB})
    page = text.markdown(forecast(looked, NOW))
    [row] = [line for line in page.splitlines() if line.startswith("| shop | 1 |")]
    assert "of 420 GiB free" in row and "8 GiB | Fri 2027-01-15 12:00:00 | Fri 2027-01-15 14:2" in row, row
    assert "; this plan +8 GiB, +4.00 USD a month." in page
    site.go()
    assert "this plan" not in text.markdown(forecast(site.look(now=NOW), NOW))


def test_whose_rights_were_checked(site: Site) -> None:
    """users.md, screen 1: "rights checked for …"; a plan that could not look does not say it."""
    assert site.look(now=NOW).rights.startswith("plan, apply and engine ")


def test_a_forecast_as_a_table_and_as_json(site: Site) -> None:
    found = made(site)
    page = text.markdown(found)
    assert "| shop | web-01 | 8 GiB |" in page and "**Initial replications**" in page
    document = json.loads(json.dumps(text.to_json(found)))
    assert document["format"] == "wavelift-forecast-1" and document["starts"][0]["machine"] == "web-01"


def _appliance(site: Site, more: str) -> None:
    base = (site.folder / "estate.yaml").read_text()
    lines = [f"  gw-1: {{role: primary, {more}}}" if line.startswith("  gw-1:") else line for line in base.splitlines()]
    (site.folder / "estate.yaml").write_text("\n".join(lines) + "\n")


def _measure(site: Site, **measured: float) -> None:
    """Three cycles of web-01: 64 MiB an hour."""
    disk = DiskEvidence(2000, 131072, 131072, 0, 64 << 20, 64 << 20, 64 << 20, 64 << 20, 16)
    kinds = {3: CycleKind.DELTA, 2: CycleKind.DELTA, 1: CycleKind.INITIAL}
    began = {n: NOW - (4 - n) * HOUR for n in kinds}
    cycles = tuple(Evidence(n, kind, "a", 1, began[n], began[n] + 20, 9, (disk,)) for n, kind in kinds.items())
    commit = Commit(3, CycleKind.DELTA, "a", 3, NOW - HOUR + 20, NOW - HOUR, {}, {})
    for documents in site.engine.stores.values():
        for uuid, record in documents.records.items():
            known: Record = replace(record, evidence=cycles, committed=commit, measured=measured)
            documents.records[uuid] = known


def test_whose_downtime_is_assumed_is_said_until_a_test_has_measured_it(site: Site) -> None:
    """Issue 4, Forecast: what nobody measured is named as assumed, machine by machine, and no longer than that."""
    site.go()
    site.files(waves=WAVE.format(phase="migrate", more=""))
    assert "Assumed in downtimes" not in text.text(made(site)), "nothing is foretold yet"
    _measure(site)
    assert "until a test migration measures it: web-01." in text.text(made(site))
    for documents in site.engine.stores.values():
        for uuid, record in documents.records.items():
            documents.records[uuid] = replace(record, measured={"azure": 40.0})
    assert "Assumed in downtimes" not in text.text(made(site))


def test_a_snapshot_is_not_open_while_a_window_is_closed(site: Site) -> None:
    """issue 4, Forecast: what a snapshot grows to counts the hours that it is open, not those in which it was released."""
    policy = 'blackout: "Friday;13:00;5h", schedule: {initial_in_blackout: release-and-resume}'
    _appliance(site, policy)
    [start] = made(site, assumed="forecast: {link: 8 Mbps, settle: 30s}\n").starts
    assert start.begins == NOW and start.ends is not None and start.windows == 1
    assert start.snapshot == pytest.approx(start.ends - (NOW + 6 * HOUR)), "from 18:00 on, when it resumed: longer than 12 to 13"
    assert start.space["ds-1"] == int(8 * GIB * 0.05 / 86400 * start.snapshot)
    more = "    blackout: {dates: [2027-01-15 17:00/19:00]}\n"
    [two] = made(site, waves=WAVE.format(phase="replicate", more=more)).starts
    assert two.windows == 1 and two.ends == pytest.approx(start.ends + HOUR, abs=90), "windows that overlap are one"


def test_a_datastore_that_snapshots_may_fill_is_a_warning(site: Site) -> None:
    """issue 4, Forecast: extra datastore space against what is free; what runs one after the other needs no room together."""
    site.vms["web-02"] = vm(2, "web-02", (8,))
    site.files(waves=WAVE.format(phase="replicate", more="").replace("web-01:", "web-02: Standard_D2s_v5, web-01:"))
    looked = site.look(now=NOW)
    assert not looked.plan.errors
    found = forecast(looked, NOW)
    needed = sum(one.space["ds-1"] for one in found.starts)
    assert len(found.starts) == 2 and needed > 0

    def told(free: int) -> list[str]:
        with_free = tuple(replace(one, free={"ds-1": free}) for one in found.starts)
        return [d.detail for d in warnings(site.workspace.estate, replace(found, starts=with_free))]

    assert told(10 * GIB + needed) == []
    [detail] = told(10 * GIB + needed - 1)
    assert detail.startswith("ds-1 of seoul: ") and "10 GiB stay free" in detail
    first, second = found.starts
    later = replace(second, begins=first.ends, ends=(first.ends or 0.0) + HOUR, free={"ds-1": 10 * GIB + needed - 1})
    assert warnings(site.workspace.estate, replace(found, starts=(replace(first, free=later.free), later))) == ()


def test_what_leaves_the_files_saves_its_seeds(site: Site) -> None:
    """issue 4, Forecast: what a plan takes from the bill counts a machine that left, too; a kept one goes on costing."""
    prices = "prices: {seed_gib_month: {koreacentral: 0.5}}\n"
    site.files(prices=prices)
    site.go()
    site.files(waves="waves:\n  shop: {target: korea, machines: {}}\n")
    kept = forecast(site.look(now=NOW), NOW, most=0)
    assert (kept.cost, kept.added) == ({"koreacentral": 4.0}, {}), "it is not destroyed, so it costs"
    number = site.look(0, now=NOW).plan.destroys
    gone = forecast(site.look(number, now=NOW), NOW, most=0)
    assert (gone.cost, gone.added) == ({"koreacentral": 0.0}, {"koreacentral": -4.0})
    assert "this plan -8 GiB, -4.00 USD a month" in text.text(gone)


def test_a_disk_that_replicates_no_more_saves_its_seed(site: Site) -> None:
    site.vms["web-01"] = vm(1, "web-01", (8, 4))
    site.files(prices="prices: {seed_gib_month: {koreacentral: 0.5}}\n")
    site.go()
    machine = "{size: Standard_D2s_v5, disks: {'scsi0:1': skip}}"
    site.files(waves=f"waves:\n  shop: {{target: korea, machines: {{web-01: {machine}}}}}\n")
    number = site.look(0, now=NOW).plan.destroys
    less = forecast(site.look(number, now=NOW), NOW, most=0)
    assert (less.cost, less.added) == ({"koreacentral": 4.0}, {"koreacentral": -2.0})


@pytest.mark.parametrize(
    ("prices", "code"),
    [
        ("{seed_gib_month: {koreacentral: -0.01}}", "WL126"),
        ("{seed_gib_month: {koreacentral: .inf}}", "WL12"),
        ("{seed_gib_month: {koreacentral: .nan}}", "WL12"),
        ("{seed_gib_month: {koreacentral: 1e400}}", "WL12"),
        ("{seed_gib_month: {koreacentral: 0.05 USD}}", "WL12"),
        ("{seed_gib_month: {koreacentral: }}", "WL130"),
        ("{seed_gib_month: {koreacentral: [0.05]}}", "WL12"),
        ("{seed_gib_month: {Korea Central: 0.05}}", "WL132"),
        ("{seed_gib_month: {koreacentral: 0.05, koreacentral: 0.5}}", "WL121"),
        ("{seed_gib_hour: {koreacentral: 0.05}}", "WL1"),
        ("{currency: won, seed_gib_month: {koreacentral: 0.05}}", "WL12"),
        ("{currency: EUR}", "WL1"),
        ("0.05", "WL12"),
        ("{seed_gib_month: {koreacentral: 0.05}", "WL104"),
        ("!!python/object:os.system {}", "WL1"),
        ("*nowhere", "WL104"),
    ],
)
def test_a_price_file_that_is_wrong_is_told_at_its_line(site: Site, prices: str, code: str) -> None:
    """issue 4, Forecast: never 0, never a traceback."""
    (site.folder / "prices.yaml").write_text(f"# from the contract\nprices: {prices}\n")
    found = load(site.folder, env={"VC_USER": "u", "VC_PASSWORD": "p"}).diagnostics
    errors = [one for one in found if one.severity == "error"]
    assert errors and all(one.code.startswith(code) for one in errors), found
    assert all("prices.yaml:" in str(one.span) for one in errors), found


def test_a_region_without_a_price_stays_unknown_beside_one_that_has_one() -> None:
    """issue 4, Forecast: a sum in part says so, and never counts what is unknown as 0."""
    found = Forecast(
        NOW, "UTC", seeds={"a": GIB, "b": GIB}, cost={"a": 0.0, "b": None}, change={"b": GIB}, added={"b": None}, currency="EUR"
    )
    page = text.text(found)
    assert "Seeds in a: 1 GiB, 0.00 EUR a month." in page, "a price of 0 is a price"
    assert "Seeds in b: 1 GiB, unknown (no price under `prices`); this plan +1 GiB." in page
    assert "Seeds in all: 0.00 EUR a month, and unknown for b." in page
    assert beside.cost(found) == "seeds cost unknown"
    assert beside.cost(replace(found, added={"a": 1.0, "b": None})) == "seeds +1.00 EUR a month, unknown in part"


def test_p50_and_p90_are_what_a_calculation_by_hand_gives(site: Site) -> None:
    """issue 4, Forecast: expected downtime from measured churn. 64 MiB were written in each hour and read in 20 s."""
    site.go()
    site.files(waves=WAVE.format(phase="migrate", more=""))
    _measure(site)
    [one] = made(site).cutovers
    assert one.p50 is not None and one.p90 is not None
    mib = 64 / 3600 * (120 + 60)  # filled ahead until 2 minutes before, then the guest takes a minute to shut down
    assert one.p50 == pytest.approx(60 + 20 + mib / (64 / 20) + mib / 100 + 120)
    worst = 64 / 3600 * (120 + 90)
    assert one.p90 == pytest.approx(90 + 30 + worst / (64 / 20) + worst / 100 + 180)
    for documents in site.engine.stores.values():
        for uuid, record in documents.records.items():
            documents.records[uuid] = replace(record, measured={"azure": 7.0, "shutdown": 2.0})
    [known] = made(site).cutovers
    mib, worst = 64 / 3600 * 122, 64 / 3600 * 123
    assert known.p50 == pytest.approx(2 + 20 + mib / (64 / 20) + mib / 100 + 7), "what a test migration measured is what counts"
    assert known.p90 == pytest.approx(3 + 30 + worst / (64 / 20) + worst / 100 + 10.5)


def test_a_window_is_too_short_by_a_second_and_long_enough_by_none(site: Site) -> None:
    """issue 4: `plan` warns when a cut-over window is too short: equal fits, also over midnight. (A night of a clock change is
    `test_config_cutover`'s: windows are seconds from there on.)"""
    site.go()
    site.files(waves=WAVE.format(phase="migrate", more="    cutover: {window: 2027-01-16 23:58/2027-01-17 00:04}\n"))
    _measure(site, azure=0.0)
    looked = site.look(now=NOW)
    [known] = forecast(looked, NOW).cutovers
    assert known.p90 is not None and 120 < known.p90 < 360 and known.short == "", "six minutes over midnight"

    def with_room(seconds: float) -> tuple[str, bool]:
        one = looked.desired.machines["web-01"]
        opens = one.machine.cutover.opens or 0.0
        cutover = replace(one.machine.cutover, closes=opens + seconds)
        desired = replace(looked.desired, machines={"web-01": replace(one, machine=replace(one.machine, cutover=cutover))})
        [told] = forecast(replace(looked, desired=desired), NOW).cutovers
        return told.short, told.legal.at is None

    whole = math.ceil(known.p90)
    assert with_room(whole) == ("", False)
    assert with_room(whole - 1) == (f"its window is {whole - 1} s long and it may take {whole} s", True)


@pytest.mark.parametrize(
    "policy", ["throttle: {rate: 80 Mbps}", 'blackout: "Friday;12:30;1h", schedule: {initial_in_blackout: release-and-resume}']
)
def test_a_forecast_is_the_schedule_s_own_answer_to_the_second(site: Site, policy: str) -> None:
    """issue 4, Forecast: the engine's own `decide`, asked about every machine at every moment, gives the same times; no host
    reads more disks at once than it has buffers for (S9)."""
    names = [f"web-{n:02}" for n in range(1, 7)]
    site.vms = {name: vm(n, name, (4, 2, 3)) for n, name in enumerate(names, 1)}
    machines = ", ".join(f"{name}: Standard_D2s_v5" for name in names)
    site.files(waves=WAVE.format(phase="replicate", more="").replace("web-01: Standard_D2s_v5", machines))
    _appliance(site, policy)
    looked = site.look(now=NOW)
    assert not looked.plan.errors
    found = {one.machine: (one.begins, one.ends) for one in forecast(looked, NOW).starts}
    assumed = assumptions(looked.desired.estate.forecast, len(names))
    whole = Simulation(fleet(looked, NOW, {}, names), NOW, assumed=assumed, show_all=True)
    begun, ended, most = dict[str, float](), dict[str, float](), 0

    def seen(at: Simulation, decisions: list[Decision]) -> None:
        nonlocal most
        begun.update({d.machine: at.now for d in decisions if isinstance(d, Begin) and d.machine not in begun})
        ended.update({name: at.now for name in at.points if name not in ended})
        most = max(most, sum(flight.cycle.disks for flight in at.running.values()))

    whole.run(NOW + 86400, seen)
    assert {name: (begun[name], ended[name]) for name in names} == found
    assert most <= 8 and len({begin for begin, _ in found.values()}) > 1, "some had to wait"
