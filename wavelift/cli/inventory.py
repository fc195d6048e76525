"""`wavelift inventory export`: what vCenter holds, as a file, for planning where vCenter cannot be reached."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import Folder

app = typer.Typer(help="What vCenter holds, as a file.", no_args_is_help=True)


@app.callback()
def inventory() -> None:
    """Inventories as files."""


@app.command()
def export(
    estate: Folder = Path(),
    out: Annotated[Path | None, typer.Option("--out", help="File to write; standard output without it.", dir_okay=False)] = None,
) -> None:
    """Read every source with plan's login and write what it holds as canonical JSON (`plan --inventory` takes it)."""
    from planner.inventory import dumps
    from wavelift.cli.console import Console
    from wavelift.inventory.recorded import write
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    console = Console()
    workspace = Workspace.open(estate)
    with Wiring(workspace, "plan") as wiring:
        console.doing(f"reading the inventory of {', '.join(workspace.estate.sources)}")
        found = wiring.inventory(every=True)
    console.clear()
    if out is None:
        typer.echo(dumps(found), nl=False)
        return
    write(out, found)
    count = sum(len(source.vms) for source in found.sources.values())
    console.line(f"{count} VM{'s' if count != 1 else ''} of {', '.join(found.sources)} in {out}")
