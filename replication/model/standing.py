"""What a person's word still stands in the way of: a hold, or the latch of a cut-over that was rolled back. Pure.

Planner and engine ask the same question here, so that an acknowledgement ends that one thing or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from replication.model.command import Verb
from replication.model.item import OrderKind
from replication.model.record import OrderProgress, Record

ROLLED_BACK = "rolled back: "
"""How the reason of a rollback's hold begins."""
ACKNOWLEDGED = "acknowledged"
"""Fact of a rolled-back cut-over that a pull request has acknowledged: by whom."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`since` (unix time, the engine's clock) tells it from every other of this machine. `number` is its command's; 0: not
    known. `held`: it is a hold; else only the latch of a rolled-back cut-over is left."""

    who: str
    why: str
    since: float
    number: int
    held: bool

    def named(self, word: str) -> bool:
        """Whether `word` is its reason or its number."""
        return bool(word) and (word == self.why or self.by_number(word))

    def by_number(self, word: str) -> bool:
        return self.number > 0 and word == str(self.number)


def standing(record: Record) -> Standing | None:
    """The hold; without one, the latch of a rolled-back cut-over that only a person lifts; else nothing.

    A cut-over that had a window is let go by another window alone, and one that powered nothing off is not latched.
    """
    mark = record.hold
    if mark is not None:
        return Standing(mark.who, mark.why.removeprefix(ROLLED_BACK), mark.since, mark.number, True)
    order = record.order
    if order is None or not rolled_back(order) or ACKNOWLEDGED in order.facts or order.outcome != "aborted":
        return None
    if order.facts.get("window") or "power_off_asked" not in order.facts:
        return None
    for told in record.interventions:
        if told.verb == Verb.ROLLBACK.value and not told.answer.startswith("refused"):
            return Standing(told.who, told.why, told.when, told.number, False)
    return None


def rolled_back(order: OrderProgress) -> bool:
    """Whether a person has rolled this cut-over back, or is about to."""
    back = order.facts.get("back", "").startswith("rolled back by ")
    return order.kind is OrderKind.MIGRATE and (back or "rolled back" in order.facts)
