"""Reading a plan: counts first, by wave, folded, Markdown that fits; JSON by its schema; every view of one report."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import schemas
from planner.artifact import Kind
from planner.estate import Diagnostic, Span
from planner.explain import markdown, report, text, to_json
from planner.explain.markdown import LIMIT, Shown, marker
from planner.plan import Plan
from planner.steps import Create, Delete, Note, SendOrder
from tests.planner.site import Site, vm
from tests.planner.test_plan_cases import NAMES
from tests.planner.test_plan_cases import planned as case

WAVES = """\
waves:
  pilot:
    target: korea
    phase: {phase}
    machines: {{{machines}}}
"""


def started(folder: Path, monkeypatch: pytest.MonkeyPatch, machines: int, disks: int = 1) -> Site:
    """A site whose machines are all alike and begin."""
    monkeypatch.chdir(folder)
    site = Site(Path(), *(vm(n, f"web-{n:02}", (8,) * disks) for n in range(1, machines + 1)))
    site.files(waves=WAVES.format(phase="replicate", machines=", ".join(f"{name}: Standard_D2s_v5" for name in site.vms)))
    return site


@pytest.mark.parametrize("name", NAMES)
def test_every_view_of_every_case(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: text, Markdown and JSON from one model; the JSON is what its schema says."""
    monkeypatch.chdir(tmp_path)
    plan = case(name, tmp_path).plan
    document = json.loads(json.dumps(to_json(plan)))
    jsonschema.validate(document, schemas.load("plan-1"))
    told = report(plan)
    shown = text(plan, verbose=True)
    for wave in told.waves:
        for steps in wave.steps.values():
            for step in steps:
                assert step.address in shown, step.address
    assert len(markdown(plan).encode()) <= LIMIT
    assert markdown(plan).startswith(marker(plan.estate))


def test_the_order_in_a_wave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: what starts, what is tested, what is cut over, what is destroyed, in that order; irreversible ones marked."""
    monkeypatch.chdir(tmp_path)
    plan = case("migrate-from-test", tmp_path).plan
    gone = Delete("seed_disk.web-01/2009", Kind.SEED_DISK, "id", (), "skipped", "web-01", "pilot")
    (tmp_path / "first").mkdir()
    monkeypatch.chdir(tmp_path / "first")
    begins = [s for s in case("first-plan", Path()).plan.steps if isinstance(s, Create) and s.wave == "pilot"]
    mixed = replace(plan, steps=(gone, *plan.steps, *begins))
    told = report(mixed)
    assert [s.title for s in told.waves[0].sections] == ["start to replicate", "clean up", "cut over", "destroy"]
    shown = text(mixed)
    assert shown.index("start to replicate 2 disks") < shown.index("remove the test VM") < shown.index("cut over web-01")
    assert shown.index("cut over web-01") < shown.index("- seed_disk.web-01/2009")
    assert "! the source is powered off" in shown and "1 step cannot be undone" in shown.splitlines()[2]
    assert shown.startswith("Plan: ")


def test_identical_changes_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: identical changes folded together; `--verbose` opens them; one that differs is shown by itself."""
    site = started(tmp_path, monkeypatch, 42)
    site.vms["web-07"] = vm(7, "web-07", (8, 32))
    plan = site.look().plan
    shown = text(plan)
    assert "… and 40 more like it: web-02, web-03, web-04, web-05, web-06, … (--verbose names all)" in shown
    assert "replication.web-07: start to replicate 2 disks" in shown and "replication.web-12" not in shown
    assert "pilot: start to replicate 42 machines, 368 GiB" in shown
    opened = text(plan, verbose=True)
    assert all(f"+ replication.web-{n:02}" in opened for n in range(1, 43)) and "more like it" not in opened
    assert "web-41" not in markdown(plan)


def test_the_disks_of_one_machine_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty seed disks of one size are one line and a count."""
    shown = text(started(tmp_path, monkeypatch, 1, disks=40).look().plan)
    assert shown.count("+ seed_disk.") == 1 and "… and 39 more like it" in shown


def test_markdown_fits_whatever_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: GitHub's 65,536 characters: summary and what is destroyed first, what is left out named, with where it is."""
    monkeypatch.chdir(tmp_path)
    plan = case("migrate-from-test", tmp_path).plan
    order = next(s for s in plan.steps if isinstance(s, SendOrder) and s.irreversible)
    many = [
        replace(order, address=f"order.vm-{n}/000001-migrate", machine=f"vm-{n}", wave=f"wave-{n // 3}-" + "é" * 20, why=f"{n}")
        for n in range(6000)
    ]
    plan = replace(plan, steps=tuple(many))
    shown = markdown(plan, Shown("ab" * 32, "Thu 2026-11-26 00:00 UTC", "the artifact plan.txt"))
    assert len(shown.encode()) <= LIMIT and len(shown) <= LIMIT
    assert "**Cannot be undone: 6000**" in shown and "more waves" in shown and "Left out here" in shown
    assert "the artifact plan.txt" in shown and "ab" * 32 in shown
    assert shown.count("<details>") == shown.count("</details>") and shown.count("```") % 2 == 0


def test_the_forecast_stands_in_the_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: a pull request says how long it takes and how long each machine is down; a forecast too long to fit is named."""
    monkeypatch.chdir(tmp_path)
    plan = case("migrate-from-test", tmp_path).plan
    shown = markdown(plan, Shown(forecast="| db | 11 min / 19 min |\n"))
    assert "| db | 11 min / 19 min |" in shown and shown.index("11 min") < shown.index("<details>")
    long = markdown(plan, Shown(forecast="| db | 11 min |\n" * 2000))
    assert "11 min" not in long and "Left out here" in long and "the forecast" in long


def test_the_first_screen_of_a_pull_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """users.md, screen 1: plan, state, valid to; what changes in vCenter; what nobody could look at stands open, not folded."""
    monkeypatch.chdir(tmp_path)
    plan = case("first-plan", tmp_path).plan
    blind = Diagnostic("WL346", "permission not checked", "the Key Vault's data plane may not be read", severity="warning")
    shown = markdown(replace(plan, warnings=(blind,)), Shown("7f3ac1" * 10, "Sun 2027-01-17 05:00 KST"))
    assert f"plan 7f3ac1 · state #{plan.serial} · valid to Sun 2027-01-17 05:00 KST" in shown
    assert " to destroy · vCenter: tracking on web-01**" in shown
    assert "**NOT CHECKED: 1**\n\n- WL346 the Key Vault" in shown and shown.count("NOT CHECKED") == 1
    assert shown.index("NOT CHECKED") < shown.index("<details>")


def test_a_changed_plan_is_a_small_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: stable, so that a changed plan is a small diff; and found again by its marker."""
    site = started(tmp_path, monkeypatch, 12)
    before = markdown(site.look().plan)
    assert before == markdown(site.look().plan)
    site.vms["web-13"] = vm(13, "web-13")
    site.files(waves=WAVES.format(phase="replicate", machines=", ".join(f"{name}: Standard_D2s_v5" for name in site.vms)))
    after = markdown(site.look().plan)
    changed = [d for d in difflib.ndiff(before.splitlines(), after.splitlines()) if d[0] in "+-"]
    assert 0 < len(changed) <= 10, changed
    assert before.splitlines()[0] == after.splitlines()[0] == "<!-- wavelift:plan:shop -->"


def test_what_others_wrote_obeys_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels and names come from vCenter and from files: no escape reaches the terminal, no markup the comment."""
    monkeypatch.chdir(tmp_path)
    plan = case("first-plan", tmp_path).plan
    evil = "\x1b[2J\u202e```</details><script>@everyone</script>|x"
    note = Note(evil, evil, evil, evil, Span(evil, 1, 1))

    def spoiled(step: Any) -> Any:
        if isinstance(step, Create) and step.wave:
            disks = [{**d, "label": evil} for d in step.spec.get("disks", ())]
            return replace(step, wave=evil, why=f"again {evil}", spec={**step.spec, "disks": disks} if disks else step.spec)
        return step

    bad = replace(plan, estate="x --><b>", steps=tuple(map(spoiled, plan.steps)), deferred=(note,), kept=(note,))
    for shown in (text(bad), text(bad, verbose=True), markdown(bad)):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    comment = markdown(bad)
    outside = re.sub(r"```\n.*?\n```\n", "", comment, flags=re.DOTALL)
    assert "<script>" not in outside and "@everyone" not in outside and comment.count("```") % 2 == 0
    assert comment.splitlines()[0] == "<!-- wavelift:plan:x-----b- -->"


def test_gates_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: what waits for a gate is listed apart from what is deferred, and is no change."""
    monkeypatch.chdir(tmp_path)
    held = case("migrate-on-hold", tmp_path).plan
    assert held.steps == () and "Waiting for a gate:" in text(held) and "1 waiting for a gate" in text(held)
    assert [n["subject"] for n in to_json(held)["waiting"]] == ["web-01"] and to_json(held)["deferred"] == []


def test_no_changes_is_one_line() -> None:
    empty = Plan("shop", "l", 3, ())
    assert text(empty) == "No changes. What is there is what the estate asks for.\n"
    assert "No changes" in markdown(empty)


def test_warnings_are_in_the_pull_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Issue 4: reviewing a pull request must be enough to know what could go wrong. They stood on the runner's log alone."""
    monkeypatch.chdir(tmp_path)
    plan = case("migrate-from-test", tmp_path).plan
    (warned,) = plan.remarks
    assert warned.code == "WL566" and warned.span is not None
    head = markdown(plan).partition("<details>")[0]
    assert "**Warnings: 1**" in head and "WL566" in head and f"`{warned.span}`" in head
    assert [one["where"] for one in to_json(plan)["warnings"]] == [str(warned.span)]
