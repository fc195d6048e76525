"""Where a machine is in its life, for planning: classes only, never progress or cycle numbers (they make no plan stale)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from planner.state import MachineState
from replication.model.item import OrderKind
from replication.model.record import Life, Record


class Stage(Enum):
    """NEW: nothing of ours replicates it. STOPPED machines are NEW again (S11: they can be replicated once more)."""

    NEW = "not replicated"
    INITIAL = "initial replication"
    DELTA = "delta sync"
    MIGRATED = "migrated"
    COMPLETED = "completed"


def stage(state: MachineState | None, record: Record | None) -> Stage:
    if state is None or state.life == "stopped":
        return Stage.NEW
    if state.life in ("completed", "released"):
        return Stage.COMPLETED
    if record is None or record.replication != state.replication:
        return Stage.MIGRATED if state.life == "migrated" else Stage.INITIAL
    match record.life:
        case Life.NEW | Life.INITIAL:
            return Stage.INITIAL
        case Life.DELTA:
            return Stage.DELTA
        case Life.MIGRATED:
            return Stage.COMPLETED if _stopped(record) else Stage.MIGRATED
        case Life.STOPPED:
            return Stage.COMPLETED if state.life == "migrated" or _completed(record) else Stage.NEW


RUNS_AGAIN = "SOURCE POWERED ON while the Azure VM exists"
"""A migrated machine's source that runs again is a second machine of the same name and address."""


def runs_again(name: str, completed: bool) -> str:
    """What is to be done about it."""
    return "power it off" if completed else f"power it off, or `wavelift rollback {name}`"


def _stopped(record: Record) -> bool:
    order = record.order
    return order is not None and order.kind is OrderKind.STOP and order.outcome == "done"


def _completed(record: Record) -> bool:
    """The engine says that what it stopped had been migrated."""
    return _stopped(record) and record.order is not None and record.order.facts.get("completed") == "true"


def last_order(state: MachineState, record: Record | None) -> int:
    """Number of the last order that was ever written for this machine. Numbers go on rising when it is enabled again."""
    if record is None:
        return state.orders
    return max(state.orders, record.orders_done, record.order.number if record.order else 0)


def under_way(state: MachineState, record: Record | None) -> bool:
    """An order is written and has no outcome yet."""
    return last_order(state, record) > (record.orders_done if record is not None else 0)


def reached(stages: Mapping[str, Stage], machines: tuple[str, ...], awaited: str) -> list[str]:
    """The machines that are not yet as far as `awaited` ("migrated" or "completed")."""
    enough = {Stage.COMPLETED} if awaited == "completed" else {Stage.MIGRATED, Stage.COMPLETED}
    return [m for m in machines if stages.get(m, Stage.NEW) not in enough]
