"""What is told of an address, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from planner.about.model import About, Link
from planner.artifact import Json
from planner.steps import Acknowledge, Adopt, Create, Delete, Forget, Protect, Rename, SendOrder, Step, Update

FOLDED = 12
"""Lines of one kind that are shown; the rest is counted."""


def text(told: About, values: Sequence[str] = ()) -> str:
    """Lines for a terminal. `values`: where the machine's values come from, made elsewhere."""
    return "\n".join(_lines(told, values)) + "\n"


def to_json(told: About) -> dict[str, Json]:
    recorded, seen = told.recorded, told.observed
    return {
        "address": told.address,
        "kind": told.kind,
        "machine": told.machine,
        "wave": told.wave,
        "stage": told.life or None,
        "steps": [{"address": s.address, "action": _verb(s), "why": s.why} for s in told.steps],
        "notes": [{"list": kind, "subject": n.machine, "what": n.what, "why": n.why} for kind, n in told.notes],
        "nothing_to_do": told.idle or None,
        "waits_for": [{"address": k.address, "why": k.why} for k in told.waits_for],
        "waited_for_by": [{"address": k.address, "why": k.why} for k in told.waited_for_by],
        "asked_by": str(told.asked_by) if told.asked_by else None,
        "recorded": {"id": recorded.id, "spec": dict(recorded.spec)} if recorded else None,
        "observed": {"id": seen.id, "ours": seen.ours, "properties": dict(seen.properties)} if seen else None,
        "looked": told.looked,
    }


def _lines(told: About, values: Sequence[str]) -> Iterator[str]:
    place = [p for p in (told.life, f"wave {told.wave}" if told.wave and told.kind != "wave" else "") if p]
    yield told.address + (f" ({', '.join(place)})" if place else "")
    yield from _folded("In the plan", [f"{_verb(s)} {s.address}: {_why(s)}" for s in told.steps])
    for step in told.steps:
        if isinstance(step, SendOrder) and step.irreversible:
            yield f"    ! {step.address}: {step.irreversible}"
    yield from _folded("The plan says", [f"{kind}: {n.machine}: {n.what}: {n.why}" for kind, n in told.notes])
    if told.idle:
        yield f"  {told.idle[0].upper()}{told.idle[1:]}."
    yield from _folded("Waits for", _links(told.waits_for))
    yield from _folded("Waits for this", _links(told.waited_for_by))
    yield f"  Asked for by: {told.asked_by}" if told.asked_by else "  Asked for by: no line of its own (it follows from the rest)"
    if told.recorded is not None:
        yield f"  Recorded: {told.recorded.id}"
        yield from (f"    {key}: {_short(value)}" for key, value in sorted(told.recorded.spec.items()))
    elif told.kind not in ("machine", "wave", "order"):
        yield "  Recorded: no"
    if told.observed is not None:
        seen = told.observed
        say = "cannot be looked into by this login" if not seen.readable else "" if seen.ours else "does not carry our tags"
        yield f"  Observed: {seen.id}" + (f" ({say})" if say else "")
        yield from (f"    {key}: {_short(value)}" for key, value in sorted(seen.properties.items()))
    elif told.looked:
        yield "  Observed: not there"
    if values:
        yield "  Values, and where they come from:"
        yield from (f"    {line}" for line in values)


def _links(links: Iterable[Link]) -> list[str]:
    return [f"{k.address}: {k.why}" for k in links]


def _folded(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"  {title}:"
        yield from (f"    {line}" for line in lines[:FOLDED])
        if len(lines) > FOLDED:
            yield f"    and {len(lines) - FOLDED} more"


def _verb(step: Step) -> str:
    match step:
        case Create():
            return "make"
        case Update():
            return "change"
        case Adopt():
            return "record"
        case Delete():
            return "delete"
        case Forget():
            return "forget"
        case Rename():
            return "rename"
        case Protect():
            return "protect" if step.on else "release"
        case SendOrder():
            return f"order ({step.order.value})"
        case Acknowledge():
            return "acknowledge"


def _why(step: Step) -> str:
    if isinstance(step, Update):
        changes = "; ".join(f"{'.'.join(c.path)}: {_short(c.old)} -> {_short(c.new)}" for c in step.changes)
        return f"{step.why} ({changes})"
    return step.why or "the plan asks for it"


def _short(value: Json) -> str:
    said = "nothing" if value is None else value if isinstance(value, str) else repr(value)
    return said if len(said) <= 160 else f"{said[:159]}…"
