"""Holds of the files that have ended: `hold: {until: 2027-01-20}` ends when that day begins in the estate's time zone. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from planner.estate import Estate, Hold


def ended(hold: Hold, time_zone: str, now: float) -> bool:
    """`now`: unix time."""
    if hold.until is None:
        return False
    return datetime.combine(date.fromisoformat(hold.until), time(), ZoneInfo(time_zone)).timestamp() <= now


def current(estate: Estate, now: float) -> Estate:
    """The estate with only those holds that still hold at `now`; the same one when none has ended."""
    over = {n: m for n, m in estate.machines.items() if m.hold is not None and ended(m.hold, estate.time_zone, now)}
    if not over:
        return estate
    return replace(estate, machines={n: replace(m, hold=None) if n in over else m for n, m in estate.machines.items()})
