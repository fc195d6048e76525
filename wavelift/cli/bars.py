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
from wavelift.cli.progress import Watch, doing, outcome_of, silence

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

    name = TextColumn("{task.description}", markup=False)
    words = TextColumn("{task.fields[words]}", markup=False)  # vSphere writes a disk's place as "[ds-01] web/web.vmdk"
    columns = (name, BarColumn(bar_width=24), words)
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
                self._tasks[goal.machine] = self._progress.add_task(goal.name, total=1.0, words="")
            task, status = self._tasks.get(goal.machine), statuses.get(goal.machine)
            if task is None:
                continue
            record = records.get(goal.machine)
            words = doing(goal, status, record)
            if status is not None and status.rate:
                words += f" {status.rate / 1024 / 1024:.0f} MiB/s"
            if record is not None and record.problem:
                words += f" ({record.problem})"
            self._progress.update(task, completed=(status.progress if status else None) or 0.0, words=words)
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
            self._progress.console.print(f"{goal.name}: {what}", markup=False)
