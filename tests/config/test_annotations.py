"""Diagnostics for pull requests: JSON by its schema, SARIF 2.1.0, GitHub's workflow commands."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

import schemas
from planner.annotations import document, github, relative_to, sarif
from planner.config import load
from planner.estate import Diagnostic, Span
from tests.thirdparty import missing
from wavelift.cli.app import app

CASES = Path(__file__).parents[1] / "cases" / "config"
VALIDATOR = Draft202012Validator(schemas.load("diagnostics-1"))
NO_ADDRESS = "SARIF2005"
"""It wants a web address of the tool, which has none."""
NAMES = sorted(p.name for p in CASES.iterdir() if p.is_dir() and not p.name.startswith("_"))


def validate(*options: str) -> Result:
    return CliRunner().invoke(app, ["validate", *options])


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an estate, two of its files in contradiction, in a folder below."""
    (tmp_path / ".git").mkdir()
    shutil.copytree(CASES / "given-twice", tmp_path / "estates" / "seoul exit")
    monkeypatch.chdir(tmp_path / "estates")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_json_follows_its_schema(name: str) -> None:
    """issue 4, Editing: `validate --json` is what schemas/diagnostics-1.schema.json says, for every golden case."""
    made = document(load(CASES / name, env={}).diagnostics)
    assert list(VALIDATOR.iter_errors(made)) == []


def test_the_command_prints_that_document(repository: Path) -> None:
    """issue 4, Editing: what the command prints is the document, and its exit code says the same."""
    done = validate("-C", "seoul exit", "--json")
    made = json.loads(done.output)
    assert done.exit_code == 1
    assert VALIDATOR.is_valid(made)
    assert made["valid"] is False
    assert json.loads(validate("-C", str(CASES / "good-seoul"), "--format", "json").output)["valid"] is True


def test_github_annotations(repository: Path) -> None:
    """issue 4, Editing: one workflow command for each problem, with the file as the repository names it."""
    lines = validate("-C", "seoul exit", "--format", "github").output.splitlines()
    assert all(line.startswith(("::error ", "::warning ")) for line in lines)
    twice = next(line for line in lines if "WL150" in line)
    assert "file=estates/seoul exit/b.yaml,line=" in twice
    assert "col=" in twice
    assert "%0Afirst given here: estates/seoul exit/a.yaml:" in twice


def test_values_cannot_make_commands_of_their_own() -> None:
    """issue 4, Editing: a pull request's files are not trusted; a name in them must not command the workflow."""
    nasty = Diagnostic("WL120", "Unknown key", "`x`\n::add-mask::y\r::error::z 100%", "p", Span("a,b::c\n.yaml", 1, 1))
    text = github([nasty], relative_to(Path("/r"), Path("/r")))
    assert text.count("\n") == 1
    assert text.startswith("::error file=a%2Cb%3A%3Ac%0A.yaml,line=1,col=1,title=WL120%3A Unknown key::")
    assert "%0A::add-mask::y%0D::error::z 100%25" in text


def test_sarif(repository: Path) -> None:
    """issue 4, Editing: SARIF 2.1.0: relative paths, a rule for each code, other places as related locations."""
    log = json.loads(validate("-C", "seoul exit", "--format", "sarif").output)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning")
        assert result["message"]["text"]
        for location in (*result["locations"], *result.get("relatedLocations", ())):
            place(location)
    twice = next(r for r in run["results"] if r["ruleId"] == "WL150")
    assert place(twice["locations"][0])["artifactLocation"]["uri"] == "estates/seoul%20exit/b.yaml"
    assert twice["relatedLocations"][0]["message"]["text"] == "first given here"


def place(location: dict[str, Any]) -> dict[str, Any]:
    """The physical location, which says where below the repository."""
    found: dict[str, Any] = location["physicalLocation"]
    assert found["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
    assert not found["artifactLocation"]["uri"].startswith("/")
    assert found["region"]["startLine"] >= 1
    assert found["region"]["startColumn"] >= 1
    return found


def test_plan_tells_wrong_files_in_the_same_forms(repository: Path) -> None:
    """issue 4, Editing: the same for `plan`, which stops at files that are wrong."""
    done = CliRunner().invoke(app, ["plan", "-C", "seoul exit", "--diagnostics", "github"])
    assert done.exit_code == 1
    assert str(done.exception).startswith("::error file=estates/seoul exit/a.yaml,")


@pytest.mark.thirdparty
def test_sarif_is_what_its_makers_validator_takes(tmp_path: Path) -> None:
    """issue 4, Editing: Microsoft's validator, schema and rules, over the problems of every golden case in one log."""
    multitool = shutil.which("sarif-multitool")
    if multitool is None:
        missing("sarif-multitool is not installed")
    found = [d for name in NAMES for d in load(CASES / name, env={}).diagnostics]
    log, verdict = tmp_path / "wavelift.sarif", tmp_path / "verdict.sarif"
    log.write_text(json.dumps(sarif(found, relative_to(CASES, CASES), "1.0")))
    subprocess.run([multitool, "validate", str(log), "--output", str(verdict)], capture_output=True, timeout=60)
    said = json.loads(verdict.read_text(encoding="utf-8-sig"))["runs"][0]["results"]
    assert len(found) > 100
    assert {one["ruleId"] for one in said} == {NO_ADDRESS}, said[:3]
