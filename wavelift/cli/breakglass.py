"""The words of a person (`hold`, `resume`, `rollback`, `replication`): find the machine, write it, wait for an answer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from replication.model.command import Verb
    from wavelift.applying.commands import Found

Machine = Annotated[str, typer.Argument(help="The machine, by its name in the estate.", show_default=False)]
Why = Annotated[str, typer.Option("--why", help="The reason, for the record and whoever comes next.", show_default=False)]
PATIENCE = 10.0
"""Seconds that an engine's answer is waited for; without one the command stands and is obeyed later."""
ROLLBACK = 900.0
"""Seconds that a rollback is waited for which an engine has taken up."""


def say(
    estate: Path,
    machine: str,
    verb: Verb,
    why: str,
    size: str | None = None,
    confirm: str = "",
    disks: tuple[int, ...] = (),
    until: str | None = None,
) -> None:
    """Exit 1 when the engine refuses it."""
    from replication.engine.orders.commands import needs_sentence, sentence
    from replication.engine.orders.late import off
    from replication.model.command import Verb as Verbs
    from wavelift.applying.commands import answer, ending, find, send
    from wavelift.problems import UserProblem
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    with Wiring(Workspace.open(estate), "engine") as wiring:
        found = find(wiring, machine)
        end = ending(until, wiring.workspace.estate.time_zone, time.time()) if until is not None else None
        needs = needs_sentence(found.record) and not off(found.record)
        if verb is Verbs.ROLLBACK and needs and confirm != sentence(found.record):
            raise UserProblem(
                f"The Azure VM of {machine} may have run: {sentence(found.record)}.\n"
                f'If that is meant, say so: wavelift rollback {machine} --why … --confirm "{sentence(found.record)}"\n'
                "Nothing was changed."
            )
        command = send(found, verb, why, size, confirm, disks, end)
        said = answer(found, command.number, PATIENCE)
        if said is not None:
            typer.echo(f"{machine}: {said}")
            back = verb is not Verbs.ROLLBACK or said.startswith("refused") or _back(found, machine)
    if said is None:
        typer.echo(f"{machine}: {verb.value} is written (command {command.number}); an engine obeys it when it looks.")
        return
    if said.startswith("refused"):
        raise typer.Exit(1)
    if not back:
        typer.echo(f"It goes on: `wavelift status {machine}` says how far it is.")


def _back(found: Found, machine: str) -> bool:
    """Nobody who asked for a source wants to look for it: it is waited for. Ctrl-C leaves, the engine goes on."""
    from wavelift.applying.commands import gone_back
    from wavelift.cli.console import Console

    console = Console()
    over = gone_back(found, ROLLBACK, lambda what: console.live(f"{machine}: {what} (Ctrl-C leaves; the engine goes on)"))
    console.clear()
    return over
