"""`wavelift explain-error` and docs/errors.md: no code without its explanation, and every example shows what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from planner.advice import Explained, codes, explained
from planner.advice.access import ACCESS
from planner.advice.azure import AZURE
from planner.advice.estate import ESTATE
from planner.advice.forms import FORMS
from planner.advice.inventory import INVENTORY
from planner.advice.landing import LANDING
from planner.advice.machines import BLOCKERS
from planner.advice.meanings import MEANING, WARNINGS
from planner.advice.planfiles import PLAN_FILES
from planner.advice.protection import PROTECTION
from planner.advice.rules import RULES
from planner.advice.state import STATE
from planner.advice.text import TEXT
from planner.config import CODES, load
from tests.docs.codes import blockers, diagnosed, warnings
from wavelift.cli.app import app

BASE = Path(__file__).parents[1] / "cases" / "config" / "_base" / "base.yaml"
IN_WORDS = "("


def known(code: str) -> Explained:
    found = explained(code)
    assert found is not None
    return found


def test_no_code_is_without_an_explanation() -> None:
    """issue 4, Editing: `explain-error` expands every code that the product can print, and none that it cannot."""
    assert set(codes()) == CODES.keys() | MEANING.keys() | blockers()
    assert {**TEXT, **FORMS, **ESTATE}.keys() == CODES.keys()
    assert {**INVENTORY, **AZURE, **ACCESS, **RULES, **STATE, **PLAN_FILES, **PROTECTION, **LANDING}.keys() == MEANING.keys()
    assert BLOCKERS.keys() == blockers()


@pytest.mark.parametrize("code", codes())
def test_every_code_says_what_to_do_and_shows_wrong_and_right(code: str) -> None:
    """issue 4, Editing: what it means, an example of wrong and right, what to do."""
    one = known(code)
    assert one.meaning.endswith(".")
    assert one.todo.endswith(".")
    assert one.wrong
    assert one.right
    assert one.wrong != one.right


def test_titles_and_severities_are_the_product_s() -> None:
    """issue 4, Editing: the page of a code and the message that names it use one title."""
    summaries = {code: summary for code, summary in diagnosed().items() if summary}
    assert {code: known(code).title for code in summaries} == summaries
    assert warnings() & MEANING.keys() == WARNINGS


def estate_of(example: str, folder: Path) -> tuple[str, ...]:
    """The codes found in an estate that holds the example, and of the base whatever the example does not say."""
    base: dict[str, Any] = yaml.safe_load(BASE.read_text())
    base.setdefault("waves", {"base": {"target": "korea", "machines": {"base-01": "Standard_D2s_v5"}}})
    for line in example.splitlines():
        base.pop(line.partition(":")[0], None)
    (folder / "a.yaml").write_text(yaml.safe_dump(base))
    (folder / "b.yaml").write_text(example)
    return tuple(d.code for d in load(folder, env={"VC": "x"}).diagnostics)


@pytest.mark.parametrize("code", [c for c in codes() if c in CODES and not known(c).wrong.startswith(IN_WORDS)])
def test_the_wrong_example_is_wrong_and_the_right_one_right(code: str, tmp_path: Path) -> None:
    """issue 4, Editing: an example that is not what it says would teach the mistake."""
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    wrong.mkdir()
    right.mkdir()
    assert code in estate_of(known(code).wrong, wrong)
    assert estate_of(known(code).right, right) == ()


@pytest.mark.parametrize("code", [c for c in codes() if c not in CODES and not known(c).wrong.startswith(IN_WORDS)])
def test_examples_of_later_problems_are_right_files(code: str, tmp_path: Path) -> None:
    """issue 4, Editing: what only vCenter or Azure refuses is written as the files want it."""
    for name, example in (("wrong", known(code).wrong), ("right", known(code).right)):
        (tmp_path / name).mkdir()
        assert set(estate_of(example, tmp_path / name)) <= {"WL159"}, name


def test_the_command(tmp_path: Path) -> None:
    """issue 4, Editing: `wavelift explain-error CODE`, whatever the case; an unknown code is answered with the nearest."""
    runner = CliRunner()
    shown = runner.invoke(app, ["explain-error", "wl120"])
    assert shown.exit_code == 0
    assert "WL120: Unknown key" in shown.output
    assert "Wrong:" in shown.output
    assert "Right:" in shown.output
    assert '"code": "independent-disk"' in runner.invoke(app, ["explain-error", "independent-disk", "--json"]).output
    assert "Did you mean `independent-disk`?" in str(runner.invoke(app, ["explain-error", "independant-disk"]).exception)
