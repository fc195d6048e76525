"""`--log json`: what happens as it happens, one JSON object a line, for machines (schemas/event-1.schema.json).

    {"format":"wavelift-event-1","at":"2026-11-22T18:20:55.123Z","event":"step","address":"vault","state":"done","seconds":0.8}
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from planner.apply import Outcome, Reporter
from planner.plan import Plan
from planner.steps import Step
from replication.model.record import Record
from replication.model.status import Status
from wavelift.applying.waiting import Goal, Waited, Watcher
from wavelift.cli.console import Console
from wavelift.problems import UserProblem

FORMAT = "wavelift-event-1"
REPEAT = 10.0
"""Seconds after which a machine whose state did not change is told again, with its progress."""


class Events:
    """Safe to use from several threads; each event is one write."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._guard = threading.Lock()

    @classmethod
    def to(cls, path: Path | None) -> Events:
        """A file, which is added to; standard error without one."""
        try:
            return cls(sys.stderr if path is None else path.open("a", encoding="utf-8", buffering=1))
        except OSError as error:
            raise UserProblem(f"the log {path} cannot be written: {error.strerror or error}") from error

    def tell(self, event: str, **what: Any) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {k: v for k, v in what.items() if v is not None}
        line = json.dumps({"format": FORMAT, "at": at, "event": event, **told}, ensure_ascii=True)
        with self._guard:
            self._out.write(line + "\n")
            self._out.flush()

    def planned(self, plan: Plan, digest: str) -> None:
        self.tell(
            "planned",
            estate=plan.estate,
            digest=digest,
            counts=plan.counts,
            destroys=plan.destroys,
            steps=len(plan.steps),
            problems=len(plan.errors),
        )

    def finished(self, outcome: Outcome, waited: Waited, code: int) -> None:
        self.tell(
            "finished",
            code=code,
            done=len(outcome.done),
            failed=len(outcome.failed) + len(waited.failed),
            skipped=len(outcome.skipped),
            not_started=len(outcome.not_started),
            waiting=[g.name for g in waited.left],
        )


class Told(Console):
    """A console whose remarks are events too; nothing is written for people when `events` go where they would."""

    def __init__(self, events: Events, quiet: bool, mute: bool) -> None:
        super().__init__(quiet, mute)
        self._events = events

    def doing(self, what: str) -> None:
        self._events.tell("doing", text=what)
        super().doing(what)

    def line(self, what: str) -> None:
        self._events.tell("message", text=what)
        super().line(what)


class Steps(Reporter):
    """Every step's fate, and `beside` hears it too."""

    def __init__(self, events: Events, beside: Reporter) -> None:
        self._events = events
        self._beside = beside
        self._began: dict[str, float] = {}

    def started(self, step: Step) -> None:
        self._began[step.address] = time.monotonic()
        self._tell(step, "started")
        self._beside.started(step)

    def done(self, step: Step) -> None:
        took = time.monotonic() - self._began.get(step.address, time.monotonic())
        self._tell(step, "done", seconds=round(took, 3))
        self._beside.done(step)

    def failed(self, step: Step, problem: str) -> None:
        self._tell(step, "failed", problem=problem)
        self._beside.failed(step, problem)

    def skipped(self, step: Step, because: str) -> None:
        self._tell(step, "skipped", needs=because)
        self._beside.skipped(step, because)

    def _tell(self, step: Step, state: str, **more: Any) -> None:
        kind = type(step).__name__
        self._events.tell("step", address=step.address, kind=kind, machine=step.machine, wave=step.wave, state=state, **more)


class Machines(Watcher):
    """What the engine says of the machines that are waited for, and `beside` hears it too."""

    def __init__(self, events: Events, beside: Watcher) -> None:
        self._events = events
        self._beside = beside
        self._said: dict[str, tuple[tuple[object, ...], float]] = {}

    def progress(self, goals: list[Goal], records: Mapping[str, Record], statuses: Mapping[str, Status]) -> None:
        for goal in goals:
            status = statuses.get(goal.machine)
            if status is None:
                continue
            record = records.get(goal.machine)
            problem = record.problem if record and record.problem else None
            key = (status.state, status.step, status.held, problem)
            said, at = self._said.get(goal.machine, ((), 0.0))
            if key != said or time.monotonic() - at > REPEAT:
                self._said[goal.machine] = (key, time.monotonic())
                self._events.tell(
                    "machine",
                    machine=goal.name,
                    state=status.state.value,
                    doing=status.step or None,
                    progress=status.progress,
                    bytes_per_second=status.rate or None,
                    held=str(status.held) if status.held else None,
                    problem=problem,
                )
        self._beside.progress(goals, records, statuses)

    def reached(self, goal: Goal, record: Record) -> None:
        self._events.tell("reached", machine=goal.name, order=goal.order, problem=goal.failure(record))
        self._beside.reached(goal, record)

    def unreadable(self, account: str, problem: str) -> None:
        self._events.tell("unreadable", account=account, problem=problem)
        self._beside.unreadable(account, problem)
