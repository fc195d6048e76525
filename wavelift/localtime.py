"""Times as the estate's people read them: in its time zone, never in that of the host that prints them. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

UTC = "Etc/UTC"


def clock(when: float, zone: str) -> str:
    """`01:24`."""
    return f"{_there(when, zone):%H:%M}"


def second(when: float, zone: str) -> str:
    """`01:24:07 KST`."""
    return f"{_there(when, zone):%H:%M:%S} {named(when, zone)}"


def day(when: float, zone: str) -> str:
    """`Sun 17 Jan 01:24 KST`."""
    return f"{_there(when, zone):%a %d %b %H:%M} {named(when, zone)}"


def weekday(when: float, zone: str) -> str:
    """`Sun 01:24:07`."""
    return f"{_there(when, zone):%a %H:%M:%S}"


def named(when: float, zone: str) -> str:
    """What the zone is called then: `KST`, or where it has no letters `+03`."""
    return _there(when, zone).tzname() or zone


def _there(when: float, zone: str) -> datetime:
    return datetime.fromtimestamp(when, ZoneInfo(zone))
