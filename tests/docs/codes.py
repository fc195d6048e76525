"""What the documents are held against: the codes that the product can print, and the page that lists them.

`python -m tests.docs.codes` writes `docs/errors.md` anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from planner.config import CODES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"
DIAGNOSED = ("planner", "wavelift")

MEANING: dict[str, str] = {
    "WL200": "Source, name or path is wrong, or the VM left vCenter. Correct `vm`, or the machine's key in its wave.",
    "WL201": "Several VMs have that name. Give the inventory path in `vm`.",
    "WL202": (
        "The instance uuid of the lock file is in no VM of the source. If the VM was restored or registered anew, remove its "
        "entry from the lock file and run `wavelift init`."
    ),
    "WL203": "Two machines of the estate resolve to one instance uuid. Remove one.",
    "WL210": "There is nothing to replicate.",
    "WL211": "A key under `disks` fits no disk. Keys are `os`, a place such as `scsi0:1`, or the label in vCenter.",
    "WL212": "Two keys under `disks` mean one disk.",
    "WL213": "A VM without the disk that it boots from would not start.",
    "WL214": "`gib` is less than the source disk holds. A disk can grow on its way and never shrink.",
    "WL215": "A key under `nics` is a number that the VM has no adapter for; the first is 0.",
    "WL216": "The target's `subnets` lacks the port group of an adapter.",
    "WL217": "Every adapter is left out.",
    "WL310": "Something with the name that the plan needs is there without this estate's tags. It is never taken over.",
    "WL311": "The change would mean to delete and make anew, which is not done for you.",
    "WL312": "A renamed machine takes the name of one that the state still has. Go through a third name, or stop that one first.",
    "WL320": "Every appliance of the source has as many machines as its limit allows (S10). Declare one with `role: scale-out`.",
    "WL321": "Phase `replicate` or `test` of a machine that is migrated already.",
    "WL330": "`--allow-destroy` must name the number that the plan prints, so that nobody destroys more than was read.",
    "WL340": "The login may not look. The plan goes on without these checks and says so.",
    "WL341": "A resource group that is not `managed` must exist.",
    "WL342": "`vnet` or `test_vnet` of a target is not there. Networks belong to the landing zone.",
    "WL343": "A VM needs a network in its own region.",
    "WL344": "The virtual network lacks a subnet that `subnets` names.",
    "WL345": "The region, or the subscription in it, does not offer the size.",
    "WL346": "The login may not read role assignments; whether apply may work shows when it does.",
    "WL347": "S4: a role is missing; the text names principal, role and scope.",
    "WL348": (
        "S14: initial replications take long, and windows will open while they run. The text says what happens then, by the "
        "schedule policy's `initial_in_blackout`."
    ),
}
"""Codes outside the configuration: what they mean. The test fails when the product has one that is not here, or lost one."""


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


def blockers() -> dict[str, str]:
    """Code -> remedy of every `Blocker` that `planner.preflight` yields; names in braces stand for what is filled in."""
    found: dict[str, str] = {}
    for call in _calls(ROOT / "planner" / "preflight.py"):
        if isinstance(call.func, ast.Name) and call.func.id == "Blocker" and isinstance(call.args[0], ast.Constant):
            found[str(call.args[0].value)] = _words(call.args[2])
    return found


def page() -> str:
    """`docs/errors.md` as it must be."""
    lines = [
        "# Codes of problems",
        "",
        "<!-- written by `python -m tests.docs.codes`; change the product's texts, not this page -->",
        "",
        "A code is never given another meaning. `validate`, `plan` and `apply` print it with the place in the file, the",
        "values and the remedy; warnings do not stop anything. Exit codes are in the [README](../README.md#exit-codes).",
        "",
        "## The estate's files (WL1xx)",
        "",
        "Found by `wavelift validate`, which asks nobody outside.",
        "",
        "| code | problem | what it means |",
        "|---|---|---|",
    ]
    for code, known in sorted(CODES.items()):
        mark = " (warning)" if known.severity == "warning" else ""
        lines.append(_row(code, known.summary + mark, known.explanation))
    lines += [
        "",
        "## Files against vCenter, state and Azure (WL2xx, WL3xx)",
        "",
        "Found by `wavelift plan` and `apply`: 2xx from the inventory of vCenter, 3xx from the state and Azure.",
        "",
        "| code | problem | what it means |",
        "|---|---|---|",
    ]
    soft, summaries = warnings(), diagnosed()
    for code, meaning in sorted(MEANING.items()):
        summary = summaries.get(code, "") or "cannot be changed in place"
        lines.append(_row(code, summary + (" (warning)" if code in soft else ""), meaning))
    lines += [
        "",
        "## The VM cannot replicate",
        "",
        "What a VM itself has that forbids replication, found by `plan` before anything is made.",
        "",
        "| code | what to do |",
        "|---|---|",
    ]
    lines += [f"| `{code}` | {remedy.replace('|', '/')} |" for code, remedy in sorted(blockers().items())]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _sources() -> Iterator[Path]:
    for package in DIAGNOSED:
        yield from sorted((ROOT / package).rglob("*.py"))


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node


def _words(node: ast.expr) -> str:
    """The text of a constant or an f-string, with `…` for what is filled in (`skip` is a text of its own there)."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_words(part) for part in parts)
        case ast.FormattedValue(value=ast.Name(id="skip")):
            return "leave the disk out (`skip`)"
        case _:
            return "…"


if __name__ == "__main__":
    PAGE.write_text(page())
