"""Gates of a plan: approval, an accepted test, the way back that is kept for a time (issue 4: waves as code, protection)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from planner.explain import text
from planner.steps import SendOrder
from replication.model.item import OrderKind
from replication.model.record import OrderStep, Record, StepState
from tests.planner.site import Site, vm
from wavelift.applying.approvals import demand, given, wanted
from wavelift.planning.look import Looked
from wavelift.problems import DENIED, UserProblem

DAY = 86400.0
DONE = 1_800_000_000.0


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path, vm(1, "web-01"))
    wave(site, "replicate")
    site.go()
    yield site


def wave(site: Site, phase: str, cutover: str = "", more: str = "") -> None:
    own = f"    cutover: {{{cutover}}}\n" if cutover else ""
    site.files(
        waves=f"waves:\n  shop:\n    target: korea\n    phase: {phase}\n{own}    machines: {{web-01: Standard_D2s_v5}}\n{more}"
    )


def orders(looked: Looked) -> list[OrderKind]:
    return [s.order for s in looked.plan.steps if isinstance(s, SendOrder)]


def test_a_cut_over_waits_for_its_approval_and_the_rest_goes_on(site: Site) -> None:
    """Issue 4, waves as code: approval; what waits for a gate is listed apart and is no change."""
    wave(site, "migrate", "approval: CHG0042")
    looked = site.look()
    assert not looked.plan.errors and orders(looked) == []
    assert "web-01: migrate: waits for approval CHG0042 (`apply --approval CHG0042`) [waves.yaml:" in text(looked.plan)
    assert orders(site.look(approvals=given(["CHG0043"], {"WAVELIFT_APPROVAL": " ,CHG004,chg0042 "}))) == [], "another's"
    assert given([""], {"WAVELIFT_APPROVAL": ""}) == frozenset()
    approved = site.look(approvals=given(["CHG0042"], {}))
    assert orders(approved) == [OrderKind.MIGRATE]
    assert orders(site.look(approvals=given(None, {"WAVELIFT_APPROVAL": "CHG0001, CHG0042"}))) == [OrderKind.MIGRATE]


def test_a_plan_made_with_an_approval_is_denied_without_it(site: Site) -> None:
    """Exit code 5: an approval that a plan was made with is a what-if until apply names it too."""
    wave(site, "migrate", "approval: CHG0042")
    plan = site.look(approvals=frozenset({"CHG0042"})).plan
    assert wanted(plan) == {"CHG0042": ["web-01"]}
    demand(plan, {"CHG0042"})
    with pytest.raises(UserProblem, match="web-01 needs approval CHG0042") as refused:
        demand(plan, {"CHG0043"})
    assert refused.value.code == DENIED and "--approval CHG0042" in refused.value.text


def test_a_rule_wants_the_test_accepted(site: Site) -> None:
    """Issue 4: test before production."""
    wave(site, "migrate", more="rules:\n  tested: {test_accepted: true, waves: [sh*]}\n")
    looked = site.look()
    assert orders(looked) == []
    assert "waits for its test to be accepted: rule tested [waves.yaml:7:3]" in text(looked.plan)
    _change(site, test_accepted="kim, 2027-01-10: login and orders work")
    assert orders(site.look()) == [OrderKind.MIGRATE]
    wave(site, "migrate", more="rules:\n  tested: {test_accepted: true, waves: [er*]}\n")
    _change(site, test_accepted="")
    assert orders(site.look()) == [OrderKind.MIGRATE], "another wave's rule"


def test_complete_waits_until_the_way_back_may_go(site: Site) -> None:
    """The weeks, 34: `complete_after: 7d` keeps the way back, and the plan shows until when."""
    wave(site, "migrate", "complete_after: 7d")
    site.go()
    wave(site, "complete", "complete_after: 7d")
    looked = site.look(now=DONE + DAY)
    assert orders(looked) == [] and "when it was migrated is not known" in text(looked.plan)
    _change(site, ended=DONE)
    looked = site.look(now=DONE + 7 * DAY - 1)
    assert orders(looked) == []
    assert "keeps the way back until 2027-01-22" in text(looked.plan) and "`complete_after` 7d" in text(looked.plan)
    assert text(site.look(now=DONE + DAY).plan) == text(looked.plan), "the same words on every day until then"
    assert orders(site.look(now=DONE + 7 * DAY)) == [OrderKind.STOP]


def _change(site: Site, ended: float | None = None, **changes: str) -> None:
    """What the engine has recorded of web-01, otherwise."""
    for documents in site.engine.stores.values():
        for uuid, record in documents.records.items():
            documents.records[uuid] = _ended(record, ended) if ended else replace(record, **changes)  # type: ignore[arg-type]  # texts


def _ended(record: Record, at: float) -> Record:
    assert record.order is not None
    step = OrderStep("start the Azure VM", StepState.DONE, at - 60, at)
    return replace(record, order=replace(record.order, steps=(step,)))
