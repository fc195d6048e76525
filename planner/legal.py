"""Earliest legal start: one answer from everything that may forbid a cut-over to begin. Pure.

Cut-over window, blackout (of appliance, wave and machine, by `in_blackout`), days that rules close, cut-overs a night, and a
hold are one grammar of times; a machine's answer is the first moment at which none of them says no and the cut-over can end
before its window does.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from planner.estate import Estate, Machine, Rule
from planner.guards.nights import next_night, night
from replication.windows import Blackout, clear_at, closed
from replication.windowtext import parse

_STEPS = 500
"""So often a start is moved on before it is taken for one that never comes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A machine to be cut over. `blackouts`: of its appliance, wave and itself. `needed`: seconds that it takes (p90), or 0."""

    machine: Machine
    blackouts: tuple[Blackout, ...] = ()
    needed: float = 0.0


@dataclass(frozen=True, slots=True)
class Legal:
    """`at`: unix time, None when there is no legal start. `why`: what decides it, in words; empty: it may begin at once."""

    at: float | None
    why: tuple[str, ...] = ()


def legal_starts(estate: Estate, asked: Iterable[Asked], now: float) -> dict[str, Legal]:
    """Machine -> its earliest legal start, in the order given: earlier ones take the places of a night."""
    nights: Counter[tuple[str, date]] = Counter()
    return {one.machine.name: _one(estate, one, now, nights) for one in asked}


def _one(estate: Estate, asked: Asked, now: float, nights: Counter[tuple[str, date]]) -> Legal:
    machine, cutover, zone = asked.machine, asked.machine.cutover, estate.time_zone
    rules = [rule for rule in estate.rules if rule.concerns(machine.wave)]
    at, why = now, []
    if machine.hold is not None:
        if machine.hold.until is None:
            return Legal(None, (f"held: {machine.hold.why}",))
        at = max(at, datetime.fromisoformat(machine.hold.until).replace(tzinfo=ZoneInfo(zone)).timestamp())
        why += [f"held: {machine.hold.why}"] if at > now else []
    if cutover.opens is not None and cutover.opens > at:
        at = cutover.opens
        why = [f"its window {cutover.window}"]
    for _ in range(_STEPS):
        moved = _closed(rules, zone, at, asked.needed) or _blackout(asked, at) or _full(rules, zone, at, nights)
        if moved is None:
            break
        at = moved[0]
        why = [*(w for w in why if w != moved[1]), moved[1]]
        if math.isinf(at):
            return Legal(None, tuple(why))
    else:
        return Legal(None, tuple(why))
    if cutover.closes is not None and (at >= cutover.closes or at + asked.needed > cutover.closes):
        left = cutover.closes - at
        short = "it is over" if left <= 0 else f"{_minutes(left)} of it are left and up to {_minutes(asked.needed)} are needed"
        return Legal(None, (*(w for w in why if not w.startswith("its window")), f"its window {cutover.window}: {short}"))
    for rule in rules:
        nights[rule.name, night(at, zone)] += 1
    return Legal(at, tuple(why))


def _closed(rules: list[Rule], zone: str, at: float, needed: float) -> tuple[float, str] | None:
    """A rule's `no_cutover` that the cut-over would meet: its end."""
    for rule in rules:
        if rule.no_cutover is None:
            continue
        until = clear_at(parse(rule.no_cutover.windows), ZoneInfo(zone), at, needed)
        if until is not None:
            return until, f"rule {rule.name}"
    return None


def _blackout(asked: Asked, at: float) -> tuple[float, str] | None:
    if asked.machine.cutover.in_blackout == "override":
        return None
    shut = closed(asked.blackouts, at)
    if shut is None:
        return None
    names = ", ".join(dict.fromkeys(b.name or b.whose or "windows" for b in shut.by))
    return shut.until, f"blackout {names}"


def _full(rules: list[Rule], zone: str, at: float, nights: Counter[tuple[str, date]]) -> tuple[float, str] | None:
    for rule in rules:
        most = rule.max_cutovers_a_night
        if most is not None and nights[rule.name, night(at, zone)] >= most:
            return next_night(at, zone), f"rule {rule.name} ({most} a night)"
    return None


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
