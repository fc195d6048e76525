"""The local state store: a file, its journal, its lock. `read` needs no lock; everything that changes needs a `Session`."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from planner.state import State, dumps, loads
from planner.store import holder
from planner.store.journal import Journal, replay, sync_folder
from planner.store.session import Session
from planner.store.view import Locked, View, check_estate, check_reached, joined


class LocalStore:
    """State at `path`; journal and lock lie beside it."""

    def __init__(self, path: Path, estate: str, lineage: str) -> None:
        """A link is followed: journal and lock lie beside the file that all who come through links share.

        `lineage` is that of a state that does not exist yet: derived from what the estate is, so that the same files
        give the same plan, and what a lost state had made is found again by its tags."""
        self.path = path = Path(os.path.realpath(path))
        self._estate = estate
        self._lineage = lineage
        self._journal = path.with_name(path.name + ".journal")
        self._lock = path.with_name(path.name + ".lock")
        self._mark = path.with_name(path.name + ".serial")

    @property
    def where(self) -> str:
        return str(self.path)

    def read(self) -> View:
        """File and journal. Serial 0 where there is no state yet.

        The mark of the serial and the journal are read before the file: a writer that compacts meanwhile leaves a journal that
        is older than the file,
        which is harmless, and never one that seems to go on from a state that is not there.
        """
        reached = self._reached()
        told = replay(self._journal)
        base = loads(self.path.read_bytes(), str(self.path)) if self.path.exists() else None
        if base is not None:
            check_estate(base, self._estate, str(self.path))
        view = joined(base, State(self._lineage, 0, self._estate), told, str(self._journal), str(self.path))
        check_reached(base, reached, str(self.path), str(self._mark))
        return view

    @contextmanager
    def session(self, doing: str, about: Mapping[str, str] | None = None) -> Iterator[Session]:
        """Hold the lock. `Locked` when somebody else has it; it is given back when the process dies."""
        handle = self._taken()
        try:
            who = holder.me(doing)
            os.ftruncate(handle, 0)
            os.pwrite(handle, who.dumps().encode(), 0)
            view = self.read()
            if not view.interrupted:
                self._journal.unlink(missing_ok=True)  # compacted already, or not even its head was written
            session = Session(self, view, who, about)
            try:
                yield session
            finally:
                session.close()
                os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    def held(self) -> holder.Holder | None:
        """By what the holder wrote down: even a look that took the lock for a moment could refuse somebody an apply."""
        try:
            who = holder.loads(self._lock.read_bytes())
        except OSError:
            return None
        return who if who is not None and holder.alive(who) is not False else None

    def unlock(self) -> str:
        """The kernel gives the lock back when its process ends, so that there is never a dead holder."""
        os.close(self._taken())
        return f"Nobody holds {self.path}: the lock of a file goes with its process."

    def _taken(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = holder.loads(os.pread(handle, 4096, 0)) or "another process that is just starting"
            os.close(handle)
            raise Locked(
                f"the state {self.path} is locked by {who}. "
                "Wait until it is done, or stop it: the lock goes with the process."
            ) from error
        return handle

    def check(self) -> None:
        """The lock goes with the process: whoever asks has it."""

    def write(self, state: State) -> None:
        """Replace the file atomically and durably, then drop the journal that it holds now. Only a session calls this."""
        temporary = self.path.with_name(self.path.name + ".new")
        try:
            with temporary.open("wb") as out:
                out.write(dumps(state))
                out.flush()
                os.fsync(out.fileno())
        except OSError:
            temporary.unlink(missing_ok=True)  # half of it on a full disk helps nobody
            raise
        os.replace(temporary, self.path)
        sync_folder(self.path.parent)
        if state.serial:
            self._mark.write_text(str(state.serial))  # torn it says nothing, and the next write mends it
        self._journal.unlink(missing_ok=True)

    def _reached(self) -> int:
        try:
            text = self._mark.read_text()
        except FileNotFoundError:
            return 0
        return int(text) if text.isdecimal() else 0

    def journal(self, state: State) -> Journal:
        return Journal(self._journal, state.lineage, state.serial)
