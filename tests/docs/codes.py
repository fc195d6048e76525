"""What the documents are held against: the codes that the product can print, and the page that lists them.

`python -m tests.docs.codes` writes `docs/errors.md` anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from planner.advice import Explained, codes, explained
from planner.advice.meanings import MEANING
from planner.config import CODES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
DIAGNOSED = ("planner", "wavelift")


def diagnosed() -> dict[str, str]:
    """Code -> summary, of every diagnostic that product code makes outside `planner.config`."""
    found: dict[str, str] = {}
    for path in _sources():
        for call in _calls(path):
            texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if texts and texts[0].startswith("WL") and texts[0] not in CODES:
                found.setdefault(texts[0], texts[1] if len(texts) > 1 else "")
    return found


def warnings() -> set[str]:
    """Codes of `diagnosed` that are made as warnings."""
    out = set()
    for path in _sources():
        for call in _calls(path):
            if any(
                k.arg == "severity" and isinstance(k.value, ast.Constant) and k.value.value == "warning"
                for k in call.keywords
            ):
                out |= {a.value for a in call.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return out


def blockers() -> set[str]:
    """Code of every `Blocker` that `planner.preflight` yields."""
    return {
        str(call.args[0].value)
        for call in _calls(ROOT / "planner" / "preflight.py")
        if isinstance(call.func, ast.Name) and call.func.id == "Blocker" and isinstance(call.args[0], ast.Constant)
    }


def page() -> str:
    """`docs/errors.md` as it must be."""
    lines = [
        "# Codes of problems",
        "",
        "<!-- written by `python -m tests.docs.codes`; change the product's texts, not this page -->",
        "",
        "A code is never given another meaning. `validate`, `plan` and `apply` print it with the place in the file, the",
        "values and the remedy; warnings do not stop anything. `wavelift explain-error CODE` shows an example of wrong and",
        "right. Exit codes are in the [README](../README.md#exit-codes).",
        "",
        "## The estate's files (WL1xx)",
        "",
        "Found by `wavelift validate`, which asks nobody outside.",
        "",
        *_HEAD,
    ]
    known = [found for code in codes() if (found := explained(code)) is not None]
    lines += [_line(one) for one in known if one.code in CODES]
    lines += [
        "",
        "## Files against vCenter, state and Azure (WL2xx, WL3xx)",
        "",
        "Found by `wavelift plan` and `apply`: 2xx from the inventory of vCenter, 3xx from the state and Azure.",
        "",
        *_HEAD,
    ]
    lines += [_line(one) for one in known if one.code in MEANING]
    lines += [
        "",
        "## The VM cannot replicate",
        "",
        "What a VM itself has that forbids replication, found by `plan` before anything is made.",
        "",
        *_HEAD,
    ]
    lines += [_line(one) for one in known if one.code not in CODES and one.code not in MEANING]
    return "\n".join(lines) + "\n"


_HEAD = ("| code | problem | what it means | what to do |", "|---|---|---|---|")


def _line(one: Explained) -> str:
    mark = " (warning)" if one.severity == "warning" else ""
    code = one.code if one.code.isupper() else f"`{one.code}`"
    return _row(code, one.title + mark, one.meaning, one.todo)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _sources() -> Iterator[Path]:
    for package in DIAGNOSED:
        yield from sorted((ROOT / package).rglob("*.py"))


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node


if __name__ == "__main__":
    PAGE.write_text(page())
