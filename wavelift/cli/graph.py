"""`wavelift graph`: the dependency graph of artifacts, for eyes or tools."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import Folder, Machines, Waves
from wavelift.problems import UserProblem


class Format(StrEnum):
    MERMAID = "mermaid"
    DOT = "dot"
    JSON = "json"


def graph(
    estate: Folder = Path(),
    format: Annotated[Format, typer.Option("--format", "-f", help="Mermaid, Graphviz DOT or JSON.")] = Format.MERMAID,
    wave: Waves = None,
    machine: Machines = None,
) -> None:
    """Print the graph of everything that the estate comes down to, waves as barriers between their machines; or of some
    waves or machines and what they need."""

    from planner.desired import build
    from planner.graph import build_graph, dot, focused, mermaid, to_json
    from replication.model.parse import indented
    from wavelift.cli.console import Console
    from wavelift.diagnostics import shown
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    console = Console()
    console.soon("reading files and inventory")
    workspace = Workspace.open(estate)
    with Wiring(workspace, "plan") as wiring:
        desired = build(workspace.estate, wiring.inventory(), workspace.locked)
    if desired.diagnostics:
        console.clear()
        typer.echo(shown(desired.diagnostics), err=True)
        raise typer.Exit(1)
    drawn = build_graph(desired, workspace.view().state)
    if wave or machine:
        drawn = focused(drawn, wave or (), machine or ())
        if not drawn:
            raise UserProblem("nothing in the estate has such a wave and machine: look at `wavelift graph --format json`")
    match format:
        case Format.MERMAID:
            page = mermaid(drawn)
        case Format.DOT:
            page = dot(drawn)
        case Format.JSON:
            page = indented(to_json(drawn), ascii_only=True) + "\n"
    console.clear()
    typer.echo(page, nl=False)
