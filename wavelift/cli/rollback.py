"""`wavelift rollback`: the source runs again; after the Azure VM has run only with what is lost typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.breakglass import Machine, Why, say
from wavelift.cli.options import Folder


def rollback(
    machine: Machine,
    why: Why,
    confirm: Annotated[
        str, typer.Option("--confirm", help="What is lost, word for word, where the Azure VM has run; it is printed without.")
    ] = "",
    estate: Folder = Path(),
) -> None:
    """Power the source on again and go on replicating; the machine is held until `resume`. Before the Azure VM was asked
    for nothing is lost. Afterwards the Azure VM is stopped and kept, and what was written in it is not brought back."""
    from replication.model.command import Verb

    say(estate, machine, Verb.ROLLBACK, why, confirm=confirm)
