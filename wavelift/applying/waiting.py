"""Wait for what the engine was asked to do, without holding the state's lock, and say how it goes."""

from __future__ import annotations

import threading
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from planner.engine import EngineReader
from planner.estate import Estate
from planner.plan import Plan
from planner.plan.life import Stage, last_order, stage, under_way
from planner.plan.within import Within
from planner.state import OVER, State
from planner.steps import Acknowledge, Create, SendOrder
from replication.model.errors import Temporary
from replication.model.record import Life, Record
from replication.model.standing import standing
from replication.model.status import Status

POLL = 1.0
"""Seconds between looks: each is one listing and a few small reads per region."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A machine and what is awaited of it: delta sync reached (`order` None), or an outcome of order number `order`."""

    machine: str
    name: str
    replication: str
    order: int | None = None
    since: float | None = None
    """Awaited is that what stands since then, by a person's word, stands no more; nothing else."""

    def reached(self, record: Record | None) -> bool:
        if record is None or (record.replication != self.replication and self.since is None):
            return False
        if self.since is not None:
            stands = standing(record)
            return stands is None or stands.since != self.since
        if self.order is None:
            return record.life not in (Life.NEW, Life.INITIAL)
        return record.orders_done >= self.order

    def failure(self, record: Record | None) -> str | None:
        """What went wrong with the order, once it has an outcome."""
        if self.order is None or record is None or record.order is None or record.order.number != self.order:
            return None
        return None if record.order.outcome in (None, "done") else record.order.problem or str(record.order.outcome)


class Watcher:
    """Hears how the waiting goes."""

    def progress(self, goals: list[Goal], records: Mapping[str, Record], statuses: Mapping[str, Status]) -> None: ...

    def reached(self, goal: Goal, record: Record) -> None: ...

    def unreadable(self, account: str, problem: str) -> None:
        """This look at a gateway store failed; the next one comes."""


@dataclass(frozen=True, slots=True)
class Waited:
    """`left`: goals not reached when it was interrupted; `failed`: goal -> problem."""

    records: Mapping[str, Record]
    left: tuple[Goal, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


def goals_of(plan: Plan, done: frozenset[str]) -> list[Goal]:
    """What the done steps of a plan set going: the last order of a machine, or its way to delta sync."""
    out: dict[str, Goal] = {}
    for step in plan.steps:
        if step.address not in done:
            continue
        if isinstance(step, Create) and step.enables is not None:
            out[step.enables.uuid] = Goal(step.enables.uuid, step.enables.name, step.enables.replication)
        elif isinstance(step, SendOrder):
            out[step.uuid] = Goal(step.uuid, step.machine or step.uuid, str(step.document["replication"]), step.number)
        elif isinstance(step, Acknowledge):
            out.setdefault(step.uuid, Goal(step.uuid, step.machine, "", since=step.since))
    return list(out.values())


def pending(state: State, records: Mapping[str, Record], of: Container[str] | None = None) -> list[Goal]:
    """What earlier applies set going and is not done yet, with machines of those names; None: of all."""
    out = []
    for machine in state.machines.values():
        record = records.get(machine.uuid)
        if machine.life in OVER | {"completed"} or (of is not None and machine.name not in of):
            continue
        if under_way(machine, record):
            out.append(Goal(machine.uuid, machine.name, machine.replication, last_order(machine, record)))
        elif stage(machine, record) is Stage.INITIAL:
            out.append(Goal(machine.uuid, machine.name, machine.replication))
    return out


def awaited(plan: Plan, done: frozenset[str], estate: Estate, state: State, records: Mapping[str, Record]) -> list[Goal]:
    """What an apply waits for: what its done steps set going, and what is still under way of the machines that it is about."""
    return goals_of(plan, done) + pending(state, records, Within(plan.asked.scope, estate, state).machines)


def wait(goals: list[Goal], accounts: Mapping[str, str], engine: EngineReader, stop: threading.Event, watcher: Watcher) -> Waited:
    """Until every goal is reached or `stop` is set. `accounts`: region -> gateway store."""
    left = list(goals)
    failed: dict[str, str] = {}
    records: dict[str, Record] = {}
    while True:
        statuses: dict[str, Status] = {}
        for account in accounts.values():
            try:
                records.update(engine.records(account))
                statuses.update(engine.statuses(account))
            except Temporary as error:
                watcher.unreadable(account, str(error))
        for goal in [g for g in left if g.reached(records.get(g.machine))]:
            left.remove(goal)
            record = records[goal.machine]
            problem = goal.failure(record)
            if problem is not None:
                failed[goal.name] = problem
            watcher.reached(goal, record)
        watcher.progress(left, records, statuses)
        if not left or stop.wait(POLL):
            return Waited(records, tuple(left), failed)
