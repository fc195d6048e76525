"""What may be asked for in each part of a replicated machine's life, and the words of S7 that people see.

Rules
1. A failed or unfinished cycle changes no life: a machine stays where it is until a cycle *completes* (S1.3).
2. `ORDERS[life]` is what may be asked for: during initial replication only stopping; test migration and migration only in
   delta sync; after a migration, stopping (which completes it) and clean-up.
3. Life stays DELTA during a migration order until the Azure VM runs: everything before can go back (S1.4).
4. Words: *queued* means that nothing runs because on-premises resources are in use by others (or a window, hold or
   schedule is in the way; `Status.held` says which). MIGRATED and STOPPED leave the list as *not applicable*.
"""

from __future__ import annotations

from collections.abc import Mapping

from replication.model.item import Item, OrderKind
from replication.model.record import CycleKind, Life, OrderProgress, Record, StepState
from replication.model.source import Power
from replication.model.status import State, Status

MIGRATION_STEPS = (
    "check prerequisites",
    "shut down the VM",
    "prepare for migration",
    "create the Azure VM",
    "start the Azure VM",
)
"""The five steps of S7, in order; the second is optional (`Shutdown.mode` none: SKIPPED)."""


_BAD = frozenset({"failed", "aborted", "missed"})
"""Outcomes of orders that somebody must look at."""
OFF = "off late"
"""Fact of a cut-over that has ended: since when (unix time) its source is known to be off although it was to be on."""

ORDERS: Mapping[Life, frozenset[OrderKind]] = {
    Life.NEW: frozenset({OrderKind.STOP}),
    Life.INITIAL: frozenset({OrderKind.STOP}),
    Life.DELTA: frozenset(OrderKind),
    Life.MIGRATED: frozenset({OrderKind.STOP, OrderKind.CLEAN_UP}),
    Life.STOPPED: frozenset(),
}


def may(life: Life, order: OrderKind) -> bool:
    """Whether an order of this kind can begin in this life (S7, S11)."""
    return order in ORDERS[life]


def state_of(record: Record | None) -> State:
    """S7's word for a machine; no record yet: its initial replication is scheduled (S8.1)."""
    if record is None:
        return State.INITIAL_QUEUED
    match record.life:
        case Life.NEW | Life.INITIAL:
            return State.INITIAL if record.attempt else State.INITIAL_QUEUED
        case Life.DELTA:
            return _in_delta(record)
        case Life.MIGRATED | Life.STOPPED:
            return State.NOT_APPLICABLE


def status_of(
    item: Item,
    record: Record | None,
    now: float,
    held: str | None = None,
    progress: float | None = None,
    rate: float | None = None,
    next_cycle: float | None = None,
) -> Status:
    """What `status` shows. `held`, `progress`, `rate` and `next_cycle` come from the scheduler and the running cycle."""
    attempt = record.attempt if record else None
    order = record.order if record else None
    under_way = order is not None and order.outcome is None
    state = state_of(record)
    listed = state is not State.NOT_APPLICABLE
    problem = record.problem if record else ""
    return Status(
        machine=item.machine,
        name=item.name,
        wave=item.wave,
        state=state,
        written=now,
        cycle=record.cycle if record else 0,
        cycle_kind=attempt.kind.value if attempt else None,
        progress=progress if attempt or under_way else None,
        rate=rate if attempt or under_way else None,
        recovery_point=record.committed.snapshot_time if record and record.committed else None,
        next_cycle=next_cycle if listed and not attempt else None,
        held=held if listed and not attempt else None,
        order=order.kind.value if order and under_way else None,
        step=_step(order) if order and under_way else None,
        hold=str(record.hold) if record and record.hold else "",
        needs=record is not None and _needs(record),
        detail=(order.facts.get("waits") or order.facts.get("doing", "")) if order and under_way else "",
        problem=_ended_badly(record) or problem if record else "",
    )


def given_up(record: Record) -> bool:
    """Whether its last order is a cut-over that ended badly after it had asked a running machine to shut down."""
    order = record.order
    if order is None or order.kind is not OrderKind.MIGRATE or record.life is not Life.DELTA or record.rollback:
        return False
    asked = "power_off_asked" in order.facts and order.facts.get("power_before") != Power.OFF.value
    return asked and order.outcome in _BAD


def _ended_badly(record: Record) -> str:
    order = record.order
    if order is None or order.outcome not in _BAD:
        return ""
    if OFF in order.facts and given_up(record):
        return (
            f"its source is OFF although its cut-over has ended ({order.problem or order.outcome}): "
            "`wavelift rollback` powers it on again"
        )
    return order.problem


def _needs(record: Record) -> bool:
    order = record.order
    if record.hold is not None or (record.stuck and record.life is not Life.STOPPED):
        return True
    if order is None or order.kind is not OrderKind.MIGRATE or record.life is not Life.DELTA:
        return False
    return order.outcome in _BAD or (order.outcome is None and bool(order.facts.get("trouble")))


def _in_delta(record: Record) -> State:
    order = record.order
    if order is None or order.kind is not OrderKind.MIGRATE or order.outcome is not None:
        return State.TEST_PENDING
    cycle = record.attempt is not None and record.attempt.kind in (CycleKind.ON_DEMAND, CycleKind.FINAL)
    begun = any(step.state is not StepState.WAITING for step in order.steps)
    return State.MIGRATION if cycle or begun else State.MIGRATION_QUEUED


def _step(order: OrderProgress) -> str | None:
    """The step that runs, or else the first that still waits."""
    for wanted in (StepState.RUNNING, StepState.FAILED, StepState.WAITING):
        for step in order.steps:
            if step.state is wanted:
                return step.name
    return None
