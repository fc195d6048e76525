"""Cut-over policies: shutdown, the dated window, the downtime budget, and what follows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from planner.config.collect import quote
from planner.config.context import Context
from planner.config.forms import seconds
from planner.config.tree import Item, text
from planner.estate import CutoverPolicy, ShutdownPolicy

_WINDOW = re.compile(
    r"(\d{4}-\d{2}-\d{2}) (\d{1,2}:\d{2})\s*/\s*(?:(\d{4}-\d{2}-\d{2}) )?(\d{1,2}:\d{2})", re.ASCII
)
_PLAIN = ("on_failure", "ready", "source_after", "in_blackout")
_DURATIONS = ("ahead", "downtime", "ready_within")


class BadWindow(ValueError):
    """The text says why."""


def window(written: str, time_zone: str) -> tuple[float, float]:
    """`2027-01-17 01:00/05:00` or with a second date -> unix times of its opening and its end in `time_zone`.

    A time that the clock shows twice is taken as the first for both, so a window never grows by an hour; one that the clock
    leaps over is counted on from the hour before. Raises `BadWindow`.
    """
    match = _WINDOW.fullmatch(written.strip())
    if not match:
        raise BadWindow("it is written like 2027-01-17 01:00/05:00")
    try:
        first = date.fromisoformat(match[1])
        begin, end = (time.fromisoformat(part.zfill(5)) for part in (match[2], match[4]))
        last = date.fromisoformat(match[3]) if match[3] else first
    except ValueError as error:
        raise BadWindow(f"the calendar or the clock has no such moment ({error})") from error
    if not match[3] and end <= begin:
        last = first + timedelta(days=1)
    zone = ZoneInfo(time_zone)
    opens, closes = (datetime.combine(*at, tzinfo=zone).timestamp() for at in ((first, begin), (last, end)))
    if closes <= opens:
        raise BadWindow("it ends before it begins")
    return opens, closes


def read_cutover(context: Context, items: Mapping[str, Item], base: CutoverPolicy, path: str) -> CutoverPolicy:
    """`base` with what `items` say otherwise; problems are told."""
    changes: dict[str, Any] = {}
    for key in _PLAIN:
        if (given := text(items, key)) is not None:
            changes[key] = given
    for key in _DURATIONS:
        if (given := text(items, key)) is not None:
            changes[key] = seconds(given)
    if "shutdown" in items:
        changes["shutdown"] = _shutdown(items["shutdown"], base.shutdown)
    written = items.get("window")
    if written is not None and written.text is not None:
        try:
            changes["opens"], changes["closes"] = window(written.text, context.time_zone)
            changes["window"] = written.text
        except BadWindow as error:
            context.problems.add("WL161", f"{quote(written.text)}: {error}.", written.span, f"{path}.window")
    made = replace(base, **changes)
    room = made.closes - made.opens if made.opens is not None and made.closes is not None else None
    place = items.get("window") or items.get("downtime")
    if room is not None and made.downtime is not None and made.downtime > room and place is not None:
        detail = "The downtime budget is longer than the window into which the whole cut-over must fit."
        context.problems.add("WL158", detail, place.span, path)
    return made


def _shutdown(item: Item, standard: ShutdownPolicy) -> ShutdownPolicy:
    """A mode or a mapping."""
    settings = item.map
    wait = text(settings, "wait")
    given = item.text or text(settings, "mode")
    return ShutdownPolicy(
        mode=cast(Any, given or standard.mode),
        wait=seconds(wait) if wait else standard.wait,
        otherwise=cast(Any, text(settings, "then") or standard.otherwise),
    )
