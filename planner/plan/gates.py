"""Gates: what holds a machine's next order back although the files ask for it, in words. Pure.

A gate is no change and no error: the order is deferred, the rest of the plan goes on.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from zoneinfo import ZoneInfo

from planner.estate import Estate, Machine
from replication.model.item import OrderKind
from replication.model.record import Record


def approval_gate(machine: Machine, approvals: Collection[str]) -> str | None:
    wanted = machine.cutover.approval
    if wanted is None or wanted in approvals:
        return None
    return f"waits for approval {wanted} (`apply --approval {wanted}`)"


def test_gate(estate: Estate, machine: Machine, record: Record | None) -> str | None:
    """A rule wants the machine's test accepted before it is cut over."""
    for rule in estate.rules:
        if rule.test_accepted and rule.concerns(machine.wave) and (record is None or not record.test_accepted):
            at = f" [{rule.span}]" if rule.span else ""
            return (
                f"waits for its test to be accepted: rule {rule.name}{at} "
                f"(phase `test`, then `wavelift test accept {machine.name} --note TEXT`)"
            )
    return None


def migrated_at(record: Record | None) -> float | None:
    """Unix time at which the machine's migration ended; None when that is not known (any more)."""
    order = record.order if record is not None else None
    if order is None or order.kind is not OrderKind.MIGRATE or order.outcome != "done":
        return None
    return max((step.ended for step in order.steps if step.ended is not None), default=None)


def way_back_gate(machine: Machine, record: Record | None, now: float | None, zone: str) -> str | None:
    """`complete_after`: the way back is kept for a time. A migration of unknown time keeps it."""
    least = machine.cutover.complete_after
    if least is None or now is None:
        return None
    done = migrated_at(record)
    if done is None:
        return f"keeps the way back for {_days(least)} (`complete_after`), and when it was migrated is not known"
    if now >= done + least:
        return None
    ended, until = (datetime.fromtimestamp(at, ZoneInfo(zone)) for at in (done, done + least))
    return (
        f"keeps the way back until {until:%Y-%m-%d %H:%M} {zone}: migrated {ended:%Y-%m-%d %H:%M}, "
        f"`complete_after` {_days(least)}"
    )


def _days(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
