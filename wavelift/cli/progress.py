"""Progress of an apply and of what the engine does: bars on a terminal, a line per change elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping

from planner.apply import Reporter
from planner.steps import Step
from replication.model.record import Record
from replication.model.status import Status
from wavelift.cli.console import Console
from wavelift.waiting import Goal, Watcher

BAR = 20
QUIET = 10.0
"""Seconds after which a machine is mentioned again where there is no terminal."""


class Lines(Reporter):
    """A line for every step that is done or not; on a terminal what runs now beside it."""

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._total = total
        self._ended = 0
        self._began: dict[str, float] = {}

    def started(self, step: Step) -> None:
        self._began[step.address] = time.monotonic()
        self._console.live(f"{self._ended}/{self._total} {step.address} …")

    def done(self, step: Step) -> None:
        self._ended += 1
        took = time.monotonic() - self._began.pop(step.address, time.monotonic())
        self._console.line(f"{self._ended}/{self._total} {step.address} done ({took:.1f} s)")

    def failed(self, step: Step, problem: str) -> None:
        self._ended += 1
        self._console.line(f"{self._ended}/{self._total} {step.address} FAILED: {problem}")

    def skipped(self, step: Step, because: str) -> None:
        self._ended += 1


class Watch(Watcher):
    """What the engine says of the machines that are waited for."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[str, tuple[str, float]] = {}

    def progress(self, goals: list[Goal], records: Mapping[str, Record], statuses: Mapping[str, Status]) -> None:
        shown = [(g, statuses.get(g.machine), records.get(g.machine)) for g in goals]
        self._console.live(" · ".join(f"{g.name} {brief(s)}" for g, s, _ in shown))
        for goal, status, record in shown:
            if status is None:
                continue
            problem = record.problem if record else ""
            key = f"{status.state.value}|{status.step}|{problem}|{status.held or ''}"
            said, at = self._said.get(goal.machine, ("", 0.0))
            again = not self._console.terminal and time.monotonic() - at > QUIET
            if key != said or again:
                self._said[goal.machine] = (key, time.monotonic())
                self._console.line(f"{goal.name}: {brief(status)}" + (f" ({problem})" if problem else ""))

    def reached(self, goal: Goal, record: Record) -> None:
        problem = goal.failure(record)
        what = "is in delta sync" if goal.order is None else "order done"
        if goal.order is not None and record.order is not None and record.order.number == goal.order:
            what = f"{record.order.kind.value} done"
        self._console.line(f"{goal.name}: FAILED: {problem}" if problem else f"{goal.name}: {what}")


def brief(status: Status | None) -> str:
    """A machine's state in a few words, with a bar where there is progress."""
    if status is None:
        return "waiting for the engine"
    words = status.state.value
    if status.step:
        words += f": {status.step}"
    if status.progress is not None:
        full = round(status.progress * BAR)
        words += f" [{'█' * full}{'░' * (BAR - full)}] {status.progress:4.0%}"
    if status.rate:
        words += f" {status.rate / 1024 / 1024:.0f} MiB/s"
    if status.held:
        words += f" (held: {status.held})"
    return words
