"""The card of a cut-over that needs somebody: what is safe, what was tried, what can be done. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator

from replication.lifecycle import OFF
from replication.model.item import OrderKind
from replication.model.record import Life, OrderProgress, Record, StepState
from replication.model.source import Power

_BAD = ("failed", "aborted", "missed")


def needs_somebody(record: Record) -> bool:
    """A cut-over that has ended badly, or that met trouble after the power-off and is being tried again; or a hold."""
    order = record.order
    if record.hold is not None:
        return True
    if order is None or order.kind is not OrderKind.MIGRATE or record.life is not Life.DELTA:
        return False
    return order.outcome in _BAD or (order.outcome is None and bool(order.facts.get("trouble")))


def card(record: Record, name: str, origin: str = "", plan: str = "") -> list[str]:
    """Lines for people; times in this host's time zone. Every command in it exists."""
    order = record.order
    lines: list[str] = []
    if record.hold is not None:
        mark = record.hold
        end = f" until {mark.until_text}" if mark.until_text else ""
        lines.append(f"HELD {name}  since {_at(mark.since)} by {mark.who}: {mark.why}{end} (`wavelift resume {name}` ends it)")
    if order is not None and order.kind is OrderKind.MIGRATE:
        if order.outcome in _BAD or order.facts.get("trouble"):
            lines += [*_what(order, name), *_safe(record, order), *_choices(record, order, name)]
        else:
            lines += _steps(order)
    for told in record.interventions[:3]:
        lines.append(f"{_at(told.when)} {told.verb} by {told.who} ({told.why}): {told.answer}")
    asked = " · ".join(part for part in (f"asked by {origin}" if origin else "", f"plan {plan[:12]}" if plan else "") if part)
    return [*lines, *([asked] if asked else [])]


def _what(order: OrderProgress, name: str) -> Iterator[str]:
    step = next((s for s in order.steps if s.state in (StepState.FAILED, StepState.RUNNING)), None)
    problem = order.problem or order.facts.get("trouble", "")
    when = float(order.facts.get("trouble_at") or (step.ended if step and step.ended else 0.0) or 0.0)
    where = f'step "{step.name}"  ' if step is not None else ""
    word = "MISSED" if order.outcome == "missed" else "FAILURE"
    yield f"{word} {name}  {_at(when) + '  ' if when else ''}{where}{problem}"


def _safe(record: Record, order: OrderProgress) -> Iterator[str]:
    facts, point = order.facts, record.committed
    off = "powered_off" in facts and order.outcome is None
    if OFF in facts:
        source = f"source: found OFF {_at(float(facts[OFF]))} although it was to be on, untouched"
    elif off:
        source = f"source: OFF since {_at(float(facts['powered_off']))}, untouched"
    elif facts.get("power_before") == Power.OFF.value:
        source = "source: it was off before"
    else:
        source = "source: as it was, nothing of it was changed"
    if point is not None:
        at = "at power-off" if str(point.cycle) == facts.get("final_cycle") else f"at {_at(point.snapshot_time)}"
        source += f" · replica: cycle {point.cycle} = source {at}, verified"
    made = {key.partition("/")[0] for key in order.made} | ({"disk"} if "filled" in facts else set())
    there = [word for key, word in (("disk", "disks"), ("nic", "NICs"), ("vm", "VM")) if key in made]
    if order.outcome is None:
        lacks = "" if "vm" in made else ", no VM"
        source += f" · Azure: {' and '.join(there) or 'nothing'}{lacks}"
    yield source
    tried = facts.get("tried")
    if tried:
        yield f"already tried: {tried} time{'s' if tried != '1' else ''} since the power-off; it goes on trying"


def _choices(record: Record, order: OrderProgress, name: str) -> Iterator[str]:
    if order.outcome is None:
        yield f"  A  wavelift resume {name} [--size SIZE] --why …    tries again now, with another size first"
        confirm = " --confirm …" if "announced/vm" in order.facts else ""
        loses = "what was written in Azure since is lost" if confirm else "source up again, loses nothing"
        yield f"  B  wavelift rollback {name}{confirm} --why …    {loses}"
        yield "  C  do nothing: the source stays off, nothing is deleted, it is tried again"
        return
    if OFF in order.facts:
        yield f"  A  wavelift rollback {name} --why …    powers its source on again, loses nothing"
        yield "  B  do nothing: the source stays off; its replication goes on"
        return
    yield f"  A  wavelift resume {name} --why …    begins its cut-over once more, whatever its window says"
    if order.facts.get("window"):
        yield "  B  give it another window in the estate, and apply"
    yield "  C  do nothing: it goes on replicating and is not tried again"


def _steps(order: OrderProgress) -> Iterator[str]:
    for step in order.steps:
        if step.state is not StepState.WAITING:
            took = f" ({step.ended - step.started:.0f} s)" if step.ended and step.started else ""
            yield f"{step.name}: {step.state.value}{took} {step.detail}".rstrip()
    for key in ("waits", "doing", "forecast"):
        if order.facts.get(key):
            yield f"{key}: {order.facts[key]}"


def _at(when: float) -> str:
    return time.strftime("%a %d %b %H:%M", time.localtime(when))
