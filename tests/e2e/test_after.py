"""What comes after a migration: `release`, `export terraform`, `report decommission`, on the real providers and the lab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from planner.state import loads
from tests.e2e.site import Site, Vm, standing


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """web-01 (completed), web-02 (migrated, with its way back), db-01 (replicates)."""
    vms = [Vm("web-01", (20, 3)), Vm("web-02"), Vm("db-01", (4,), data=1)]
    with standing(tmp_path_factory.mktemp("after"), vms) as made:
        made.engine()
        made.apply()
        made.phase("migrate", "web-01", "web-02")
        made.apply()
        made.phase("complete", "web-01")
        made.apply()
        yield made


def refused(site: Site, *arguments: str) -> str:
    before = (site.estate / ".wavelift" / "state.json").read_bytes()
    ran = site.here(*arguments)
    assert ran.code == 1, ran.said
    assert "Traceback" not in ran.said
    assert (site.estate / ".wavelift" / "state.json").read_bytes() == before
    return ran.said


def tags(site: Site, id: str) -> dict[str, str]:
    return dict(site.wiring().azure.resources(id.split("/")[2]).tags.get_at_scope(id).properties.tags or {})


def recorded(site: Site) -> dict[str, Any]:
    return {m["name"]: m for m in site.state["machines"].values()}


def test_what_has_a_way_back_is_not_released(site: Site) -> None:
    """W35: seeds must be gone, or release refuses with what to do; nothing is changed."""
    said = refused(site, "release", "web-02", "--why", "handed over", "--yes")
    assert "still has its way back (1 seed disk)" in said and "phase: complete" in said and "estate" in said
    assert "delta sync" in refused(site, "release", "db-01", "--why", "handed over", "--yes")
    assert "web-01" in refused(site, "release", "wbe-01", "--why", "handed over", "--yes")
    assert "Say why" in refused(site, "release", "web-01", "--why", " ", "--yes")


def test_a_released_machine_is_its_owners(site: Site) -> None:
    """W35: our tags come off, the state forgets it with a history entry, files that still hold it make nothing again."""
    mine = {a: r["id"] for a, r in site.state["artifacts"].items() if r.get("machine") == "web-01"}
    assert {a.partition(".")[0] for a in mine} == {"vm", "disk", "nic"}
    ran = site.here("release", "web-01", "--why", "handed to the shop team", "--yes")
    assert ran.code == 0, ran.said
    state = site.state
    assert not [a for a, r in state["artifacts"].items() if r.get("machine") == "web-01"]
    assert recorded(site)["web-01"]["life"] == "released"
    told = state["history"][-1]
    assert told["doing"] == "state release" and told["about"]["why"] == "handed to the shop team" and told["who"]
    for id in mine.values():
        left = tags(site, id)
        assert "wavelift-released" in left and not {"wavelift-estate", "wavelift-lineage", "wavelift-address"} & left.keys()

    again = site.here("release", "web-01", "--why", "handed to the shop team", "--yes")
    assert again.code == 0 and "released already" in again.said and site.state["serial"] == state["serial"]
    plan = site.here("plan", "--detailed-exitcode")
    assert plan.code == 0 and "WL530" in plan.said, plan.said
    drift = site.here("drift")
    assert "web-01" not in drift.said, drift.said

    site.phase("replicate", "web-01")
    back = site.here("plan")
    assert back.code == 1 and "WL531" in back.said and "--undo" in back.said, back.said
    site.phase("complete", "web-01")
    assert loads((site.estate / ".wavelift" / "state.json").read_bytes(), "").serial == state["serial"]
    assert json.dumps(state["machines"])
