"""Windows as texts: the wire form of S14, its extension that carries everything, and the structured form's parts. Pure.

- Wire form: `Monday;7:00;7h | Tuesday;8:00;1d7h`, that is day, start, duration in days, hours and minutes, joined by `|`.
- Extended: the same with seconds (`9:00:30`, `30s`) and with dates among the parts; what documents hold.
- Structured: weekly entries of days (`Mon-Fri`, `Sat,Sun`), time (`09:00-12:00`; with a duration beside it `8:00`), and
  dates: `2026-12-24`, `2026-12-31/2027-01-02` (both days whole), with times `2026-12-31 18:00/2027-01-02 06:00`, and on
  one day `2027-01-17 01:00/05:00`. An end that is not after its start is on the next day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from replication.windows import DAY, HOUR, MINUTE, WEEK, BadWindow, Dated, Period, Window

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORT = tuple(day[:3] for day in DAYS)
_DURATION = re.compile(r"(?:(\d{1,3})d)?\s*(?:(\d{1,5})h)?\s*(?:(\d{1,6})m)?\s*(?:(\d{1,7})s)?", re.ASCII | re.IGNORECASE)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_MOMENT = re.compile(r"(?:(20\d{2}-\d{2}-\d{2})(?: +(\d{1,2}:\d{2}(?::\d{2})?))?|(\d{1,2}:\d{2}(?::\d{2})?))", re.ASCII)
_DATED = re.compile(r"\d{4}-", re.ASCII)


# --- the wire form and its extension


def parse_wire(text: str) -> tuple[Window, ...]:
    """The windows of a wire text in its order; none for an empty one. Raises `BadWindow` naming the bad part."""
    return tuple(_window(part, where, seconds=False) for part, where in _parts(text))


def parse(text: str) -> tuple[Period, ...]:
    """As `parse_wire`, for the extended form."""
    return tuple(parse_date(part) if _DATED.match(part) else _window(part, where, seconds=True) for part, where in _parts(text))


def write(periods: Iterable[Period]) -> str:
    """The extended form, which is the wire form where that can carry it; `parse` gives the same windows back."""
    return " | ".join(_one(period) for period in periods)


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire text, and a sentence for everything that it does not say, or says otherwise."""

    text: str
    losses: tuple[str, ...] = ()


def wire(periods: Iterable[Period]) -> Wire:
    """The nearest wire text: dates left out, seconds rounded so that the whole window stays closed."""
    kept: list[Period] = []
    losses: list[str] = []
    for period in periods:
        if isinstance(period, Dated):
            losses.append(f"{write_date(period)} is left out: the wire form knows days of the week, no dates.")
            continue
        start = period.start - period.start % MINUTE
        end = -(-(period.start + period.length) // MINUTE) * MINUTE
        whole = Window(period.day, start, min(end - start, WEEK))
        if whole != period:
            losses.append(f"{_one(period)} becomes {_one(whole)}: the wire form knows no seconds.")
        kept.append(whole)
    return Wire(write(kept), tuple(losses))


def parse_duration(text: str, *, seconds: bool = False) -> int:
    """Seconds of `1d7h`, `8m`, `1d 30m`. Raises `BadWindow`."""
    found = _DURATION.fullmatch(text.strip())
    if not found or not any(found.groups()) or (found[4] and not seconds):
        raise BadWindow(f"duration {text.strip()!r} is not of the form 1d7h30m (days, hours, minutes)")
    days, hours, minutes, secs = (int(part or 0) for part in found.groups())
    total = days * DAY + hours * HOUR + minutes * MINUTE + secs
    if not 0 < total <= WEEK:
        raise BadWindow(f"duration {text.strip()!r} must be more than nothing and at most 7d")
    return total


def write_duration(seconds: int) -> str:
    parts = ((seconds // DAY, "d"), (seconds % DAY // HOUR, "h"), (seconds % HOUR // MINUTE, "m"), (seconds % MINUTE, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number)


# --- the structured form


@dataclass(frozen=True, slots=True)
class Weekly:
    """One weekly entry of the structured form as its texts; `lasting` (`for` in YAML) only with a single start."""

    days: str
    time: str | None = None
    lasting: str | None = None


def parse_weekly(entry: Weekly) -> tuple[Window, ...]:
    """One window for each day, in the entry's order; without a time the whole day. Raises `BadWindow`."""
    start, length = _time_and_length(entry)
    return tuple(Window(day, start, length) for day in parse_days(entry.days))


def parse_days(text: str) -> tuple[int, ...]:
    """`Mon-Fri`, `Fri-Mon`, `Sat, Sunday` -> days in that order. Raises `BadWindow`."""
    found: list[int] = []
    for part in text.split(","):
        first, _, last = (name.strip() for name in part.partition("-"))
        begin = _day(first)
        end = _day(last) if last or "-" in part else begin
        found += [(begin + n) % 7 for n in range((end - begin) % 7 + 1)]
    return tuple(found)


def weekly(periods: Iterable[Period]) -> list[Weekly]:
    """The weekly windows as entries; `parse_weekly` of all of them in turn gives the same windows in the same order."""
    groups: list[list[Window]] = []
    for period in periods:
        if not isinstance(period, Window):
            continue
        group = groups[-1] if groups else []
        if group and (group[0].start, group[0].length) == (period.start, period.length) and period.day > group[-1].day:
            group.append(period)
        else:
            groups.append([period])
    return [_entry(group) for group in groups]


def dates(periods: Iterable[Period]) -> list[str]:
    return [write_date(period) for period in periods if isinstance(period, Dated)]


def parse_date(text: str) -> Dated:
    """A date or two, with times or without. Raises `BadWindow`; for a day that is in no calendar too."""
    text = text.strip()
    first, slash, last = (part.strip() for part in text.partition("/"))
    begin, begins_at = _moment(first, None)
    if not slash:
        if begins_at:
            raise BadWindow(f"{text!r} has a begin and no end: write it like 2027-01-17 01:00/05:00")
        return Dated(begin, begin + timedelta(days=1))
    end, ends_at = _moment(last, begin.date())
    if not ends_at or (_DATED.match(last) is None and end <= begin):
        end += timedelta(days=1)
    if end <= begin:
        raise BadWindow(f"{text!r} ends before it begins")
    return Dated(begin, end)


def write_date(period: Dated) -> str:
    begin, end = period.begin, period.end
    midnight = time()
    if begin.time() == end.time() == midnight:
        last = (end - timedelta(days=1)).date()
        return str(begin.date()) if last == begin.date() else f"{begin.date()}/{last}"
    short = end.date() == begin.date() or (end.date() == begin.date() + timedelta(days=1) and end.time() <= begin.time())
    until = _clock(end) if short else f"{end.date()} {_clock(end)}"
    return f"{begin.date()} {_clock(begin)}/{until}"


# --- parts


def _parts(text: str) -> list[tuple[str, str]]:
    if not text.strip():
        return []
    return [(p.strip(), f"blackout window {n} ({p.strip()!r})") for n, p in enumerate(text.split("|"), 1)]


def _window(part: str, where: str, *, seconds: bool) -> Window:
    fields = [field.strip() for field in part.split(";")]
    if len(fields) != 3:
        raise BadWindow(f"{where}: expected Day;Start;Duration such as Monday;7:00;7h")
    days = [day.lower() for day in DAYS]
    if fields[0].lower() not in days:
        raise BadWindow(f"{where}: day {fields[0]!r} is none of {', '.join(DAYS)}")
    try:
        start = _seconds(fields[1], seconds=seconds)
        length = parse_duration(fields[2], seconds=seconds)
    except BadWindow as error:
        raise BadWindow(f"{where}: {error}") from error
    return Window(days.index(fields[0].lower()), start, length)


def _one(period: Period) -> str:
    match period:
        case Window():
            return f"{DAYS[period.day]};{_start(period.start)};{write_duration(period.length)}"
        case Dated():
            return write_date(period)


def _start(second: int) -> str:
    hours, minutes, seconds = second // HOUR, second % HOUR // MINUTE, second % MINUTE
    return f"{hours}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def _seconds(text: str, *, seconds: bool = True, last: bool = False) -> int:
    """Seconds after midnight; `last` allows 24:00."""
    found = _TIME.fullmatch(text)
    if found and (seconds or found[3] is None):
        hours, minutes, secs = (int(part or 0) for part in found.groups())
        second = hours * HOUR + minutes * MINUTE + secs
        if minutes < 60 and secs < 60 and (second < DAY or (last and second == DAY)):
            return second
    raise BadWindow(f"start {text!r} is no time of day from 0:00 to 23:59")


def _day(name: str) -> int:
    for number, (long, short) in enumerate(zip(DAYS, SHORT, strict=True)):
        if name.lower() in (long.lower(), short.lower()):
            return number
    raise BadWindow(f"day {name!r} is none of {', '.join(SHORT)}")


def _time_and_length(entry: Weekly) -> tuple[int, int]:
    if entry.time is None:
        if entry.lasting is not None:
            raise BadWindow("`for` needs a `time` at which it begins")
        return 0, DAY
    first, dash, last = (part.strip() for part in entry.time.partition("-"))
    start = _seconds(first)
    if not dash:
        if entry.lasting is None:
            raise BadWindow(f"time {entry.time!r} has no end: write it like 09:00-12:00, or give `for`")
        return start, parse_duration(entry.lasting, seconds=True)
    if entry.lasting is not None:
        raise BadWindow(f"time {entry.time!r} has an end already: leave `for` out")
    end = _seconds(last, last=True)
    return start, end - start if end > start else end + DAY - start


def _entry(group: Sequence[Window]) -> Weekly:
    days = [window.day for window in group]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        names = f"{SHORT[days[0]]}-{SHORT[days[-1]]}"
    else:
        names = ",".join(SHORT[day] for day in days)
    start, length = group[0].start, group[0].length
    end = start + length
    if length < DAY or (start, length) == (0, DAY):
        return Weekly(names, f"{_long(start)}-{_long(end if end <= DAY else end - DAY)}")
    return Weekly(names, _start(start), write_duration(length))


def _long(second: int) -> str:
    return _start(second).rjust(5, "0") if second % MINUTE == 0 else _start(second).rjust(8, "0")


def _moment(text: str, day: date | None) -> tuple[datetime, bool]:
    """The moment, and whether it has a time. `day`: the date of one that is a time only."""
    found = _MOMENT.fullmatch(text)
    if not found or (day is None and found[1] is None):
        raise BadWindow(f"{text!r} is no date: write it like 2026-12-24, 2026-12-31/2027-01-02 or 2027-01-17 01:00/05:00")
    try:
        on = date.fromisoformat(found[1]) if found[1] else day
    except ValueError as error:
        raise BadWindow(f"the calendar has no day {found[1]}") from error
    assert on is not None
    at = found[2] or found[3]
    return datetime(on.year, on.month, on.day) + timedelta(seconds=_seconds(at) if at else 0), bool(at)  # noqa: DTZ001  wall clock is meant


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S" if moment.second else "%H:%M")
