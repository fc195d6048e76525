"""issue 4, Protection (users.md, The weeks 12; domain/iac.md, rows prevent_destroy and Moved): kept in state, released in two
steps or by a reviewed `removed:` entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from planner.explain import text
from planner.planfile import dumps, loads
from planner.steps import Forget, Protect, SendOrder
from replication.model.item import OrderKind
from tests.planner.site import Site, uuid_of, vm
from wavelift.workspace import BadEstate

TWO = """
waves:
  shop:
    target: korea
    phase: {phase}
    {more}
    machines: {{db-01: {{size: Standard_D4s_v5{own}}}, web-01: Standard_D2s_v5}}
"""
ONE = "waves: {shop: {target: korea, phase: replicate, machines: {web-01: Standard_D2s_v5}}}\n"
GONE = "removed: [{{machine: db-01, destroy: {destroy}, why: INC-881}}]\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    yield Site(Path(), vm(1, "db-01", (8, 16)), vm(2, "web-01"))


def two(site: Site, own: str = "", more: str = "", phase: str = "replicate") -> None:
    site.files(waves=TWO.format(own=own, more=more, phase=phase))


def protected(site: Site) -> dict[str, bool]:
    return {m.name: m.protect for m in site.workspace.view().state.machines.values()}


def test_protection_survives_removal_from_the_file(site: Site) -> None:
    two(site, own=", protect: true")
    site.go()
    assert protected(site) == {"db-01": True, "web-01": False}
    site.files(waves=ONE)
    for allowed in (None, 2):
        errors = [e for e in site.look(allowed).plan.errors if e.code == "WL501"]
        assert len(errors) == 1 and "db-01 (delta sync, 2 seed disks) is protected" in errors[0].detail
        assert "`protect: false`" in errors[0].detail and "`removed:" in errors[0].detail


def test_released_in_two_steps(site: Site) -> None:
    two(site, own=", protect: true")
    site.go()
    two(site, own=", protect: false")
    plan = site.look().plan
    assert [type(s) for s in plan.steps] == [Protect]
    assert "protect.db-01: released; nothing outside changes" in text(plan)
    assert loads(dumps(plan, 2e9, ""), "f").plan == plan
    site.go()
    assert protected(site) == {"db-01": False, "web-01": False} and not site.look().plan.steps
    site.files(waves=ONE)
    assert not site.look().plan.errors
    assert site.look(2).plan.destroys == 2


@pytest.mark.parametrize("level", ["protect: true", "defaults: {protect: true}"])
def test_a_wave_protects_its_machines_and_a_machine_may_say_otherwise(site: Site, level: str) -> None:
    two(site, own=", protect: false", more=level)
    site.go()
    assert protected(site) == {"db-01": False, "web-01": True}


def test_a_skipped_disk_of_a_protected_machine_keeps_its_seed(site: Site) -> None:
    two(site, own=", protect: true")
    site.go()
    two(site, own=', protect: true, disks: {"scsi0:1": skip}')
    site.go()
    assert not site.look().plan.errors
    (error,) = (e for e in site.look(1).plan.errors if e.code == "WL501")
    assert "seed_disk.db-01/2001" in error.detail


@pytest.mark.parametrize("own", ["", ", protect: true"])
def test_removed_stands_for_the_number_and_for_the_release(site: Site, own: str) -> None:
    two(site, own=own)
    site.go()
    site.files(waves=ONE + GONE.format(destroy="true"))
    plan = site.look().plan
    assert not plan.errors and plan.destroys == 2
    (order,) = plan.steps
    assert isinstance(order, SendOrder) and order.order is OrderKind.STOP and "INC-881" in order.why
    assert str(order.origin).startswith("waves.yaml:2:")
    assert site.look(0).plan.errors == (), "the number is for what no entry covers"
    assert site.look(2).plan.errors[0].code == "WL330"
    site.go()
    assert not [a for a in site.workspace.view().state.artifacts if "db-01" in a]
    after = site.look().plan
    assert not after.steps and not after.errors, "an entry may stay once it is done"


def test_removed_without_destroying_forgets_and_can_be_taken_back(site: Site) -> None:
    two(site, own=", protect: true")
    site.go()
    before = dict(site.azure.contents.things)
    site.files(waves=ONE + GONE.format(destroy="false"))
    plan = site.look().plan
    assert not plan.errors and plan.destroys == 0 and all(isinstance(s, Forget) for s in plan.steps)
    assert "what exists is kept, and the engine goes on replicating (INC-881)" in text(plan)
    site.go()
    assert site.azure.contents.things == before
    assert not [a for a in site.workspace.view().state.artifacts if "db-01" in a]
    assert not site.look().plan.steps
    uuid = site.vms["db-01"].uuid
    replication = site.workspace.view().state.machines[uuid].replication
    two(site)
    back = site.look().plan
    assert not back.errors and back.destroys == 0
    site.go()
    state = site.workspace.view().state
    assert state.machines[uuid].replication == replication and state.machines[uuid].life == "replicating"
    assert {"seed_disk.db-01/2000", "seed_disk.db-01/2001", "replication.db-01"} <= state.artifacts.keys()
    assert not site.look().plan.steps


def test_what_a_forgotten_machine_may_still_use_is_not_destroyed(site: Site) -> None:
    two(site)
    site.go()
    entries = "{machine: db-01, destroy: false, why: a}, {machine: web-01, destroy: true, why: b}"
    site.files(waves=f"waves: {{}}\nremoved: [{entries}]\n")
    site.go()
    plan = site.look(0).plan
    assert not plan.errors and "db-01 was forgotten with what it has" in text(plan) and plan.destroys == 0


def test_an_entry_about_an_unknown_machine_is_an_error_with_its_line(site: Site) -> None:
    two(site)
    site.go()
    site.files(waves=ONE + "removed:\n  - {machine: db-1, destroy: true, why: x}\n")
    (error,) = (e for e in site.look().plan.errors if e.code == "WL504")
    assert "`db-01`" in error.detail and str(error.span).startswith("waves.yaml:3:")


def test_an_entry_about_a_machine_of_a_wave_is_an_error_with_both_lines(site: Site) -> None:
    site.files(waves=ONE + "removed:\n  - {machine: web-01, destroy: true, why: x}\n")
    with pytest.raises(BadEstate) as bad:
        site.look()
    (error,) = bad.value.diagnostics
    assert error.code == "WL505" and str(error.span).startswith("waves.yaml:3:") and error.related
    site.files(waves=ONE + "removed: [{machine: a, destroy: true, why: x}, {machine: a, destroy: false, why: x}]\n")
    with pytest.raises(BadEstate, match="WL121"):
        site.look()


def test_a_move_and_a_rename_keep_the_protection(site: Site) -> None:
    two(site, own=", protect: true")
    site.go()
    site.files(
        waves="waves:\n  shop: {target: korea, phase: replicate, machines: {web-01: Standard_D2s_v5}}\n"
        "  late:\n    target: korea\n    phase: replicate\n"
        "    machines: {base-01: {size: Standard_D4s_v5, vm: db-01, protect: true}}\n"
    )
    plan = site.look().plan
    assert not plan.errors and plan.destroys == 0
    site.go()
    assert protected(site) == {"base-01": True, "web-01": False}
    site.files(waves=ONE)
    assert [e.code for e in site.look().plan.errors] == ["WL501"]


def test_a_delete_and_a_create_of_the_same_disks_are_suggested_as_a_move(site: Site) -> None:
    """domain/iac.md, row Moved: restored under another instance uuid and another name, the disks tell."""
    two(site)
    site.go()
    restored = replace(site.vms.pop("db-01"), uuid=uuid_of(9), name="db-new", path="/Seoul/vm/shop/db-new")
    site.vms["db-new"] = restored
    site.files(
        waves="waves: {shop: {target: korea, phase: replicate, machines: {web-01: Standard_D2s_v5, db-new: Standard_D4s_v5}}}\n"
    )
    (warning,) = (w for w in site.look().plan.warnings if w.code == "WL507")
    assert "db-01 leaves and db-new starts" in warning.detail and "state rebind" in warning.detail
    assert not site.look().plan.errors
