"""`wavelift drift`: what was changed outside of wavelift, in Azure and in vCenter. Changes nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import AsJson, Folder
from wavelift.problems import CHANGES, ERROR, UserProblem

if TYPE_CHECKING:
    from planner.drift import Drift

CLASSES = ("urgent", "ours", "foreign", "unmanaged")


def drift(
    estate: Folder = Path(),
    json: AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="An issue's body: at most 65,536 characters, found again by its first line.")
    ] = False,
    fail: Annotated[
        str | None,
        typer.Option(
            "--fail",
            metavar="CLASSES",
            help="What gives exit code 2, with commas: urgent, ours, foreign, unmanaged; none. The estate's `drift: {fail}` "
            "otherwise, or urgent and ours.",
        ),
    ] = None,
) -> None:
    """Compare what is recorded with what is there. Exit code 0: nothing that counts; 2: drift; 1: could not look."""
    from wavelift.cli.console import Console
    from wavelift.planning.drifting import look
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    if json and markdown:
        raise UserProblem("--json and --markdown are two forms of one answer: choose one")
    chosen = None if fail is None else _classes(fail)
    console = Console(quiet=json or markdown)
    console.soon("reading the files")
    workspace = Workspace.open(estate)
    with Wiring(workspace, "plan") as wiring:
        found = look(wiring, time.time(), console.doing)
        console.line(wiring.at_work())
    console.clear()
    typer.echo(_shown(found, json, markdown), nl=False)
    if found.fails(workspace.estate.drift.fail if chosen is None else chosen):
        raise typer.Exit(CHANGES)
    if found.blind:
        raise typer.Exit(ERROR)


def _shown(found: Drift, json: bool, markdown: bool) -> str:
    if json:
        import json as jsons

        from planner.drift.document import to_json

        return jsons.dumps(to_json(found), indent=2, ensure_ascii=False) + "\n"
    if markdown:
        from planner.drift import markdown as page

        return page.markdown(found)
    from planner.drift.text import text

    return text(found)


def _classes(written: str) -> tuple[str, ...]:
    """`urgent,ours` as its parts; `none` is none of them."""
    if written.strip() == "none":
        return ()
    parts = tuple(part.strip() for part in written.split(","))
    wrong = [part for part in parts if part not in CLASSES]
    if wrong:
        raise UserProblem(f"--fail: there is no class {wrong[0]!r}; there are {', '.join(CLASSES)}, or none")
    return parts
