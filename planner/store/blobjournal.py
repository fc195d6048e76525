"""The apply journal in blobs: `<prefix><epoch>-<part>`, lines as in `planner.store.journal`.

Part 0 is a whole blob: the head, and the lines of a cut-off apply that this epoch goes on with. Later parts are appended
to; each holds at most `PART` appends (the service's limit is 50,000). One thread sends; what is written while a request is
under way goes with the next, so that many steps share one round trip. Only the lines that announce an outside call are
waited for: a lost "done" leaves a doubt, and every step may be repeated.
"""

from __future__ import annotations

import threading
from typing import Any

from planner.store.journal import Events, line_of
from planner.store.lease import Lease
from planner.store.port import StateBlobs
from planner.store.view import LockLost, Unwritable
from replication.model.errors import Conflict, NotFound, PortError

PART = 49_000
BATCH = 4 << 20
"""Bytes in one append: the service's limit."""


def part_name(prefix: str, epoch: int, part: int) -> str:
    return f"{prefix}{epoch:08}-{part:04}"


def epoch_of(prefix: str, name: str) -> int:
    """-1 for what is no part of a journal."""
    epoch, _, part = name.removeprefix(prefix).partition("-")
    return int(epoch) if epoch.isdigit() and part.isdigit() else -1


class BlobJournal(Events):
    """Parts 1, 2, … of `epoch`; part 0 is there. The lease is confirmed after each new part: a later holder finds it."""

    def __init__(self, blobs: StateBlobs, prefix: str, epoch: int, lease: Lease, limit: int = PART) -> None:
        super().__init__()
        self._blobs, self._prefix, self._epoch, self._lease, self._limit = blobs, prefix, epoch, lease, limit
        self._part = self._appends = self._at = 0
        self._waiting = threading.Condition()
        self._queue: list[bytes] = []
        self._written = self._sent = 0
        self._dead: BaseException | None = None
        self._closing = False
        self._next_part()
        self._thread = threading.Thread(target=self._send_all, name="state journal", daemon=True)
        self._thread.start()

    def close(self) -> None:
        with self._waiting:
            self._closing = True
            self._waiting.notify_all()
        self._thread.join()
        self._alive()

    def _append(self, entry: dict[str, Any]) -> None:
        line = line_of(entry)
        with self._waiting:
            self._alive()
            self._queue.append(line)
            self._written += 1
            mine = self._written
            self._waiting.notify_all()
            if entry["event"] in ("done", "failed"):
                return
            while self._sent < mine and self._dead is None:
                self._waiting.wait()
            self._alive()
        self._lease.check()

    def _alive(self) -> None:
        if isinstance(self._dead, LockLost):
            raise LockLost(str(self._dead)) from self._dead
        if isinstance(self._dead, PortError):
            raise Unwritable(f"its journal took no line: {self._dead}") from self._dead
        if self._dead is not None:
            raise self._dead

    def _send_all(self) -> None:
        while True:
            with self._waiting:
                while not self._queue and not self._closing:
                    self._waiting.wait()
                lines, self._queue = self._queue, []
            if not lines:
                return
            try:
                self._send(b"".join(lines))
            except BaseException as error:  # noqa: BLE001 - the thread's edge: whoever waits for a line raises it
                with self._waiting:
                    self._dead = error
                    self._waiting.notify_all()
                return
            with self._waiting:
                self._sent += len(lines)
                self._waiting.notify_all()

    def _send(self, data: bytes) -> None:
        for begin in range(0, len(data), BATCH):
            piece = data[begin : begin + BATCH]
            self._lease.check()
            if self._appends >= self._limit:
                self._next_part()
            try:
                self._blobs.append(part_name(self._prefix, self._epoch, self._part), piece, self._at)
            except (Conflict, NotFound) as error:  # fenced off: a later holder has taken this journal over
                self._lease.lose(f"another has taken it ({error.message})")
                self._lease.check()
            self._appends += 1
            self._at += len(piece)

    def _next_part(self) -> None:
        self._part, self._appends, self._at = self._part + 1, 0, 0
        self._blobs.start(part_name(self._prefix, self._epoch, self._part))
        self._lease.confirm()
