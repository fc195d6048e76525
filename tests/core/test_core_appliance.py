"""S13, S14: the files of Azure Migrate's appliance, both ways; what they cannot carry is said."""

import json

import pytest
from core_strategies import quick
from hypothesis import given
from hypothesis import strategies as st

from replication.appliance import BadAppliance, read_throttle, read_worker, write_throttle, write_worker
from replication.throttle import Except, Throttle
from replication.windows import WEEK, Window
from replication.windowtext import parse

SPEC = "Monday;7:00;7h | Tuesday;8:00;1d7h | Wednesday;16:00;1d | Thursday;18:00;5h | Friday;13:00;8m"
MONDAY = 4 * 86400.0
MBIT = 1e6
MINUTES = st.integers(0, 1439).map(lambda m: m * 60)
LENGTHS = st.integers(1, WEEK // 60).map(lambda m: m * 60)
WINDOWS = st.builds(Window, st.integers(0, 6), MINUTES, LENGTHS)
RATES = st.sampled_from([None, 5 * MBIT, 200 * MBIT, 1000 * MBIT])
THROTTLES = st.builds(Throttle, RATES, st.lists(st.builds(lambda w, r: Except((w,), r), WINDOWS, RATES), max_size=4).map(tuple))


def test_the_worker_file_of_the_spec():
    """S14: {"BlackoutWindows": "…"}, with the host's buffer where it is a policy (S9.2)."""
    written = write_worker(parse(SPEC), None)
    assert json.loads(written.text) == {"BlackoutWindows": SPEC} and written.losses == ()
    assert read_worker(written.text).windows == parse(SPEC)
    written = write_worker((), 64)
    assert json.loads(written.text) == {"BlackoutWindows": "", "HostBufferSizeInMB": 64}
    assert read_worker("\ufeff" + written.text).host_buffer == 64


def test_what_the_worker_file_cannot_say():
    written = write_worker(parse("Monday;7:00;7h | 2026-12-24"), None)
    assert json.loads(written.text) == {"BlackoutWindows": "Monday;7:00;7h"}
    assert len(written.losses) == 1 and "2026-12-24" in written.losses[0]
    assert read_worker('{"BlackoutWindows": null, "LogLevel": 3}').unknown == ("LogLevel",)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not JSON"),
        ("[]", "no object"),
        ('{"BlackoutWindows": 7}', "no text"),
        ('{"BlackoutWindows": "Mon;7:00;7h"}', "window 1 .*day 'Mon'"),
        ('{"HostBufferSizeInMB": "64"}', "no whole number"),
        ('{"HostBufferSizeInMB": true}', "no whole number"),
    ],
)
def test_bad_worker_files_are_named(text, says):
    with pytest.raises(BadAppliance, match=says):
        read_worker(text)


def test_the_throttle_as_commands():
    """S13: a NetQosPolicy on GatewayWindowsService.exe, and a task for each change."""
    office = parse("Monday;8:00;11h | Tuesday;8:00;11h | Friday;8:00;11h")
    written = write_throttle("gw-1", Throttle(1000 * MBIT, (Except(office, 200 * MBIT),)))
    new = "New-NetQosPolicy -Name wavelift-gw-1 -AppPathNameMatchCondition GatewayWindowsService.exe"
    assert f"{new} -ThrottleRateActionBitsPerSecond 1000000000\r\n" in written.text
    assert "-Weekly -DaysOfWeek Monday,Tuesday,Friday -At '08:00:00'" in written.text
    assert written.text.count("Register-ScheduledTask") == 2
    again = read_throttle(written.text)
    assert (again.rate, again.exceptions) == (1000 * MBIT, (Except(office, 200 * MBIT),))


def test_a_plain_policy_without_a_schedule_is_read():
    """As Azure's documents have it, with PowerShell's suffix."""
    service = '-AppPathNameMatchCondition "GatewayWindowsService.exe"'
    text = f'New-NetQosPolicy -Name "Throttle" {service} -ThrottleRateActionBitsPerSecond 1MB'
    assert read_throttle(text) == Throttle(float(1 << 20))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Get-Process", "no New-NetQosPolicy"),
        ("New-NetQosPolicy -Name x", "no -ThrottleRateActionBitsPerSecond"),
        ("New-NetQosPolicy -ThrottleRateActionBitsPerSecond 5\n$at = New-ScheduledTaskTrigger -Daily -At 8am", "only weekly"),
        ("New-ScheduledTaskTrigger -Weekly -DaysOfWeek Montag -At '08:00'", "no day of the week"),
    ],
)
def test_scripts_that_cannot_be_read_are_refused(text, says):
    with pytest.raises(BadAppliance, match=says):
        read_throttle(text)


@quick
@given(THROTTLES, st.lists(st.integers(0, WEEK - 1), min_size=20, max_size=20))
def test_the_rate_is_the_same_at_every_time_of_the_week(throttle, moments):
    """Overlapping exceptions, over midnight and the week's end, unlimited ones: what is read back holds the same rates."""
    again = read_throttle(write_throttle("gw-1", throttle).text)
    edges = [w.day * 86400 + w.start for e in throttle.exceptions for w in e.windows]
    for moment in [*moments, *edges, *(edge - 1 for edge in edges)]:
        assert again.rate_at(MONDAY + moment % WEEK) == throttle.rate_at(MONDAY + moment % WEEK)


def test_a_rate_by_date_is_said_to_be_left_out():
    throttle = Throttle(5 * MBIT, (Except(parse("2026-12-31/2027-01-02"), None),))
    written = write_throttle("gw-1", throttle)
    assert "Register-ScheduledTask" not in written.text
    assert written.losses == (
        "From 2026-12-31/2027-01-02 another rate would hold; it is left out: scheduled tasks come every week.",
    )
