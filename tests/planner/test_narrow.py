"""issue 4, Reading a plan: `--wave`, `--machine`, `--target`, `--exclude` (domain/iac.md, row Targeting)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

import schemas
from planner.explain import text, to_json
from planner.plan import Plan
from planner.plan.scope import Scope, fits
from planner.planfile import dumps, loads
from planner.steps import SendOrder
from tests.planner.site import Site, vm
from wavelift.applying.waiting import awaited
from wavelift.cli.app import app
from wavelift.cli.options import _globs
from wavelift.problems import UserProblem

WAVES = """
waves:
  pilot:
    target: korea
    phase: {pilot}
    machines: {{wiki-01: Standard_D2s_v5, jump-01: Standard_D2s_v5}}
  shop:
    target: korea
    phase: {shop}
    machines:
      db-01: Standard_D4s_v5
      web-01: {{size: Standard_D2s_v5, start_after: db-01}}
"""
NAMES = ("wiki-01", "jump-01", "db-01", "web-01")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    made = Site(Path(), *(vm(i + 1, n, (8, 16)) for i, n in enumerate(NAMES)))
    made.files(waves=WAVES.format(pilot="replicate", shop="replicate"))
    yield made


def look(site: Site, **scope: Any) -> Plan:
    return site.look(scope=Scope(**{k: tuple(v) for k, v in scope.items()})).plan


def machines(plan: Plan) -> set[str | None]:
    return {s.machine for s in plan.steps}


def no_need_is_missed(whole: Plan, part: Plan) -> None:
    """Every need of a step that the whole plan fulfils, the part fulfils too."""
    there, mine = {s.address for s in whole.steps}, {s.address for s in part.steps}
    for step in part.steps:
        assert not (set(step.needs) & there) - mine, step.address


def test_one_machine_with_all_that_it_needs_and_nothing_else(site: Site) -> None:
    whole, part = site.look().plan, look(site, machines=["wiki-01"])
    no_need_is_missed(whole, part)
    assert machines(part) == {None, "wiki-01"}
    assert {s.address for s in part.steps if s.machine is None} == {s.address for s in whole.steps if s.machine is None}
    said = text(part)
    assert "Left out (--machine wiki-01):" in said
    assert "jump-01, db-01, web-01: 9 steps of waves pilot, shop: not asked for" in said
    assert "Pulled in, because it is needed:" in said and "needed by wiki-01" in said
    outcome = site.apply(site.look(scope=Scope(machines=("wiki-01",))))
    assert outcome.complete
    assert {m.name for m in site.workspace.view().state.machines.values()} == {"wiki-01"}
    left = look(site, waves=["pilot"])
    assert machines(left) == {"jump-01"} and not left.pulled_in


def test_a_narrowed_apply_waits_for_its_own_machines_only(site: Site) -> None:
    """What another wave's apply has set going is not this one's to wait for; what its own wave's has, is."""
    site.go(engine=False)
    for scope, names in ((Scope(waves=("shop",)), {"db-01", "web-01"}), (Scope(exclude=("web-01",)), set(NAMES) - {"web-01"})):
        looked = site.look(scope=scope)
        goals = awaited(looked.plan, frozenset(), site.workspace.estate, looked.state, looked.records)
        assert {g.name for g in goals} == names
    looked = site.look()
    assert len(awaited(looked.plan, frozenset(), site.workspace.estate, looked.state, looked.records)) == 4


def test_waves_globs_targets_and_exclusion_together(site: Site) -> None:
    assert machines(look(site, waves=["pi*"])) == {None, "wiki-01", "jump-01"}
    assert machines(look(site, waves=["pilot"], machines=["jump-*", "db-*"])) == {None, "jump-01"}
    assert machines(look(site, targets=["korea"], exclude=["wave.shop"])) == {None, "wiki-01", "jump-01"}
    assert machines(look(site, exclude=["*-01"])) == {None}
    only = look(site, exclude=["wiki-01"])
    assert machines(only) == {None, "jump-01", "db-01", "web-01"} and not only.pulled_in


def test_what_needs_something_excluded_is_left_out_with_its_reason(site: Site) -> None:
    part = look(site, exclude=["seed_disk.db-01/2001"])
    no_need_is_missed(site.look().plan, part)
    assert "replication.db-01" not in {s.address for s in part.steps}
    assert "needs seed_disk.db-01/2001, which is left out" in text(part)
    assert not [s for s in part.steps if s.machine == "db-01"], "tracking and a seed disk of no use are not made"
    role = look(site, exclude=["role.key_vault.*"])
    assert not [s for s in role.steps if s.address.startswith("replication.")], "the engine could not read its keys"


def test_a_cut_over_is_never_pulled_in(site: Site) -> None:
    """A machine that starts after another one is not cut over alone, and does not drag the other one along."""
    site.go()
    site.files(waves=WAVES.format(pilot="replicate", shop="migrate"))
    assert [s.machine for s in site.look().plan.steps if isinstance(s, SendOrder)] == ["db-01", "web-01"]
    part = look(site, machines=["web-01"])
    assert not part.steps
    assert "starts after db-01, whose cut-over is left out" in text(part)
    assert machines(look(site, machines=["db-01"])) == {"db-01"}
    assert machines(look(site, waves=["shop"])) == {"db-01", "web-01"}


def test_problems_of_machines_that_are_left_out_do_not_stand_in_the_way(site: Site) -> None:
    del site.vms["web-01"]
    assert site.look().plan.errors
    assert not look(site, exclude=["web-01"]).errors
    assert look(site, waves=["shop"]).errors


def test_a_name_that_fits_nothing_is_an_error_with_the_nearest_one(site: Site) -> None:
    for scope, meant in (
        ({"waves": ["shpo"]}, "`shop`"),
        ({"machines": ["wiki-1"]}, "`wiki-01`"),
        ({"exclude": ["shop"]}, "`wave.shop`"),
        ({"targets": ["koera"]}, "`korea`"),
    ):
        (error,) = look(site, **scope).errors
        assert error.code == "WL502" and meant in error.detail, error.detail


def test_what_together_leaves_no_machine_is_an_error(site: Site) -> None:
    """Each name is there, and nobody is in all of them: "no changes" would be taken for "all is done"."""
    apart: dict[str, list[str]] = {"waves": ["pilot"], "machines": ["db-01"]}
    for scope in (apart, {"exclude": ["*"]}, {"machines": ["db-01"], "exclude": ["wave.shop"]}):
        [problem] = look(site, **scope).errors
        assert problem.code == "WL502" and "leaves no machine" in problem.detail, problem
    site.go()
    assert text(look(site, waves=["pilot"])).endswith("No changes within --wave pilot.\n")


def test_names_out_of_a_file(site: Site) -> None:
    """iac.md, targeting: a file of targets; it narrows what it is given to, and its mistakes are named."""
    Path("names.txt").write_text("wiki-01   # the first\n\n# not yet: jump-01\ndb-*\n")
    assert _globs(["@names.txt", "x"]) == ["wiki-01", "db-*", "x"] and _globs(None) is None
    Path("empty.txt").write_text("# nobody\n")
    Path("bytes.txt").write_bytes(b"\xff\xfe")
    for wrong in ("@gone.txt", "@empty.txt", "@bytes.txt", "@."):
        with pytest.raises(UserProblem, match=wrong):
            _globs([wrong])
    for option in ("--wave", "--machine", "--target", "--exclude"):
        done = CliRunner().invoke(app, ["plan", option, "@gone.txt"])
        assert done.exit_code == 1 and "@gone.txt" in str(done.exception), option
    names = [f"m-{n:05}" for n in range(10_000)]
    assert all(fits(tuple(names))(name) for name in names) and not fits(tuple(names))("m")
    assert len(str(Scope(machines=tuple(names)))) < 200


def test_a_narrowed_plan_destroys_nothing_shared_and_the_number_is_its_own(site: Site) -> None:
    site.go()
    site.files(waves=WAVES.format(pilot="replicate", shop="replicate").replace("wiki-01: Standard_D2s_v5, ", ""))
    part = site.look(2, scope=Scope(machines=("wiki-01",))).plan
    assert not part.errors and part.destroys == 2 and machines(part) == {"wiki-01"}
    assert site.look(3, scope=Scope(machines=("wiki-01",))).plan.errors[0].code == "WL330"
    elsewhere = site.look(0, scope=Scope(waves=("shop",))).plan
    assert not elsewhere.errors and not elsewhere.steps


def test_a_plan_file_holds_the_narrowed_plan(site: Site) -> None:
    part = look(site, waves=["pilot"], exclude=["jump-01"])
    again = loads(dumps(part, 2e9, str(Path.cwd())), "f").plan
    assert again == part and again.asked.scope == Scope(waves=("pilot",), exclude=("jump-01",))
    assert text(again) == text(part)
    document = json.loads(json.dumps(to_json(part)))
    jsonschema.validate(document, schemas.load("plan-1"))
    assert document["narrowed_by"] == "--wave pilot --exclude jump-01"
    assert document["left_out"] and document["pulled_in"]
