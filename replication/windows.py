"""Windows (S14): intervals, weekly or dated, in which no cycle starts or another rate holds. Pure.

Their texts, the wire form among them, are in `replication.windowtext`.

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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600
WEEK = 7 * DAY
_LONG_ENOUGH = 21 * DAY
"""A week that has an opening has it again, clock changes or not, within two weeks."""
_STEPS = 1000
"""Windows in different zones that take turns for so long are taken for ones that never open."""


class BadWindow(ValueError):
    """A window that cannot be; names the part and what is wanted instead."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Every week on `day` (0 = Monday) from `start` seconds after midnight for `length` seconds (at most a week)."""

    day: int
    start: int
    length: int

    def __post_init__(self) -> None:
        if not 0 <= self.day < 7 or not 0 <= self.start < DAY or not 0 < self.length <= WEEK:
            raise BadWindow(f"no such window: day {self.day}, second {self.start}, {self.length} seconds")


@dataclass(frozen=True, slots=True, order=True)
class Dated:
    """Once, from `begin` to `end` by the local clock (datetimes without a zone)."""

    begin: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.begin.tzinfo or self.end.tzinfo or self.begin >= self.end:
            raise BadWindow(f"no such window: from {self.begin} to {self.end}")


Period = Window | Dated


@dataclass(frozen=True, slots=True)
class Blackout:
    """Windows and the IANA name of the zone that they are read in.

    `name` is the policy's, empty where it is written inline; `whose` says what they close besides an appliance
    ("wave shop", a machine's name), empty for an appliance's own.
    """

    windows: tuple[Period, ...] = ()
    time_zone: str = "UTC"
    name: str = ""
    whose: str = ""

    def closed_until(self, now: float) -> float | None:
        return closed_until(self.windows, ZoneInfo(self.time_zone), now) if self.windows else None

    def next_closing(self, now: float) -> float | None:
        """Unix time of the next begin of a window after `now`."""
        return next_closing(self.windows, ZoneInfo(self.time_zone), now) if self.windows else None

    def next_change(self, now: float) -> float | None:
        """Unix time of the next begin or end of a window after `now`."""
        return next_change(self.windows, ZoneInfo(self.time_zone), now) if self.windows else None


@dataclass(frozen=True, slots=True)
class Closed:
    """Closed by these now, and by whatever follows without a gap until `until` (unix time; inf: it never opens)."""

    by: tuple[Blackout, ...]
    until: float


def closed(blackouts: Iterable[Blackout], now: float) -> Closed | None:
    """Whether any of these is closed now, which ones, and until when one or the other is (each in its own zone)."""
    known = tuple(b for b in blackouts if b.windows)
    by = tuple(b for b in known if b.closed_until(now) is not None)
    if not by:
        return None
    at = now
    for _ in range(_STEPS):
        ends = [end for b in known if (end := b.closed_until(at)) is not None]
        if not ends:
            return Closed(by, at)
        at = max(ends)
        if math.isinf(at):
            break
    return Closed(by, math.inf)


def closed_until(windows: Iterable[Period], tz: ZoneInfo, now: float) -> float | None:
    """Unix time at which the stretch of windows that contains `now` ends; None when none does; inf when none ends."""
    known = tuple(windows)
    at = now
    limit = max([now, *(_dated(w, tz)[1] for w in known if isinstance(w, Dated))]) + _LONG_ENOUGH
    while at <= limit:
        ends = [end for begin, end in _around(known, tz, at) if begin <= at < end]
        if not ends:
            return at if at > now else None
        at = max(ends)
    return math.inf


def next_closing(windows: Iterable[Period], tz: ZoneInfo, now: float) -> float | None:
    """Unix time of the first window that begins after `now`, for display; None without windows."""
    return min((begin for begin, _ in _around(tuple(windows), tz, now) if begin > now), default=None)


def next_change(windows: Iterable[Period], tz: ZoneInfo, now: float) -> float | None:
    """Unix time of the first begin or end of any window after `now`; None when nothing comes any more."""
    return min((at for both in _around(tuple(windows), tz, now) for at in both if at > now), default=None)


def meets(windows: Iterable[Period], tz: ZoneInfo, begin: float, end: float) -> bool:
    """Whether any window is open at some time from `begin` to before `end` (unix times)."""
    kept = tuple(windows)
    if closed_until(kept, tz, begin) is not None:
        return True
    coming = next_closing(kept, tz, begin)
    return coming is not None and coming < end


def clear_at(windows: Iterable[Period], tz: ZoneInfo, at: float, needed: float) -> float | None:
    """When to look again at what takes `needed` seconds and may meet no window, neither at its begin nor until its end: the
    end of the stretch that it would meet (unix time; inf: none). None: begun at `at` it meets none."""
    kept = tuple(windows)
    if not meets(kept, tz, at, at + max(needed, 1.0)):
        return None
    inside = closed_until(kept, tz, at)
    if inside is not None:
        return inside
    coming = next_closing(kept, tz, at)
    return closed_until(kept, tz, coming) if coming is not None else None


def _around(windows: tuple[Period, ...], tz: ZoneInfo, at: float) -> Iterator[tuple[float, float]]:
    """(begin, end) of every occurrence that can contain `at` or is the next of its window."""
    today = datetime.fromtimestamp(at, tz).date()
    for window in windows:
        match window:
            case Dated():
                yield _dated(window, tz)
            case Window():
                for day in range(-8, 9):
                    found = today + timedelta(days=day)
                    if found.weekday() == window.day:
                        yield _occurrence(window, found, tz)


@lru_cache(maxsize=4096)
def _occurrence(window: Window, day: date, tz: ZoneInfo) -> tuple[float, float]:
    begin = datetime(day.year, day.month, day.day) + timedelta(seconds=window.start)  # noqa: DTZ001  wall clock is meant
    return _instant(begin, tz, 0), _instant(begin + timedelta(seconds=window.length), tz, 1)


@lru_cache(maxsize=4096)
def _dated(window: Dated, tz: ZoneInfo) -> tuple[float, float]:
    return _instant(window.begin, tz, 0), _instant(window.end, tz, 1)


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
