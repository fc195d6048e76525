"""A state that forgot a machine, by `state rm` or because it was lost: the engine's record says how often it was enabled."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.state import MachineState
from tests.planner.site import Site, vm
from wavelift.state import care as statecare

WAVES = "waves:\n  w:\n    target: korea\n    phase: replicate\n    machines:\n"
WEB = "      web-01: {size: Standard_D2s_v5}\n"
DB = "      db-01: {size: Standard_D2s_v5}\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    made = Site(Path(), vm(1, "web-01"), vm(2, "db-01"))
    made.files(waves=WAVES + WEB + DB)
    made.go()
    return made


def machine(site: Site) -> MachineState:
    return site.workspace.view().state.by_name()["web-01"]


def test_one_that_still_replicates_goes_on_under_its_uuid(site: Site) -> None:
    """Nothing is copied again: the item names the replication that the engine has."""
    before = machine(site)
    statecare.forget(site.workspace, ["machine.web-01"])
    site.go()
    after = machine(site)
    assert (after.generation, after.replication) == (before.generation, before.replication)


def test_one_that_was_stopped_never_gets_a_used_uuid(site: Site) -> None:
    """S11, design: a new replication uuid at each enable, also when the state does not remember the last one; orders go on
    in number, for the engine takes none that is not newer than the last."""
    used = [machine(site).replication]
    for generation in (2, 3):
        site.files(waves=WAVES + DB)
        site.go(allow_destroy=1)
        site.go(allow_destroy=0)
        orders = machine(site).orders
        statecare.forget(site.workspace, ["machine.web-01"])
        site.files(waves=WAVES + WEB + DB)
        site.go()
        found = machine(site)
        assert found.replication not in used and found.generation == generation
        assert found.orders >= orders > 0
        used.append(found.replication)
