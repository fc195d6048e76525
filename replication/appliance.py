"""Azure Migrate's own appliance: its GatewayDataWorker.json, and its throttle as NetQosPolicy commands. Pure: texts and values.

The JSON holds `BlackoutWindows` in the wire form (S14), and `HostBufferSizeInMB` where that is a policy (S9.2). The script
sets one rate for the gateway service (S13) and a scheduled task for every time of the week at which another one holds.
Both are in the appliance's own time. What neither can carry comes back as sentences.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from replication.throttle import Except, Throttle
from replication.windows import DAY, HOUR, MINUTE, WEEK, BadWindow, Dated, Period, Window
from replication.windowtext import DAYS, parse_wire, wire, write_date

BLACKOUT, BUFFER = "BlackoutWindows", "HostBufferSizeInMB"
SERVICE = "GatewayWindowsService.exe"
_POLICY = re.compile(r"New-NetQosPolicy\b(?P<rest>[^\n}]*)", re.IGNORECASE)
_RATE = re.compile(r"-ThrottleRateActionBitsPerSecond\s+(?P<number>\d+)(?P<unit>[KMGT]B)?\b", re.IGNORECASE)
_TASK = re.compile(
    r"-DaysOfWeek\s+(?P<days>[A-Za-z, ]+?)\s+-At\s+'(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?'", re.IGNORECASE
)
_UNITS = {"": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
"""PowerShell's own suffixes: powers of 1024."""


class BadAppliance(ValueError):
    """A file of an appliance that cannot be read; says what is wrong in it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file's text, and a sentence for everything that it does not say, or says otherwise."""

    text: str
    losses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Worker:
    """What a GatewayDataWorker.json says; `unknown` are keys that mean nothing here."""

    windows: tuple[Window, ...] = ()
    host_buffer: int | None = None
    unknown: tuple[str, ...] = ()


def write_worker(windows: Iterable[Period], host_buffer: int | None) -> Written:
    """GatewayDataWorker.json; `host_buffer` in MB, None to leave the appliance's own."""
    found = wire(windows)
    body: dict[str, object] = {BLACKOUT: found.text}
    if host_buffer is not None:
        body[BUFFER] = host_buffer
    return Written(json.dumps(body, indent=2) + "\n", found.losses)


def read_worker(text: str) -> Worker:
    """Raises `BadAppliance`."""
    try:
        body = json.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        raise BadAppliance(f"it is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadAppliance(f'it is no object such as {{"{BLACKOUT}": "Monday;7:00;7h"}}')
    windows, buffer = body.get(BLACKOUT) or "", body.get(BUFFER)
    if not isinstance(windows, str):
        raise BadAppliance(f"{BLACKOUT} is no text such as Monday;7:00;7h")
    if buffer is not None and (type(buffer) is not int or buffer < 1):
        raise BadAppliance(f"{BUFFER} is no whole number from 1")
    try:
        return Worker(parse_wire(windows), buffer, tuple(sorted(body.keys() - {BLACKOUT, BUFFER})))
    except BadWindow as error:
        raise BadAppliance(f"{BLACKOUT}: {error}") from error


# --- the throttle


def write_throttle(appliance: str, throttle: Throttle) -> Written:
    """The PowerShell script; run once on the appliance, as administrator. `read_throttle` gives the same weekly rates back."""
    policy = f"wavelift-{appliance}"
    losses = [
        f"From {write_date(w)} another rate would hold; it is left out: scheduled tasks come every week."
        for e in throttle.exceptions
        for w in e.windows
        if isinstance(w, Dated)
    ]
    lines = [
        f"# Throttle of appliance {appliance}, by wavelift. Run as administrator on the appliance; times are its own.",
        "# Until the first scheduled task has run the first rate holds.",
    ]
    changes = _changes(throttle)
    lines.append(_set(policy, throttle.rate if changes else _weekly_rate(throttle)(0)))
    for number, (second, rate, days) in enumerate(changes, 1):
        names = ",".join(DAYS[day] for day in days)
        lines += [
            f"$at = New-ScheduledTaskTrigger -Weekly -DaysOfWeek {names} -At '{_clock(second)}'",
            f"$do = New-ScheduledTaskAction -Execute powershell.exe -Argument '-NoProfile -Command \"{_set(policy, rate)}\"'",
            f"Register-ScheduledTask -TaskName '{policy}-{number}' -Trigger $at -Action $do -User SYSTEM -Force",
        ]
    return Written("\r\n".join(lines) + "\r\n", tuple(losses))


def read_throttle(text: str) -> Throttle:
    """The rates that such a script sets through the week; also a plain New-NetQosPolicy without tasks. Raises `BadAppliance`."""
    base: float | None = None
    seen = False
    points: list[tuple[int, float | None]] = []
    at: list[int] | None = None
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        if trigger := _TASK.search(line):
            at = _moments(trigger)
        elif "New-ScheduledTaskTrigger" in line:
            raise BadAppliance(f"only weekly tasks are understood, not: {line.strip()}")
        elif "NetQosPolicy" in line:
            rate = _rate(line)
            if at is None:
                base, seen = rate, True
            else:
                points += [(moment, rate) for moment in at]
                at = None
    if not seen:
        raise BadAppliance("it sets no New-NetQosPolicy")
    return Throttle(base, _exceptions(sorted(points), base))


def _set(policy: str, rate: float | None) -> str:
    """Commands that make the rate hold from now on, whatever held before."""
    remove = f"Get-NetQosPolicy -Name {policy} -ErrorAction SilentlyContinue | Remove-NetQosPolicy -Confirm:$false"
    if rate is None:
        return remove
    make = f"New-NetQosPolicy -Name {policy} -AppPathNameMatchCondition {SERVICE} -ThrottleRateActionBitsPerSecond {int(rate)}"
    return f"{remove}; {make}"


def _rate(line: str) -> float | None:
    made = _POLICY.search(line)
    if made is None:
        return None
    found = _RATE.search(made["rest"])
    if found is None:
        raise BadAppliance("New-NetQosPolicy has no -ThrottleRateActionBitsPerSecond with a number")
    return float(int(found["number"]) * _UNITS[(found["unit"] or "").upper()])


def _moments(trigger: re.Match[str]) -> list[int]:
    """Seconds of the week at which the task runs."""
    second = int(trigger["hour"]) * HOUR + int(trigger["minute"]) * MINUTE + int(trigger["second"] or 0)
    known = {day.lower(): number for number, day in enumerate(DAYS)}
    try:
        return [known[day.strip().lower()] * DAY + second for day in trigger["days"].split(",")]
    except KeyError as error:
        raise BadAppliance(f"{error} is no day of the week") from error


def _changes(throttle: Throttle) -> list[tuple[int, float | None, list[int]]]:
    """(second of the day, rate from then on, days), for every time of the week at which the rate changes."""
    rate = _weekly_rate(throttle)
    weekly = [w for e in throttle.exceptions for w in e.windows if isinstance(w, Window)]
    ends = {(w.day * DAY + w.start + add) % WEEK for w in weekly for add in (0, w.length)}
    grouped: dict[tuple[int, float | None], list[int]] = {}
    for moment in sorted(ends):
        if rate(moment) != rate((moment - 1) % WEEK):
            grouped.setdefault((moment % DAY, rate(moment)), []).append(moment // DAY)
    return [(second, rate, days) for (second, rate), days in grouped.items()]


def _weekly_rate(throttle: Throttle) -> Callable[[int], float | None]:
    """Second of the week -> rate, dates left out."""
    weekly = [(w, e.rate) for e in throttle.exceptions for w in e.windows if isinstance(w, Window)]

    def rate(moment: int) -> float | None:
        for window, rate in weekly:
            if (moment - window.day * DAY - window.start) % WEEK < window.length:
                return rate
        return throttle.rate

    return rate


def _exceptions(points: list[tuple[int, float | None]], base: float | None) -> tuple[Except, ...]:
    """Stretches between two tasks whose rate is not the base's, by rate."""
    found: dict[float | None, list[Window]] = {}
    for number, (moment, rate) in enumerate(points):
        following = points[(number + 1) % len(points)][0]
        length = (following - moment) % WEEK or WEEK
        if rate != base:
            found.setdefault(rate, []).append(Window(moment // DAY, moment % DAY, length))
    return tuple(Except(tuple(windows), rate) for rate, windows in found.items())


def _clock(second: int) -> str:
    return f"{second // HOUR:02}:{second % HOUR // MINUTE:02}:{second % MINUTE:02}"
