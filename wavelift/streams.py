"""Standard streams that are no reason to stop: who reads what is printed may leave, what is being done goes on.

`apply | head -1`, a terminal that was closed and a log on a full disk took the apply down with them: the first line that could
not be written was an error in the middle of the work.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

WORK = frozenset({"apply", "destroy", "engine", "init", "release", "replication", "rollback", "state", "test"})
"""Commands that change something. The others only print: when nobody reads they end."""

_LEFT = (errno.EPIPE, errno.EIO)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Unheard(io.FileIO):
    """A stream by its number. When its reader has gone the null device takes its place; with `full` also when its disk is full
    (progress may be lost, a result may not)."""

    def __init__(self, number: int, full: bool) -> None:
        super().__init__(number, "w", closefd=False)
        self._number = number
        self._lost = _LEFT + _FULL if full else _LEFT

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in self._lost:
                raise
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._number)
            os.close(null)
            return super().write(data)


def outlive_readers() -> None:
    """From now on standard output and standard error outlive whoever reads them."""
    for name in ("stdout", "stderr"):
        old = getattr(sys, name)
        number = 1 if name == "stdout" else 2
        raw = io.BufferedWriter(Unheard(number, full=name == "stderr"))
        setattr(sys, name, io.TextIOWrapper(raw, old.encoding, old.errors, line_buffering=name == "stderr" or old.line_buffering))
