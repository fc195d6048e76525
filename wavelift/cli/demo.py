"""`wavelift demo`: the whole life of a migration on this machine, in minutes, and the proof at the end."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.options import OVERLAY
from wavelift.problems import ERROR, UserProblem

EXAMPLES = Path(__file__).parents[2] / "examples" / "demo"


def demo(
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Work in this (new) folder and leave everything there to look at.")
    ] = None,
) -> None:
    """Seven VMs with real disks travel from a simulated vCenter to a simulated Azure, through the real client libraries."""
    if not EXAMPLES.is_dir():
        raise UserProblem(f"the demo's estate is not at {EXAMPLES}: run the demo from a checkout (`make demo`)")
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise UserProblem(f"{keep} is not empty: name a new folder")
    os.environ.pop(OVERLAY, None)  # it belongs to the user's estate, not to the demo's
    began = time.monotonic()
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        _run(keep.absolute())
    else:
        with tempfile.TemporaryDirectory(prefix="wavelift-demo-") as folder:
            _run(Path(folder))
    typer.echo(f"\nThe whole demo took {time.monotonic() - began:.0f} s. Nothing is left running.")


def _run(work: Path) -> None:
    from rich.console import Console

    from wavelift.demo import foretold
    from wavelift.demo.proof import downtimes, prove, table
    from wavelift.demo.story import Story

    story = Story(EXAMPLES, work, lambda text: typer.echo(text))
    try:
        story.prepare()
        story.replicate()
        story.churn()
        story.test()
        expected = foretold.expected_downtimes(story.estate)
        story.migrate()
        downtime = downtimes(story.estate)
        story.complete()
        typer.echo("\n== Forecast before, and what happened")
        initial = foretold.initial_seconds(story.foretold)
        Console(width=140).print(foretold.table(foretold.compared(story.estate, initial, expected, downtime)))
        typer.echo("\n== Proof: every managed disk against its source, sector for sector")
        proven = prove(story.estate, story.lab, downtime)
        Console(width=140).print(table(proven))
    finally:
        story.close()
    if not proven or not all(p.comparison.equal and p.requested == p.applied for p in proven):
        typer.echo("The disks are NOT equal.", err=True)
        raise typer.Exit(ERROR)
    typer.echo(f"{len(proven)} disks of {len({p.machine for p in proven})} machines are equal to their sources.")
