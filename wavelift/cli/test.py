"""`wavelift test`: what people say about test migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.breakglass import Machine, Why, say
from wavelift.cli.options import Folder

app = typer.Typer(help="Test migrations.", no_args_is_help=True)


@app.command()
def accept(
    machine: Machine,
    note: Annotated[str, typer.Option("--note", help="What was tested, for the record.", show_default=False)],
    estate: Folder = Path(),
) -> None:
    """Accept a machine's test by record: who, when and the note are kept with the machine."""
    from replication.model.command import Verb

    say(estate, machine, Verb.ACCEPT_TEST, note)


@app.command()
def refresh(
    machine: Machine,
    why: Why,
    estate: Folder = Path(),
) -> None:
    """Another test VM from the newest recovery point, in place of the one that is there or has expired."""
    from wavelift.applying.refreshing import refresh as ask
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    with Wiring(Workspace.open(estate), "engine") as wiring:
        number = ask(wiring, machine, why)
    typer.echo(f"{machine}: order {number} is written: the engine replaces its test. See `wavelift status {machine}`.")


@app.callback()
def test() -> None:
    """Test migrations."""
