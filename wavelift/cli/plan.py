"""`wavelift plan`: what an apply would do, and nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import (
    AllowDestroy,
    Approval,
    AsJson,
    Diagnostics,
    Exclude,
    Folder,
    Log,
    LogAs,
    LogFile,
    Machines,
    RefreshOnly,
    Targets,
    Told,
    Verbose,
    Waves,
    scope_of,
)
from wavelift.problems import CHANGES, UserProblem, code_for

if TYPE_CHECKING:
    from wavelift.cli.console import Console
    from wavelift.forecasting.model import Forecast
    from wavelift.planning.look import Looked


def plan(
    estate: Folder = Path(),
    json: AsJson = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 when there are changes to make.")
    ] = False,
    allow_destroy: AllowDestroy = None,
    approval: Approval = None,
    inventory: Annotated[
        Path | None,
        typer.Option("--inventory", help="Plan from this file of `inventory export`; no vCenter is spoken to.", dir_okay=False),
    ] = None,
    diagnostics: Diagnostics = Told.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the plan to a file, for `show` and `apply FILE`.")
    ] = None,
    wave: Waves = None,
    machine: Machines = None,
    target: Targets = None,
    exclude: Exclude = None,
    refresh_only: RefreshOnly = False,
    no_refresh: Annotated[
        bool, typer.Option("--no-refresh", help="Do not look at Azure's artifacts: what is recorded is taken for what is there.")
    ] = False,
    verbose: Verbose = False,
    log: Log = LogAs.TEXT,
    log_file: LogFile = None,
) -> None:
    """Compare the files with what is recorded and what is there, and show what apply would do."""
    from wavelift.applying.approvals import given
    from wavelift.cli.logs import console_and_events
    from wavelift.reporting import opened
    from wavelift.wiring import Wiring

    if refresh_only and (no_refresh or out is not None):
        raise UserProblem("--refresh-only looks and plans nothing: it goes neither with --no-refresh nor with --out")
    console, events = console_and_events(json or diagnostics in (Told.JSON, Told.SARIF), log, log_file)
    console.soon("reading the files")
    workspace = opened(estate, diagnostics.value)
    with Wiring(workspace, "plan") as wiring:
        scope = scope_of(wave, machine, target, exclude)
        looked = wiring.look(allow_destroy, console.doing, given(approval), inventory, scope, not no_refresh)
        now = wiring.now()
        console.line(wiring.at_work())
    console.line(wiring.wrong_clock())
    if refresh_only:
        from wavelift.cli.refreshonly import show_news

        console.clear()
        if show_news(looked, json) and detailed_exitcode:
            raise typer.Exit(CHANGES)
        return
    if events is not None:
        from planner.planfile import digest_of

        events.planned(looked.plan, digest_of(looked.plan))
    found = show(looked, json, console, diagnostics, verbose)
    if found is None:
        raise typer.Exit(code_for(looked.plan.errors))
    if out is not None:
        from wavelift.applying.planio import moment, pin, write
        from wavelift.forecasting.beside import kept

        file = write(out, looked.plan, workspace.estate, now, forecast=kept(found))
        until = moment(file.valid_until, zone=workspace.estate.time_zone)
        console.line(f"Plan written to {out}: sha256 {pin(file)}, valid until {until}.")
    if detailed_exitcode and looked.plan.steps:
        raise typer.Exit(CHANGES)


def show(looked: Looked, json: bool, console: Console, form: Told = Told.TEXT, verbose: bool = False) -> Forecast | None:
    """Print the plan: errors and warnings with their lines to standard error, the plan itself to standard output.

    What is foretold of it comes along; None: it has errors, and nothing is foretold."""
    from planner.explain import summary, text, to_json
    from wavelift.cli.forecast import beside_a_plan
    from wavelift.diagnostics import shown
    from wavelift.forecasting import beside
    from wavelift.forecasting.text import to_json as foretold
    from wavelift.reporting import told

    made = looked.plan
    found, warned = (None, ()) if made.errors else beside_a_plan(looked, console)
    console.clear()
    if form is not Told.TEXT:
        typer.echo(told((*made.warnings, *made.errors, *warned), form.value, Path()), err=True, nl=False)
    if json:
        from replication.model.parse import indented

        typer.echo(indented(to_json(made, {"forecast": found and foretold(found)})))
        return found
    said = tuple(w for w in made.warnings if made.errors or w not in made.unchecked)  # the plan's text has a section for those
    said += warned
    if said and form is Told.TEXT:
        typer.echo(shown(said), err=True)
    if made.errors:
        if form is Told.TEXT:
            typer.echo(shown(made.errors), err=True)
        typer.echo(summary(made), err=True)
        return found
    typer.echo(text(made, verbose), nl=False)
    if looked.desired.unpinned:
        names = ", ".join(looked.desired.unpinned[:5]) + (" …" if len(looked.desired.unpinned) > 5 else "")
        typer.echo(f"Not pinned to a VM's uuid yet: {names} (`wavelift init` or apply writes wavelift.lock.yaml).")
    if found is not None:
        typer.echo(beside.text(found), nl=False)
    return found
