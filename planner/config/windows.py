"""Blackout windows and throttles as they stand in the files: by wire text, by week, by date; text in, policies out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from planner.config.collect import Problems
from planner.config.forms import bits_per_second
from planner.config.tree import Item, text
from planner.estate import BlackoutPolicy, ThrottleException, ThrottlePolicy
from planner.wording import quote
from replication.windows import BadWindow, Period, Window, closed_until
from replication.windowtext import Weekly, parse_date, parse_weekly, parse_wire, write

UNLIMITED = "unlimited"
_MONDAY = 4 * 86400.0
"""Some Monday: whether a week ever opens is the same in all of them."""


def read_blackout(problems: Problems, item: Item, path: str, name: str = "") -> BlackoutPolicy | None:
    """The policy; what is wrong with a window is told at its own place, and None when none is left."""
    found: list[Period] = []
    try:
        if item.text is not None:
            found += parse_wire(item.text)
    except BadWindow as error:
        problems.add("WL125", sentence(error), item.span, path)
    for entry in _list(item, "weekly"):
        found += _weekly(problems, entry, f"{path}.weekly")
    for entry in _list(item, "dates"):
        found += _date(problems, entry, f"{path}.dates")
    if not found:
        return None
    if closed_until([w for w in found if isinstance(w, Window)], ZoneInfo("UTC"), _MONDAY) == math.inf:
        what = quote(write(found))
        detail = f"{what} closes the whole week: no cycle would ever start. Leave a gap, or `hold` the machines."
        problems.add("WL163", detail, item.span, path)
    return BlackoutPolicy(write(found), name)


def read_throttle(problems: Problems, item: Item, path: str, name: str = "") -> ThrottlePolicy:
    """The policy; an exception whose window is wrong is told and left out."""
    exceptions = []
    for entry in _list(item, "except"):
        place = f"{path}.except"
        date = entry.map.get("date")
        windows = _date(problems, date, place) if date else _weekly(problems, entry, place)
        if windows:
            exceptions.append(ThrottleException(write(windows), _rate(entry)))
    return ThrottlePolicy(_rate(item), tuple(exceptions), name)


def _weekly(problems: Problems, entry: Item, path: str) -> tuple[Period, ...]:
    days, time, lasting = (text(entry.map, key) for key in ("days", "time", "for"))
    if days is None or (time is not None and "-" not in time) != (lasting is not None):
        return ()  # the schema has told it
    try:
        return parse_weekly(Weekly(days, time, lasting))
    except BadWindow as error:
        problems.add("WL125", sentence(error), entry.span, path)
        return ()


def _date(problems: Problems, entry: Item, path: str) -> tuple[Period, ...]:
    try:
        return (parse_date(entry.text or ""),)
    except BadWindow as error:
        problems.add("WL156" if "calendar" in str(error) else "WL125", sentence(error), entry.span, path)
        return ()


def _list(item: Item, key: str) -> Iterator[Item]:
    entry = item.map.get(key)
    if entry is not None and isinstance(entry.value, list):
        yield from entry.value


def _rate(item: Item) -> int | None:
    rate = text(item.map, "rate")
    return None if rate is None or rate == UNLIMITED else bits_per_second(rate)


def sentence(error: BadWindow) -> str:
    """What is wrong with a window, with a capital and a full stop."""
    said = str(error)
    return f"{said[0].upper()}{said[1:]}."
