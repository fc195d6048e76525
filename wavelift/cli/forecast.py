"""`wavelift forecast`: how long initial replications take, how long machines will be down and from when on, space and cost."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import Approval, AsJson, Folder
from wavelift.problems import code_for

if TYPE_CHECKING:
    from planner.estate import Diagnostic
    from wavelift.cli.console import Console
    from wavelift.forecasting.model import Forecast
    from wavelift.planning.look import Looked
    from wavelift.wiring import Wiring


def forecast(
    estate: Folder = Path(),
    json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables for a pull request.")] = False,
    approval: Approval = None,
) -> None:
    """Ask the schedule itself, with a clock that jumps: when initial replications end, downtimes, earliest legal starts, cost."""
    from wavelift.applying.approvals import given
    from wavelift.cli.console import Console
    from wavelift.diagnostics import shown
    from wavelift.forecasting import text as words
    from wavelift.forecasting.make import forecast as work_out
    from wavelift.forecasting.warn import warnings
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    console = Console(quiet=json)
    console.soon("reading the files")
    workspace = Workspace.open(estate)
    with Wiring(workspace, "plan") as wiring:
        looked = wiring.look(None, console.doing, given(approval))
        if looked.plan.errors:
            typer.echo(shown(looked.plan.errors), err=True)
            raise typer.Exit(code_for(looked.plan.errors))
        done = progress(wiring, looked)
    console.doing("simulating the schedule")
    found = work_out(looked, time.time(), done)
    console.clear()
    if json:
        import json as jsons

        typer.echo(jsons.dumps(words.to_json(found), indent=2, ensure_ascii=False))
        return
    if told := warnings(looked.desired.estate, found):
        typer.echo(shown(told), err=True)
    page = words.markdown(found) if markdown else words.text(found)
    typer.echo(page or "Nothing to forecast: no machine begins to replicate or is to be cut over.\n", nl=False)


def progress(wiring: Wiring, looked: Looked) -> dict[str, float]:
    """Instance uuid -> share of its initial cycle that is done, as the engine last said."""
    from wavelift.planning.look import gateways

    out = {}
    for account in gateways(looked.state).values():
        for uuid, status in wiring.engine.statuses(account).items():
            if status.cycle_kind == "initial" and status.progress is not None and status.cycle == 0:
                out[uuid] = status.progress
    return out


def beside_a_plan(looked: Looked, console: Console) -> tuple[Forecast, tuple[Diagnostic, ...]]:
    """What is foretold of what a plan begins and cuts over, and what that warns of."""
    from wavelift.forecasting.beside import MOST, rounded
    from wavelift.forecasting.make import forecast as work_out
    from wavelift.forecasting.warn import warnings

    console.doing("simulating the schedule")
    found = work_out(looked, rounded(time.time()), most=MOST)
    told = warnings(looked.desired.estate, found)
    said = tuple(f"{one.code} {one.summary}: {one.detail}" for one in told)
    return replace(found, rights=looked.rights, warned=said), told
