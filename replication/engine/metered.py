"""Ports seen through an appliance's throttle: every call that carries data passes the line (S13), whichever one it is.

Every byte that an appliance sends or receives counts. Source reads, log blobs, pages and documents wait for the line; the
heads of their requests and answers and what TLS adds are charged when they have passed, and so are calls without data (SOAP
to vCenter, listings, deletions), at what such a call takes: they are small and nothing may wait for them. What Azure copies by
itself is none of the appliance's traffic; Azure Resource Manager and Key Vault, some requests an hour, are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from replication.engine.pace import Pace
from replication.line import in_parts, metered, records
from replication.model.source import Snapshot
from replication.ports import DiskReader, DocumentStore, LogStore, ReplicaStore, Source

PIECES = ((100e6, 128 * 1024), (1e9, 512 * 1024))
"""Up to so many bits a second answers are asked for in pieces of so many bytes: what is under way already when the rate is
lowered would be seconds of the new one."""


HEADS = 3 * 1024
"""Bytes of a small request to Azure and its answer; the bearer token alone is about 2 KiB."""
SOAP = 6 * 1024
"""Bytes of a call to vCenter and its answer."""
ENTRY = 300
"""Bytes of one member of a listing's answer: an area of changed blocks, a blob's name and properties."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the work on one machine draws from: `check` may raise to leave a wait, `urgent` says whose claim goes first."""

    pace: Pace
    check: Callable[[], None]
    urgent: Callable[[], bool]

    def draw(self, size: int) -> None:
        self.pace.wait(size, self.check, self.urgent())

    def charge(self, size: int) -> None:
        self.pace.charge(size, self.urgent())


class _Through:
    """All of `inner`, but for the methods that a subclass has of its own; each call of the others is charged."""

    call = HEADS
    """What a call without data takes."""
    beside = 0
    """What a call takes beside its data when its provider does not count that."""

    def __init__(self, inner: Any, line: Line) -> None:
        self._inner, self._line = inner, line

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def charged(*given: Any, **named: Any) -> Any:
            got = method(*given, **named)
            many = len(got) if isinstance(got, list | dict | tuple) else 0
            self._line.charge(self.call + ENTRY * many)
            return got

        return charged if callable(method) else method

    def _sent(self, data: bytes, do: Callable[[], Any]) -> Any:
        return self._carried(do, lambda _: len(data))

    def _received(self, do: Callable[[], bytes]) -> bytes:
        return cast(bytes, self._carried(do, len))

    def _carried(self, do: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        rate = self._line.pace.rate
        if rate is None:
            got = do()
            self._line.pace.count(size(got) + self.beside)
            return got
        piece = next((piece for most, piece in PIECES if rate <= most), None)
        with metered(self._line.draw, piece, self._line.charge) as call:
            got = do()
            carried = size(got)
            call.settle(carried)
        self._line.charge(records(carried) + self.beside)
        return got


class _Reader(_Through):
    def read(self, offset: int, length: int) -> bytes:
        return self._received(lambda: in_parts(offset, length, self._inner.read))


class _Source(_Through):
    call = SOAP

    def open_disk(self, machine: str, snapshot: Snapshot, disk: int) -> AbstractContextManager[DiskReader]:
        return self._opened(machine, snapshot, disk)

    @contextmanager
    def _opened(self, machine: str, snapshot: Snapshot, disk: int) -> Iterator[DiskReader]:
        with self._inner.open_disk(machine, snapshot, disk) as reader:
            yield cast(DiskReader, _Reader(reader, self._line))


class _Log(_Through):
    def put(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        self._sent(data, lambda: self._inner.put(name, data, metadata))

    def get(self, name: str) -> tuple[bytes, dict[str, str]]:
        found: list[dict[str, str]] = []

        def get() -> bytes:
            data, metadata = self._inner.get(name)
            found.append(metadata)
            return cast(bytes, data)

        return self._received(get), found[0]


class _Replicas(_Through):
    def write(self, name: str, offset: int, data: bytes, fence: int) -> None:
        self._sent(data, lambda: self._inner.write(name, offset, data, fence))

    def read(self, name: str, point: str | None, offset: int, length: int) -> bytes:
        return self._received(lambda: in_parts(offset, length, partial(self._inner.read, name, point)))


class _Documents(_Through):
    beside = HEADS

    def get(self, name: str) -> tuple[bytes, str] | None:
        found: list[str] = []

        def get() -> bytes:
            got = self._inner.get(name)
            if got is None:
                return b""
            found.append(got[1])
            return cast(bytes, got[0])

        data = self._received(get)
        return (data, found[0]) if found else None

    def put(self, name: str, data: bytes, etag: str | None) -> str:
        return cast(str, self._sent(data, lambda: self._inner.put(name, data, etag)))

    def put_any(self, name: str, data: bytes) -> None:
        self._sent(data, lambda: self._inner.put_any(name, data))


def source(inner: Source, line: Line) -> Source:
    """The disk readers that it opens pass the line."""
    return cast(Source, _Source(inner, line))


def log(inner: LogStore, line: Line) -> LogStore:
    return cast(LogStore, _Log(inner, line))


def replicas(inner: ReplicaStore, line: Line) -> ReplicaStore:
    return cast(ReplicaStore, _Replicas(inner, line))


def documents(inner: DocumentStore, line: Line) -> DocumentStore:
    return cast(DocumentStore, _Documents(inner, line))
