"""What `rules` find in a plan: how much it destroys, how many cut-overs it orders at once, and on which day it is applied."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from planner.estate import Diagnostic, Estate
from planner.guards.files import broken
from planner.steps import SendOrder, Step
from replication.model.item import OrderKind
from replication.windows import Blackout, closed
from replication.windowtext import parse


def broken_by_plan(estate: Estate, steps: Iterable[Step], destroys: int) -> tuple[Diagnostic, ...]:
    """`destroys`: data-bearing artifacts that go."""
    found = []
    cutovers = _at_once(steps) if any(rule.max_cutovers_a_night for rule in estate.rules) else []
    for rule in estate.rules:
        if rule.max_destroys is not None and destroys > rule.max_destroys:
            detail = f"The plan destroys {destroys} data-bearing artifacts; at most {rule.max_destroys} may go."
            found.append(broken("WL487", "the plan destroys too much", rule, "max_destroys", detail))
        most = rule.max_cutovers_a_night
        mine = [s for s in cutovers if rule.concerns(s.wave or "")]
        if most is not None and len(mine) > most:
            detail = f"The plan orders {len(mine)} cut-overs without a window, which begin at once; at most {most} a night may."
            key, last = "max_cutovers_a_night", mine[most]
            found.append(broken("WL484", "too many cut-overs a night", rule, key, detail, last.address, last.origin))
    return tuple(found)


def forbidden_now(estate: Estate, steps: Iterable[Step], now: float) -> tuple[Diagnostic, ...]:
    """Cut-overs that would begin with an apply at unix time `now` although a rule closes this day: apply is denied."""
    found = []
    cutovers = _at_once(steps)
    for rule in estate.rules:
        mine = [s for s in cutovers if rule.concerns(s.wave or "")]
        if rule.no_cutover is None or not mine:
            continue
        shut = closed((Blackout(parse(rule.no_cutover.windows), estate.time_zone),), now)
        if shut is not None:
            names = ", ".join(s.machine or s.address for s in mine[:6]) + (" …" if len(mine) > 6 else "")
            until = datetime.fromtimestamp(shut.until, ZoneInfo(estate.time_zone)) if shut.until < float("inf") else "ever"
            end = f"{until:%Y-%m-%d %H:%M} {estate.time_zone}" if isinstance(until, datetime) else until
            detail = f"The cut-over of {names} would begin now; none may until {end}. Give it a window, or apply then."
            found.append(broken("WL485", "cut-over on a forbidden day", rule, "no_cutover", detail, "", mine[0].origin))
    return tuple(found)


def _at_once(steps: Iterable[Step]) -> list[SendOrder]:
    """Cut-overs that no window holds back."""
    return [
        s
        for s in steps
        if isinstance(s, SendOrder) and s.order is OrderKind.MIGRATE and s.document.get("cutover", {}).get("opens") is None
    ]
