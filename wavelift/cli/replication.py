"""`wavelift replication pause | resume | resync`: what a person says about one machine's replication."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.breakglass import PATIENCE, Machine, Why
from wavelift.cli.options import Folder

app = typer.Typer(help="Pause, resume or resync the replication of one machine by hand.", no_args_is_help=True)


@app.command("pause")
def pause(machine: Machine, why: Why, estate: Folder = Path()) -> None:
    """No new cycle of this machine begins; what runs finishes. A cut-over still replicates."""
    _say(estate, machine, "pause", why)


@app.command("resume")
def resume(machine: Machine, why: Why, estate: Folder = Path()) -> None:
    """Cycles of this machine begin again as they are due."""
    _say(estate, machine, "continue", why)


@app.command("resync")
def resync(
    machine: Machine,
    why: Why,
    estate: Folder = Path(),
    disk: Annotated[list[int] | None, typer.Option(help="Device key (2000 …), may be repeated; all without it.")] = None,
) -> None:
    """The next delta reads the disks whole and sends the blocks that differ from what the replica is known to hold."""
    _say(estate, machine, "resync", why, tuple(disk or ()))


def _say(estate: Path, machine: str, verb: str, why: str, disks: tuple[int, ...] = ()) -> None:
    """Exit 1 when the engine refuses it."""
    from replication.model.command import Verb
    from wavelift.applying.commands import answer, find, send
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    with Wiring(Workspace.open(estate), "engine") as wiring:
        found = find(wiring, machine)
        command = send(found, Verb(verb), why, disks=disks)
        said = answer(found, command.number, PATIENCE)
    if said is None:
        typer.echo(f"{machine}: {verb} is written (command {command.number}); an engine obeys it when it looks.")
        return
    typer.echo(f"{machine}: {said}")
    if said.startswith("refused"):
        raise typer.Exit(1)
