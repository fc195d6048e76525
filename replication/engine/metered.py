"""Ports seen through an appliance's throttle: every call that carries data passes the line (S13), whichever one it is.

Counted are source reads, log blobs put and fetched, pages written and read, and documents; requests without data, headers
and what Azure copies by itself are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from replication.engine.pace import Pace
from replication.line import in_parts, metered
from replication.model.source import Snapshot
from replication.ports import DiskReader, DocumentStore, LogStore, ReplicaStore, Source

PIECES = ((100e6, 128 * 1024), (1e9, 512 * 1024))
"""Up to so many bits a second answers are asked for in pieces of so many bytes: what is under way already when the rate is
lowered would be seconds of the new one."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the work on one machine draws from: `check` may raise to leave a wait, `urgent` says whose claim goes first."""

    pace: Pace
    check: Callable[[], None]
    urgent: Callable[[], bool]

    def draw(self, size: int) -> None:
        self.pace.wait(size, self.check, self.urgent())


class _Through:
    """All of `inner`, but for the methods that a subclass has of its own."""

    def __init__(self, inner: Any, line: Line) -> None:
        self._inner, self._line = inner, line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _sent(self, data: bytes, do: Callable[[], Any]) -> Any:
        return self._carried(do, lambda _: len(data))

    def _received(self, do: Callable[[], bytes]) -> bytes:
        return cast(bytes, self._carried(do, len))

    def _carried(self, do: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        rate = self._line.pace.rate
        if rate is None:
            return do()
        with metered(self._line.draw, next((piece for most, piece in PIECES if rate <= most), None)) as call:
            got = do()
            call.settle(size(got))
        return got


class _Reader(_Through):
    def read(self, offset: int, length: int) -> bytes:
        return self._received(lambda: in_parts(offset, length, self._inner.read))


class _Source(_Through):
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
