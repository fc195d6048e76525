"""The local state store: a file, its journal, its lock. `read` needs no lock; everything that changes needs a `Session`."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from planner.estate import Estate
from planner.state import BadState, MachineState, State, dumps, loads, same
from planner.store.effects import Effect, Ledger, applied, between
from planner.store.journal import Doubt, Journal, replay, sync_folder


class Locked(Exception):
    """Somebody else changes this state now; the message says who, where and since when."""


@dataclass(frozen=True, slots=True)
class View:
    """The state as the file and the journal together say, and what a cut-off apply left in doubt."""

    state: State
    doubts: tuple[Doubt, ...] = ()
    interrupted: bool = False


def lineage_of(estate: Estate) -> str:
    """Name, project subscription and group make an estate what it is."""
    azure = estate.azure
    parts = (estate.name, azure.project_subscription.lower(), azure.project_group.name.lower())
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "wavelift:" + "/".join(parts)))


class LocalStore:
    """State at `path`; journal and lock lie beside it."""

    def __init__(self, path: Path, estate: str, lineage: str) -> None:
        """`lineage` is that of a state that does not exist yet: derived from what the estate is, so that the same files
        give the same plan, and what a lost state had made is found again by its tags."""
        self.path = path
        self._estate = estate
        self._lineage = lineage
        self._journal = path.with_name(path.name + ".journal")
        self._lock = path.with_name(path.name + ".lock")

    def read(self) -> View:
        """File and journal. Serial 0 where there is no state yet.

        The journal is read before the file: a writer that compacts meanwhile leaves a journal that is older than the file,
        which is harmless, and never one that seems to go on from a state that is not there.
        """
        told = replay(self._journal)
        if self.path.exists():
            state = loads(self.path.read_bytes(), str(self.path))
            if state.estate and state.estate != self._estate:
                raise BadState(
                    f"{self.path} is the state of estate {state.estate!r}, not of {self._estate!r}. "
                    "Name another state path, or put the estate's name back."
                )
        else:
            state = State(self._lineage, 0, self._estate)
        if told is None:
            return View(state)
        if told.lineage != state.lineage:
            raise BadState(
                f"{self._journal} belongs to another state (lineage {told.lineage}, not {state.lineage}). "
                "Was the state file replaced by hand? Put the right one back, or move the journal aside."
            )
        if told.serial != state.serial:
            if told.serial < state.serial:
                return View(state)  # already compacted: the process died between the write and the removal
            raise BadState(
                f"{self._journal} goes on from serial {told.serial}, and {self.path} is at {state.serial}: an older state "
                "was put back. Restore the newest one; the journal holds what was done since."
            )
        return View(applied(state, told.effects), told.doubts, interrupted=True)

    @contextmanager
    def session(self, doing: str) -> Iterator[Session]:
        """Hold the lock. `Locked` when somebody else has it; it is given back when the process dies."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Locked(self._holder(handle)) from error
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps(_who(doing)).encode(), 0)
            view = self.read()
            if not view.interrupted:
                self._journal.unlink(missing_ok=True)  # compacted already, or not even its head was written
            session = Session(self, view)
            try:
                yield session
            finally:
                session.close()
                os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def _holder(self, handle: int) -> str:
        try:
            who = json.loads(os.pread(handle, 4096, 0))
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(who["since"]))
            text = f"{who['user']} on {who['host']} (process {who['pid']}, {who['doing']}) since {since}"
        except (ValueError, KeyError, TypeError):
            text = "another process that is just starting"
        return f"the state {self.path} is locked by {text}. Wait until it is done, or stop it: the lock goes with the process."

    def write(self, state: State) -> None:
        """Replace the file atomically and durably, then drop the journal that it holds now. Only a session calls this."""
        temporary = self.path.with_name(self.path.name + ".new")
        with temporary.open("wb") as out:
            out.write(dumps(state))
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, self.path)
        sync_folder(self.path.parent)
        self._journal.unlink(missing_ok=True)

    def journal(self, state: State) -> Journal:
        return Journal(self._journal, state.lineage, state.serial)


def _who(doing: str) -> dict[str, object]:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's uid that no passwd file knows
        user = f"uid {os.getuid()}"
    return {
        "user": user,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": time.time(),
        "doing": doing,
    }


class Session:
    """The lock is held. Effects go through the journal; closing folds it into the state file."""

    def __init__(self, store: LocalStore, view: View) -> None:
        self._store = store
        self._base = loads(store.path.read_bytes(), str(store.path)) if store.path.exists() else None
        self.view = view
        self._ledger = Ledger(view.state)
        self._journal: Journal | None = None
        self._opening = threading.Lock()

    @property
    def state(self) -> State:
        """The state in hand, as a value: costs as much as it holds artifacts."""
        return self._ledger.state()

    def machine(self, uuid: str) -> MachineState:
        """What the state in hand says of one machine."""
        return self._ledger.machines[uuid]

    @property
    def journal(self) -> Journal:
        """Opened with the first event, so that a no-op apply writes nothing."""
        with self._opening:
            if self._journal is None:
                if self._base is None:
                    first = replace(self.view.state, serial=0)
                    self._store.write(first)
                    self._base = first
                self._journal = self._store.journal(self._base)
            return self._journal

    def record(self, effects: Sequence[Effect]) -> None:
        """Take effects that are in the journal into the state in hand."""
        self._ledger.take(effects)

    def replace(self, state: State, what: str) -> None:
        """Another state in hand: what is new in it goes into the journal first, as the outcome of `what`.

        An outcome of the engine is seen once: its next order takes the place of the last one in its record.
        """
        effects = between(self.state, state)
        if effects:
            self.journal.done(what, effects)
            self.record(effects)

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
        base, state = self._base, self.state
        if base is None and not state.artifacts and not state.machines:
            return
        if base is None or not same(base, state):
            self._store.write(replace(state, serial=(base.serial if base else 0) + 1))
        elif self._journal is not None or self.view.interrupted:
            self._store.write(base)
