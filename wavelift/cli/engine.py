"""`wavelift engine`: the replication engine as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import Folder

app = typer.Typer(help="The replication engine.", no_args_is_help=True)


@app.command()
def run(
    estate: Folder = Path(),
    metrics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep this file up to date with metrics, in Prometheus' text format.")
    ] = None,
) -> None:
    """Replicate, and carry out orders, until stopped. One engine works at a time; another one waits for its lease."""
    from wavelift.hosting.engine import run_here
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    with Wiring(Workspace.open(estate), "engine") as wiring:
        run_here(wiring, metrics)


@app.callback()
def engine() -> None:
    """The replication engine."""
