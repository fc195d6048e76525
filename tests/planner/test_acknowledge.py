"""Break glass and the files (users.md, The weeks 30): YAML cannot override a hold until a pull request acknowledges it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

import schemas
from planner.about.tell import Facts, about
from planner.about.words import text as about_text
from planner.explain import text
from planner.planfile import dumps, loads
from planner.planfile.stale import moved
from planner.steps import Acknowledge, SendOrder, Step
from replication.model.item import OrderKind
from replication.model.record import HoldMark, Intervention, OrderProgress, Record
from tests.planner.site import Site, vm
from wavelift.applying.waiting import goals_of

WAVE = "waves: {{shop: {{target: korea, phase: {phase}, machines: {{web-01: {{size: Standard_D2s_v5{own}}}}}}}}}\n"
MARK = HoldMark("kim@ops", "INC-881", 1000.0, number=3)
BACK = {"back": "rolled back by kim@ops: INC-9", "power_off_asked": "5"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    made = Site(Path(), vm(2, "web-01"))
    made.files(waves=WAVE.format(phase="replicate", own=""))
    made.go()
    yield made


def wave(site: Site, word: str | None, phase: str = "migrate", more: str = "") -> None:
    site.files(waves=WAVE.format(phase=phase, own=(f", acknowledge: {word}" if word else "") + more))


def record(site: Site, **changes: Any) -> Record:
    """The engine's record of web-01, with `changes`."""
    (documents,) = site.engine.stores.values()
    uuid = site.vms["web-01"].uuid
    documents.records[uuid] = replace(documents.records[uuid], **changes)
    return documents.records[uuid]


def kinds(site: Site) -> list[type]:
    return [type(s) for s in site.look().plan.steps]


def codes(site: Site) -> list[str]:
    return [w.code for w in site.look().plan.warnings if w.code.startswith("WL54")]


@pytest.mark.parametrize("word", ["INC-881", "3"])
def test_a_hold_ends_by_its_acknowledgement_and_the_next_plan_shows_the_cut_over(site: Site, word: str) -> None:
    record(site, hold=MARK)
    wave(site, None)
    assert kinds(site) == [] and "so does `acknowledge: INC-881` in the files" in text(site.look().plan)
    wave(site, word)
    plan = site.look().plan
    (step,) = plan.steps
    assert isinstance(step, Acknowledge) and (step.who, step.since, step.goes_on) == ("kim@ops", 1000.0, "")
    assert "end the hold of web-01: INC-881 (kim@ops, since 1970-01-01 00:16 UTC), acknowledged [waves.yaml:1:" in text(plan)
    assert loads(dumps(plan, 2e9, ""), "f").plan == plan
    (goal,) = goals_of(plan, frozenset({step.address}))
    assert not goal.reached(record(site))
    site.go()
    found = record(site)
    assert found.hold is None and goal.reached(found) and found.interventions[0].why.startswith("acknowledges INC-881")
    (order,) = site.look().plan.steps
    assert isinstance(order, SendOrder) and order.order is OrderKind.MIGRATE
    assert codes(site) == ["WL540"], "it has done its work: take the line out"


def test_every_kind_of_step_is_in_the_schemas() -> None:
    """issue 4: what scripts read of plans and events is what their schemas say."""
    kinds = {kind.__name__ for kind in get_args(Step)}
    plan, event = schemas.load("plan-1"), schemas.load("event-1")
    assert set(plan["$defs"]["step"]["properties"]["step"]["enum"]) == kinds
    (step,) = (e for e in event["oneOf"] if e["properties"].get("event") == {"const": "step"})
    assert set(step["properties"]["kind"]["enum"]) == kinds


def test_explain_names_the_step_and_its_line(site: Site) -> None:
    record(site, hold=MARK)
    wave(site, "INC-881")
    looked = site.look()
    told = about_text(about("acknowledge.web-01", Facts(looked.plan, looked.desired, looked.state)))
    assert "the files acknowledge it" in told and "waves.yaml:1:" in told


def test_who_approved_it_and_where_stand_in_the_record(site: Site) -> None:
    from planner.apply import Outside, Reporter
    from wavelift.applying.apply import apply

    record(site, hold=MARK)
    wave(site, "INC-881")
    by = {"approver": "lee", "pull_request": "https://git.example/pull/7"}
    outside = Outside(site.azure, site.engine, site, lambda: site.now)
    apply(site.workspace, site.look(), outside, 1, site.stop, Reporter(), by=by)
    assert record(site).interventions[0].why == (
        "acknowledges INC-881 (approver lee, pull request https://git.example/pull/7)"
    )


def test_a_later_hold_is_not_ended_by_an_old_word(site: Site) -> None:
    wave(site, "INC-881", "replicate")
    record(site, hold=replace(MARK, why="INC-900", number=4))
    assert kinds(site) == [] and codes(site) == ["WL541"]
    record(site, hold=replace(MARK, since=2000.0, number=5), acknowledged="INC-881")
    (warning,) = (w for w in site.look().plan.warnings if w.code == "WL541")
    assert kinds(site) == [] and "write `acknowledge: 5`" in warning.detail and "was carried out before" in warning.detail
    wave(site, "5", "replicate")
    assert kinds(site) == [Acknowledge] and codes(site) == []
    record(site, hold=None)
    assert kinds(site) == [] and codes(site) == ["WL540"]


def test_a_plan_file_does_not_end_a_hold_that_came_after_it(site: Site) -> None:
    wave(site, "INC-881", "replicate")
    record(site, hold=MARK)
    planned = site.look().plan
    assert moved(planned, site.look().plan, (), False, {}) == ([], [])
    record(site, hold=replace(MARK, since=2000.0, number=4))
    (one,) = moved(planned, site.look().plan, (), False, {})[0]
    assert one.address == "acknowledge.web-01" and "since: 1000.0 -> 2000.0" in one.why


def rolled_back(site: Site, **facts: str) -> None:
    order = OrderProgress(0, "o", OrderKind.MIGRATE, (), facts={**BACK, **facts}, outcome="aborted", problem="rolled back by kim")
    told = Intervention(3, "rollback", "kim@ops", "INC-9", 1000.0, "the source is powered on again")
    record(site, order=order, hold=replace(MARK, why="rolled back: INC-9"), interventions=(told,))


@pytest.mark.parametrize("resumed", [False, True])
def test_a_rolled_back_machine_is_cut_over_again_only_by_a_step_of_its_own(site: Site, resumed: bool) -> None:
    """Nothing is powered off by the acknowledgement: the next plan shows the cut-over, and somebody applies that."""
    rolled_back(site)
    if resumed:
        record(site, hold=None)
    wave(site, None)
    assert kinds(site) == [] and "`acknowledge: INC-9` in the files" in text(site.look().plan)
    wave(site, "INC-9")
    assert kinds(site) == [Acknowledge]
    site.go()
    assert "acknowledged" in order_of(site).facts
    assert kinds(site) == [SendOrder]


def order_of(site: Site) -> OrderProgress:
    found = record(site).order
    assert found is not None
    return found


def test_one_attempt_per_window_stays_the_rule(site: Site) -> None:
    """A rolled-back cut-over that had a window is let go by another window alone."""
    window = ", cutover: {window: 2027-01-17 01:00/05:00}"
    wave(site, "INC-9", more=window)
    policy = site.workspace.estate.machines["web-01"].cutover
    rolled_back(site, window=f"{policy.opens:.0f}/{policy.closes:.0f}")
    assert kinds(site) == [Acknowledge]
    site.go()
    assert kinds(site) == [] and "give it another window" in text(site.look().plan)
    wave(site, None, more=", cutover: {window: 2027-01-24 01:00/05:00}")
    assert kinds(site) == [SendOrder]


def test_a_held_cut_over_goes_on_only_when_the_files_still_ask_for_it(site: Site) -> None:
    """The plan shows it as a cut-over: it powers the source off."""
    wave(site, None)
    site.go(engine=False)
    wave(site, "INC-881")
    record(site, hold=MARK)
    assert kinds(site) == [] and "has not taken up yet" in text(site.look().plan)
    record(site, order=OrderProgress(1, "o", OrderKind.MIGRATE, ()))
    plan = site.look().plan
    assert [type(s) for s in plan.steps] == [Acknowledge] and "Wave shop, cut over (1 machine)" in text(plan)
    assert "! its cut-over, which was ordered before, goes on" in text(plan)
    wave(site, "INC-881", more=", hold: INC-5")
    assert kinds(site) == [] and "the files do not ask for any more" in text(site.look().plan)
    wave(site, "INC-881", "replicate")
    assert kinds(site) == []
    wave(site, "INC-881")
    record(site, order=OrderProgress(1, "o", OrderKind.MIGRATE, (), facts=BACK))
    assert kinds(site) == [] and "its rollback is under way" in text(site.look().plan)


def test_a_hold_of_the_files_is_not_ended_by_it(site: Site) -> None:
    record(site, hold=MARK)
    wave(site, "INC-881", more=", hold: INC-5")
    assert kinds(site) == [Acknowledge]
    site.go()
    assert kinds(site) == [] and "held: INC-5" in text(site.look().plan)
