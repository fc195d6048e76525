"""`rules`: what authors of waves may not do, found in the files and in a plan, with rule id and line (issue 4: waves as code)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from planner.config import load
from planner.estate import Diagnostic, Estate
from planner.guards import broken_in_files, forbidden_now
from planner.plan.scope import Scope
from planner.steps import SendOrder
from replication.model.record import OrderStep, StepState
from tests.planner.site import Site, vm
from wavelift.applying.approvals import on_a_day
from wavelift.cli.app import invoke
from wavelift.planning.look import Looked
from wavelift.problems import DENIED, ERROR, UserProblem, code_for
from wavelift.workspace import Workspace

HOUR, DAY = 3600.0, 86400.0
BASE = """\
estate: {name: seoul-exit, schema: 1, time_zone: Asia/Seoul}
azure: {tenant: corp.example, project: {subscription: sub, region: koreacentral, resource_group: rg}}
sources: {seoul: {vcenter: vc01.corp.example, login: env:VC}}
appliances: {gw-1: {role: primary}}
targets:
  korea: {region: koreacentral, resource_group: rg, vnet: vnet, subnets: {VLAN110: snet}}
  japan: {region: japaneast, resource_group: rg, vnet: vnet, subnets: {VLAN110: snet}}
waves:
  shop:
    target: korea
    phase: migrate
    cutover: {window: 2027-01-17 01:00/05:00}
    machines:
      db: {size: [Standard_E8s_v5, Standard_M8], tags: {Cost: "4711"}}
      web: {size: Standard_D2s_v5}
  erp:
    target: japan
    phase: migrate
    after: {shop: migrated}
    machines:
      app: {size: Standard_D2s_v5, cutover: {window: 2027-01-16 22:00/23:30}}
      late: {size: Standard_D2s_v5, cutover: {window: 2027-01-17 22:00/23:30}}
"""


def estate(folder: Path, rules: str) -> Estate:
    (folder / "estate.yaml").write_text(BASE)
    (folder / "rules.yaml").write_text(f"rules:\n  one: {{{rules}}}\n")
    loaded = load(folder, env={})
    assert loaded.estate is not None, loaded.diagnostics
    return loaded.estate


def found(folder: Path, rules: str) -> list[Diagnostic]:
    return list(broken_in_files(estate(folder, rules)))


@pytest.mark.parametrize(
    ("rules", "code", "says"),
    [
        ("sizes: [Standard_D*, Standard_E8*]", "WL486", "db: size Standard_M8 is none of Standard_D*, Standard_E8*."),
        ("regions: [koreacentral]", "WL486", "app: its target japan is in japaneast"),
        ("required_tags: [cost], waves: [shop]", "WL486", "web: without the tag cost."),
        ("wave_size: {max: 1}, waves: [sh*]", "WL483", "Wave shop has 2 machines; 1 to 1 are allowed."),
        ("wave_size: {min: 3}, waves: [erp]", "WL483", "Wave erp has 2 machines; 3 or more are allowed."),
        ("depends_on: {web: [app]}", "WL481", "web depends on app, which is in wave erp: neither the same nor one that"),
        ("never_together: [db, web]", "WL482", "db and web are both in wave shop."),
        ("never_together: [db, app]", "WL482", "db and app are cut over in the same night (2027-01-16)."),
        ("max_cutovers_a_night: 2", "WL484", "In the night of 2027-01-16 3 machines are cut over (db, web, app); at most 2"),
        ("no_cutover: {weekly: [{days: Sat}]}", "WL485", "app: its cut-over window 2027-01-16 22:00/23:30 meets Saturday"),
        ("no_cutover: {dates: [2027-01-17]}, waves: [shop]", "WL485", "db: its cut-over window 2027-01-17 01:00/05:00"),
        ("never_together: [db, ghost]", "WL480", "names 'ghost'"),
        ("depends_on: {ghost: [db]}", "WL480", "names 'ghost'"),
        ("sizes: [Standard_*], waves: [shpo]", "WL480", "names 'shpo', and the estate has no such wave"),
    ],
)
def test_a_breach_is_named_with_rule_and_line(tmp_path: Path, rules: str, code: str, says: str) -> None:
    first = found(tmp_path, rules)[0]
    assert first.code == code and says in first.detail, first
    assert "`one`" in first.detail
    places = [str(first.span), *(str(span) for _, span in first.related)]
    assert any("rules.yaml:2:" in place for place in places), places
    if code != "WL480":
        assert "estate.yaml:" in str(first.span), "the line of the wave that breaks it"


@pytest.mark.parametrize(
    "rules",
    [
        "sizes: [Standard_*]",
        "regions: [koreacentral, japaneast]",
        "required_tags: [cost], waves: [none-*]",
        "wave_size: {min: 2, max: 2}",
        "depends_on: {app: [db], web: [db]}",
        "never_together: [db, late]",
        "max_cutovers_a_night: 3",
        "max_cutovers_a_night: 1, waves: [erp]",
        "no_cutover: {weekly: [{days: Sun, time: 05:00-22:00}]}, waves: [shop]",
        "test_accepted: true",
        "max_destroys: 0",
    ],
)
def test_what_keeps_the_rule_is_silent(tmp_path: Path, rules: str) -> None:
    assert found(tmp_path, rules) == []


@pytest.mark.parametrize(
    ("rules", "codes"),
    [
        ("never_together: [db]", ["WL127"]),
        ("never_together: [db, db]", ["WL127"]),
        ("never_together: [db, '']", ["WL125"]),
        ("max_destroys: -1", ["WL126"]),
        ("why: nothing", ["WL128"]),
    ],
)
def test_a_rule_that_could_never_be_broken_is_one_problem(tmp_path: Path, rules: str, codes: list[str]) -> None:
    """Issue 4, Editing: what is wrong with a rule is told once, without what follows from it."""
    (tmp_path / "estate.yaml").write_text(BASE + f"rules:\n  one: {{{rules}}}\n")
    assert [one.code for one in load(tmp_path, env={}).diagnostics] == codes


def test_a_window_of_what_is_not_cut_over_yet_takes_no_place(tmp_path: Path) -> None:
    """A wave that only replicates may carry its window already."""
    erp = BASE.replace("target: japan\n    phase: migrate", "target: japan\n    phase: replicate")
    (tmp_path / "estate.yaml").write_text(f"{erp}rules:\n  one: {{max_cutovers_a_night: 2}}\n")
    loaded = load(tmp_path, env={})
    assert loaded.estate is not None and broken_in_files(loaded.estate) == ()


def test_the_reason_is_told_and_the_exit_code_says_denied(tmp_path: Path) -> None:
    """Issue 4: each with exit code and reason."""
    breaches = found(tmp_path, 'regions: [westeurope], why: "data stays in the EU"')
    assert all("data stays in the EU" in d.detail for d in breaches) and len(breaches) == 4
    assert code_for(breaches) == DENIED
    assert code_for([*breaches, Diagnostic("WL345", "unknown VM size", "")]) == ERROR
    assert code_for(found(tmp_path, "never_together: [ghost, ghoul]")) == ERROR, "a rule that is wrong is an error of its own"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    yield Site(tmp_path, vm(1, "web-01"), vm(2, "web-02"))


WAVE = (
    "waves:\n  shop:\n    target: korea\n    phase: {phase}\n    machines: {{web-01: Standard_D2s_v5, web-02: Standard_D2s_v5}}\n"
)


def test_a_plan_that_destroys_more_than_a_rule_allows(site: Site) -> None:
    """Most destroys of a plan: also where --allow-destroy names the number."""
    site.files(waves=WAVE.format(phase="replicate"))
    site.go()
    site.files(waves="waves: {shop: {target: korea, machines: {}}}\n", rules="rules: {careful: {max_destroys: 1}}\n")
    number = site.look(0).plan.destroys
    errors = site.look(number).plan.errors
    assert number > 1 and [d.code for d in errors] == ["WL487"] and "at most 1 may go" in errors[0].detail
    assert code_for(errors) == DENIED
    assert not site.look().plan.errors, "nothing is destroyed without the option"
    for most, codes in ((0, ["WL487"]), (number - 1, ["WL487"]), (number, [])):
        site.files(rules=f"rules: {{careful: {{max_destroys: {most}}}}}\n")
        assert [d.code for d in site.look(number).plan.errors] == codes, "so many and no more"


def test_cut_overs_without_a_window_count_as_one_night(site: Site) -> None:
    site.files(waves=WAVE.format(phase="replicate"))
    site.go()
    site.files(waves=WAVE.format(phase="test"), rules="rules: {nights: {max_cutovers_a_night: 1}}\n")
    assert site.look().plan.steps and not site.look().plan.errors, "a test is no cut-over"
    site.files(waves=WAVE.format(phase="migrate"))
    assert [d.code for d in site.look().plan.errors] == ["WL484"]
    site.files(rules="rules: {nights: {max_cutovers_a_night: 2}}\n")
    assert not site.look().plan.errors


def test_a_night_is_full_whoever_filled_it(site: Site) -> None:
    """At most N cut-overs a night, however many plans they are spread over: what began in this night takes a place until noon,
    and a window that opens in it does before it has opened. Never together holds without windows and waves, too."""
    waves = WAVE.format(phase="replicate") + "  erp: {target: korea, phase: replicate, machines: {erp-01: Standard_D2s_v5}}\n"
    site.vms["erp-01"] = vm(3, "erp-01")
    site.files(waves=waves)
    site.go()
    nights = "rules: {nights: {max_cutovers_a_night: 1}}\n"
    site.files(
        waves=waves.replace("{web-01: ", "{web-01: {phase: migrate, size: ").replace("v5, web-02", "v5}, web-02"), rules=nights
    )
    site.go()
    site.files(waves=WAVE.format(phase="migrate") + waves[waves.index("  erp:") :])
    looked = site.look()
    assert [s.machine for s in looked.plan.steps if isinstance(s, SendOrder)] == ["web-02"] and not looked.plan.errors
    [(uuid, record)] = [(u, r) for u, r in looked.records.items() if r.order is not None]
    assert record.order is not None
    zone = ZoneInfo("Asia/Seoul")
    done, noon, same = (
        datetime(2027, 1, 15, hour, minute, tzinfo=zone).timestamp() for hour, minute in ((23, 0), (12, 0), (12, 1))
    )
    step = OrderStep("start", StepState.DONE, done - 60, done)
    ended = replace(looked, records={**looked.records, uuid: replace(record, order=replace(record.order, steps=(step,)))})

    def denied(looked: Looked, now: float) -> str:
        try:
            on_a_day(site.workspace.estate, looked.plan, looked, now)
        except UserProblem as refused:
            assert refused.code == DENIED
            return refused.text
        return ""

    told = denied(ended, done + HOUR)
    assert (
        "WL484" in told and "and 1 more are cut over in this night (web-01); at most 1 may." in told and "rules.yaml:1:" in told
    )
    assert denied(ended, noon + DAY - 1) and not denied(ended, noon + DAY), "the night ends at noon"
    assert denied(ended, same) and not denied(ended, noon - 1)
    again = tuple(replace(s, machine="web-01") for s in looked.plan.steps)
    on_a_day(site.workspace.estate, replace(looked.plan, steps=again), ended, done + HOUR)  # a second attempt is its own
    under_way = replace(ended, records={uuid: replace(record, order=replace(record.order, outcome=None))})
    assert denied(under_way, done + 9 * DAY), "what has not ended takes a place"
    site.files(rules="rules: {nights: {max_cutovers_a_night: 2}}\n")
    assert not denied(ended, done + HOUR)
    site.files(rules="rules: {domain: {never_together: [web-01, web-02]}}\n", waves=waves)
    assert "WL482" in denied(ended, done + HOUR) and not denied(ended, done + DAY)

    windowed = (
        "  erp: {target: korea, phase: migrate, cutover: {window: 2027-01-15 22:00/23:30}, machines: {erp-01: Standard_D2s_v5}}\n"
    )
    site.files(waves=WAVE.format(phase="migrate") + windowed, rules=nights)
    assert "(erp-01)" in denied(replace(looked, records={}), noon), "its window opens in this night"
    assert not denied(replace(looked, records={}), noon - 1)
    site.files(waves=WAVE.format(phase="migrate") + windowed.replace("phase: migrate", "phase: test"))
    assert not denied(replace(looked, records={}), noon), "it is not cut over"


def test_two_that_never_go_together_do_not_begin_together(site: Site) -> None:
    """Two waves without windows in one plan are one night."""
    waves = "waves:\n" + "".join(
        f"  w{n}: {{target: korea, phase: PHASE, machines: {{web-0{n}: Standard_D2s_v5}}}}\n" for n in (1, 2)
    )
    site.files(waves=waves.replace("PHASE", "replicate"))
    site.go()
    site.files(waves=waves.replace("PHASE", "migrate"), rules="rules: {domain: {never_together: [web-01, web-02]}}\n")
    errors = site.look().plan.errors
    assert [d.code for d in errors] == ["WL482", "WL482"] and "in the night of that of web-02" in errors[0].detail
    assert not site.look(scope=Scope(machines=("web-01",))).plan.errors, "one at a time"


def test_a_day_that_a_rule_closes_is_asked_when_a_plan_is_applied(site: Site) -> None:
    """No migration on named days: the plan is the same on every day, an apply on a closed one is denied."""
    site.files(waves=WAVE.format(phase="replicate"))
    site.go()
    site.files(waves=WAVE.format(phase="migrate"), rules="rules: {calm: {no_cutover: {weekly: [{days: Fri}]}}}\n")
    plan, of = site.look().plan, site.workspace.estate
    zone = ZoneInfo(of.time_zone)
    friday, saturday = (datetime(2027, 1, day, 12, tzinfo=zone).timestamp() for day in (15, 16))
    told = forbidden_now(of, plan.steps, friday)
    assert [d.code for d in told] == ["WL485"] and "none may until 2027-01-16 00:00" in told[0].detail
    assert forbidden_now(of, plan.steps, saturday) == ()
    (order,) = (s for s in plan.steps if isinstance(s, SendOrder) and s.machine == "web-01")
    said = order.document["cutover"]["forbidden"]
    assert [(one["rule"], one["time_zone"]) for one in said] == [("calm", of.time_zone)], "the engine is told the days, too"
    assert "Friday" in said[0]["windows"]


def test_validate_ends_with_denied_and_the_estate_can_still_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken rule is exit code 5 with both lines; it keeps nobody from opening the estate (rollback, status)."""
    monkeypatch.setenv("VC", "x")
    estate(tmp_path, "regions: [koreacentral]")
    assert invoke(["validate", "-C", str(tmp_path)]) == DENIED
    told = capsys.readouterr().err
    assert "error WL486: not allowed by a rule" in told and "rule one: " in told and "rules.yaml:2:" in told
    assert Workspace.open(tmp_path).estate.rules[0].name == "one"
    estate(tmp_path, "regions: [koreacentral, japaneast]")
    assert invoke(["validate", "-C", str(tmp_path)]) == 0
