"""Progress of an apply and of what the engine does, as lines: one for every step, one for every change of a machine."""

from __future__ import annotations

import time
from collections.abc import Mapping

from planner.apply import Reporter
from planner.steps import Step
from replication.model.record import Record
from replication.model.status import State, Status
from wavelift.applying.waiting import Goal, Watcher
from wavelift.cli.console import Console

BAR = 20
SILENT = 60.0
"""An engine writes every machine's status at least every 30 s."""

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
        self._began = time.time()
        self._warned = False

    def progress(self, goals: list[Goal], records: Mapping[str, Record], statuses: Mapping[str, Status]) -> None:
        warning = silence(goals, statuses, self._began, time.time())
        if warning and not self._warned:
            self._warned = True
            self._console.line(warning)
        for goal in goals:
            status, record = statuses.get(goal.machine), records.get(goal.machine)
            words = doing(goal, status, record)
            problem = f" ({record.problem})" if record and record.problem else ""
            said, at = self._said.get(goal.machine, ("", 0.0))
            if words + problem != said or time.monotonic() - at > QUIET:
                self._said[goal.machine] = (words + problem, time.monotonic())
                self._console.line(f"{goal.name}: {words}{measured(status)}{problem}")

    def reached(self, goal: Goal, record: Record) -> None:
        self._console.line(f"{goal.name}: {outcome_of(goal, record)}")


def outcome_of(goal: Goal, record: Record) -> str:
    """What became of a goal that was reached, in words."""
    problem = goal.failure(record)
    if problem:
        return f"FAILED: {problem}"
    if goal.order is None:
        return "is in delta sync"
    mine = record.order is not None and record.order.number == goal.order
    return f"{record.order.kind.value} done" if mine and record.order else "order done"


def silence(goals: list[Goal], statuses: Mapping[str, Status], began: float, now: float) -> str:
    """What to say when no engine seems to be at work on any of the goals; empty while one is."""
    beats = [statuses[g.machine].written for g in goals if g.machine in statuses]
    if not goals or now - max([began, *beats]) < SILENT:
        return ""
    return "No engine has said anything for a while: `wavelift engine run` starts one (this goes on waiting)."


def doing(goal: Goal, status: Status | None, record: Record | None) -> str:
    """What the engine does for a goal, in words: S7's state, or the order where the machine has left S7's list, and why it waits.

    What was shown before the engine has read an order says nothing about it.
    """
    unread = goal.order is not None and (record is None or record.order is None or record.order.number < goal.order)
    if status is None or unread:
        return "waiting for the engine"
    words = status.order if status.order and status.state is State.NOT_APPLICABLE else status.state.value
    if status.step:
        words += f": {status.step}"
    return words + (f" ({status.held})" if status.held else "")


def measured(status: Status | None) -> str:
    """How far the cycle is and how fast, with a bar; empty where nothing is measured."""
    if status is None or status.progress is None:
        return ""
    full = round(status.progress * BAR)
    rate = f" {status.rate / 1024 / 1024:.0f} MiB/s" if status.rate else ""
    return f" [{'█' * full}{'░' * (BAR - full)}] {status.progress:4.0%}{rate}"
