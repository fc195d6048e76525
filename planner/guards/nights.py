"""Nights: a cut-over belongs to the night in which its window opens, from noon to noon by the estate's clocks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from planner.estate import Estate, Phase
from planner.state import State
from replication.model.item import OrderKind
from replication.model.record import Record

NOON = timedelta(hours=12)


def night(at: float, zone: str) -> date:
    """The day whose evening the night begins in: Sunday 01:00 is in Saturday's night."""
    return (datetime.fromtimestamp(at, ZoneInfo(zone)).replace(tzinfo=None) - NOON).date()


def next_night(at: float, zone: str) -> float:
    """Unix time at which the night after that of `at` begins (noon)."""
    day = night(at, zone) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).timestamp()


def cut_over_tonight(estate: Estate, state: State, records: Mapping[str, Record], now: float) -> frozenset[str]:
    """Machines of the estate whose cut-over belongs to the night of `now` (unix time): their window opens in it, or, without
    one, it is under way or something of it was done in this night."""
    tonight = night(now, estate.time_zone)

    def belongs(name: str, uuid: str) -> bool:
        machine, record = estate.machines.get(name), records.get(uuid)
        order = record.order if record is not None else None
        if machine is not None and machine.cutover.opens is not None:
            return machine.phase.rank >= Phase.MIGRATE.rank and night(machine.cutover.opens, estate.time_zone) == tonight
        if order is None or order.kind is not OrderKind.MIGRATE:
            return False
        done = [step.ended for step in order.steps if step.ended is not None]
        return order.outcome is None or any(night(at, estate.time_zone) == tonight for at in done)

    return frozenset(known.name for uuid, known in state.machines.items() if belongs(known.name, uuid))
