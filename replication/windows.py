"""Blackout windows (S14): weekly intervals in which no cycle starts, in an appliance's own time zone. Pure.

Wire form: `Monday;7:00;7h | Tuesday;8:00;1d7h`, that is day, start, duration in days, hours and minutes, joined by `|`.

Rules
1. A window begins and ends by the local clock: "Saturday 22:00, 8h" ends when clocks show 6:00, also in the night of a
   clock change. So windows that meet on paper meet in fact, and people are never an hour off.
2. An hour that clocks show twice counts from its first showing (begin) to its last (end). A begin or end that clocks
   jump over happens at the jump.
3. A window contains its first instant and not its last. Windows may overlap, touch, and run over midnight or the week's
   end; what they close together is one stretch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DAY, HOUR = 24 * 60, 60
WEEK = 7 * DAY
_DURATION = re.compile(r"(?:(\d{1,3})d)?\s*(?:(\d{1,5})h)?\s*(?:(\d{1,6})m)?", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)


class BadWindow(ValueError):
    """A blackout text that cannot be read; names the part and what is wanted instead."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Every week on `day` (0 = Monday) from `start` minutes after midnight for `minutes` minutes (at most a week)."""

    day: int
    start: int
    minutes: int

    def __post_init__(self) -> None:
        if not 0 <= self.day < 7 or not 0 <= self.start < DAY or not 0 < self.minutes <= WEEK:
            raise BadWindow(f"no such window: day {self.day}, minute {self.start}, {self.minutes} minutes")

    def __str__(self) -> str:
        return f"{DAYS[self.day]};{self.start // HOUR}:{self.start % HOUR:02};{print_duration(self.minutes)}"


@dataclass(frozen=True, slots=True)
class Blackout:
    """The windows of one appliance and the IANA name of its time zone."""

    windows: tuple[Window, ...] = ()
    time_zone: str = "UTC"

    def closed_until(self, now: float) -> float | None:
        return closed_until(self.windows, ZoneInfo(self.time_zone), now) if self.windows else None


def parse(text: str) -> tuple[Window, ...]:
    """The windows of a wire text in its order; none for an empty one. Raises `BadWindow` naming the bad part."""
    if not text.strip():
        return ()
    return tuple(_parse_one(part.strip(), number) for number, part in enumerate(text.split("|"), 1))


def print_windows(windows: Iterable[Window]) -> str:
    """The wire form; `parse` gives the same windows back."""
    return " | ".join(str(window) for window in windows)


def parse_duration(text: str) -> int:
    """Minutes of `1d7h`, `8m`, `1d 30m`. Raises `BadWindow`."""
    found = _DURATION.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise BadWindow(f"duration {text.strip()!r} is not of the form 1d7h30m (days, hours, minutes)")
    days, hours, minutes = (int(part or 0) for part in found.groups())
    total = days * DAY + hours * HOUR + minutes
    if not 0 < total <= WEEK:
        raise BadWindow(f"duration {text.strip()!r} must be more than nothing and at most 7d")
    return total


def print_duration(minutes: int) -> str:
    parts = ((minutes // DAY, "d"), (minutes % DAY // HOUR, "h"), (minutes % HOUR, "m"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


def closed_until(windows: Iterable[Window], tz: ZoneInfo, now: float) -> float | None:
    """Unix time at which the stretch of windows that contains `now` ends; None when none does; inf when none ends."""
    known = tuple(windows)
    at = now
    # A week that has an opening has it again, clock changes or not, within two weeks.
    while at - now <= 21 * DAY * 60:
        ends = [end for begin, end in _around(known, tz, at) if begin <= at < end]
        if not ends:
            return at if at > now else None
        at = max(ends)
    return math.inf


def next_closing(windows: Iterable[Window], tz: ZoneInfo, now: float) -> float | None:
    """Unix time of the first window that begins after `now`, for display; None without windows."""
    return min((begin for begin, _ in _around(tuple(windows), tz, now) if begin > now), default=None)


def _parse_one(part: str, number: int) -> Window:
    where = f"blackout window {number} ({part!r})"
    fields = [field.strip() for field in part.split(";")]
    if len(fields) != 3:
        raise BadWindow(f"{where}: expected Day;Start;Duration such as Monday;7:00;7h")
    days = [day.lower() for day in DAYS]
    if fields[0].lower() not in days:
        raise BadWindow(f"{where}: day {fields[0]!r} is none of {', '.join(DAYS)}")
    time = _TIME.fullmatch(fields[1])
    if not time or int(time[1]) > 23 or int(time[2]) > 59:
        raise BadWindow(f"{where}: start {fields[1]!r} is no time of day from 0:00 to 23:59")
    try:
        minutes = parse_duration(fields[2])
    except BadWindow as error:
        raise BadWindow(f"{where}: {error}") from error
    return Window(days.index(fields[0].lower()), int(time[1]) * HOUR + int(time[2]), minutes)


def _around(windows: tuple[Window, ...], tz: ZoneInfo, at: float) -> Iterator[tuple[float, float]]:
    """(begin, end) of every occurrence that can contain `at` or is the next of its window."""
    today = datetime.fromtimestamp(at, tz).date()
    for window in windows:
        for day in range(-8, 9):
            found = today + timedelta(days=day)
            if found.weekday() == window.day:
                yield _occurrence(window, found, tz)


@lru_cache(maxsize=4096)
def _occurrence(window: Window, day: date, tz: ZoneInfo) -> tuple[float, float]:
    begin = datetime(day.year, day.month, day.day) + timedelta(minutes=window.start)  # noqa: DTZ001  wall clock is meant
    return _instant(begin, tz, 0), _instant(begin + timedelta(minutes=window.minutes), tz, 1)


def _instant(wall: datetime, tz: ZoneInfo, fold: int) -> float:
    """Unix time at which clocks show `wall`: the first (fold 0) or last time, or the jump that leaves it out."""
    first, second = (wall.replace(tzinfo=tz, fold=f).timestamp() for f in (0, 1))
    if second >= first:
        return (first, second)[fold]
    # Left out: by the old offset it is after the jump, by the new one before it. Find the jump between, to the second.
    low, high = math.floor(second), math.ceil(first)
    before = _offset(low, tz)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, tz) == before:
            low = middle
        else:
            high = middle
    return float(high)


def _offset(at: int, tz: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(at, UTC).astimezone(tz).utcoffset()
