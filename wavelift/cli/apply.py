"""`wavelift apply`: make it so, then watch the engine until what was asked for is there."""

from __future__ import annotations

import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wavelift.cli.options import (
    AllowDestroy,
    Approval,
    AsJson,
    Exclude,
    Folder,
    Log,
    LogAs,
    LogFile,
    Machines,
    Parallelism,
    RefreshOnly,
    Targets,
    Waves,
    scope_of,
)
from wavelift.problems import ERROR, INTERRUPTED, PARTIAL, UserProblem, code_for
from wavelift.stopping import STOPPING, stoppable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from planner.apply import Outcome
    from wavelift.applying.planfiles import Chosen
    from wavelift.applying.waiting import Waited
    from wavelift.cli.console import Console
    from wavelift.cli.events import Events
    from wavelift.planning.look import Looked
    from wavelift.wiring import Wiring


def apply(
    plan_file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[PLAN]", help="A file of `plan --out` or `destroy --out`: exactly this or nothing.", show_default=False
        ),
    ] = None,
    estate: Folder = Path(),
    auto_approve: Annotated[bool, typer.Option("--auto-approve", help="Do not ask.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--detach", help="Watch until the engine has done what was asked, or leave it to it.")
    ] = True,
    parallelism: Parallelism = 10,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Host the replication engine in this process while waiting.")
    ] = False,
    json: AsJson = False,
    allow_destroy: AllowDestroy = None,
    approval: Approval = None,
    expect_sha: Annotated[
        str | None, typer.Option("--expect-sha", metavar="SHA", help="What was reviewed: DIGEST@END, as plan and show print it.")
    ] = None,
    approver: Annotated[
        str, typer.Option("--approver", help="Who approved the plan; recorded.", envvar="WAVELIFT_APPROVER")
    ] = "",
    pull_request: Annotated[
        str, typer.Option("--pull-request", help="Where it was reviewed; recorded.", envvar="WAVELIFT_PULL_REQUEST")
    ] = "",
    wave: Waves = None,
    machine: Machines = None,
    target: Targets = None,
    exclude: Exclude = None,
    refresh_only: RefreshOnly = False,
    log: Log = LogAs.TEXT,
    log_file: LogFile = None,
) -> None:
    """Plan, ask, and carry the plan out; or carry out a plan file. Run it again after anything went wrong: it goes on."""
    from planner.planfile import digest_of
    from wavelift.applying.approvals import demand, given, on_a_day
    from wavelift.applying.planfiles import Chosen, Filed, agreed_on
    from wavelift.applying.planio import says_destroy
    from wavelift.applying.reviewed import reviewed
    from wavelift.cli.logs import console_and_events
    from wavelift.cli.plan import show
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    if plan_file is not None and says_destroy(plan_file):
        from wavelift.cli.destroy import Request, carry_out

        if wave or machine or target or exclude or refresh_only or log is not LogAs.TEXT or log_file:
            raise UserProblem(f"{plan_file} is of `destroy --out`: what it takes stands in it; it is not narrowed or logged")
        request = Request(allowed=allow_destroy, auto_approve=auto_approve, json=json)
        carry_out(estate, request, embedded, parallelism, plan_file, expect_sha or "", reviewed(approver, pull_request))
        return
    if refresh_only and plan_file is not None:
        raise UserProblem("--refresh-only carries out no plan: leave the plan file out")
    console, events = console_and_events(json, log, log_file)
    console.soon("reading the files")
    scope = scope_of(wave, machine, target, exclude)
    filed = Filed.read(plan_file, expect_sha, allow_destroy, scope) if plan_file is not None else None
    if filed is not None and expect_sha and "@" not in expect_sha:
        console.line(f"--expect-sha names no end of validity; that of {plan_file} is taken. `show` prints both, as DIGEST@END.")
    workspace = Workspace.open(estate)
    by = reviewed(approver, pull_request)
    with Wiring(workspace, "engine") as wiring, stoppable(lambda: console.line(STOPPING), twice_leaves=True) as stop:
        if filed is not None:
            looked, chosen = filed.chosen(wiring, console.doing, given(approval))
            console.clear()
            count = f"{len(chosen.left)} of {len(chosen.plan.steps)} steps"
            console.line(f"Applying {filed.path}: plan {chosen.digest[:12]}, {count}.")
        else:
            looked = wiring.look(allow_destroy, console.doing, given(approval), scope=scope)
            console.clear()
            if refresh_only:
                from wavelift.cli.refreshonly import keep_news

                keep_news(wiring, looked, json, auto_approve)
                return
            if not json or looked.plan.errors:
                show(looked, json, console)
            if looked.plan.errors:
                raise typer.Exit(code_for(looked.plan.errors))
            chosen = Chosen.of(looked.plan)
            agreed_on(chosen, expect_sha)
        if events is not None:
            events.planned(chosen.plan, chosen.digest or digest_of(chosen.plan))
        demand(chosen.plan, given(approval))
        on_a_day(workspace.estate, chosen.plan, looked, wiring.now())
        console.line(wiring.wrong_clock())
        if filed is None and chosen.plan.steps and not auto_approve and not _agreed(json):
            typer.echo("Nothing was changed.", err=True)
            raise typer.Exit(ERROR)
        code = _carry_out(wiring, looked, chosen, by, parallelism, stop, console, wait, embedded, json, events)
    if code:
        raise typer.Exit(code)


def _agreed(json: bool) -> bool:
    if json or not sys.stdin.isatty():
        typer.echo("This needs a yes: run it on a terminal, or with --auto-approve.", err=True)
        return False
    answer: str = typer.prompt("Apply this plan? Only 'yes' is taken", default="no", show_default=False)
    return answer == "yes"


def _carry_out(
    wiring: Wiring,
    looked: Looked,
    chosen: Chosen,
    by: Mapping[str, str],
    parallelism: int,
    stop: threading.Event,
    console: Console,
    wait: bool,
    embedded: bool,
    json: bool,
    events: Events | None,
) -> int:
    from wavelift.applying.apply import apply as carry_out
    from wavelift.applying.apply import keep_outcomes
    from wavelift.applying.waiting import Waited, awaited
    from wavelift.applying.waiting import wait as watch
    from wavelift.cli.bars import watching
    from wavelift.cli.logs import machines, steps
    from wavelift.cli.outcome import tell
    from wavelift.cli.progress import Lines
    from wavelift.hosting.engine import hosted
    from wavelift.planning.look import gateways

    lines = steps(events, Lines(console, len(chosen.left)))
    outcome = carry_out(wiring.workspace, looked, wiring.outside(), parallelism, stop, lines, chosen, by)
    goals = awaited(chosen.plan, frozenset(outcome.done), wiring.workspace.estate, looked.state, looked.records)
    waited = Waited({})
    if wait and goals and not stop.is_set():
        state = wiring.workspace.view().state
        console.line(f"Waiting for {len(goals)} machine{'s' if len(goals) > 1 else ''} (Ctrl-C leaves; the engine goes on)")
        with hosted(wiring, state) if embedded else nullcontext(), watching(console) as watcher:
            waited = watch(goals, gateways(state), wiring.engine, stop, machines(events, watcher))
        problem = keep_outcomes(wiring.workspace, wiring.engine, waited.records)
        if problem:
            console.line(problem)
    tell(outcome, waited, json, console)
    if waited.failed and not json:
        _cards(wiring, waited)
    code = _code(outcome, waited, stop)
    if events is not None:
        events.finished(outcome, waited, code)
    return code


def _code(outcome: Outcome, waited: Waited, stop: threading.Event) -> int:
    if outcome.failed or waited.failed:
        return PARTIAL if outcome.done else ERROR
    return INTERRUPTED if stop.is_set() else 0


def _cards(wiring: Wiring, waited: Waited) -> None:
    """Of every cut-over that has failed: what is safe, what was tried, what can be done."""
    from wavelift.planning.look import gateways
    from wavelift.watching.card import card, needs_somebody

    known = wiring.workspace.view().state.by_name()
    for name in waited.failed:
        record = waited.records.get(known[name].uuid) if name in known else None
        if record is not None and needs_somebody(record):
            asked = wiring.workspace.estate.machines.get(name)
            span = (asked.spans.get("phase") or asked.span) if asked is not None else None
            account = gateways(wiring.workspace.view().state).get(known[name].region)
            order = wiring.engine.order(account, record.machine, record.order.number) if account and record.order else None
            zone = wiring.workspace.estate.time_zone
            for line in card(record, name, time.time(), str(span) if span else "", order, zone=zone):
                typer.echo(line, err=True)
