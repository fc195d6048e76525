"""The state in blobs, for a team: one block blob under a finite lease, its journal beside it.

Who holds the lock is fenced three ways, so that whoever lost it can write nothing more: the blob service refuses a lease
that is over; every write names the version that it replaces, and a new holder changes that version before anything else
(its epoch and name, in the blob's metadata); and a new holder takes the journals of earlier epochs over and deletes them
by their version, so that a late line of theirs either is seen or fails. No outside call begins before its line is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from planner.state import BadState, State, dumps, loads
from planner.store import holder
from planner.store.blobjournal import PART, BlobJournal, epoch_of, part_name
from planner.store.journal import Replay, line_of, parse
from planner.store.lease import Lease, Pace
from planner.store.port import Head, StateBlobs
from planner.store.session import Session
from planner.store.unlocking import buried, unlock
from planner.store.view import Locked, Unwritable, View, check_estate, check_reached, joined
from replication.model.errors import Conflict, NotFound, PortError

EPOCH, HOLDER, SERIAL = "wavelift_epoch", "wavelift_holder", "wavelift_serial"


class LeasedStore:
    """State in blob `key` of a container; `estate` and `lineage` as for `LocalStore`."""

    def __init__(
        self, blobs: StateBlobs, key: str, estate: str, lineage: str, pace: Pace | None = None, part: int = PART
    ) -> None:
        self._blobs = blobs
        self.key = key
        self._estate = estate
        self._lineage = lineage
        self._pace = pace or Pace()
        self._part = part
        self._prefix = f"{key}.journal/"
        self._mark = f"{key}.serial/"

    @property
    def where(self) -> str:
        return f"{self._blobs.where}/{self.key}"

    def read(self) -> View:
        """The journal first, as in `LocalStore.read`; read again when it was taken away meanwhile."""
        return self._view(*self._lines())[0]

    @contextmanager
    def session(self, doing: str, about: Mapping[str, str] | None = None) -> Iterator[Session]:
        """Hold the lease. `Locked` while another has it: at most a lease's length longer than that one lives, and no
        longer than that where it was a process of this machine."""
        who = holder.me(doing)
        lease = self._taken()
        try:
            held = _Held(self._blobs, self.key, self._prefix, self._mark, lease, self._part)
            held.claim(who)
            view, held.etag = self._view(*held.take_over())
            session = Session(held, view, who, about)
            lease.when_lost(session.lost)
            held.inherits = view.interrupted
            if not view.interrupted:
                held.drop()  # compacted already
            try:
                yield session
            finally:
                session.close()
            lease.known()
        finally:
            lease.release()

    def _taken(self) -> Lease:
        try:
            try:
                return Lease(self._blobs, self.key, self._pace)
            except Conflict:
                if not buried(self._blobs, self.key, HOLDER):
                    raise
                return Lease(self._blobs, self.key, self._pace)
        except Conflict as error:
            raise self._refused() from error
        except NotFound as error:
            raise self._no_container() from error

    def held(self) -> holder.Holder | None:
        """By the lease, and what its holder wrote beside it."""
        head = self._blobs.head(self.key)
        if head is None or not head.leased:
            return None
        return holder.loads(head.metadata.get(HOLDER, "")) or holder.UNKNOWN

    def unlock(self) -> str:
        """See `planner.store.unlocking`."""
        return unlock(self._blobs, self.key, HOLDER, self._pace)

    def _view(self, lines: bytes, reached: int) -> tuple[View, str]:
        """The view, and the ETag of the state that it rests on."""
        found = self._blobs.get(self.key)
        if found is None and not self._blobs.exists():
            raise self._no_container()
        told: Replay | None = parse(lines, f"{self._blobs.where}/{self._prefix}")
        base = None
        if found is not None and found[0]:
            base = loads(found[0], self.where)
            check_estate(base, self._estate, self.where)
        elif found is not None:
            self._check_empty()
        empty = State(self._lineage, 0, self._estate)
        view = joined(base, empty, told, f"{self._blobs.where}/{self._prefix}", self.where)
        check_reached(base, reached, self.where, f"{self._blobs.where}/{mark_name(self._mark, reached)}")
        return view, found[1] if found else ""

    def _check_empty(self) -> None:
        """A blob without content is one that was leased before its first write, or has lost what it held."""
        head = self._blobs.head(self.key)
        if head is not None and SERIAL in head.metadata:
            raise BadState(
                f"{self.where} is empty and was at serial {head.metadata[SERIAL]}. Restore an earlier version of the blob.",
                "WL420",
            )

    def _lines(self) -> tuple[bytes, int]:
        """Of the journal; and the highest serial that was recorded."""
        for _ in range(10):
            names = self._blobs.list(f"{self.key}.")
            got = {name: self._blobs.get(name) for name in names if epoch_of(self._prefix, name) > -1}
            if all(one is not None for one in got.values()):
                lines = joined_lines(self._prefix, {name: one[0] for name, one in got.items() if one})
                return lines, max(serials(self._mark, names), default=0)
        raise BadState(f"the journal beside {self.where} keeps changing. Read it again when its holder is done.", "WL423")

    def _refused(self) -> Locked:
        head = self._blobs.head(self.key)
        who = holder.loads(head.metadata.get(HOLDER, "")) if head else None
        return Locked(
            f"the state {self.where} is locked by {who or 'somebody who has not said who'}. Wait until it is done. If it "
            f"died, the lock runs out within {self._pace.lease} s; `wavelift state unlock` looks whether it lives."
        )

    def _no_container(self) -> BadState:
        return BadState(
            f"there is no {self._blobs.where}, where the state is to lie. `wavelift init --bootstrap` makes it; "
            "if it should be there, check state.azure_blob; if it was deleted, restore it first (Azure keeps a deleted container "
            "where that is switched on): a new one knows nothing of what was made.",
            "WL424",
        )


def joined_lines(prefix: str, parts: Mapping[str, bytes]) -> bytes:
    """The text of the journal, from all parts that there are.

    Two epochs lie there together only when one was cut off while it took the other over: then the shorter text is the
    beginning of the longer one. Without its part 0 a journal was never begun, or is deleted.
    """
    texts: dict[int, bytes] = {}
    for name in sorted(parts):
        epoch = epoch_of(prefix, name)
        if name == part_name(prefix, epoch, 0):
            texts[epoch] = parts[name]
        elif epoch in texts:
            texts[epoch] += parts[name]
    return max(texts.items(), key=lambda one: (len(one[1]), one[0]), default=(0, b""))[1]


def mark_name(prefix: str, serial: int) -> str:
    """Of an empty blob that says by its name that this serial was recorded: it costs a listing nothing."""
    return f"{prefix}{serial:08}"


def serials(prefix: str, names: Iterable[str]) -> list[int]:
    return [int(tail) for name in names if (tail := name.removeprefix(prefix)) != name and tail.isdecimal()]


class _Held:
    """The lock is ours: `Backing` of the session."""

    def __init__(self, blobs: StateBlobs, key: str, prefix: str, mark: str, lease: Lease, part: int) -> None:
        self._blobs, self._key, self._prefix, self._mark, self._lease, self._limit = blobs, key, prefix, mark, lease, part
        self.epoch = 0
        self.etag = ""
        self.inherits = False
        self._metadata: dict[str, str] = {}

    def claim(self, who: holder.Holder) -> None:
        """Raise the epoch and say who we are: from here on no write of an earlier holder lands on the state. Above that of every
        journal, too: an earlier version of the blob, put back by hand, says an earlier epoch."""
        head: Head | None = self._blobs.head(self._key)
        if head is None:
            raise Locked(f"{self._blobs.where}/{self._key} went away while its lock was taken. Try again.")
        told = dict(head.metadata)
        journals = (epoch_of(self._prefix, name) for name in self._blobs.list(self._prefix))
        self.epoch = max(int(told.get(EPOCH, "0")), *journals, 0) + 1
        self._metadata = {**told, EPOCH: str(self.epoch), HOLDER: who.dumps()}
        with self._writing():
            self.etag = self._blobs.mark(self._key, self._metadata, head.etag, self._lease.id)

    def take_over(self) -> tuple[bytes, int]:
        """The lines of an earlier journal, which is ours from here on; those of earlier epochs are gone. And the highest serial
        that was recorded."""
        mine = part_name(self._prefix, self.epoch, 0)
        etag: str | None = None
        held = b""
        with self._writing():
            while True:
                listed = self._blobs.list(f"{self._key}.")
                names = [n for n in listed if -1 < epoch_of(self._prefix, n) < self.epoch]
                if not names:
                    return held, max(serials(self._mark, listed), default=0)
                found = {n: one for n in names if (one := self._blobs.get(n)) is not None}
                text = joined_lines(self._prefix, {n: one[0] for n, one in found.items()})
                text = text[: text.rfind(b"\n") + 1]
                if len(text) > len(held):
                    etag = self._blobs.put(mine, text, etag)
                    held = text
                self._delete({n: found[n][1] for n in sorted(found, reverse=True)})

    def drop(self) -> None:
        """Delete our journal: what it says is in the state, or it says nothing. Never that of a later holder, who may be there if
        this process was stopped since it looked at its lease."""
        with self._writing():
            for name in sorted(self._blobs.list(self._prefix), reverse=True):
                if epoch_of(self._prefix, name) <= self.epoch:
                    self._blobs.delete(name)

    def check(self) -> None:
        self._lease.check()

    def write(self, state: State) -> None:
        with self._writing():
            metadata = {**self._metadata, SERIAL: str(state.serial)}
            self.etag = self._blobs.put(self._key, dumps(state), self.etag, lease=self._lease.id, metadata=metadata)
            self._metadata = metadata
            self._reached(state.serial)
        self.drop()
        self.inherits = False

    def _reached(self, serial: int) -> None:
        """After the state: a mark without its state would keep everybody out."""
        if not serial:
            return
        mine = mark_name(self._mark, serial)
        try:
            self._blobs.start(mine)
        except Conflict:
            return  # the state was written again under the serial that it had
        for old in self._blobs.list(self._mark):
            if old < mine:
                self._blobs.delete(old)

    def journal(self, state: State) -> BlobJournal:
        with self._writing():
            if not self.inherits:
                head = line_of({"lineage": state.lineage, "serial": state.serial})
                self._blobs.put(part_name(self._prefix, self.epoch, 0), head, None)
            return BlobJournal(self._blobs, self._prefix, self.epoch, self._lease, self._limit)

    def _delete(self, versions: Mapping[str, str]) -> None:
        """In this order, each in this version; last parts first, for only they can grow."""
        for name, etag in versions.items():
            try:
                self._blobs.delete(name, etag)
            except Conflict:
                return  # a line of the earlier holder has landed: look again

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Nothing is written without the lease; what says that somebody else was there says that it is lost."""
        self._lease.check()
        try:
            yield
        except Conflict as error:
            self._lease.lose(f"another has written ({error.message})")
            self._lease.check()
        except NotFound as error:
            raise Unwritable(f"{error}") from error
        except PortError as error:
            raise Unwritable(f"{error}") from error


