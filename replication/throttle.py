"""The throttle (S13): which rate holds when, and a token bucket in bits a second for all traffic of one appliance.

Pure: time comes in.

Advice: ask for slices of `SLICE` bytes and wait *before* sending each. A slice bounds how long a change of rate takes to
be felt and how far an urgent cycle can be behind a slice that was granted before it asked.

Urgent traffic (on-demand and final cycles, S8.5) has the first claim: all that the line carries goes to it until it is
satisfied, but for `OTHERS`, so that nothing else dies meanwhile. What either leaves the other gets, so no bit is lost.

Threads: a caller that shares a bucket holds its own lock around `take`, never while it waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from replication.windows import Period, closed_until, next_change

SLICE = 64 * 1024
"""Bytes to ask for at once: 50 ms at 10 Mbit/s."""

SAVED = 0.3
"""Seconds of an idle line that are saved up, for moments in which nobody could send (a busy processor): 3 % of 10 s."""

FIRST = 1 / 6
"""Share of it that urgent traffic has for itself; it may use the rest too."""

OTHERS = 0.1
"""Share of the line that ordinary traffic keeps while urgent traffic wants more than all of it."""


@dataclass(frozen=True, slots=True)
class Except:
    """Another rate inside these windows; None for no limit."""

    windows: tuple[Period, ...]
    rate: float | None


@dataclass(frozen=True, slots=True)
class Throttle:
    """A rate in bits a second (None: no limit), and where others hold instead; of those that hold at once the first counts.

    `name` is the policy's, for people. Raises `ValueError` for a rate that would never send anything.
    """

    rate: float | None = None
    exceptions: tuple[Except, ...] = ()
    time_zone: str = "UTC"
    name: str = ""

    def __post_init__(self) -> None:
        for rate in (self.rate, *(e.rate for e in self.exceptions)):
            _checked(rate)

    def rate_at(self, now: float) -> float | None:
        zone = ZoneInfo(self.time_zone)
        for one in self.exceptions:
            if closed_until(one.windows, zone, now) is not None:
                return one.rate
        return self.rate

    def next_change(self, now: float) -> float | None:
        """Unix time after `now` at which another rate may hold; None when this one holds for good."""
        zone = ZoneInfo(self.time_zone)
        found = (next_change(e.windows, zone, now) for e in self.exceptions)
        return min((at for at in found if at is not None), default=None)


class TokenBucket:
    """`rate` in bits a second, None for no limit. `burst` in bits: what an idle line saves up; default `SAVED` or a slice."""

    def __init__(self, rate: float | None, burst: float | None = None) -> None:
        self._burst = burst
        self._at: float | None = None
        self._rate = _checked(rate)
        self._level, self._urgent = self.burst, self._first
        """Bits at hand (negative: promised away) for ordinary and for urgent traffic."""

    @property
    def rate(self) -> float | None:
        return self._rate

    @property
    def burst(self) -> float:
        if self._burst is not None:
            return self._burst
        return max(SLICE * 8.0, (self._rate or 0) * SAVED)

    @property
    def _first(self) -> float:
        return max(SLICE * 8.0, self.burst * FIRST)

    def set_rate(self, rate: float | None, now: float) -> None:
        """From `now` on. What was promised stays promised, and is paid off at the new rate."""
        self._refill(now)
        self._rate = _checked(rate)
        self._level, self._urgent = min(self._level, self.burst), min(self._urgent, self._first)

    def take(self, size: int, now: float, urgent: bool = False) -> float:
        """Seconds to wait before `size` bytes may be sent. They count as taken: ask once, wait, send."""
        self._refill(now)
        if self._rate is None:
            return 0.0
        if urgent:
            lent = min(max(0.0, self._level), max(0.0, size * 8 - self._urgent))
            self._level -= lent
            self._urgent += lent - size * 8
            return max(0.0, -self._urgent / self._rate)
        self._level -= size * 8
        share = OTHERS if self._urgent < 0 else 1.0
        return max(0.0, -self._level / (self._rate * share))

    def _refill(self, now: float) -> None:
        passed = 0.0 if self._at is None else max(0.0, now - self._at)  # a clock that was set back gives nothing
        self._at = now
        if self._rate is None:
            self._level, self._urgent = self.burst, self._first
            return
        bits = passed * self._rate
        others = min(bits * OTHERS, self.burst - self._level)
        urgent = min(bits - others, self._first - self._urgent)
        self._urgent += urgent
        self._level = min(self.burst, self._level + bits - urgent)

    def charge(self, size: int, now: float, urgent: bool = False) -> None:
        """`size` bytes have passed already: what follows waits the longer."""
        self._refill(now)
        if self._rate is not None and urgent:
            self._urgent -= size * 8
        elif self._rate is not None:
            self._level -= size * 8



def _checked(rate: float | None) -> float | None:
    if rate is not None and not rate > 0:
        raise ValueError(f"a throttle of {rate} bits a second would never send anything; use a blackout window or a hold")
    return rate
