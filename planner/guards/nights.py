"""Nights: a cut-over belongs to the night in which its window opens, from noon to noon by the estate's clocks. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

NOON = timedelta(hours=12)


def night(at: float, zone: str) -> date:
    """The day whose evening the night begins in: Sunday 01:00 is in Saturday's night."""
    return (datetime.fromtimestamp(at, ZoneInfo(zone)).replace(tzinfo=None) - NOON).date()


def next_night(at: float, zone: str) -> float:
    """Unix time at which the night after that of `at` begins (noon)."""
    day = night(at, zone) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).timestamp()
