"""`wavelift hold`: nothing of this machine begins or is powered off, at once and without a pull request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.breakglass import Machine, Why, say
from wavelift.cli.options import Folder


def hold(
    machine: Machine,
    why: Why,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DAY", help="Ends by itself when this day begins (2027-01-20), or at 2027-01-20T14:00."),
    ] = None,
    estate: Folder = Path(),
) -> None:
    """Hold a machine: no order of it begins, nothing of it is powered off. Its replication goes on. `resume` ends it, or its
    date."""
    from replication.model.command import Verb

    say(estate, machine, Verb.HOLD, why, until=until)
