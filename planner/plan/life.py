"""Where a machine is in its life, for planning: classes only, never progress or cycle numbers (they make no plan stale)."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Mapping
from enum import Enum

from planner.state import MachineState
from replication.model.item import OrderKind
from replication.model.record import Life, Record

_GENERATIONS = 1000
"""So many are looked through for the one that a record is of; another lineage's is not among them."""


class Stage(Enum):
    """NEW: nothing of ours replicates it. STOPPED machines are NEW again (S11: they can be replicated once more)."""

    NEW = "not replicated"
    INITIAL = "initial replication"
    DELTA = "delta sync"
    MIGRATED = "migrated"
    COMPLETED = "completed"


_DELTA, _IN_DELTA = Life.DELTA, Stage.DELTA


def stage(state: MachineState | None, record: Record | None) -> Stage:
    if state is None or state.life == "stopped":
        return Stage.NEW
    if state.life in ("completed", "released"):
        return Stage.COMPLETED
    if record is None or record.replication != state.replication:
        return Stage.MIGRATED if state.life == "migrated" else Stage.INITIAL
    if record.life is _DELTA:  # as nearly all are, and an enum's member takes as long to look up as the rest
        return _IN_DELTA
    match record.life:
        case Life.NEW | Life.INITIAL:
            return Stage.INITIAL
        case Life.DELTA:
            return _IN_DELTA
        case Life.MIGRATED:
            return Stage.COMPLETED if _stopped(record) else Stage.MIGRATED
        case Life.STOPPED:
            return Stage.COMPLETED if state.life == "migrated" or _completed(record) else Stage.NEW


RUNS_AGAIN = "SOURCE POWERED ON while the Azure VM exists"
"""A migrated machine's source that runs again is a second machine of the same name and address."""


def runs_again(name: str, completed: bool) -> str:
    """What is to be done about it."""
    return "power it off" if completed else f"power it off, or `wavelift rollback {name}`"


def record_gone(now: Stage) -> str:
    """What follows when nobody knows any more where a machine stands."""
    if now in (Stage.MIGRATED, Stage.COMPLETED):
        return "the engine leaves it alone: phase `complete` still ends it, `wavelift rollback` cannot go back any more"
    return "the engine does nothing with it: put the record back, or let `--allow-destroy` stop it and begin anew"


ORDER_AGAIN = "no engine had taken it up; the next `wavelift apply` sends what the files ask for, under a new number"


def _stopped(record: Record) -> bool:
    order = record.order
    return order is not None and order.kind is OrderKind.STOP and order.outcome == "done"


def _completed(record: Record) -> bool:
    """The engine says that what it stopped had been migrated."""
    return _stopped(record) and record.order is not None and record.order.facts.get("completed") == "true"


def last_order(state: MachineState | None, record: Record | None) -> int:
    """Number of the last order that was ever written for this machine. Numbers go on rising when it is enabled again."""
    known = state.orders if state else 0
    if record is None:
        return known
    return max(known, record.orders_done, record.order.number if record.order else 0)


def replication_of(lineage: str, machine: str, generation: int) -> str:
    """The uuid of a machine's Nth replication."""
    return str(uuids.uuid5(uuids.UUID(lineage), f"{machine}/{generation}"))


def next_generation(lineage: str, machine: str, state: MachineState | None, record: Record | None) -> int:
    """The generation under which a machine is enabled now. No replication uuid is ever used for a second replication.

    A state that forgot the machine (`state rm`, a lost state) does not know how often it was enabled; the engine's record
    knows the last time. One that still replicates goes on under the uuid that it has.
    """
    if state is not None:
        return state.generation + 1
    if record is None:
        return 1
    for generation in range(1, _GENERATIONS):
        if replication_of(lineage, machine, generation) == record.replication:
            return generation + (record.life in (Life.MIGRATED, Life.STOPPED))
    return 1


def under_way(state: MachineState, record: Record | None) -> bool:
    """An order is written and has no outcome yet."""
    return last_order(state, record) > (record.orders_done if record is not None else 0)


def reached(stages: Mapping[str, Stage], machines: tuple[str, ...], awaited: str) -> list[str]:
    """The machines that are not yet as far as `awaited` ("migrated" or "completed")."""
    enough = {Stage.COMPLETED} if awaited == "completed" else {Stage.MIGRATED, Stage.COMPLETED}
    return [m for m in machines if stages.get(m, Stage.NEW) not in enough]
