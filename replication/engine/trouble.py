"""Trouble that lasts is said once, then seldom, and when it is over: a log is read by people."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

AGAIN, MOST = 60.0, 3600.0
"""Seconds until it is said again; each time twice as long, up to the second."""
_VARIES = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\d+")
"""Addresses in memory, ids of requests, times: what makes one message another each time."""


@dataclass(slots=True)
class _Since:
    kind: str
    began: float
    due: float
    pause: float = AGAIN
    times: int = 1


class Trouble:
    """By `what` it is about. Used by one thread."""

    def __init__(self, now: Callable[[], float], say: Callable[[str], None]) -> None:
        self._clock, self._say = now, say
        self._now: dict[str, _Since] = {}

    def tell(self, what: str, text: str) -> None:
        """`text` is so: said when it is new, or has been silent for long enough."""
        kind, now, since = _VARIES.sub("", text), self._clock(), self._now.get(what)
        if since is None or since.kind != kind:
            self._now[what] = _Since(kind, now, now + AGAIN)
            self._say(f"{what}: {text}")
            return
        since.times += 1
        if now >= since.due:
            since.pause = min(since.pause * 2, MOST)
            since.due = now + since.pause
            self._say(f"{what}: {text} [{since.times} times in {_minutes(now - since.began)}]")

    def over(self, what: str) -> None:
        since = self._now.pop(what, None)
        if since is not None:
            self._say(f"{what}: goes on, after {_minutes(self._clock() - since.began)}")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"
