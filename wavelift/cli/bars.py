"""Bars for the machines that are waited for, on a terminal: one each, with state, progress, rate."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from replication.model.record import Record
from replication.model.status import Status
from wavelift.applying.waiting import Goal, Watcher
from wavelift.cli.console import Console
from wavelift.cli.progress import Watch, outcome_of, silence

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MOST = 20
"""Bars at most: more machines than a screen has lines would only flicker."""


@contextmanager
def watching(console: Console) -> Iterator[Watcher]:
    """Bars on a terminal, lines elsewhere."""
    if not console.terminal:
        yield Watch(console)
        return
    from rich.console import Console as Rich
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=Rich(stderr=True), refresh_per_second=5) as progress:
        yield Bars(progress)


class Bars(Watcher):
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._began = time.time()
        self._warned = False

    def progress(self, goals: list[Goal], records: Mapping[str, Record], statuses: Mapping[str, Status]) -> None:
        for goal in goals:
            if goal.machine not in self._tasks and len(self._tasks) < MOST:
                self._tasks[goal.machine] = self._progress.add_task(goal.name, total=1.0, words="waiting for the engine")
            task, status = self._tasks.get(goal.machine), statuses.get(goal.machine)
            if task is None or status is None:
                continue
            record = records.get(goal.machine)
            problem = f" [red]{record.problem}[/red]" if record and record.problem else ""
            self._progress.update(task, completed=status.progress or 0.0, words=_words(status) + problem)
        warning = silence(goals, statuses, self._began, time.time())
        if warning and not self._warned:
            self._warned = True
            self._progress.console.print(warning)

    def reached(self, goal: Goal, record: Record) -> None:
        what = outcome_of(goal, record)
        task = self._tasks.get(goal.machine)
        if task is not None:
            self._progress.update(task, completed=1.0, words=what)
        if goal.failure(record):
            self._progress.console.print(f"{goal.name}: {what}")


def _words(status: Status) -> str:
    words = status.state.value + (f": {status.step}" if status.step else "")
    if status.rate:
        words += f" {status.rate / 1024 / 1024:.0f} MiB/s"
    return words + (f" (held: {status.held})" if status.held else "")
