"""`wavelift status`: where every machine is, from the engine's documents alone; nothing else needs to run."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wavelift.cli.options import AsJson, Folder
from wavelift.problems import CHECK_FAILED

if TYPE_CHECKING:
    from wavelift.watching.night import Cut
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

WIDE = 160
"""Columns where there is no terminal to ask."""


def status(
    machine: Annotated[
        str | None, typer.Argument(help="A machine: its cut-over, what is safe, what can be done; or a wave: its cut-over night.")
    ] = None,
    estate: Folder = Path(),
    json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay and keep the table up to date.")] = False,
    check: Annotated[
        list[str] | None,
        typer.Option(
            "--check", metavar="WHAT=LIMIT", help="Only say whether this holds, with exit code 7: lag=4h, heartbeat=10m, needs=0."
        ),
    ] = None,
) -> None:
    """Wave, machine, state, cycle, progress, rate, lag behind the source, next cycle or why it is held."""
    from wavelift.watching.rows import rows, with_nights
    from wavelift.wiring import Wiring
    from wavelift.workspace import Workspace

    workspace = Workspace.open(estate)
    with Wiring(workspace, "plan") as wiring:
        if machine is not None and not (json or watch):
            for line in one(workspace, wiring, machine):
                typer.echo(line)
        elif check:
            _check(check, rows(workspace, wiring, time.time()))
        elif json:
            import json as jsons

            shown = _only(workspace, with_nights(workspace, wiring), machine)
            typer.echo(jsons.dumps(shown, indent=2, ensure_ascii=False))
        elif watch:
            _live(workspace, wiring, machine)
        else:
            from rich.console import Console

            from wavelift.planning.skew import engines, versions_line
            from wavelift.planning.windows import appliance_lines
            from wavelift.watching.overview import head
            from wavelift.watching.tables import table, waves_table

            found, now = rows(workspace, wiring, time.time()), time.time()
            console = Console(width=None if sys.stdout.isatty() else WIDE)
            for line in (*head(found), *appliance_lines(workspace.estate, now)):
                typer.echo(line)
            for line in night_lines(workspace, wiring, found, now):
                typer.echo(line)
            console.print(waves_table(workspace, found, now))
            typer.echo("")
            console.print(table(found, workspace.estate.time_zone))
            typer.echo(versions_line(engines(wiring.engine, workspace.view().state)))


def one(workspace: Workspace, wiring: Wiring, name: str) -> list[str]:
    """Everything about one machine's cut-over, its card when it needs somebody; or a wave's night."""
    from wavelift.applying.commands import find
    from wavelift.watching.card import card
    from wavelift.watching.cutovers import others_off
    from wavelift.watching.rows import rows
    from wavelift.watching.snapshots import cycle_lines, trial_lines

    if name in workspace.estate.waves:
        now = time.time()
        found_rows = [r for r in rows(workspace, wiring, now) if r["wave"] == name]
        told = night_lines(workspace, wiring, found_rows, now, {name})
        return told or [f"Nothing of wave {name} is being cut over."]
    found = find(wiring, name)
    asked = workspace.estate.machines.get(name)
    span = (asked.spans.get("phase") or asked.span) if asked is not None else None
    row = next((r for r in rows(workspace, wiring, time.time()) if r["machine"] == name), {})
    head = f"{name}: {row.get('state', 'not in the estate')}" + (f": {row['step']}" if row.get("step") else "")
    number = found.record.order.number if found.record.order is not None else None
    order = wiring.engine.order(found.account, found.machine.uuid, number) if number is not None else None
    off = others_off(workspace, wiring, name) if row.get("needs") else None
    told = card(found.record, name, time.time(), str(span) if span else "", order, off, workspace.estate.time_zone)
    return [head, *told, *trial_lines(found.record, order, name), *cycle_lines(found.record)]


def night_lines(
    workspace: Workspace, wiring: Wiring, found: list[dict[str, Any]], now: float, waves: set[str] | None = None
) -> list[str]:
    """The go/no-go list and the night of each wave that is being cut over; of `waves` even when nothing is on."""
    from wavelift.watching.cutovers import read, waves_on

    cuts = read(workspace, wiring, waves_on(found) if waves is None else waves)
    return _cut_lines(cuts, now, workspace.estate.time_zone)


def _cut_lines(cuts: list[Cut], now: float, zone: str) -> list[str]:
    from wavelift.watching.golist import listed
    from wavelift.watching.night import nights
    from wavelift.watching.nighttext import go_lines, lines

    parts = [list(go_lines(listed(cuts, now, zone))), *(list(lines(night, zone)) for night in nights(cuts, now))]
    return [line for part in parts if part for line in (*part, "")]


def _only(workspace: Workspace, found: list[dict[str, Any]], name: str | None) -> list[dict[str, Any]]:
    """Those of one machine or wave; `UserProblem` when there is none of that name."""
    from wavelift.problems import UserProblem

    if name is None:
        return found
    kept = [row for row in found if name in (row["machine"], row["wave"])]
    if not kept:
        raise UserProblem(f"There is no machine or wave {name!r} in {workspace.folder}.")
    return kept


def _check(written: list[str], found: list[dict[str, Any]]) -> None:
    """Say what does not hold, and end with the code for it."""
    from wavelift.watching.standards import failures, held, parsed

    standards = parsed(written)
    wrong = failures(standards, found)
    for line in wrong or [held(standards, found)]:
        typer.echo(line)
    if wrong:
        raise typer.Exit(CHECK_FAILED)


def _live(workspace: Workspace, wiring: Wiring, name: str | None) -> None:
    """Redrawn every second, whatever a reading takes: how old the shown is stands at its top."""
    from rich.console import Group
    from rich.live import Live

    from replication.schedule import words
    from wavelift.localtime import second
    from wavelift.watching.cutovers import read, waves_on
    from wavelift.watching.live import Watch
    from wavelift.watching.overview import head
    from wavelift.watching.rows import rows
    from wavelift.watching.tables import table

    zone = workspace.estate.time_zone

    def look() -> tuple[list[dict[str, Any]], list[Cut]]:
        found = _only(workspace, rows(workspace, wiring, time.time()), name)
        return found, read(workspace, wiring, {row["wave"] for row in found} if name is not None else waves_on(found))

    def drawn() -> Group:
        now, seen = time.time(), watch.seen
        found, cuts = seen.value
        age = f"as of {words.span(max(0.0, now - seen.at))} ago"
        trouble = [f"cannot be read now, tried again: {seen.trouble}"] if seen.trouble else []
        return Group(f"{second(now, zone)}   {age}", *trouble, *head(found), *_cut_lines(cuts, now, zone), table(found, zone))

    with Watch(look) as watch, Live(drawn(), refresh_per_second=2) as live:
        while True:
            time.sleep(1)
            live.update(drawn())
