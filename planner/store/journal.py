"""The apply journal: one line per event, appended and synced *before* the outside call that it announces.

A line is JSON: a head {"lineage","serial"} first, then {"address","event": intent|token|done|failed, …}. A last line without its
newline was being written when the process died: it announces nothing that was begun, is ignored, and is cut off before the
next line is written. After the first error in writing the journal is dead: a line behind a torn one would make it unreadable.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.state import BadState
from planner.store.effects import Effect, from_json, to_json


@dataclass(frozen=True, slots=True)
class Doubt:
    """A step that was begun and has no result: it may or may not have happened. `token` resumes a long operation."""

    address: str
    step: str
    token: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Replay:
    """What a journal says: for which state, what is done (effects in order), what is in doubt, what failed."""

    lineage: str
    serial: int
    effects: tuple[Effect, ...]
    doubts: tuple[Doubt, ...]
    failed: dict[str, str]


class Events(ABC):
    """What is written down of an apply, wherever it is kept. Several threads share one."""

    def __init__(self) -> None:
        self.open: set[str] = set()
        """Addresses that were announced and have no result yet, or none that could be written."""

    def intent(self, address: str, step: str, **details: Any) -> None:
        """Return when it is durable: the outside call may begin."""
        self._append({"address": address, "event": "intent", "step": step, **details})
        self.open.add(address)

    def token(self, address: str, token: str) -> None:
        self._append({"address": address, "event": "token", "token": token})

    def done(self, address: str, effects: Sequence[Effect]) -> None:
        self._append({"address": address, "event": "done", "effects": [to_json(e) for e in effects]})
        self.open.discard(address)

    def failed(self, address: str, problem: str) -> None:
        self._append({"address": address, "event": "failed", "problem": problem})
        self.open.discard(address)

    @abstractmethod
    def close(self) -> None:
        """Nothing more comes; what was written is durable when this returns."""

    @abstractmethod
    def _append(self, entry: dict[str, Any]) -> None: ...


def line_of(entry: dict[str, Any]) -> bytes:
    return (json.dumps(entry, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


class Journal(Events):
    """Appends to an open file; several threads share it, and its syncs."""

    def __init__(self, path: Path, lineage: str, serial: int) -> None:
        super().__init__()
        self._path = path
        self._guard = threading.Lock()
        self._syncing = threading.Lock()
        self._written = self._synced = 0
        self._dead: OSError | None = None
        self._file = path.open("ab", buffering=0)
        whole = path.read_bytes().rfind(b"\n") + 1
        if self._file.tell() > whole:
            self._file.truncate(whole)
        if whole == 0:
            self._append({"lineage": lineage, "serial": serial})
            sync_folder(path.parent)

    def close(self) -> None:
        self._file.close()

    def _append(self, entry: dict[str, Any]) -> None:
        """Return when the line is on the disk. Lines that were written while another sync ran share the next one."""
        line = line_of(entry)
        with self._guard:
            self._alive()
            with self._deadly():
                if self._file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
            self._written += 1
            mine = self._written
        with self._syncing:
            self._alive()
            if self._synced >= mine:
                return
            reached = self._written
            with self._deadly():
                os.fdatasync(self._file.fileno())
            self._synced = reached

    def _alive(self) -> None:
        if self._dead is not None:
            raise OSError(self._dead.errno, f"an earlier line could not be written: {self._dead.strerror}", str(self._path))

    @contextmanager
    def _deadly(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._dead = error
            raise


def sync_folder(folder: Path) -> None:
    """Make a new or renamed entry of `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replay(path: Path) -> Replay | None:
    """Read a journal; None when there is none. `BadState` when a line in the middle cannot be read."""
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        return None
    return parse(whole, str(path))


def parse(whole: bytes, where: str) -> Replay | None:
    """What the text of a journal says; None when not even its head was written."""
    lines = whole.split(b"\n")[:-1]
    if not lines:
        return None
    try:
        head, *entries = (json.loads(line) for line in lines)
        return _fold(str(head["lineage"]), int(head["serial"]), entries)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadState(
            f"{where} is damaged ({error!r}). Keep a copy; what it did since serial can be found again with `wavelift plan` "
            "after it is moved aside: everything made carries our tags.",
            "WL423",
        ) from error


def _fold(lineage: str, serial: int, entries: Iterable[dict[str, Any]]) -> Replay:
    effects: list[Effect] = []
    open_steps: dict[str, Doubt] = {}
    failed: dict[str, str] = {}
    for entry in entries:
        address, event = entry["address"], entry["event"]
        if event == "intent":
            details = {k: v for k, v in entry.items() if k not in ("address", "event", "step")}
            before = open_steps.get(address)  # cut off once already: its token still stands for what was begun then
            same = before is not None and (before.step, before.details.get("spec")) == (entry["step"], details.get("spec"))
            token = before.token if before is not None and same else None
            open_steps[address] = Doubt(address, entry["step"], token, details)
        elif event == "token":
            known = open_steps[address]
            open_steps[address] = Doubt(address, known.step, entry["token"], known.details)
        elif event == "done":
            open_steps.pop(address, None)
            effects += [from_json(e) for e in entry["effects"]]
        elif event == "failed":
            open_steps.pop(address, None)
            failed[address] = entry["problem"]
        else:
            raise KeyError(event)
    return Replay(lineage, serial, tuple(effects), tuple(open_steps.values()), failed)
