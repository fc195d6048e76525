"""May this machine be powered off now? Everything that can say no is asked here, while the source still runs.

Rules
1. Nothing is powered off before the window opens, nor when the forecast finish does not fit into what is left of it. A
   window that is over is missed: the order ends, and only a new date (or a person) begins another attempt.
2. A forecast that is longer than the downtime budget ends the order; nothing was changed.
3. Nothing is powered off on a day that a rule forbids, nor so late that the cut-over would run into one; it waits. Nobody
   waives that at night.
4. A hold on the machine or its wave, and a machine that must be ready first, make it wait; the window goes on running.
"""

from __future__ import annotations

import math
from datetime import datetime
from zoneinfo import ZoneInfo

from replication.engine.orders import commands, waves
from replication.engine.orders.forecast import Forecast, forecast
from replication.engine.orders.steps import Missed, NotYet, Refused, Steps
from replication.engine.work import Work
from replication.windows import clear_at
from replication.windowtext import parse

LOOK = 30.0
"""Seconds between two looks at what only other machines or people can change."""


CHECK_AGAIN = 3600.0
"""Seconds before its window opens at which everything that Azure can refuse is asked for once more."""


def predicted(work: Work, steps: Steps) -> Forecast:
    point = work.record.committed
    behind = work.clock.now() - point.snapshot_time if point is not None else 0.0
    return forecast(work.record.evidence, work.record.measured, steps.order.shutdown, max(0.0, behind))


def require_window(steps: Steps, needed: float = 0.0) -> None:
    """Raises `Missed` when so many seconds do not fit into what is left of the window any more."""
    closes, now = steps.order.cutover.closes, steps.work.clock.now()
    if closes is None or "window waived" in steps.facts:
        return
    if now + needed > closes:
        what = "is over" if now > closes else f"has {closes - now:.0f} s left, and the cut-over takes up to {needed:.0f} s"
        raise Missed(f"its window {what}: nothing was powered off; give it a new date")


def begin(steps: Steps) -> None:
    """Whether the preparations may begin. Raises `NotYet` or `Missed`."""
    work, cutover = steps.work, steps.order.cutover
    require_window(steps)
    now = work.clock.now()
    if cutover.opens is not None and now < cutover.opens - cutover.ahead:
        raise NotYet("its window has not come", cutover.opens - cutover.ahead)
    hold = _hold(steps)
    if hold is not None:
        raise NotYet(hold, now + LOOK)


def power_off(steps: Steps) -> Forecast:
    """The last word before the power-off. Raises `NotYet`, `Missed` or `Refused` (over budget)."""
    work, cutover, now = steps.work, steps.order.cutover, steps.work.clock.now()
    told = predicted(work, steps)
    require_window(steps, told.p90)
    steps.learn({"forecast": str(told), "p50": f"{told.p50:.0f}", "p90": f"{told.p90:.0f}"})
    if cutover.downtime is not None and told.p90 > cutover.downtime:
        raise Refused(
            f"the forecast is over its budget of {cutover.downtime:.0f} s ({told}): nothing was powered off; "
            "raise `downtime`, or choose a time when the guest writes less"
        )
    hold = _hold(steps)
    if hold is not None:
        raise NotYet(hold, now + LOOK)
    _require_day(steps, max(now, cutover.opens or now), told.p90)
    waived = "window waived" in steps.facts
    if cutover.opens is not None and now < cutover.opens and not waived:
        # One more delta follows right before the window opens, so that the last one is small.
        lead = max(LOOK, 2 * float(steps.facts.get("round", "0")))
        # An hour before, quota, size, address and names are looked at again, while somebody can still do something.
        looks = (cutover.opens - CHECK_AGAIN, cutover.opens - lead, cutover.opens)
        raise NotYet("ready for its window to open", next(at for at in looks if now < at))
    if cutover.start_after and not waves.ready(work, cutover.start_after_region, cutover.start_after):
        raise NotYet(f"waits for {cutover.start_after_name} to be ready", now + LOOK)
    return told


def _require_day(steps: Steps, at: float, needed: float) -> None:
    """Raises `NotYet` (`Missed`: it never ends) when a power-off at `at` would meet what a rule forbids."""
    for one in steps.order.cutover.forbidden:
        zone = ZoneInfo(one.time_zone)
        until = clear_at(parse(one.windows), zone, at, needed)
        if until is None:
            continue
        why = f"rule {one.rule}: nothing is cut over in {one.windows}"
        if math.isinf(until):
            raise Missed(f"{why}, and that does not end: nothing was powered off")
        raise NotYet(f"{why}, until {datetime.fromtimestamp(until, zone):%Y-%m-%d %H:%M} {one.time_zone}", until)


def _hold(steps: Steps) -> str | None:
    if commands.waiting(steps.work):
        return "a person has said something about it"
    mark = steps.work.record.hold
    if mark is not None and not mark.over(steps.work.clock.now()):
        return str(mark)
    return None if "wave waived" in steps.facts else waves.held(steps.work)
