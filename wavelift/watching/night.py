"""The cut-over night as plain values: each machine's steps, downtime, budget, latest safe power-off and way back. Pure.

What is forecast is the engine's own number: its gate journals it (`p50`, `p90`) whenever it asks, and before it has asked the
same function is asked here. Times are unix seconds, durations seconds, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replication.engine.orders.asking import fate
from replication.engine.orders.forecast import Forecast, forecast
from replication.lifecycle import OFF
from replication.model.item import Order, OrderKind
from replication.model.record import Life, OrderProgress, Record, StepState
from replication.model.status import Status

COLUMNS = ("check", "shut down", "prepare", "create VM", "start")
"""The five steps of a migration, in a word each; `ready` follows from what the last one has learned."""
BACK = 120.0
"""Seconds until a source is up again, assumed: a power-on and the guest's boot. Nothing has measured them."""
AFTER = 3600.0
"""A cut-over without a window is shown for so long after its end."""
BAD = ("failed", "aborted", "missed")


@dataclass(frozen=True, slots=True)
class Cut:
    """A machine with its migration order as the engine has them."""

    name: str
    wave: str
    record: Record
    order: Order
    status: Status | None

    @property
    def progress(self) -> OrderProgress:
        assert self.record.order is not None
        return self.record.order


def known(cut: Cut) -> bool:
    """Whether the record is about this order at all: an engine may not have looked at it yet."""
    found = cut.record.order
    return found is not None and found.kind is OrderKind.MIGRATE and found.number == cut.order.number


def on(cut: Cut, now: float) -> bool:
    """Under way, or within its window (an hour without one)."""
    at, order = cut.order.cutover, cut.progress
    if order.outcome is None:
        begun = any(step.state is not StepState.WAITING for step in order.steps)
        return begun or at.opens is None or now >= at.opens - at.ahead
    ended = max((step.ended or 0.0 for step in order.steps), default=0.0)
    return now <= (at.closes if at.closes is not None else ended + AFTER)


def told(cut: Cut, now: float) -> Forecast:
    """The engine's forecast of the whole downtime: what its gate has journalled, else what it would say now."""
    record, facts, point = cut.record, cut.progress.facts, cut.record.committed
    behind = max(0.0, now - point.snapshot_time) if point is not None else 0.0
    fresh = forecast(record.evidence, record.measured, cut.order.shutdown, behind)
    if not (facts.get("p50") and facts.get("p90")):
        return fresh
    return Forecast(float(facts["p50"]), float(facts["p90"]), fresh.bytes50, fresh.bytes90)


def machine(cut: Cut, now: float) -> dict[str, Any]:
    """One machine of the night, as `status --json` has it under `cutover`."""
    order, at, facts = cut.progress, cut.order.cutover, cut.progress.facts
    foreseen, off = told(cut, now), _when(facts, "powered_off") or _when(facts, "power_off_asked")
    if order.outcome in BAD:  # its source runs again, or was found off afterwards
        off = _when(facts, OFF)
    ready = _when(facts, "ready")
    until = ready if ready is not None else now
    waived = "window waived" in facts
    return {
        "number": order.number,
        "outcome": order.outcome,
        "window": None if at.opens is None else {"opens": at.opens, "closes": at.closes},
        "steps": [
            {"name": short, "step": step.name, "state": step.state.value, "started": step.started, "ended": step.ended}
            for short, step in zip(COLUMNS, order.steps, strict=False)
        ],
        "progress": cut.status.progress if cut.status is not None else None,
        "ready": ready,
        "powered_off": off,
        "down": 0.0 if off is None else max(0.0, until - off),
        "budget": at.downtime,
        "estimate": {"p50": foreseen.p50, "p90": foreseen.p90},
        "last_delta": foreseen.bytes50,
        "latest_power_off": at.closes - foreseen.p90 if at.closes is not None and off is None and not waived else None,
        "waits": facts.get("waits", "") if order.outcome is None else "",
        "doing": facts.get("doing", "") if order.outcome is None else "",
        "problem": order.problem or facts.get("trouble", ""),
        "executor": cut.status.executor if cut.status is not None else "",
        "lease_until": cut.status.lease if cut.status is not None else None,
        "way_back": way_back(cut),
    }


def way_back(cut: Cut) -> dict[str, Any]:
    """How the source comes to run again from here: by what, in about how many seconds, what is lost."""
    facts, order, life = cut.progress.facts, cut.progress, cut.record.life
    if life is Life.STOPPED:
        return {"possible": False, "seconds": None, "loses": "completed: there is no way back"}
    if order.outcome in BAD:
        return {"possible": True, "seconds": BACK if OFF in facts else 0.0, "loses": ""}
    match fate(order):
        case "there":
            return {"possible": True, "seconds": BACK, "loses": "what was written in Azure since its VM was started"}
        case "open":  # the rollback looks first, and is refused where there is one
            return {"possible": True, "seconds": BACK, "loses": "what its VM wrote, should it be there,"}
    seconds = BACK if "power_off_asked" in facts or "powered_off" in facts else 0.0
    return {"possible": True, "seconds": seconds, "loses": ""}


def wave(name: str, rows: Mapping[str, Mapping[str, Any]], now: float) -> dict[str, Any]:
    """What is true of a wave's whole night; `rows`: machine -> `machine`."""
    windows = [row["window"] for row in rows.values() if row["window"] is not None]
    latest = [row["latest_power_off"] for row in rows.values() if row["latest_power_off"] is not None and row["outcome"] is None]
    leases = [(row["lease_until"], row["executor"]) for row in rows.values() if row["lease_until"] is not None]
    return {
        "wave": name,
        "now": now,
        "closes": max((w["closes"] for w in windows if w["closes"] is not None), default=None),
        "latest_power_off": min(latest, default=None),
        "executor": max(leases)[1] if leases else "",
        "lease": max(leases)[0] - now if leases else None,
        "machines": {name: dict(row) for name, row in rows.items()},
    }


def nights(cuts: Sequence[Cut], now: float) -> list[dict[str, Any]]:
    """A value for each wave in which a cut-over is on; all known cut-overs of that wave are in it."""
    found = [cut for cut in cuts if known(cut)]
    waves = dict.fromkeys(cut.wave for cut in found if on(cut, now))
    rows = {cut.name: machine(cut, now) for cut in found}
    latest = latest_power_off(found, rows)
    for name, row in rows.items():
        row["latest_power_off"] = latest[name]
    return [wave(name, {cut.name: rows[cut.name] for cut in found if cut.wave == name}, now) for name in waves]


def latest_power_off(cuts: Sequence[Cut], rows: Mapping[str, Mapping[str, Any]]) -> dict[str, float | None]:
    """Machine -> when it must be powered off at the latest (unix time), so that it and everything that waits for it by
    `start_after` fits into its own window; each of a chain takes its p90. None: nothing of it has to be off by a time."""
    after: dict[str, list[Cut]] = {}
    for cut in cuts:
        if cut.order.cutover.start_after and cut.progress.outcome is None:
            after.setdefault(cut.order.cutover.start_after, []).append(cut)
    known: dict[str, float | None] = {}

    def latest(cut: Cut) -> float | None:
        if cut.name not in known:
            known[cut.name] = None  # a chain that leads back is refused in the files; here it would end
            own, took = rows[cut.name]["latest_power_off"], rows[cut.name]["estimate"]["p90"]
            later = [at - took for one in after.get(cut.record.machine, ()) if (at := latest(one)) is not None]
            waits = cut.progress.outcome is None and rows[cut.name]["powered_off"] is None
            known[cut.name] = min([*([own] if own is not None else []), *(later if waits else [])], default=None)
        return known[cut.name]

    return {cut.name: latest(cut) for cut in cuts}


def _when(facts: Mapping[str, str], name: str) -> float | None:
    return float(facts[name]) if facts.get(name) else None
