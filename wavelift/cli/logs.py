"""Which log a command keeps: text for people, events for machines, or both. Events are imported only where they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wavelift.cli.console import Console
from wavelift.cli.options import LogAs

if TYPE_CHECKING:
    from planner.apply import Reporter
    from wavelift.applying.waiting import Watcher
    from wavelift.cli.events import Events


def console_and_events(quiet: bool, log: LogAs, path: Path | None) -> tuple[Console, Events | None]:
    """`quiet`: no line for people that stays. With a file the events go there, and what people see stays as `log` says."""
    if log is LogAs.TEXT and path is None:
        return Console(quiet), None
    from wavelift.cli.events import Events, Told

    events = Events.to(path)
    return Told(events, quiet, mute=log is LogAs.JSON), events


def steps(events: Events | None, beside: Reporter) -> Reporter:
    if events is None:
        return beside
    from wavelift.cli.events import Steps

    return Steps(events, beside)


def machines(events: Events | None, beside: Watcher) -> Watcher:
    if events is None:
        return beside
    from wavelift.cli.events import Machines

    return Machines(events, beside)
