"""`wavelift replication pause | resume | resync`: what a person says about one machine's replication."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.breakglass import Machine, Why, say
from wavelift.cli.options import Folder

app = typer.Typer(help="Pause, resume or resync the replication of one machine by hand.", no_args_is_help=True)


@app.command("pause")
def pause(machine: Machine, why: Why, estate: Folder = Path()) -> None:
    """No new cycle of this machine begins; what runs finishes. A cut-over still replicates."""
    from replication.model.command import Verb

    say(estate, machine, Verb.PAUSE, why)


@app.command("resume")
def resume(machine: Machine, why: Why, estate: Folder = Path()) -> None:
    """Cycles of this machine begin again as they are due."""
    from replication.model.command import Verb

    say(estate, machine, Verb.CONTINUE, why)


@app.command("resync")
def resync(
    machine: Machine,
    why: Why,
    estate: Folder = Path(),
    disk: Annotated[list[int] | None, typer.Option(help="Device key (2000 …), may be repeated; all without it.")] = None,
) -> None:
    """The next delta reads the disks whole and sends the blocks that differ from what the replica is known to hold."""
    from replication.model.command import Verb

    say(estate, machine, Verb.RESYNC, why, disks=tuple(disk or ()))
