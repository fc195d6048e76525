"""Drift as JSON: `schemas/drift-1.schema.json` says what each field is."""

from __future__ import annotations

from typing import Any

from planner.drift.model import Drift, Finding
from planner.ports import Tagged

FORMAT = "wavelift-drift-1"


def to_json(drift: Drift) -> dict[str, Any]:
    """Plain JSON, stable in order."""
    lag = drift.lag
    return {
        "format": FORMAT,
        "estate": drift.estate,
        "lineage": drift.lineage,
        "serial": drift.serial,
        "at": drift.at,
        "counts": {**drift.counts, "allowed": len(drift.allowed)},
        "findings": [_finding(f) for f in drift.findings],
        "allowed": [_finding(f) for f in drift.allowed],
        "next_expiry": drift.expires,
        "unmanaged": [_tagged(t) for t in drift.unmanaged],
        "not_checked": [*drift.blind, *drift.unchecked],
        "in_progress": drift.in_progress,
        "lag": None if lag is None else {"machine": lag.machine, "seconds": lag.seconds, "limit": lag.limit},
        "cycles": {
            "kept": drift.cycles.kept,
            "repaired": drift.cycles.repaired,
            "unexplained_sectors": drift.cycles.unexplained,
        },
        "cost": list(drift.cost),
    }


def _finding(f: Finding) -> dict[str, Any]:
    return {
        "class": f.severity.value,
        "address": f.address,
        "property": f.property,
        "what": f.what,
        "then": f.then,
        "recorded": f.old,
        "observed": f.new,
        "machine": f.machine,
        "wave": f.wave,
        "since": f.since,
        "where": str(f.origin) if f.origin else None,
    }


def _tagged(t: Tagged) -> dict[str, Any]:
    return {"id": t.id, "type": t.type, "address": t.address}
