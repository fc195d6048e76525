"""What a pull request acknowledges: the word of the files against what a person said to the engine. Pure.

Rules
1. Only the intervention that the word names ends: by its reason or its number. A later one is another one.
2. A word that was carried out once is used up as a reason: a later hold of the same reason is named by its number.
3. Nothing is begun by it. A cut-over that is under way and was held goes on with it, so that is shown as a cut-over, and not
   done when the files do not ask for a cut-over any more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from planner.estate import Diagnostic, Machine, Phase, Span
from planner.plan.life import last_order, under_way
from planner.plan.orders import latched
from planner.state import MachineState
from planner.steps import Acknowledge
from replication.model.item import OrderKind
from replication.model.quick import quick
from replication.model.record import Record
from replication.model.standing import Standing, standing

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
"""Reasons that YAML takes as they stand."""
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


@quick
@dataclass(frozen=True, slots=True)
class Verdict:
    """`step` ends what stands; `waits` is why it is not ended now; `warning` is about a word that does nothing."""

    step: Acknowledge | None = None
    waits: str = ""
    warning: Diagnostic | None = None


_NOTHING = Verdict()


def judge(machine: Machine, state: MachineState | None, record: Record | None, now: float | None) -> Verdict:
    """What `machine.acknowledge` does in this plan; nothing when the files say nothing. `now`: unix time."""
    word = machine.acknowledge
    if not word:
        return _NOTHING
    stands = in_force(machine, record, now)
    if state is None or record is None or stands is None:
        return Verdict(warning=_of_nothing(machine, record))
    if not stands.named(word) or (record.acknowledged == word and not stands.by_number(word)):
        return Verdict(warning=_of_another(machine, record, stands))
    order = record.order if record.order is not None and record.order.outcome is None else None
    goes_on = order.kind.value if order is not None else ""
    if record.rollback or (order is not None and "back" in order.facts):
        return Verdict(waits="its rollback is under way; it is acknowledged when that has ended")
    if under_way(state, record) and (order is None or order.number != last_order(state, record)):
        return Verdict(waits="an order was sent that the engine has not taken up yet: what would go on is not known")
    if goes_on == OrderKind.MIGRATE.value and (machine.hold is not None or machine.phase.rank < Phase.MIGRATE.rank):
        return Verdict(waits="a cut-over is under way that the files do not ask for any more: `wavelift rollback` ends it")
    return Verdict(_step(machine, state, stands, goes_on))


def in_force(machine: Machine, record: Record | None, now: float | None) -> Standing | None:
    """What a person has put in the way of this machine and is not over."""
    stands = standing(record) if record is not None else None
    if record is None or stands is None:
        return None
    if record.hold is not None:
        return None if now is not None and record.hold.over(now) else stands
    return stands if latched(record, machine.cutover) is not None else None


def what_to_write(stands: Standing | None, record: Record | None) -> str:
    """The line of YAML that acknowledges it, or nothing when neither its reason nor its number can be written."""
    if stands is None or record is None:
        return ""
    plain = _PLAIN.fullmatch(stands.why) and stands.why.lower() not in _WORDS and stands.why != record.acknowledged
    word = stands.why if plain else str(stands.number or "")
    return f"`acknowledge: {word}`" if word else ""


def _step(machine: Machine, state: MachineState, stands: Standing, goes_on: str) -> Acknowledge:
    return Acknowledge(
        address=f"acknowledge.{machine.name}",
        machine=machine.name,
        uuid=state.uuid,
        region=state.region,
        who=stands.who,
        reason=stands.why,
        since=stands.since,
        word=machine.acknowledge,
        held=stands.held,
        goes_on=goes_on,
        why="the files acknowledge it",
        wave=machine.wave,
        origin=machine.spans.get("acknowledge") or machine.span,
    )


def _of_nothing(machine: Machine, record: Record | None) -> Diagnostic:
    done = record is not None and record.acknowledged == machine.acknowledge
    why = "has ended what it named" if done else "names nothing: no hold or rollback of this machine stands"
    detail = f"{machine.name}: `acknowledge: {machine.acknowledge}` {why}. Take the line out."
    return Diagnostic("WL540", "nothing to acknowledge", detail, *_place(machine), severity="warning")


def _of_another(machine: Machine, record: Record, stands: Standing) -> Diagnostic:
    since = f"{datetime.fromtimestamp(stands.since, UTC):%Y-%m-%d %H:%M} UTC"
    used = " was carried out before, and" if stands.why == machine.acknowledge else ""
    write = what_to_write(stands, record)
    remedy = f"Is that one meant, write {write}" if write else f"`wavelift resume {machine.name}` ends that one"
    detail = (
        f"{machine.name}: `acknowledge: {machine.acknowledge}`{used} does not name what stands: {stands.why} "
        f"({stands.who}, since {since}). {remedy}; else take the line out."
    )
    title = "another intervention than the one that stands"
    return Diagnostic("WL541", title, detail, *_place(machine), severity="warning")


def _place(machine: Machine) -> tuple[str, Span | None]:
    span = machine.spans.get("acknowledge") or machine.span
    return f"waves.{machine.wave}.machines.{machine.name}.acknowledge", span
