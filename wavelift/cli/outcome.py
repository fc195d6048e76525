"""What became of an apply, when it is over: for people, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from planner.apply import Outcome
    from wavelift.applying.waiting import Waited
    from wavelift.cli.console import Console

DONE = 20
"""So many addresses are named of what succeeded when something failed."""


def tell(outcome: Outcome, waited: Waited, json: bool, console: Console) -> None:
    """What is done to standard output; what is not, and of a failure also what is, to standard error."""
    from planner.wording import some

    if json:
        import json as jsons

        document = {
            "done": list(outcome.done),
            "failed": {**outcome.failed, **waited.failed},
            "skipped": dict(outcome.skipped),
            "not_started": list(outcome.not_started),
            "waiting": [g.name for g in waited.left],
        }
        typer.echo(jsons.dumps(document, indent=2))
        return
    console.clear()
    parts = [f"{len(outcome.done)} done"]
    parts += [f"{len(outcome.failed)} failed"] if outcome.failed else []
    parts += [f"{len(outcome.skipped)} skipped"] if outcome.skipped else []
    parts += [f"{len(outcome.not_started)} not started"] if outcome.not_started else []
    typer.echo(f"Apply: {', '.join(parts)}.")
    if outcome.failed and outcome.done:
        shown = some(outcome.done, DONE)
        typer.echo(f"  done and recorded: {shown}", err=True)
    for address, problem in outcome.failed.items():
        typer.echo(f"  failed {address}: {problem}", err=True)
    for address, because in outcome.skipped.items():
        typer.echo(f"  skipped {address}: needs {because}", err=True)
    for name, problem in waited.failed.items():
        typer.echo(f"  {name}: {problem}", err=True)
    if waited.left:
        typer.echo(f"Still under way: {', '.join(g.name for g in waited.left)} (`wavelift status`).")
    if not outcome.complete:
        typer.echo("Run `wavelift apply` again to go on with the rest.", err=True)
