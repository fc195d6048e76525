"""What the contracts of .importlinter call pure also asks no clock, throws no dice and opens no file without an import."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMPURE = {"now", "today", "utcnow", "uuid1", "uuid4", "getnode", "open", "input", "print", "SystemRandom"}
"""Names that no pure module calls, as functions or as methods."""


def pure_modules() -> list[str]:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    found = [name for name in contracts.sections() if name.startswith("importlinter:contract:pure-")]
    return [module for name in found for module in contracts[name]["source_modules"].split()]


def files(module: str) -> list[Path]:
    at = ROOT.joinpath(*module.split("."))
    return sorted(at.rglob("*.py")) if at.is_dir() else [at.with_suffix(".py")]


def impure(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            dice = name == "Random" and not node.args  # without a seed
            if name in IMPURE or dice:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {name}()"


def test_pure_modules_are_pure() -> None:
    """Design, the house: time and nonces come in as arguments."""
    modules = pure_modules()
    assert {"replication.sealing", "replication.simulate", "planner.plan", "planner.graph"} <= set(modules)
    assert [told for module in modules for path in files(module) for told in impure(path)] == []


def test_the_look_itself_sees_them() -> None:
    path = ROOT / "replication" / "engine" / "attempt.py"
    assert any("uuid4()" in told for told in impure(path))
