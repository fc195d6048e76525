"""The plan in words: the other walk over the same steps that apply does. Text and JSON come from one model; same plan, same text.

Order for a reader: changes in vCenter, shared artifacts, then wave by wave what starts, is tested, is cut over, is completed,
then what is destroyed; then what is deferred, in progress, kept, drifted. Identical things of one machine fold into a line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from planner.artifact import Json, Kind
from planner.plan.model import Plan
from planner.planfile.codec import step_json
from planner.steps import Adopt, Create, Delete, Forget, Note, Rename, SendOrder, Step, Update
from replication.model.item import OrderKind

_ORDERS = {
    OrderKind.TEST: "test",
    OrderKind.CLEAN_UP: "remove the test VM of",
    OrderKind.MIGRATE: "cut over",
    OrderKind.STOP: "stop replicating",
}
_IN_BLACKOUT = {
    "wait": "waits for its end (in_blackout: wait)",
    "override": "begins all the same (in_blackout: override)",
    "refuse": "is not carried out (in_blackout: refuse)",
}


def text(plan: Plan) -> str:
    """The whole plan as plain text, ending in a newline."""
    return "\n".join(_lines(plan)) + "\n"


def summary(plan: Plan) -> str:
    """One line of counts."""
    if plan.errors:
        return f"Plan: {len(plan.errors)} problem{_s(len(plan.errors))}; nothing can be applied."
    if not plan.steps:
        waiting = (
            f" {len(plan.deferred)} deferred, {len(plan.in_progress)} in progress."
            if plan.deferred or plan.in_progress
            else ""
        )
        return f"No changes. What is there is what the estate asks for.{waiting}"
    counts = plan.counts
    orders = sum(isinstance(s, SendOrder) for s in plan.steps)
    parts = [f"{counts['create']} to create", f"{counts['change']} to change", f"{counts['destroy']} to destroy"]
    if counts["record"]:
        parts.append(f"{counts['record']} to record")
    if orders:
        parts.append(f"{orders} order{_s(orders)} to the engine")
    return f"Plan: {', '.join(parts)}."


def to_json(plan: Plan) -> dict[str, Json]:
    """The plan as plain JSON, stable in order."""
    return {
        "format": "wavelift-plan-1",
        "estate": plan.estate,
        "lineage": plan.lineage,
        "serial": plan.serial,
        "digest": plan.digest,
        "counts": plan.counts,
        "destroys": plan.destroys,
        "steps": [{**step_json(s), "origin": str(o) if (o := getattr(s, "origin", None)) else None} for s in plan.steps],
        "deferred": [_note_json(n) for n in plan.deferred],
        "in_progress": [_note_json(n) for n in plan.in_progress],
        "kept": [_note_json(n) for n in plan.kept],
        "drift": [_note_json(n) for n in plan.drift],
        "not_checked": [{"code": d.code, "detail": d.detail, "path": d.path} for d in plan.unchecked],
        "problems": [
            {"code": d.code, "summary": d.summary, "detail": d.detail, "where": str(d.span or "")} for d in plan.errors
        ],
    }


def _lines(plan: Plan) -> Iterator[str]:
    yield from _section("Changed outside of wavelift", [f"! {n.machine}: {n.what} ({n.why})" for n in plan.drift])
    tracking = [s for s in plan.steps if isinstance(s, Create) and _tracks(s)]
    yield from _section("Changes in vCenter", [f"~ {s.address}: switch changed block tracking on{_at(s)}" for s in tracking])
    shared = [s for s in plan.steps if s.wave is None and not isinstance(s, SendOrder | Delete | Forget)]
    yield from _section("Shared", [line for s in shared for line in _step(s)])
    waves: dict[str, list[Step]] = {}
    for step in plan.steps:
        if step.wave is not None and not _tracks(step):
            waves.setdefault(step.wave, []).append(step)
    for wave, steps in waves.items():
        yield from _section(f"Wave {wave}", list(_wave(steps)))
    leaving = [s for s in plan.steps if s.wave is None and isinstance(s, SendOrder | Delete | Forget)]
    yield from _section("Not in the estate any more", [line for s in leaving for line in _step(s)])
    yield from _section("Deferred (the next apply looks again)", [_note(n) for n in plan.deferred])
    yield from _section("In progress (the engine carries it out)", [_note(n) for n in plan.in_progress])
    yield from _section("Kept", [_note(n) for n in plan.kept])
    yield from _section("NOT CHECKED", [f"{d.code} {d.detail}" for d in plan.unchecked])
    yield summary(plan)
    if plan.destroys:
        yield f"{plan.destroys} data-bearing artifact{_s(plan.destroys)} will be destroyed."


def _tracks(step: Step) -> bool:
    return isinstance(step, Create) and step.kind is Kind.TRACKING


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"  {line}" for line in lines)
        yield ""


def _wave(steps: list[Step]) -> Iterator[str]:
    """A machine's seeds stand below its item where that is made too; orders and everything else have their own line."""
    seeds = {s.address for s in steps if isinstance(s, Create) and s.kind is Kind.SEED_DISK}
    begun = {s.machine for s in steps if isinstance(s, Create) and s.kind is Kind.REPLICATION}
    for step in steps:
        match step:
            case Create(kind=Kind.SEED_DISK) if step.machine in begun:
                continue
            case Create(kind=Kind.SEED_DISK):
                yield f"+ {step.address} ({_size(int(step.spec['size']))}){_at(step)}"
            case Create(kind=Kind.REPLICATION):
                count = len(step.spec["disks"])
                size = sum(int(d["capacity"]) for d in step.spec["disks"])
                yield f"+ {step.address}: start to replicate {count} disk{_s(count)}, {_size(size)}{_at(step)}"
                for one in step.spec.get("blackouts", ()):
                    yield f"    closed by {one['whose']}: {one['name'] or one['windows']}"
                for disk in step.spec["disks"]:
                    seed = f"seed_disk.{step.machine}/{disk['key']}"
                    if seed in seeds:
                        yield f"    + {seed} ({disk['label']}, {_size(disk['capacity'])})"
            case _:
                yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    match step:
        case Create():
            again = f" ({step.why})" if "again" in step.why or "anew" in step.why else ""
            yield f"+ {step.address}{again}{_at(step)}"
        case Update():
            yield f"~ {step.address} ({step.why}){_at(step)}"
            yield from (f"    {'.'.join(c.path)}: {_value(c.old)} -> {_value(c.new)}" for c in step.changes)
        case Adopt():
            yield f"= {step.address} ({step.why})"
        case Delete():
            yield f"- {step.address} ({step.why})"
        case Forget():
            yield f". {step.address} ({step.why})"
        case Rename():
            yield f". {step.address}: {step.why}; nothing outside changes"
        case SendOrder():
            yield f"> {step.address}: {_ORDERS[step.order]} {step.machine} ({step.why}){_at(step)}"
            if step.irreversible:
                yield f"    ! {step.irreversible}"
            if step.order is OrderKind.MIGRATE:
                yield f"    in a blackout window: {_IN_BLACKOUT[step.document['in_blackout']]}"
            yield from (f"    + {a.address} (by the engine){_made(a.spec)}" for a in step.makes)
            yield from (f"    - {a} (by the engine)" for a in step.removes)
        case _:
            assert_never(step)


def _made(spec: Any) -> str:
    if "sizes" in spec:
        return f" {' or '.join(spec['sizes'])}"
    if "sku" in spec:
        return f" {spec['sku']}, {_size(spec['size'])}"
    return f" {spec['subnet']}" + (f" {spec['address']}" if spec.get("address") else "") if "subnet" in spec else ""


def _note(note: Note) -> str:
    where = f" [{note.origin}]" if note.origin else ""
    return f"{note.machine}: {note.what}: {note.why}{where}"


def _note_json(note: Note) -> dict[str, Json]:
    return {"subject": note.machine, "what": note.what, "why": note.why, "wave": note.wave, "where": str(note.origin or "")}


def _at(step: Create | Update | SendOrder) -> str:
    return f" [{step.origin}]" if step.origin else ""


def _value(value: Json) -> str:
    """A value in a few words; of the disks of an item, their places and sizes."""
    match value:
        case None:
            return "nothing"
        case [{"label": _, "capacity": _}, *_]:
            return ", ".join(f"{d['label']} {_size(d['capacity'])}" for d in value)
        case _:
            return repr(_in_order(value))


def _in_order(value: Json) -> Json:
    """Keys in order, however the value was made; tuples as lists."""
    match value:
        case dict():
            return {k: _in_order(value[k]) for k in sorted(value)}
        case list() | tuple():
            return [_in_order(v) for v in value]
        case _:
            return value


def _size(size: int) -> str:
    """Bytes in the largest binary unit that keeps the number readable."""
    amount, unit = float(size), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.4g} {unit}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"
