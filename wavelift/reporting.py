"""How a command tells diagnostics: text with carets, JSON, SARIF or GitHub's annotations, by one option for all commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from planner.annotations import Name
    from planner.estate import Diagnostic
    from wavelift.workspace import Workspace


def opened(folder: Path, form: str) -> Workspace:
    """The estate of `folder`; `UserProblem` with every diagnostic in the form asked for when its files are wrong."""
    from wavelift.workspace import BadEstate, Workspace

    try:
        return Workspace.open(folder)
    except BadEstate as error:
        if form == "text":
            raise
        raise UserProblem(told(error.diagnostics, form, folder)) from error


def told(diagnostics: tuple[Diagnostic, ...], form: str, folder: Path) -> str:
    """The diagnostics in a form of `annotations.Format`; `folder` is the estate's, whose repository names the files."""
    from planner import annotations

    match form:
        case "json":
            return _json(annotations.document(diagnostics))
        case "sarif":
            from importlib.metadata import version

            return _json(annotations.sarif(diagnostics, _names(folder), version("wavelift")))
        case "github":
            return annotations.github(diagnostics, _names(folder))
        case _:
            from wavelift.diagnostics import shown

            return shown(diagnostics)


def _names(folder: Path) -> Name:
    from planner import annotations

    return annotations.relative_to(annotations.repository_of(folder), Path.cwd())


def _json(document: object) -> str:
    import json

    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
