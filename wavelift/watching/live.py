"""Reads again and again in a thread, so that a screen can be redrawn while a reading takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from replication.model.errors import PortError
from wavelift.problems import UserProblem

T = TypeVar("T")
PAUSE = 1.0
"""Seconds between the end of a reading and the next."""


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """What was read, when that began (unix time), and why the latest reading has failed since; empty: it has not."""

    value: T
    at: float
    trouble: str = ""


class Watch(Generic[T]):
    """One thread, from `with` to its end. The first reading is waited for, and its error raised; a later error is told."""

    def __init__(self, read: Callable[[], T], pause: float = PAUSE) -> None:
        self._read, self._pause = read, pause
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._error: BaseException | None = None

    def __enter__(self) -> Watch[T]:
        began = time.time()
        self._seen = Seen(self._read(), began)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    @property
    def seen(self) -> Seen[T]:
        """The newest. Raises what the thread has died of."""
        if self._error is not None:
            raise self._error
        return self._seen

    def _run(self) -> None:
        while not self._end.wait(self._pause):
            began = time.time()
            try:
                self._seen = Seen(self._read(), began)
            except (PortError, UserProblem) as error:
                self._seen = Seen(self._seen.value, self._seen.at, str(error))
            except BaseException as error:  # noqa: BLE001  whatever it is, the foreground raises it, see `seen`
                self._error = error
                return
