"""`wavelift explain`: one address of the plan; why it is there, what it waits for, who asked, what is recorded and seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import AllowDestroy, Approval, AsJson, Folder
from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from planner.about import Facts


def explain(
    address: Annotated[
        str,
        typer.Argument(metavar="ADDRESS", help="seed_disk.web-01/2000, order.web-01, machine.web-01 or web-01, wave.shop."),
    ],
    estate: Folder = Path(),
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Explain out of this file of `plan --out`; nothing else is looked at."),
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option("--inventory", help="Plan from this file of `inventory export`; no vCenter is spoken to.", dir_okay=False),
    ] = None,
    json: AsJson = False,
    allow_destroy: AllowDestroy = None,
    approval: Approval = None,
) -> None:
    """Why something is in the plan or nothing is to do, what it waits for and what for it, which line asked."""
    from planner.about import UnknownAddress, about
    from planner.about.words import text, to_json

    facts = _of_file(plan_file) if plan_file is not None else _of_now(estate, json, allow_destroy, approval, inventory)
    try:
        told = about(address, facts)
    except UnknownAddress as error:
        raise UserProblem(str(error)) from error
    if json:
        import json as jsons

        typer.echo(jsons.dumps(to_json(told), indent=2, ensure_ascii=False))
        return
    values = _values(estate, told.machine) if plan_file is None and told.machine else []
    typer.echo(text(told, values), nl=False)
    if facts.plan.errors:
        count = len(facts.plan.errors)
        typer.echo(f"The plan has {count} problem{'s' if count > 1 else ''}: `wavelift plan` shows them.", err=True)


def _of_file(path: Path) -> Facts:
    from planner.about import Facts
    from wavelift.applying.planio import read

    return Facts(read(path).plan)


def _of_now(estate: Path, quiet: bool, allow_destroy: int | None, approval: list[str] | None, inventory: Path | None) -> Facts:
    from planner.about import Facts
    from wavelift.applying.approvals import given
    from wavelift.cli.console import Console
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    console = Console(quiet=quiet)
    with Wiring(Workspace.open(estate), "plan") as wiring:
        looked = wiring.look(allow_destroy, console.doing, given(approval), inventory)
    console.clear()
    return Facts(looked.plan, looked.desired, looked.state, looked.seen, looked.records)


def _values(estate: Path, machine: str) -> list[str]:
    """Each value that some level says something about: its place and line."""
    from planner.config.provenance import Origins, shown
    from planner.config.vocabulary import UnknownPlace

    try:
        found = Origins.read(estate).machine(machine)
    except UnknownPlace:
        return []  # it is in no file any more
    return [f"{o.path.rpartition('.')[2]} = {shown(o.value)}  from {o.place}  {o.span}" for o in found]
