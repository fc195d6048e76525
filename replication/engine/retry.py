"""Calling the outside again: only what may safely be done twice, with bounded back-off."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from replication.engine.config import Patience
from replication.model.errors import Temporary
from replication.ports import Clock

T = TypeVar("T")


class Retry:
    """Repeats idempotent calls after `Temporary`. `check` is asked before each try and may raise to leave."""

    def __init__(self, clock: Clock, patience: Patience, check: Callable[[], None]) -> None:
        self._clock, self._patience, self._check = clock, patience, check

    def __call__(self, do: Callable[[], T]) -> T:
        """The answer of `do`; the last `Temporary` when patience is used up; every other error at once."""
        wait = self._patience.first
        for left in range(self._patience.tries - 1, -1, -1):
            self._check()
            try:
                return do()
            except Temporary as error:
                if not left:
                    raise
                self._clock.sleep(min(max(error.retry_after or 0.0, wait), self._patience.most))
                wait = min(wait * 2, self._patience.most)
        raise AssertionError("unreachable: the last try returns or raises")
