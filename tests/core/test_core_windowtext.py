"""S14: the wire form, its extension and the structured form carry the same windows; what the wire form cannot is said."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from core_strategies import thorough
from hypothesis import given
from hypothesis import strategies as st

from replication import windowtext
from replication.windows import DAY, WEEK, BadWindow, Blackout, Dated, Window, closed, closed_until, next_change
from replication.windowtext import Weekly, parse, parse_date, parse_weekly, parse_wire, weekly, wire, write

SECONDS = st.integers(0, DAY - 1) | st.sampled_from([0, 9 * 3600, 12 * 3600, DAY - 60])
LENGTHS = st.integers(1, WEEK) | st.sampled_from([60, 3600, DAY, WEEK, 31 * 3600])
WINDOWS = st.builds(Window, st.integers(0, 6), SECONDS, LENGTHS)
YEAR_2026 = datetime(2026, 1, 1)  # noqa: DTZ001  wall clock is meant
MOMENTS = st.integers(0, 4 * 365 * DAY).map(lambda n: YEAR_2026 + timedelta(seconds=n)) | st.integers(0, 4 * 365).map(
    lambda n: YEAR_2026 + timedelta(days=n)
)
SPANS = (st.integers(1, 9 * DAY) | st.sampled_from([DAY, 4 * 3600])).map(lambda n: timedelta(seconds=n))
DATED = st.builds(lambda begin, span: Dated(begin, begin + span), MOMENTS, SPANS)
BERLIN = ZoneInfo("Europe/Berlin")


def at(text, tz=UTC):
    return datetime.fromisoformat(text).replace(tzinfo=tz).timestamp()


@thorough
@given(st.lists(WINDOWS | DATED, max_size=6))
def test_the_extended_form_loses_nothing(found):
    """S14: seconds and dates included; where there are none it is the wire form."""
    assert list(parse(write(found))) == found
    if not wire(found).losses:
        assert list(parse_wire(write(found))) == found


@thorough
@given(st.lists(WINDOWS | DATED, max_size=6))
def test_the_structured_form_loses_nothing(found):
    """S14, both ways: weekly windows in their order, and dates in theirs."""
    entries, on = weekly(found), windowtext.dates(found)
    again = [w for entry in entries for w in parse_weekly(entry)] + [parse_date(text) for text in on]
    assert again == sorted(found, key=lambda period: isinstance(period, Dated))


def test_the_wire_form_of_the_spec_in_the_structured_form():
    """S14's own example."""
    spec = "Monday;7:00;7h | Tuesday;8:00;1d7h | Wednesday;16:00;1d | Thursday;18:00;5h | Friday;13:00;8m"
    assert weekly(parse_wire(spec)) == [
        Weekly("Mon", "07:00-14:00"),
        Weekly("Tue", "8:00", "1d7h"),
        Weekly("Wed", "16:00", "1d"),
        Weekly("Thu", "18:00-23:00"),
        Weekly("Fri", "13:00-13:08"),
    ]
    assert weekly(parse_wire("Monday;9:00;3h|Tuesday;9:00;3h|Wednesday;9:00;3h|Saturday;0:00;1d")) == [
        Weekly("Mon-Wed", "09:00-12:00"),
        Weekly("Sat", "00:00-24:00"),
    ]


def test_days_and_times():
    """Ranges go over the week's end, times over midnight; no time is the whole day."""
    assert parse_weekly(Weekly("Fri-Mon", "22:00-06:00")) == tuple(Window(d, 22 * 3600, 8 * 3600) for d in (4, 5, 6, 0))
    assert parse_weekly(Weekly("Sat, sunday")) == (Window(5, 0, DAY), Window(6, 0, DAY))
    assert parse_weekly(Weekly("Mon", "22:00-24:00")) == (Window(0, 22 * 3600, 7200),)
    assert parse_weekly(Weekly("Mon", "9:00:30-9:00:31")) == (Window(0, 9 * 3600 + 30, 1),)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-12-24", "2026-12-24", "2026-12-25"),
        ("2026-12-31/2027-01-02", "2026-12-31", "2027-01-03"),
        ("2026-12-31 18:00/2027-01-02 06:00", "2026-12-31 18:00", "2027-01-02 06:00"),
        ("2026-12-31 18:00/2027-01-02", "2026-12-31 18:00", "2027-01-03"),
        ("2027-01-17 01:00/05:00", "2027-01-17 01:00", "2027-01-17 05:00"),
        ("2027-01-17 22:00/05:00", "2027-01-17 22:00", "2027-01-18 05:00"),
        ("2028-02-29", "2028-02-29", "2028-03-01"),
    ],
)
def test_dates(text, begin, end):
    """The estate 4 and 5: by date, with times where wanted."""
    found = parse_date(text)
    assert found == Dated(datetime.fromisoformat(begin), datetime.fromisoformat(end))
    assert parse_date(windowtext.write_date(found)) == found


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Weekly("Mon-"), "day '' is none of Mon"),
        (Weekly("Montag"), "day 'Montag'"),
        (Weekly("Mon", "9:00"), "has no end"),
        (Weekly("Mon", "9:00-10:00", "1h"), "has an end already"),
        (Weekly("Mon", None, "1h"), "needs a `time`"),
        (Weekly("Mon", "25:00-26:00"), "no time of day"),
        (Weekly("Mon", "9:00", "8d"), "at most 7d"),
        ("2026-02-30", "the calendar has no day 2026-02-30"),
        ("2026-12-24 12:00", "has a begin and no end"),
        ("2027-01-02/2026-12-31", "ends before it begins"),
        ("24.12.2026", "is no date"),
    ],
)
def test_what_cannot_be_is_named(entry, says):
    with pytest.raises(BadWindow, match=says):
        parse_date(entry) if isinstance(entry, str) else parse_weekly(entry)


def test_what_the_wire_form_cannot_carry_is_said():
    """The estate 4: dates are left out, seconds rounded to the safe side; each with a sentence."""
    found = wire(parse("Monday;9:00:30;2h59m20s | 2026-12-24 | Friday;18:00;5h"))
    assert found.text == "Monday;9:00;3h | Friday;18:00;5h"
    assert found.losses == (
        "Monday;9:00:30;2h59m20s becomes Monday;9:00;3h: the wire form knows no seconds.",
        "2026-12-24 is left out: the wire form knows days of the week, no dates.",
    )
    assert wire(parse("Friday;18:00;5h")).losses == ()
    assert parse_wire(found.text)
    with pytest.raises(BadWindow, match="duration '30s'"):
        parse_wire("Monday;9:00;30s")


def test_a_freeze_by_date_joins_the_weekly_windows_around_it():
    """S14: three weeks of freeze and a weekly window at its end are one stretch; before and after it is open."""
    found = (*parse("Monday;0:00;8h"), parse_date("2026-12-14/2027-01-10"))
    begin, end = at("2026-12-14 00:00", BERLIN), at("2027-01-11 08:00", BERLIN)
    assert closed_until(found, BERLIN, begin) == end
    assert closed_until(found, BERLIN, begin - 1) is None
    assert closed_until(found, BERLIN, end) is None
    assert next_change(found, BERLIN, begin - 60) == begin
    assert next_change(parse("2026-12-14"), BERLIN, end) is None


def test_a_dated_window_over_the_night_of_a_clock_change():
    """S14: ends when the clocks show its end."""
    found = parse("2027-10-30 22:00/06:00")
    assert closed_until(found, BERLIN, at("2027-10-30 22:00", BERLIN)) == at("2027-10-30 22:00", BERLIN) + 9 * 3600


def test_blackouts_that_never_open_together():
    """In two zones, in turns: nothing ever starts, and asking does not go on for ever."""
    day, night = Blackout(parse_wire("Monday;6:00;7d")), Blackout(parse_wire("Monday;7:00;1h"), "Asia/Seoul")
    assert closed((day, night), at("2027-01-11 09:00")).until == float("inf")
    east = Blackout(tuple(Window(d, 0, DAY // 2) for d in range(7)), "UTC")
    west = Blackout(tuple(Window(d, 12 * 3600, DAY // 2) for d in range(7)), "UTC")
    assert closed((east, west), at("2027-01-11 09:00")).until == float("inf")
    assert closed((east,), at("2027-01-11 13:00")) is None
