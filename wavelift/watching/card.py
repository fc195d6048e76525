"""The card of a cut-over that needs somebody: what is safe, what was tried, what can be done. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from planner.wording import without_arm_ids
from replication.engine.orders.asking import fate
from replication.lifecycle import OFF
from replication.model.item import Order, OrderKind
from replication.model.record import Life, OrderProgress, Record, StepState
from replication.model.source import Power
from wavelift.localtime import UTC, day
from wavelift.watching.night import BACK, BAD


def needs_somebody(record: Record) -> bool:
    """A cut-over that has ended badly, or that met trouble after the power-off and is being tried again; or a hold."""
    order = record.order
    if record.hold is not None:
        return True
    if order is None or order.kind is not OrderKind.MIGRATE or record.life is not Life.DELTA:
        return False
    return order.outcome in BAD or (order.outcome is None and bool(order.facts.get("trouble")))


def card(
    record: Record,
    name: str,
    now: float,
    origin: str = "",
    asked: Order | None = None,
    others_off: tuple[str, ...] | None = None,
    zone: str = UTC,
) -> list[str]:
    """Lines for people; times in `zone`, the estate's. Every command in it exists.

    `now`: unix time. `origin`: FILE:LINE:COLUMN that asks for it; `asked`: the order as apply wrote it; `others_off`: machines
    of its wave whose source a cut-over has powered off too (None: nobody has looked).
    """
    order = record.order
    lines: list[str] = []
    if record.hold is not None:
        mark = record.hold
        end = f" until {mark.until_text}" if mark.until_text else ""
        since = f"since {day(mark.since, zone)} by {mark.who}: {mark.why}{end}"
        lines.append(f"HELD {name}  {since} (`wavelift resume {name}` ends it)")
    if order is not None and order.kind is OrderKind.MIGRATE:
        if order.outcome in BAD or order.facts.get("trouble"):
            lines += [*_what(order, name, zone), *_safe(record, order, zone), *_tried(order, others_off)]
            lines += _choices(order, name, asked, now, zone)
        else:
            lines += _steps(order)
    for told in record.interventions[:3]:
        lines.append(f"{day(told.when, zone)} {told.verb} by {told.who} ({told.why}): {told.answer}")
    parts = [f"asked by {origin}"] if origin else []
    if asked is not None:
        parts += [f"pull request {asked.pull_request}"] if asked.pull_request else []
        parts += [f"approved by {asked.approver}"] if asked.approver else []
        parts += [f"plan {asked.plan[:12]}"] if asked.plan else []
        parts.append(f"request id {asked.id}")
    if needs_somebody(record):
        parts.append(f"wavelift support-bundle {name}")
    return [*lines, *([" · ".join(parts)] if parts else [])]


def _what(order: OrderProgress, name: str, zone: str) -> Iterator[str]:
    step = next((s for s in order.steps if s.state in (StepState.FAILED, StepState.RUNNING)), None)
    problem = order.problem or order.facts.get("trouble", "")
    when = float(order.facts.get("trouble_at") or (step.ended if step and step.ended else 0.0) or 0.0)
    where = f'step "{step.name}"  ' if step is not None else ""
    word = "MISSED" if order.outcome == "missed" else "FAILURE"
    yield f"{word} {name}  {day(when, zone) + '  ' if when else ''}{where}{without_arm_ids(problem)}"


def _safe(record: Record, order: OrderProgress, zone: str) -> Iterator[str]:
    facts, point = order.facts, record.committed
    off = "powered_off" in facts and order.outcome is None
    if OFF in facts:
        source = f"source: found OFF {day(float(facts[OFF]), zone)} although it was to be on, untouched"
    elif off:
        source = f"source: OFF since {day(float(facts['powered_off']), zone)}, untouched"
    elif facts.get("power_before") == Power.OFF.value:
        source = "source: it was off before"
    else:
        source = "source: as it was, nothing of it was changed"
    if point is not None:
        at = "at power-off" if str(point.cycle) == facts.get("final_cycle") else f"at {day(point.snapshot_time, zone)}"
        source += f" · replica: cycle {point.cycle} = source {at}, verified"
    made = {key.partition("/")[0] for key in order.made} | ({"disk"} if "filled" in facts else set())
    there = [word for key, word in (("disk", "disks"), ("nic", "NICs"), ("vm", "VM")) if key in made]
    if order.outcome is None:
        lacks = "" if "vm" in made else ", no VM"
        source += f" · Azure: {' and '.join(there) or 'nothing'}{lacks}"
    yield source


def _tried(order: OrderProgress, others_off: tuple[str, ...] | None) -> Iterator[str]:
    facts, parts = order.facts, []
    if tried := facts.get("tried"):
        parts.append(f"already tried: {tried} time{'s' if tried != '1' else ''} since the power-off; it goes on trying")
    sizes = [f"{fact.removeprefix('tried/')} x{times}" for fact, times in facts.items() if fact.startswith("tried/")]
    parts += [f"Azure did not make: {', '.join(sizes)}"] if sizes else []
    if others_off is not None:
        more = f"also off: {', '.join(others_off)}" if others_off else "no other source of its wave is off"
        parts.append(more)
    if parts:
        yield " · ".join(parts)


def _choices(order: OrderProgress, name: str, asked: Order | None, now: float, zone: str) -> Iterator[str]:
    if order.outcome is None:
        fits = _fits(order, asked, now, zone)
        yield f"  A  wavelift resume {name} [--size SIZE] --why …    tries again now, with another size first{fits}"
        way = fate(order)
        confirm = " --confirm …" if way == "there" else ""
        loses = {
            "there": "what was written in Azure since is lost",
            "open": "looks first: loses nothing when there is no VM, else it says what to confirm",
        }.get(way, f"source up in about {BACK / 60:.0f} min (assumed), loses nothing")
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


def _fits(order: OrderProgress, asked: Order | None, now: float, zone: str) -> str:
    """Until when the downtime budget lasts, where there is one and the source is off."""
    off, budget = order.facts.get("powered_off"), asked.cutover.downtime if asked is not None else None
    if not off or budget is None:
        return ""
    until = float(off) + budget
    return f"; the budget lasts until {day(until, zone)}" if now <= until else f"; the budget was over at {day(until, zone)}"


def _steps(order: OrderProgress) -> Iterator[str]:
    for step in order.steps:
        if step.state is not StepState.WAITING:
            took = f" ({step.ended - step.started:.0f} s)" if step.ended and step.started else ""
            yield f"{step.name}: {step.state.value}{took} {step.detail}".rstrip()
    for key in ("waits", "doing", "forecast"):
        if order.facts.get(key):
            yield f"{key}: {order.facts[key]}"
