"""S14: blackout windows are read and printed without loss, and close what they say, clock changes included."""

import math
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from core_strategies import quick, thorough
from hypothesis import given
from hypothesis import strategies as st

from replication import windowtext
from replication.windows import BadWindow, Blackout, Window, closed_until, next_closing
from replication.windowtext import parse_wire as parse
from replication.windowtext import write

SPEC = "Monday;7:00;7h | Tuesday;8:00;1d7h | Wednesday;16:00;1d | Thursday;18:00;5h | Friday;13:00;8m"
WEEK = 7 * 24 * 60
"""In minutes."""


def window(day, start, minutes):
    return Window(day, start * 60, minutes * 60)


WINDOW = st.builds(window, st.integers(0, 6), st.integers(0, 1439), st.integers(1, WEEK) | st.integers(1, 600))
UTCZ = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2027, 1, 11, tzinfo=UTC)


def at(text, tz, fold=0):
    return datetime.fromisoformat(text).replace(tzinfo=tz, fold=fold).timestamp()


def test_the_wire_form_of_the_spec():
    found = parse(SPEC)
    assert found[1] == window(1, 8 * 60, 31 * 60)
    assert found[4] == window(4, 13 * 60, 8)
    assert write(found) == SPEC


@thorough
@given(st.lists(WINDOW, max_size=6))
def test_print_and_parse_lose_nothing(found):
    assert list(parse(write(found))) == found


@pytest.mark.parametrize(
    "text",
    [
        "monday;07:00;7h|TUESDAY; 8:00 ; 1d 7h",
        "  Monday ;7:00; 420m\t|\nTuesday;8:00;31h  ",
        "Monday;7:00;7H|Tuesday;8:00;1D7H",
    ],
)
def test_white_space_case_and_units_are_tolerated(text):
    assert parse(text) == (window(0, 420, 420), window(1, 480, 31 * 60))


def test_an_empty_text_is_no_windows():
    assert parse(" ") == ()
    assert Blackout().closed_until(0) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Monday;7:00", r"window 1 \('Monday;7:00'\): expected Day;Start;Duration"),
        ("Monday;7:00;7h |", r"window 2 \(''\)"),
        ("Monday;7:00;7h;x", "expected Day;Start;Duration"),
        ("Monday;7:00;7h | Tusday;7:00;7h", r"window 2 .*day 'Tusday' is none of Monday"),
        ("Monday;24:00;7h", "start '24:00' is no time of day"),
        ("Monday;7:60;7h", "start '7:60'"),
        ("Monday;420;7h", "start '420'"),
        ("Monday;7:00;7", "duration '7' is not of the form 1d7h30m"),
        ("Monday;7:00;", "duration ''"),
        ("Monday;7:00;7h1d", "duration '7h1d'"),
        ("Monday;7:00;0h", "more than nothing"),
        ("Monday;7:00;8d", "at most 7d"),
        ("Monday;-7:00;1h", "start '-7:00'"),
        ("Monday;7:00;1.5h", "duration '1.5h'"),
        ("Monday;٧:00;1h", "start"),
    ],
)
def test_the_bad_part_is_named(text, says):
    with pytest.raises(BadWindow, match=says):
        parse(text)


@thorough
@given(st.lists(WINDOW, min_size=1, max_size=4), st.integers(0, 2 * WEEK))
def test_closed_is_what_the_week_says(found, minute):
    """S14, against a week of 10,080 minutes painted by hand (a zone without clock changes)."""
    painted = bytearray(WEEK)
    for one in found:
        for n in range(one.length // 60):
            painted[(one.day * 1440 + one.start // 60 + n) % WEEK] = 1
    now = MONDAY.timestamp() + minute * 60
    until = closed_until(found, UTCZ, now)
    if not painted[minute % WEEK]:
        assert until is None
    elif all(painted):
        assert until == math.inf
    else:
        opening = next(n for n in range(minute, minute + WEEK + 1) if not painted[n % WEEK])
        assert until == MONDAY.timestamp() + opening * 60
    assert closed_until(found, UTCZ, now + 59.9) == until


@quick
@given(
    st.lists(st.builds(window, st.integers(0, 6), st.integers(0, 1439), st.integers(1, 3000)), min_size=1, max_size=3),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Seoul", "Australia/Lord_Howe", "America/Sao_Paulo"]),
    st.integers(1_780_000_000, 1_830_000_000),
)
def test_an_end_is_an_end_in_every_zone(found, zone, now):
    """Until the end it is closed with the same end, from the end on it is open: no scheduler is woken for nothing."""
    tz = ZoneInfo(zone)
    until = closed_until(found, tz, now)
    if until is None:
        following = next_closing(found, tz, now)
        assert following is not None and following > now
        assert closed_until(found, tz, following - 1) is None
        assert (closed_until(found, tz, following) or math.inf) > following
    elif until < math.inf:
        assert now < until
        assert closed_until(found, tz, until) is None
        assert closed_until(found, tz, until - 1) == until
        assert closed_until(found, tz, (now + until) / 2) == until


def test_over_midnight_and_the_end_of_the_week():
    found = parse("Sunday;22:00;4h | Monday;2:00;1h | Monday;2:30;2h")
    sunday = MONDAY - timedelta(hours=1)
    assert closed_until(found, UTCZ, sunday.timestamp()) == (MONDAY + timedelta(hours=4, minutes=30)).timestamp()
    assert closed_until(found, UTCZ, (MONDAY + timedelta(hours=5)).timestamp()) is None


def test_a_week_that_never_opens():
    assert closed_until(parse("Monday;0:00;7d"), BERLIN, 1_800_000_000) == math.inf
    assert closed_until(parse("Monday;7:00;4d | Friday;7:00;3d"), BERLIN, 1_800_000_000) == math.inf


def test_each_appliance_in_its_own_zone():
    """S14: the same text closes gw-1 in Seoul eight hours before gw-2 in Berlin."""
    text = parse("Monday;7:00;1h")
    seoul, berlin = Blackout(text, "Asia/Seoul"), Blackout(text, "Europe/Berlin")
    now = at("2027-01-11 07:30", ZoneInfo("Asia/Seoul"))
    assert seoul.closed_until(now) == now + 1800
    assert berlin.closed_until(now) is None
    assert berlin.closed_until(now + 8 * 3600) == now + 8 * 3600 + 1800


def test_the_night_that_is_an_hour_shorter():
    """Berlin, 28 March 2027, 2:00 becomes 3:00: eight hours by the clock are seven."""
    begin = at("2027-03-27 22:00", BERLIN)
    assert closed_until(parse("Saturday;22:00;8h"), BERLIN, begin) == at("2027-03-28 06:00", BERLIN) == begin + 7 * 3600
    jump = at("2027-03-28 03:00", BERLIN)
    assert closed_until(parse("Sunday;2:30;1h"), BERLIN, jump) == jump + 1800
    assert closed_until(parse("Sunday;2:30;1h"), BERLIN, jump - 1) is None
    assert closed_until(parse("Sunday;1:00;90m"), BERLIN, jump - 1) == jump
    assert closed_until(parse("Sunday;2:10;20m"), BERLIN, jump) is None


def test_the_night_that_is_an_hour_longer():
    """Berlin, 31 October 2027, 3:00 becomes 2:00: an hour shown twice counts from its first showing to its last."""
    begin = at("2027-10-30 22:00", BERLIN)
    assert closed_until(parse("Saturday;22:00;8h"), BERLIN, begin) == at("2027-10-31 06:00", BERLIN) == begin + 9 * 3600
    found = parse("Sunday;2:15;30m")
    first, last = at("2027-10-31 02:15", BERLIN), at("2027-10-31 02:45", BERLIN, fold=1)
    assert last - first == 5400
    assert closed_until(found, BERLIN, first) == last
    assert closed_until(found, BERLIN, first - 1) is None
    assert closed_until(found, BERLIN, at("2027-10-31 02:50", BERLIN)) == last


def test_next_closing_is_the_next_one():
    assert next_closing((), UTCZ, 0) is None
    friday = (MONDAY + timedelta(days=4, hours=13)).timestamp()
    assert next_closing(parse(SPEC), UTCZ, friday - 60) == friday
    assert next_closing(parse(SPEC), UTCZ, friday) == (MONDAY + timedelta(days=7, hours=7)).timestamp()


@pytest.mark.parametrize(("minutes", "text"), [(1, "1m"), (60, "1h"), (1440, "1d"), (1501, "1d1h1m"), (1441, "1d1m")])
def test_durations(minutes, text):
    assert windowtext.write_duration(minutes * 60) == text
    assert windowtext.parse_duration(text) == minutes * 60
