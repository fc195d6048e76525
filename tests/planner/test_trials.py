"""Tests that live for a time, are asked for again, and holds that end by themselves, as the plan sees them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from planner.config import load
from planner.explain import text
from planner.holds import current
from planner.steps import SendOrder
from replication.model.item import OrderKind
from tests.planner.site import Site, vm


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    yield Site(Path(), vm(1, "web-01"))


def wave(settings: str, phase: str = "test") -> str:
    return (
        "waves:\n  shop:\n    target: korea\n"
        f"    phase: {phase}\n    machines:\n      web-01: {{size: Standard_D2s_v5{settings}}}\n"
    )


def orders(site: Site) -> list[SendOrder]:
    plan = site.look().plan
    assert not plan.errors, plan.errors
    return [step for step in plan.steps if isinstance(step, SendOrder)]


def test_an_expired_test_is_no_drift_and_not_made_again_until_asked(site: Site) -> None:
    """Weeks, 20: expired is shown, changes nothing; another `refresh` asks for a new one."""
    site.files(waves=wave(", test: {ttl: 48h}"))
    site.go()
    site.go()
    assert orders(site) == []
    site.engine.expire()
    plan = site.look().plan
    assert plan.steps == () and plan.drift == (), text(plan)
    assert "expired and deleted" in text(plan) and "wavelift test refresh web-01" in text(plan)
    site.files(waves=wave(", test: {ttl: 48h, refresh: 2}"))
    (order,) = orders(site)
    assert order.order is OrderKind.TEST and "refresh: 2" in order.why
    site.go()
    assert orders(site) == []


def test_another_refresh_replaces_a_test_that_is_there(site: Site) -> None:
    site.files(waves=wave(", test: {refresh: 1}"))
    site.go()
    site.go()
    assert orders(site) == []
    site.files(waves=wave(", test: {refresh: after the upgrade}"))
    (order,) = orders(site)
    assert order.order is OrderKind.TEST and order.document["trial"] == {
        "ttl": None, "asked": "after the upgrade", "refresh": True,
    }  # fmt: skip
    site.go()
    assert orders(site) == []


def test_a_time_to_live_falls_through_the_levels(site: Site) -> None:
    """The estate, 2: what a level leaves out comes from the level above."""
    base = (site.folder / "estate.yaml").read_text()
    site.files(
        estate=base.replace("defaults: {", "defaults: {test: {ttl: 48h}, ", 1),
        waves=(
            "waves:\n"
            "  a: {target: korea, machines: {m-1: Standard_D2s_v5, m-2: {size: Standard_D2s_v5, test: {refresh: 2}}}}\n"
            "  b: {target: korea, test: {refresh: 2}, machines: {m-3: {size: Standard_D2s_v5, test: {ttl: 1h}}}}\n"
            "  c: {target: korea, defaults: {test: {ttl: 1d}}, machines: {m-4: Standard_D2s_v5}}\n"
        ),
    )
    loaded = load(Path(), env={})
    assert loaded.estate is not None, loaded.diagnostics
    found = {name: (m.test.ttl, m.test.refresh) for name, m in loaded.estate.machines.items()}
    assert found == {"m-1": (172800.0, ""), "m-2": (172800.0, "2"), "m-3": (3600.0, "2"), "m-4": (86400.0, "")}


def test_a_hold_ends_when_its_day_begins(site: Site) -> None:
    """Issue 3: `hold: {until: …}` ends by itself, in the estate's time zone."""
    site.files(waves=wave(", hold: {why: INC-881, until: 2027-01-20}"))
    site.go()
    zone = site.workspace.estate.time_zone
    ends = datetime(2027, 1, 20, tzinfo=ZoneInfo(zone)).timestamp()
    site.now = ends - 1
    assert orders(site) == [] and "held: INC-881" in text(site.look().plan)
    assert current(site.workspace.estate, ends - 1).machines["web-01"].hold is not None
    site.now = ends
    assert [o.order for o in orders(site)] == [OrderKind.TEST] and "INC-881" not in text(site.look().plan)
