"""Go or no-go: what the engine's check an hour before the window found, machine by machine. Pure.

Every line rests on what the engine has journalled, or on the function by which it decides; nothing is asked again here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from replication.engine.orders.gate import CHECK_AGAIN
from replication.model.extents import MIB
from replication.schedule import words
from wavelift.localtime import UTC, clock, named
from wavelift.watching.night import BAD, Cut, known, told
from wavelift.watching.nighttext import minutes
from wavelift.watching.overview import SILENT

LATE = 300.0
"""Seconds that the check may take, once it is time: then it counts as not made."""


def wanted(cut: Cut, now: float) -> bool:
    """From an hour before the window (without one: from the first check) until the power-off; a no-go until the window's end."""
    at, order = cut.order.cutover, cut.progress
    if order.outcome == "done" or (order.outcome is None and "power_off_asked" in order.facts):
        return False
    if at.opens is None:
        return order.outcome is None and "checked" in order.facts
    return at.opens - CHECK_AGAIN <= now <= (at.closes if at.closes is not None else now)


def listed(cuts: Sequence[Cut], now: float, zone: str = UTC) -> list[dict[str, Any]]:
    return [one(cut, now, zone) for cut in cuts if known(cut) and wanted(cut, now)]


def one(cut: Cut, now: float, zone: str = UTC) -> dict[str, Any]:
    """`result` of a check: "ok", "no", or "unknown" (not checked, which is no yes)."""
    checks = [{"check": name, "result": result, "detail": detail} for name, result, detail in _checks(cut, now, zone)]
    foreseen, point, at = told(cut, now), cut.record.committed, cut.order.cutover
    lag = None if point is None else max(0.0, now - point.snapshot_time)
    parts = [
        f"lag {words.span(lag)}" if lag is not None else "no recovery point",
        f"last delta {foreseen.bytes50 / MIB:.1f} MiB",
        f"down {minutes(foreseen.p50)} / {minutes(foreseen.p90)}" + (f" of {minutes(at.downtime)}" if at.downtime else ""),
    ]
    if at.opens is not None and at.closes is not None:
        parts.append(f"window {clock(at.opens, zone)}-{clock(at.closes, zone)} {named(at.opens, zone)}")
    return {
        "machine": cut.name,
        "wave": cut.wave,
        "go": all(check["result"] == "ok" for check in checks),
        "checked": float(cut.progress.facts["checked"]) if cut.progress.facts.get("checked") else None,
        "lag": lag,
        "last_delta": foreseen.bytes50,
        "forecast": {"p50": foreseen.p50, "p90": foreseen.p90},
        "budget": at.downtime,
        "window": None if at.opens is None else {"opens": at.opens, "closes": at.closes},
        "checks": checks,
        "summary": " · ".join(parts),
    }


def _checks(cut: Cut, now: float, zone: str) -> Iterator[tuple[str, str, str]]:
    facts, at, order = cut.progress.facts, cut.order.cutover, cut.progress
    foreseen = told(cut, now)
    if order.outcome in BAD:
        yield "cut-over", "no", f"{order.outcome}: {order.problem}"
    beat = None if cut.status is None else max(0.0, now - cut.status.written)
    alive = beat is not None and beat <= SILENT
    yield "engine", "ok" if alive else "no", "" if alive else "silent: nobody would carry it out"
    tools = facts.get("check/tools") or ("ok" if "checked" in facts else "")
    yield "guest tools", *_answer(tools, "not looked at yet")
    yield "azure (quota, size, names, addresses)", *_azure(cut, now, zone)
    yield "network interfaces", *_answer("ok" if "secured" in facts else "", "not made yet")
    yield "disks", *_answer("ok" if facts.get("filled") else "", "not filled ahead yet")
    fits = at.downtime is None or foreseen.p90 <= at.downtime
    over = "" if fits else f"{minutes(foreseen.p90)} at worst is over {minutes(at.downtime or 0.0)}"
    yield "forecast within budget", "ok" if fits else "no", over
    start = max(now, at.opens or now)
    inside = at.closes is None or start + foreseen.p90 <= at.closes
    yield "forecast within window", "ok" if inside else "no", "" if inside else "what is left of it is too short"
    hold = cut.record.hold
    held = f"held by {hold.who}: {hold.why}" if hold is not None else ""
    if not held and "on hold" in facts.get("waits", ""):
        held = facts["waits"]
    yield "hold", "no" if held else "ok", held


def _azure(cut: Cut, now: float, zone: str) -> tuple[str, str]:
    facts, opens = cut.progress.facts, cut.order.cutover.opens
    said = facts.get("check/azure", "")
    if said and said != "ok":
        return "no", said
    if not facts.get("checked"):
        return "unknown", "not checked yet"
    checked = float(facts["checked"])
    due = None if opens is None else opens - CHECK_AGAIN
    if due is not None and checked < due and now > due + LATE:
        return "unknown", f"checked at {clock(checked, zone)}, not again since {clock(due, zone)}"
    return "ok", f"checked at {clock(checked, zone)}"


def _answer(said: str, missing: str) -> tuple[str, str]:
    if not said:
        return "unknown", missing
    return ("ok", "") if said == "ok" else ("no", said)
