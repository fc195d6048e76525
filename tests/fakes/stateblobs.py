"""The blobs of a state in memory, with Azure's conditions and leases."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from planner.store.port import Head
from replication.model.errors import Conflict, NotFound


@dataclass(frozen=True)
class Blob:
    data: bytes
    etag: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    append: bool = False


class FakeStateBlobs:
    """`now` is the clock of the leases."""

    where = "fake/wavelift"

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.blobs: dict[str, Blob] = {}
        self.leases: dict[str, tuple[str, float]] = {}
        self.lock = threading.RLock()
        self._now = now
        self._numbers = itertools.count(1)

    def exists(self) -> bool:
        return True

    def head(self, name: str) -> Head | None:
        with self.lock:
            blob, until = self.blobs.get(name), self.leases.get(name, ("", 0.0))[1]
            if blob is None:
                return None
            return Head(blob.etag, len(blob.data), dict(blob.metadata), until > self._now(), until == float("inf"))

    def get(self, name: str) -> tuple[bytes, str] | None:
        with self.lock:
            blob = self.blobs.get(name)
            return (blob.data, blob.etag) if blob else None

    def put(
        self, name: str, data: bytes, etag: str | None, *, lease: str = "", metadata: Mapping[str, str] | None = None
    ) -> str:
        with self.lock:
            self._may(name, etag, lease)
            self.blobs[name] = Blob(data, self._next(), dict(metadata or {}))
            return self.blobs[name].etag

    def mark(self, name: str, metadata: Mapping[str, str], etag: str, lease: str) -> str:
        with self.lock:
            self._may(name, etag, lease)
            self.blobs[name] = replace(self.blobs[name], metadata=dict(metadata), etag=self._next())
            return self.blobs[name].etag

    def start(self, name: str) -> None:
        with self.lock:
            self._may(name, None, "")
            self.blobs[name] = Blob(b"", self._next(), append=True)

    def append(self, name: str, data: bytes, at: int) -> None:
        with self.lock:
            blob = self.blobs.get(name)
            if blob is None:
                raise NotFound("no such blob", subject=name)
            if len(blob.data) != at or not blob.append:
                raise Conflict("the append position condition was not met", subject=name)
            self.blobs[name] = replace(blob, data=blob.data + data, etag=self._next())

    def list(self, prefix: str) -> dict[str, str]:
        with self.lock:
            return {n: b.etag for n, b in sorted(self.blobs.items()) if n.startswith(prefix)}

    def delete(self, name: str, etag: str | None = None) -> None:
        with self.lock:
            if name in self.blobs:
                self._may(name, etag or self.blobs[name].etag, "")
                del self.blobs[name]

    def acquire_lease(self, name: str, seconds: int) -> str:
        with self.lock:
            if self.leases.get(name, ("", 0.0))[1] > self._now():
                raise Conflict("the lease is held by another", subject=name)
            self.blobs.setdefault(name, Blob(b"", self._next()))
            self.leases[name] = (f"lease-{next(self._numbers)}", self._now() + seconds)
            return self.leases[name][0]

    def renew_lease(self, name: str, lease: str) -> None:
        with self.lock:
            held = self.leases.get(name)
            if held is None or held[0] != lease:
                raise Conflict("the lease was lost", subject=name)
            self.leases[name] = (lease, self._now() + 60)

    def release_lease(self, name: str, lease: str) -> None:
        with self.lock:
            if self.leases.get(name, ("", 0.0))[0] == lease:
                del self.leases[name]

    def break_lease(self, name: str, etag: str) -> None:
        with self.lock:
            if self.blobs[name].etag != etag:
                raise Conflict("the blob was changed by somebody else", subject=name)
            self.leases.pop(name, None)

    def _next(self) -> str:
        return f'"0x{next(self._numbers):08X}"'

    def _may(self, name: str, etag: str | None, lease: str) -> None:
        blob = self.blobs.get(name)
        if (blob.etag if blob else None) != etag:
            raise Conflict("the blob was changed by somebody else", subject=name)
        held, until = self.leases.get(name, ("", 0.0))
        if lease and (lease != held or until <= self._now()):
            raise Conflict("the lease is over", subject=name)
        if not lease and until > self._now():
            raise Conflict("there is a lease on it", subject=name)
