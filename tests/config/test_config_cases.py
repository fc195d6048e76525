"""Golden cases: a folder of YAML and what `validate` would print for it. UPDATE=1 writes the texts anew."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from planner.config import CODES, load, read_sources, render, to_json
from planner.config.provenance import Origins

CASES = Path(__file__).parents[1] / "cases" / "config"
NAMES = sorted(p.name for p in CASES.iterdir() if (p.is_dir() and not p.name.startswith(("_", "good"))))
ENV = {
    "TENANT_ID": "corp.example",
    "ARM_URL": "https://127.0.0.1:8443/",
    "BAD_URL": "http://127.0.0.1",
    "VC_HOST": "127.0.0.1:9443",
    "SUB": "sub-shop",
    "EMPTY": "",
}


def prepare(name: str, folder: Path) -> None:
    """The case's files in `folder`, on top of the shared base."""
    shutil.copytree(CASES / "_base", folder, dirs_exist_ok=True)
    shutil.copytree(CASES / name, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.txt", "*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_case(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D1: every problem with its place and its remedy, all at once, in the order of the files."""
    prepare(name, tmp_path)
    monkeypatch.chdir(tmp_path)
    overlay = "overlays/rehearsal.yaml"
    loaded = load(Path(), env=ENV | ({"WAVELIFT_OVERLAY": overlay} if Path(overlay).exists() else {}))
    text = render(loaded.diagnostics, read_sources(loaded.diagnostics))
    golden = CASES / name / "expected.txt"
    if os.environ.get("UPDATE"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert loaded.diagnostics, "a case that finds nothing shows nothing"
    assert (loaded.estate is None) == any(d.severity == "error" for d in loaded.diagnostics)
    files = [d.span.file for d in loaded.diagnostics if d.span]
    assert files == sorted(files), "in the order of the files"
    assert len(to_json(loaded.diagnostics)) == len(loaded.diagnostics)


def test_every_code_has_a_case() -> None:
    """Each code of the table is shown by a golden case or by a test of this folder."""
    shown = "".join(p.read_text(encoding="utf-8") for p in CASES.glob("*/expected.txt"))
    shown += "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*.py"))
    assert [code for code in CODES if code not in shown] == []


@pytest.mark.parametrize("case", ["secrets-stay-hidden", "secrets-written-out"])
def test_secrets_are_never_shown(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret typed into the estate by mistake comes up in no output."""
    prepare(case, tmp_path)
    monkeypatch.chdir(tmp_path)
    loaded = load(Path(), env={})
    shown = render(loaded.diagnostics, read_sources(loaded.diagnostics)) + str(to_json(loaded.diagnostics))
    assert "canary" not in shown
    assert len(loaded.diagnostics) >= 6
    origins = Origins.read(Path(), env={})
    quick = "policies.cutover.quick"
    places = ["notify.webhook", "sources.seoul.reader", quick, f"{quick}.hooks", f"{quick}.hooks.after"]
    told = [json.dumps([json.dumps(origins.of(one).value), origins.of(one).value], default=str) for one in places]
    assert "canary" not in "".join(told), "`explain-value` shows them neither"
