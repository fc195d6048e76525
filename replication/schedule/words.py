"""Reasons as people read them. Times are shown in a given zone, as short as they can be without being doubtful."""

from __future__ import annotations

import math
from datetime import datetime
from zoneinfo import ZoneInfo

from replication.model.record import CycleKind
from replication.schedule.capacity import Kind, Shortage
from replication.windows import Closed

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CYCLE = {
    CycleKind.INITIAL: "initial replication",
    CycleKind.DELTA: "delta cycle",
    CycleKind.ON_DEMAND: "on-demand cycle",
    CycleKind.FINAL: "final delta",
}


def clock(at: float, now: float, zone: str) -> str:
    """`14:20` today, `Fri 14:20` within six days, `20 Jan 14:20` otherwise."""
    if math.isinf(at):
        return "further notice"
    there, here = (datetime.fromtimestamp(t, ZoneInfo(zone)) for t in (at, now))
    time = f"{there.hour}:{there.minute:02}"
    days = abs((there.date() - here.date()).days)
    if days == 0:
        return time
    return f"{_DAYS[there.weekday()]} {time}" if days < 7 else f"{there.day} {_MONTHS[there.month - 1]} {time}"


def span(seconds: float) -> str:
    """Seconds as people say it: the largest unit and the next (`3 h 10 min`, `4 s`)."""
    for size, big, unit, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = int(seconds % size // unit)
            return f"{int(seconds // size)} {big}" + (f" {rest} {small}" if rest else "")
    return f"{seconds:.0f} s"


def short(shortage: Shortage, free_at: float | None, now: float, zone: str) -> str:
    """`esx-03: 8 of 8 disks in flight, next free about 14:20`."""
    name, used, limit = shortage.resource.name, shortage.used, shortage.limit
    if shortage.claimant is not None:
        return f"{name}: yields to {CYCLE[shortage.claimant.want]} of {shortage.claimant.name}"
    if shortage.reserve:
        what = "disk snapshots of initial cycles" if shortage.resource.kind is Kind.DATASTORE else "disks in initial replication"
        return f"{name}: {used} of {limit} {what}, {shortage.reserve} kept for on-demand cycles"
    what = "disk snapshots open" if shortage.resource.kind is Kind.DATASTORE else "disks in flight"
    needs = f", needs {shortage.needed}" if used < limit else ""
    when = "" if free_at is None else f", next free about {clock(max(free_at, now), now, zone)}"
    return f"{name}: {used} of {limit} {what}{needs}{when}"


def shut(closed: Closed, appliance: str, now: float, zone: str) -> str:
    """`gw-1: blackout window payroll until Fri 23:00`; whatever closes now is named."""
    by = [f"{b.whose or appliance}: blackout window{' ' + b.name if b.name else ''}" for b in closed.by]
    return f"{', '.join(by)} until {clock(closed.until, now, zone)}"
