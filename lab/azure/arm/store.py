"""Everything that ARM remembers: records by lower-cased id, written through to an append-only journal.

A record's public document is kept as JSON bytes: a list of 70,000 resources is a join of bytes, not a rendering.
One commit is one line of the journal, so what belongs together (a VM and the disks that it takes) survives a
kill -9 together or not at all. The journal is replayed at start and rewritten when most of it is history.
"""

from __future__ import annotations

import bisect
import json
import os
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_SEPARATORS = (",", ":")
_SLACK = 2000  # journal lines beyond twice the live records before it is rewritten


@dataclass(frozen=True, slots=True)
class Record:
    """One resource (or internal record). `kind` is the lower-cased full type, `raw` the public document."""

    id: str
    kind: str
    raw: bytes
    private: Json = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The id as the store compares it."""
        return self.id.lower()

    @property
    def body(self) -> Json:
        """A fresh copy of the public document."""
        document: Json = json.loads(self.raw)
        return document


def record(resource_id: str, kind: str, body: Json, private: Json | None = None) -> Record:
    """Make a record out of a document."""
    return Record(resource_id, kind.lower(), json.dumps(body, separators=_SEPARATORS).encode(), private or {})


@dataclass(frozen=True, slots=True)
class Gone:
    """A change: the record with this id is deleted."""

    id: str


Change = Record | Gone


class Store:
    """Records below one folder. Writers hold `lock` over read, decide and commit; readers need not."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "arm.journal"
        self.lock = threading.RLock()
        self._records: dict[str, Record] = {}
        self._order: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._versions: dict[str, int] = defaultdict(int)
        self._lines = 0
        self._replay()
        self._journal = _appending(self._path)
        if self._lines > 2 * len(self._records) + _SLACK:
            self._compact()

    def get(self, resource_id: str) -> Record | None:
        """The record with this id, in any case."""
        return self._records.get(resource_id.lower())

    def commit(self, changes: Iterable[Change]) -> None:
        """Carry out all changes, or none: one line in the journal."""
        changes = list(changes)
        if not changes:
            return
        with self.lock:
            line = json.dumps([_encode(change) for change in changes], separators=_SEPARATORS)
            self._journal.write(line.encode() + b"\n")
            self._lines += 1
            for change in changes:
                self._apply(change)
            if self._lines > 4 * len(self._records) + 10 * _SLACK:
                self._compact()

    def under(self, scope: str, kind: str | None = None) -> list[Record]:
        """All records at or below a scope, ordered by id, optionally of one type."""
        prefix = scope.lower().rstrip("/") + "/"
        with self.lock:
            return [self._records[key] for key in self._keys_under(prefix, kind)]

    def page(self, scope: str, kind: str, after: str, limit: int) -> tuple[list[Record], bool]:
        """Up to `limit` records of a type below a scope whose key is greater than `after`; True = there are more."""
        prefix = scope.lower().rstrip("/") + "/"
        with self.lock:
            keys = self._order.get((_subscription(prefix), kind.lower()), [])
            start = bisect.bisect_right(keys, after) if after else bisect.bisect_left(keys, prefix)
            found = []
            for key in keys[start : start + limit + 1]:
                if not key.startswith(prefix):
                    break
                found.append(self._records[key])
        return found[:limit], len(found) > limit

    def kinds(self) -> dict[str, int]:
        """How many records there are of each type."""
        with self.lock:
            totals: dict[str, int] = defaultdict(int)
            for (_, kind), keys in self._order.items():
                if keys:
                    totals[kind] += len(keys)
            return dict(totals)

    def of_kind(self, kind: str) -> list[Record]:
        """All records of a type, in every subscription."""
        wanted = kind.lower()
        with self.lock:
            lists = [keys for (_, kind_), keys in self._order.items() if kind_ == wanted]
            return [self._records[key] for keys in lists for key in keys]

    def version(self, kind: str) -> int:
        """A number that rises whenever a record of this type changes: for caches."""
        return self._versions[kind.lower()]

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()

    def _keys_under(self, prefix: str, kind: str | None) -> Iterator[str]:
        subscription = _subscription(prefix)
        wanted = kind.lower() if kind else None
        for (owner, kind_), keys in list(self._order.items()):
            if owner != subscription or (wanted is not None and kind_ != wanted):
                continue
            for key in keys[bisect.bisect_left(keys, prefix) :]:
                if not key.startswith(prefix):
                    break
                yield key

    def _apply(self, change: Change) -> None:
        key = change.id.lower()
        old = self._records.get(key)
        if old is not None:
            self._versions[old.kind] += 1
        match change:
            case Record():
                self._versions[change.kind] += 1
                if old is None or old.kind != change.kind:
                    self._forget(key, old)
                    bisect.insort(self._order[(_subscription(key), change.kind)], key)
                self._records[key] = change
            case Gone():
                self._forget(key, old)
                self._records.pop(key, None)

    def _forget(self, key: str, old: Record | None) -> None:
        if old is None:
            return
        keys = self._order[(_subscription(key), old.kind)]
        at = bisect.bisect_left(keys, key)
        if at < len(keys) and keys[at] == key:
            del keys[at]

    def _replay(self) -> None:
        """Read the journal; a last line that a kill cut off was never answered and is dropped."""
        if not self._path.exists():
            return
        good = 0
        with open(self._path, "rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                for document in json.loads(line):
                    self._apply(_decode(document))
                self._lines += 1
                good += len(line)
        if good < self._path.stat().st_size:
            os.truncate(self._path, good)

    def _compact(self) -> None:
        temporary = self._path.with_suffix(".new")
        with _writing(temporary) as stream:
            for item in self._records.values():
                stream.write(json.dumps([_encode(item)], separators=_SEPARATORS).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self._path)
        self._journal.close()
        self._journal = _appending(self._path)
        self._lines = len(self._records)


def _appending(path: Path) -> FileIO:
    """The journal, unbuffered; it holds secrets, so nobody else may read it."""
    return FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _writing(path: Path) -> BufferedWriter:
    return BufferedWriter(FileIO(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb"), 1 << 20)


def _subscription(key: str) -> str:
    """`/subscriptions/x` of a key, or "" for what lives outside of subscriptions."""
    parts = key.split("/", 3)
    return parts[2] if len(parts) > 2 and parts[1] == "subscriptions" else ""


def _encode(change: Change) -> Json:
    match change:
        case Record():
            return {"i": change.id, "k": change.kind, "b": change.raw.decode(), "p": change.private}
        case Gone():
            return {"i": change.id}


def _decode(document: Json) -> Change:
    if "k" not in document:
        return Gone(document["i"])
    return Record(document["i"], document["k"], document["b"].encode(), document["p"])
