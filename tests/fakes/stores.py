"""Log, documents, keys and replica disks in memory, with Azure's conditions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from replication.model.errors import Conflict, NotFound, Permanent
from replication.model.extents import SECTOR, Extent
from tests.fakes.clock import FakeClock


class FakeLog:
    def __init__(self) -> None:
        self.blobs: dict[str, tuple[bytes, dict[str, str]]] = {}
        self.lock = threading.Lock()
        self.puts = 0

    def put(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        with self.lock:
            if name in self.blobs:
                raise Conflict("blob exists", subject=name)
            self.puts += 1
            self.blobs[name] = (bytes(data), dict(metadata))

    def get(self, name: str) -> tuple[bytes, dict[str, str]]:
        with self.lock:
            if name not in self.blobs:
                raise NotFound("no such blob", subject=name)
            data, metadata = self.blobs[name]
            return data, dict(metadata)

    def list(self, prefix: str) -> Iterator[str]:
        with self.lock:
            return iter(sorted(n for n in self.blobs if n.startswith(prefix)))

    def delete_prefix(self, prefix: str) -> int:
        with self.lock:
            gone = [n for n in self.blobs if n.startswith(prefix)]
            for name in gone:
                del self.blobs[name]
            return len(gone)

    def flip(self, name: str, at: int = -20) -> None:
        """Flip one bit of a stored blob."""
        with self.lock:
            data, metadata = self.blobs[name]
            damaged = bytearray(data)
            damaged[at] ^= 1
            self.blobs[name] = (bytes(damaged), metadata)


class FakeDocuments:
    def __init__(self, clock: FakeClock) -> None:
        self.docs: dict[str, tuple[bytes, str]] = {}
        self.leases: dict[str, tuple[str, float]] = {}
        self.history: list[tuple[str, bytes]] = []
        self._clock = clock
        self._n = 0
        self.lock = threading.Lock()

    def _next(self) -> str:
        self._n += 1
        return f'"0x{self._n:08X}"'

    def get(self, name: str) -> tuple[bytes, str] | None:
        with self.lock:
            return self.docs.get(name)

    def put(self, name: str, data: bytes, etag: str | None) -> str:
        with self.lock:
            old = self.docs.get(name)
            if (old[1] if old else None) != etag:
                raise Conflict("the document was changed by somebody else", subject=name)
            self.docs[name] = (bytes(data), self._next())
            self.history.append((name, bytes(data)))
            return self.docs[name][1]

    def put_any(self, name: str, data: bytes) -> None:
        with self.lock:
            self.docs[name] = (bytes(data), self._next())

    def list(self, prefix: str) -> dict[str, str]:
        with self.lock:
            return {n: etag for n, (_, etag) in sorted(self.docs.items()) if n.startswith(prefix)}

    def delete(self, name: str, etag: str | None = None) -> None:
        with self.lock:
            old = self.docs.get(name)
            if old is None:
                return
            if etag is not None and old[1] != etag:
                raise Conflict("the document was changed by somebody else", subject=name)
            del self.docs[name]

    def acquire_lease(self, name: str, seconds: int) -> str:
        if not 15 <= seconds <= 60:
            raise Permanent(f"lease of {seconds} seconds (15 to 60)")
        with self.lock:
            held = self.leases.get(name)
            if held is not None and held[1] > self._clock.now():
                raise Conflict("the lease is held by another", subject=name)
            self._n += 1
            self.leases[name] = (f"lease-{self._n}", self._clock.now() + seconds)
            self.docs.setdefault(name, (b"", self._next()))
            return self.leases[name][0]

    def renew_lease(self, name: str, lease: str) -> None:
        with self.lock:
            held = self.leases.get(name)
            if held is None or held[0] != lease:
                raise Conflict("the lease was lost", subject=name)
            self.leases[name] = (lease, self._clock.now() + 60)

    def release_lease(self, name: str, lease: str) -> None:
        with self.lock:
            held = self.leases.get(name)
            if held is not None and held[0] == lease:
                del self.leases[name]


class FakeKeys:
    def __init__(self) -> None:
        self.versions: dict[str, dict[str, bytes]] = {
            "log-key": {"v1": bytes(range(32))},
            "report-key": {"v1": bytes(range(32, 64))},
        }

    def current(self, name: str) -> tuple[str, bytes]:
        if name not in self.versions:
            raise NotFound("no such secret", subject=name)
        version = list(self.versions[name])[-1]
        return version, self.versions[name][version]

    def version(self, name: str, version: str) -> bytes:
        if version not in self.versions.get(name, {}):
            raise NotFound("no such version of the secret", subject=f"{name}/{version}")
        return self.versions[name][version]


@dataclass
class PageBlob:
    content: bytearray
    sequence: int = 0
    written: set[int] = field(default_factory=set)
    points: dict[str, tuple[bytes, frozenset[int]]] = field(default_factory=dict)


class FakeReplicas:
    """Page blobs. `refused` counts writes that the sequence number refused."""

    def __init__(self) -> None:
        self.blobs: dict[str, PageBlob] = {}
        self.refused = 0
        self.lock = threading.RLock()
        self.watch: Callable[[str, int, int], None] | None = None
        self._n = 0

    def _blob(self, name: str) -> PageBlob:
        if name not in self.blobs:
            raise NotFound("no such page blob", subject=name)
        return self.blobs[name]

    def ensure(self, name: str, size: int) -> None:
        with self.lock:
            blob = self.blobs.setdefault(name, PageBlob(bytearray(size)))
            if len(blob.content) < size:
                blob.content.extend(bytes(size - len(blob.content)))

    def raise_fence(self, name: str, fence: int) -> None:
        with self.lock:
            blob = self._blob(name)
            if blob.sequence > fence:
                raise Conflict("sequence number is higher", subject=name)
            blob.sequence = fence

    def _put(self, name: str, offset: int, data: bytes, fence: int, present: bool) -> None:
        with self.lock:
            blob = self._blob(name)
            if blob.sequence != fence:
                self.refused += 1
                raise Conflict(f"SequenceNumberConditionNotMet: {blob.sequence}, not {fence}", subject=name)
            if offset % SECTOR or len(data) % SECTOR or not data or offset + len(data) > len(blob.content):
                raise Permanent(f"InvalidPageRange {offset}+{len(data)}", subject=name)
            blob.content[offset : offset + len(data)] = data
            pages = range(offset // SECTOR, (offset + len(data)) // SECTOR)
            (blob.written.update if present else blob.written.difference_update)(pages)
            if self.watch:
                self.watch(name, offset, len(data))

    def write(self, name: str, offset: int, data: bytes, fence: int) -> None:
        self._put(name, offset, bytes(data), fence, True)

    def clear(self, name: str, offset: int, length: int, fence: int) -> None:
        self._put(name, offset, bytes(length), fence, False)

    def checkpoint(self, name: str) -> str:
        with self.lock:
            self._n += 1
            point = f"2026-01-01T00:00:{self._n:09.4f}Z"
            blob = self._blob(name)
            blob.points[point] = (bytes(blob.content), frozenset(blob.written))
            return point

    def checkpoints(self, name: str) -> list[str]:
        with self.lock:
            return sorted(self.blobs[name].points) if name in self.blobs else []

    def drop_checkpoint(self, name: str, point: str) -> None:
        with self.lock:
            if name in self.blobs:
                self.blobs[name].points.pop(point, None)

    def read(self, name: str, point: str | None, offset: int, length: int) -> bytes:
        with self.lock:
            blob = self._blob(name)
            if point is not None and point not in blob.points:
                raise NotFound("no such snapshot", subject=f"{name}?{point}")
            content = blob.points[point][0] if point else bytes(blob.content)
            return content[offset : offset + length]

    def delete(self, name: str) -> None:
        with self.lock:
            self.blobs.pop(name, None)

    def copy_url(self, name: str, point: str) -> str:
        return f"fake://{name}?{point}"

    def allocated(self, name: str, point: str, size: int) -> list[Extent]:
        from replication.model.extents import normal

        with self.lock:
            blob = self._blob(name)
            if point not in blob.points:
                raise NotFound("no such snapshot", subject=f"{name}?{point}")
            return normal(Extent(p * SECTOR, SECTOR) for p in sorted(blob.points[point][1]))

    def changed(self, name: str, since: str, point: str, size: int) -> list[Extent]:
        """Sectors whose bytes or presence differ between the two snapshots."""
        from replication.model.extents import normal

        with self.lock:
            blob = self._blob(name)
            for one in (since, point):
                if one not in blob.points:
                    raise NotFound("no such snapshot", subject=f"{name}?{one}")
            (old, was), (new, now) = blob.points[since], blob.points[point]
            moved = [
                s for s in range(-(-size // SECTOR))
                if old[s * SECTOR : (s + 1) * SECTOR] != new[s * SECTOR : (s + 1) * SECTOR] or (s in was) != (s in now)
            ]  # fmt: skip
            return normal(Extent(s * SECTOR, SECTOR) for s in moved)
