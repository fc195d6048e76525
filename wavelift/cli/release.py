"""`wavelift release`: hand migrated machines over to their owners."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wavelift.cli.breakglass import Why
from wavelift.cli.options import Folder
from wavelift.problems import UserProblem


def release(
    why: Why,
    machine: Annotated[list[str] | None, typer.Argument(help="Machines, by their names in the estate.")] = None,
    wave: Annotated[str | None, typer.Option(help="All machines of this wave.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let one released machine replicate once more.")] = False,
    estate: Folder = Path(),
) -> None:
    """Hand completed machines over: our tags come off their VMs, disks and NICs, and the state forgets them. Nothing is
    deleted and nothing is changed in vCenter."""
    from planner.plan.released import told
    from wavelift.leaving import releasing
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    if not why.strip():
        raise UserProblem("Say why: it stands in the state's history. Nothing was changed.")
    names = tuple(machine or ())
    with Wiring(Workspace.open(estate), "engine") as wiring:
        if undo:
            if len(names) != 1:
                raise UserProblem("`--undo` is about one machine, by its name. Nothing was changed.")
            typer.echo(releasing.take_back(wiring, names[0], why))
            return
        chosen = releasing.choose(wiring, names, wave)
        for one in chosen.already:
            typer.echo(f"{one.name}: released already, {told(one)}")
        if not chosen.going:
            return
        for one in chosen.going:
            typer.echo(f"{one.name}: {', '.join(r.id.rpartition('/')[2] for r in chosen.recorded[one.name])}")
        if not yes and not typer.confirm("Hand these over? wavelift does not look after them any more", default=False):
            raise UserProblem("Nothing was changed.")
        releasing.release(wiring, [one.name for one in chosen.going], why, typer.echo)
        asked = [one.name for one in chosen.going if one.name in wiring.workspace.estate.machines]
        if asked:
            typer.echo(f"Next: take {', '.join(asked)} out of the files; until then the plan says so (WL530).")
