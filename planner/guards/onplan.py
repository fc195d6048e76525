"""What `rules` find in a plan: how much it destroys, what it cuts over at once, and when it is applied."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from planner.estate import Diagnostic, Estate
from planner.guards.files import broken
from planner.steps import SendOrder, Step
from planner.wording import some
from replication.model.item import OrderKind
from replication.windows import Blackout, closed
from replication.windowtext import parse


def broken_by_plan(estate: Estate, steps: Iterable[Step], destroys: int) -> tuple[Diagnostic, ...]:
    """`destroys`: data-bearing artifacts that go."""
    found = []
    for rule in estate.rules:
        if rule.max_destroys is not None and destroys > rule.max_destroys:
            detail = f"The plan destroys {destroys} data-bearing artifacts; at most {rule.max_destroys} may go."
            found.append(broken("WL487", "the plan destroys too much", rule, "max_destroys", detail))
    return (*found, *_crowded(estate, _at_once(steps) if estate.rules else [], frozenset()))


def _crowded(estate: Estate, orders: list[SendOrder], tonight: Collection[str]) -> Iterator[Diagnostic]:
    """Orders that begin at once, beside what else is cut over in that night: too many, or two that never go together."""
    for rule in estate.rules if orders else ():
        most = rule.max_cutovers_a_night
        mine = [order for order in orders if rule.concerns(order.wave or "")]
        others = {n for n in tonight if n in estate.machines and rule.concerns(estate.machines[n].wave)}
        others -= {order.machine for order in mine}
        if most is not None and mine and len(mine) + len(others) > most:
            beside = f", and {len(others)} more are cut over in this night ({some(sorted(others))})" if others else ""
            detail = f"The plan orders {len(mine)} cut-overs without a window, which begin at once{beside}; at most {most} may."
            key, last = "max_cutovers_a_night", mine[max(0, most - len(others))]
            yield broken("WL484", "too many cut-overs a night", rule, key, detail, last.address, last.origin)
        for order in orders:
            name = order.machine or ""
            also = {one.machine for one in orders} | set(tonight)
            together = [n for n in rule.never_together if n != name and n in also] if name in rule.never_together else []
            if together:
                detail = f"The cut-over of {name} would begin in the night of that of {some(together)}."
                yield broken(
                    "WL482", "machines that never go together", rule, "never_together", detail, order.address, order.origin
                )


def forbidden_now(
    estate: Estate, steps: Iterable[Step], now: float, tonight: Collection[str] = frozenset()
) -> tuple[Diagnostic, ...]:
    """Cut-overs that would begin with an apply at unix time `now` although a rule closes this day, or what is cut over in this
    night already (`tonight`) leaves them no place: apply is denied."""
    cutovers = _at_once(steps)
    found = list(_crowded(estate, cutovers, tonight)) if tonight else []
    for rule in estate.rules:
        mine = [s for s in cutovers if rule.concerns(s.wave or "")]
        if rule.no_cutover is None or not mine:
            continue
        shut = closed((Blackout(parse(rule.no_cutover.windows), estate.time_zone),), now)
        if shut is not None:
            names = some([s.machine or s.address for s in mine])
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
