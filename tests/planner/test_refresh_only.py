"""`--refresh-only` and `--no-refresh`: what is recorded, what is known, and what is not looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.plan.model import UNCHECKED
from tests.planner.site import PROJECT, Site, vm
from wavelift.applying.apply import record
from wavelift.planning.look import look
from wavelift.planning.newer import told, unrecorded
from wavelift.problems import LOCKED, UserProblem

WAVES = """\
waves:
  pilot:
    target: korea
    phase: {phase}
    machines: {{web-01: Standard_D2s_v5}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    made = Site(Path(), vm(1, "web-01"))
    made.files(waves=WAVES.format(phase="replicate"))
    made.go()
    yield made


def test_what_the_engine_did_is_recorded_and_nothing_else(site: Site) -> None:
    """Issue 4: `--refresh-only`: an apply that left before the engine was done; nothing outside changes."""
    site.files(waves=WAVES.format(phase="migrate"))
    site.go(engine=False)
    site.engine.run()
    made = list(site.azure.contents.made)
    looked = site.look()
    lines = list(told(looked))
    assert any(line.startswith("= vm.web-01: recorded, /subscriptions/") for line in lines), lines
    assert any(line.startswith("= web-01: replicating -> migrated") for line in lines), lines
    with site.workspace.store.session("somebody else"), pytest.raises(UserProblem) as refused:
        record(site.workspace, site.engine, looked.records)
    assert refused.value.code == LOCKED
    record(site.workspace, site.engine, looked.records)
    assert unrecorded(site.look()) == []
    assert "vm.web-01" in site.workspace.view().state.artifacts
    assert site.azure.contents.made == made


def test_what_is_gone_outside_is_told_and_stays_in_the_state(site: Site) -> None:
    """Issue 4: a plan needs the entry to see that a seed disk was lost: only the engine's outcomes are recorded."""
    seed = next(a for a in site.workspace.view().state.artifacts.values() if a.address.startswith("seed_disk."))
    site.azure.remove(seed.id)
    looked = site.look()
    assert [line for line in told(looked) if line.startswith(f"! {seed.address}: is gone")]
    assert unrecorded(looked) == []


def test_without_a_look_at_azure_the_plan_says_so(site: Site) -> None:
    """Issue 4: `--no-refresh`: what changed outside is not seen, nothing is asked, and the plan says both."""
    site.azure.remove(f"{PROJECT}/providers/Microsoft.RecoveryServices/vaults/" + _vault(site))
    assert site.look().plan.steps != ()
    asked: list[str] = []
    site.azure.fault = lambda verb, ref: asked.append(verb)
    looked = look(site.workspace, site.inventory(), site.azure, site.engine, observe=False)
    assert looked.plan.steps == ()
    assert [w.code for w in looked.plan.unchecked] == ["WL340"]
    assert "WL340" in UNCHECKED
    assert asked == []


def _vault(site: Site) -> str:
    return site.workspace.view().state.artifacts["vault"].id.rpartition("/")[2]
