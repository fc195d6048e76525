"""Doing a request again: how often, how long to wait, and what to make of an answer that never came.

Rules
1. `Temporary` is waited out: as long as the service asked, else a doubling pause. A wait above `LONGEST` is the caller's.
2. An idempotent request may be repeated whatever happened to the one before it.
3. A conditional write refused *after* one of unknown fate may have been refused by our own success: look, then decide.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from replication.model.errors import Conflict, Temporary

T = TypeVar("T")
LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """`times` tries in all, the first pause `pause` seconds, doubling up to `longest`."""

    times: int = 6
    pause: float = 0.3
    longest: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def tries(self) -> Iterator[Callable[[Temporary], None]]:
        """One function per try: call it with the error to wait; it raises the error when that was the last try."""
        for number in range(1, self.times + 1):

            def wait(error: Temporary, number: int = number) -> None:
                asked = error.retry_after
                if number >= self.times or (asked is not None and asked > LONGEST):
                    raise error
                # Jitter: forty workers that were refused together should not come back together.
                pause = min(self.pause * 2 ** (number - 1), self.longest) * random.uniform(0.7, 1.3)
                self.sleep(pause if asked is None else asked)

            yield wait


def repeated(call: Callable[[], T], patience: Patience) -> T:
    """`call` until it works; for requests that are idempotent."""
    for wait in patience.tries():
        try:
            return call()
        except Temporary as error:
            wait(error)
    raise AssertionError("the last try returns or raises")


def settled(write: Callable[[], T], landed: Callable[[], T | None], patience: Patience) -> T:
    """A conditional write whose fate is always known in the end.

    `landed` looks whether what is there now is what this very call wrote: its result, or None when somebody else was there.
    """
    doubt = False
    for wait in patience.tries():
        try:
            return write()
        except Conflict:
            mine = landed() if doubt else None
            if mine is None:
                raise
            return mine
        except Temporary as error:
            doubt = True
            wait(error)
    raise AssertionError("the last try returns or raises")
