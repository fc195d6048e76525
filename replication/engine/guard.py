"""May this work go on? Asked before every chunk, write and step; the answer no is an exception that leaves at once."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Halted(Exception):
    """Leave everything as it stands; the journal says how to go on."""


class Superseded(Halted):
    """The record moved under us: another coordinator took over (or an own late write landed). Touch nothing more."""


class Cancelled(Exception):
    """This cycle is to be thrown away because its machine is to stop replicating."""


class Yielded(Exception):
    """This attempt has held its snapshot long enough: release it and go on in another one."""


class Guard:
    """`mine` answers whether the coordinator's lease is certainly still held; `stopping` is the engine's."""

    def __init__(self, stopping: threading.Event, mine: Callable[[], bool]) -> None:
        self._stopping = stopping
        self._mine = mine
        self._cancelled = threading.Event()
        self._winding_up = False

    def wind_up(self) -> None:
        """The engine stops, and this work may still put away what it has open."""
        self._winding_up = True

    def cancel(self) -> None:
        self._cancelled.set()

    def check(self) -> None:
        """Raise `Halted` when nothing more may be started or written."""
        if self._stopping.is_set() and not self._winding_up:
            raise Halted("the engine stops")
        self.check_lease()

    def check_lease(self) -> None:
        """Raise `Halted` when the lease may be another's: for the notes that even an engine that stops must write."""
        if not self._mine():
            raise Halted("the coordinator's lease is not certain any more")

    def check_cancel(self) -> None:
        """`check`, and raise `Cancelled` when this cycle is to be thrown away."""
        self.check()
        if self._cancelled.is_set():
            raise Cancelled("a stop order cancels the initial replication")
