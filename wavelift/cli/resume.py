"""`wavelift resume`: a hold ends, or a cut-over that was given up or meets trouble is tried once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.breakglass import Machine, Why, say
from wavelift.cli.options import Folder


def resume(
    machine: Machine,
    why: Why,
    size: Annotated[str | None, typer.Option("--size", help="An Azure VM size to try before those of the estate.")] = None,
    estate: Folder = Path(),
) -> None:
    """End a hold, or try the machine's cut-over again now: a missed or failed one begins once more, window or not. Where both
    are there, the first `resume` only ends the hold."""
    from replication.model.command import Verb

    say(estate, machine, Verb.RESUME, why, size)
