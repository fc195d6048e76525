"""The stored hashes of one disk's blocks: what the replica holds, block by block, as of the last recovery point.

Rules
1. A hash describes the replica at the newest commit. Before the first write of an attempt its blocks are put into `doubt`
   (a compare-and-swap of the head document); after the commit the new hashes are written into their segments, and only
   then are the blocks taken out of doubt. So whatever a crash leaves, a block that may differ counts as unknown.
2. An initial attempt streams: everything is in doubt until the commit. Segments are written with each window, before the
   window counts as done; at the seal the head names the attempt, and its commit ends the doubt.
3. Documents: one head (place of the rolling re-check, blocks in doubt, blocks of the last cycle) and segments of 8,192
   hashes (512 MiB of disk with blocks of 64 KiB), zstd, so that a cycle writes only the segments that it touched.
4. New hashes are kept in memory until the commit, within a budget that all machines share; what it has no room for, or
   what died with its process, stays in doubt and is read and sent the next time somebody looks at it.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import zstandard

from replication import blocks
from replication.bitmap import BadBitmap, SectorSet
from replication.blocks import DIGEST, UNKNOWN
from replication.engine.budget import Budget
from replication.engine.journal import Cell
from replication.engine.retry import Retry
from replication.model.extents import Extent, subtract
from replication.model.item import ItemDisk
from replication.model.record import Record
from replication.ports import DocumentStore


def hashes_name(machine: str, replication: str, disk: int, segment: int | None = None) -> str:
    """The document of a segment, or of the head."""
    part = "head" if segment is None else f"{segment:06}"
    return f"{hashes_prefix(machine, replication)}{disk}/{part}.bin"


def hashes_prefix(machine: str, replication: str) -> str:
    return f"hashes/{machine}/{replication}/"


SEGMENT = 8192
"""Hashes in one document."""
_ENTRY = 128
"""What one new hash costs in memory while there are few in its segment."""
_FEW = SEGMENT * DIGEST // _ENTRY
_KEPT = 16
"""Segments of one disk that are kept after reading."""
_SETS = ("doubt", "last")


class _Fresh:
    """New hashes of one segment: a mapping while there are few, an array from then on. Both cost what was taken."""

    def __init__(self) -> None:
        self.few: dict[int, bytes] = {}
        self.many: bytearray | None = None
        self.set: bytearray | None = None
        self.cost = 0

    def put(self, at: int, value: bytes, budget: Budget) -> bool:
        if self.many is None and at not in self.few:
            if len(self.few) >= _FEW:
                self._widen()
            elif not budget.take(_ENTRY):
                return False
            else:
                self.cost += _ENTRY
        if self.many is None or self.set is None:
            self.few[at] = value
        else:
            self.many[at * DIGEST : (at + 1) * DIGEST] = value
            self.set[at] = 1
        return True

    def fill(self, start: int, end: int, value: bytes, budget: Budget) -> bool:
        """The same hash for a run, at the cost of the array."""
        if self.many is None:
            if not budget.take(SEGMENT * DIGEST - self.cost):
                return False
            self.cost = SEGMENT * DIGEST
            self._widen()
        if self.many is not None and self.set is not None:
            self.many[start * DIGEST : end * DIGEST] = value * (end - start)
            self.set[start:end] = b"\1" * (end - start)
        return True

    def _widen(self) -> None:
        self.many, self.set = bytearray(SEGMENT * DIGEST), bytearray(SEGMENT)
        for at, value in self.few.items():
            self.many[at * DIGEST : (at + 1) * DIGEST] = value
            self.set[at] = 1
        self.few = {}

    def items(self) -> Iterator[tuple[int, bytes]]:
        yield from sorted(self.few.items())
        if self.many is not None and self.set is not None:
            for at in range(SEGMENT):
                if self.set[at]:
                    yield at, bytes(self.many[at * DIGEST : (at + 1) * DIGEST])


class Checksums:
    """Of one disk, for the time of one job. `known` and `note` may be called from several threads."""

    def __init__(self, documents: DocumentStore, retry: Retry, record: Record, disk: ItemDisk, size: int, budget: Budget) -> None:
        """`size`: bytes of a block. Reads the head; one that is missing or not whole means that nothing is known."""
        self._documents, self._retry, self._disk, self.size, self._budget = documents, retry, disk, size, budget
        self._names = (record.machine, record.replication, disk.key)
        self._unbounded = Budget(1 << 62)
        self._lock = threading.Lock()
        self._cells: dict[int, Cell] = {}
        self._segments: OrderedDict[int, bytes] = OrderedDict()
        self._fresh: dict[int, _Fresh] = {}
        self.doubt, self.last = SectorSet.whole(disk.capacity), SectorSet()
        """Bytes of blocks that nobody can speak for, and of those that the last cycle carried."""
        self.cursor = 0
        """Block at which the next re-check begins."""
        self.moved = False
        """The place has moved since the head was written."""
        self._sealed, self._resolved = "", False
        self._streams = False
        found = self._retry(lambda: documents.get(hashes_name(*self._names)))
        self._cell = Cell(documents, retry, hashes_name(*self._names), found[1] if found else None)
        if found is not None:
            self._read(found[0], record)

    # what is known

    def known(self, index: int) -> bytes | None:
        """The hash of a block of the replica, None when it is in doubt."""
        if index * self.size // 512 in self.doubt:
            return None
        segment, at = divmod(index, SEGMENT)
        found = self._segment(segment)[at * DIGEST : (at + 1) * DIGEST]
        return None if found == UNKNOWN or len(found) < DIGEST else found

    def zeros(self, extents: Iterable[Extent]) -> list[Extent]:
        """The blocks within `extents` (whole blocks) whose hash is that of zeros."""
        out: list[Extent] = []
        for extent in extents:
            for start, end in _runs(extent, self.size):
                out += self._zeros(start, end)
        return out

    def _zeros(self, start: int, end: int) -> Iterator[Extent]:
        """Blocks `start`..`end` of one segment."""
        segment, base = self._segment(start // SEGMENT), start // SEGMENT * SEGMENT
        span = Extent(start * self.size, min(end * self.size, self._disk.capacity) - start * self.size)
        whole = blocks.zero_digest(self.size) * (end - start)
        clear = not SectorSet.of([span]).intersection(self.doubt)
        if clear and span.length % self.size == 0 and segment[(start - base) * DIGEST : (end - base) * DIGEST] == whole:
            yield span
            return
        for index in range(start, end):
            length = min(self.size, self._disk.capacity - index * self.size)
            if self.known(index) == blocks.zero_digest(length):
                yield Extent(index * self.size, length)

    def leaves(self) -> Iterator[bytes | None]:
        """Every block's hash in order, None where it is not known."""
        return (self.known(index) for index in range(blocks.number(self._disk.capacity, self.size)))

    def segments(self) -> Iterator[tuple[int, bytes]]:
        """(number, its hashes in order), `UNKNOWN` for a block that nobody can speak for; ends with the disk's last block."""
        count = blocks.number(self._disk.capacity, self.size)
        for number in range(-(-count // SEGMENT)):
            first, length = number * SEGMENT, min(SEGMENT, count - number * SEGMENT)
            content = bytearray(self._segment(number)[: length * DIGEST])
            content.extend(bytes(length * DIGEST - len(content)))
            span = SectorSet.of([Extent(first * self.size, min(length * self.size, self._disk.capacity - first * self.size))])
            for extent in blocks.cover(span.intersection(self.doubt).extents(), self.size, self._disk.capacity):
                for start, end in _runs(extent, self.size):
                    content[(start - first) * DIGEST : (end - first) * DIGEST] = UNKNOWN * (end - start)
            yield number, bytes(content)

    # what an attempt finds

    def note(self, index: int, value: bytes) -> None:
        """The hash that the block has in this attempt's snapshot."""
        segment, at = divmod(index, SEGMENT)
        with self._lock:
            self._fresh.setdefault(segment, _Fresh()).put(at, value, self._room)

    def note_zero(self, extents: Iterable[Extent]) -> None:
        """Whole blocks of zeros; blocks that are covered in part only become unknown."""
        found = list(extents)
        capacity = self._disk.capacity
        inside = blocks.inside(found, self.size, capacity)
        for extent in subtract(blocks.cover(found, self.size, capacity), inside):
            for index in range(extent.offset // self.size, blocks.number(extent.end, self.size)):
                self.note(index, UNKNOWN)
        for start, end in (run for extent in inside for run in _runs(extent, self.size)):
            if (tail := capacity - (end - 1) * self.size) < self.size:
                self.note(end - 1, blocks.zero_digest(tail))
                end -= 1
            with self._lock:
                base = start // SEGMENT * SEGMENT
                fresh = self._fresh.setdefault(start // SEGMENT, _Fresh())
                fresh.fill(start - base, end - base, blocks.zero_digest(self.size), self._room)
            if self._streams and len(self._fresh) > _KEPT:
                self.flush()

    @property
    def _room(self) -> Budget:
        """An initial attempt must write down every hash that it finds, an older one would be believed otherwise; it is
        bounded by its windows, each of which is flushed."""
        return self._unbounded if self._streams else self._budget

    def forget(self) -> None:
        """The attempt has ended without a commit."""
        with self._lock:
            self._room.give(sum(fresh.cost for fresh in self._fresh.values()))
            self._fresh = {}

    # what is written

    def begin(self) -> None:
        """An initial attempt begins: everything is in doubt until its commit."""
        self.forget()
        self._streams = True
        self.doubt, self._sealed, self.last = SectorSet.whole(self._disk.capacity), "", SectorSet()
        self.save()

    def sealed(self, attempt: str) -> None:
        """Everything of an initial attempt is in the segments: its commit will end the doubt."""
        self.flush()
        self._sealed = attempt
        self.save()

    def suspect(self, sectors: SectorSet) -> None:
        """Before the first write of an attempt: the blocks of `sectors` may change from now on. Durable on return."""
        touched = SectorSet.of(blocks.cover(sectors.extents(), self.size, self._disk.capacity))
        if self.moved or self._resolved or touched.difference(self.doubt) or touched != self.last:
            self.doubt, self.last = self.doubt.union(touched), touched
            self.save()

    def settle(self) -> None:
        """After the commit: what was noted is now what the replica holds."""
        clear = self.flush()
        if clear:
            self.doubt = self.doubt.difference(clear)
            self.save()

    def flush(self) -> SectorSet:
        """Write what was noted into its segments; the blocks (in bytes) that are known now."""
        clear = SectorSet()
        for segment in sorted(self._fresh):
            fresh = self._fresh[segment]
            content = bytearray(self._segment(segment))
            content.extend(bytes(max(0, SEGMENT * DIGEST - len(content))))
            for at, value in fresh.items():
                content[at * DIGEST : (at + 1) * DIGEST] = value
                if value != UNKNOWN:
                    start = (segment * SEGMENT + at) * self.size
                    clear.add(Extent(start, min(self.size, self._disk.capacity - start)))
            packed = zstandard.ZstdCompressor(level=1).compress(bytes(content))
            self._cells[segment].put(blocks.digest(packed) + packed)
            with self._lock:
                self._segments[segment] = bytes(content)
                del self._fresh[segment]
            self._room.give(fresh.cost)
        return clear

    def save(self) -> None:
        self._resolved = self.moved = False
        sets = [getattr(self, name).to_bytes() for name in _SETS]
        head = {
            "schema": 1, "uuid": self._disk.uuid, "capacity": self._disk.capacity, "block": self.size,
            "cursor": self.cursor, "sealed": self._sealed, "sets": [len(data) for data in sets],
        }  # fmt: skip
        self._cell.put(json.dumps(head, sort_keys=True).encode() + b"\n" + b"".join(sets))

    # reading

    def _read(self, data: bytes, record: Record) -> None:
        line, _, rest = data.partition(b"\n")
        try:
            head = json.loads(line)
            if (head["schema"], head["uuid"], head["block"]) != (1, self._disk.uuid, self.size):
                return
            first, second = head["sets"]
            if first + second != len(rest):
                return
            doubt, last = SectorSet.from_bytes(rest[:first]), SectorSet.from_bytes(rest[first:])
            cursor, sealed, capacity = int(head["cursor"]), str(head["sealed"]), int(head["capacity"])
        except (ValueError, KeyError, TypeError, BadBitmap):
            return  # not whole: nothing is known, the next cycles find it out again
        if sealed and record.committed is not None and record.committed.attempt == sealed:
            doubt, sealed, self._resolved = SectorSet(), "", True
        if capacity != self._disk.capacity:  # what it grew by, and the block at its old end
            inside = SectorSet.whole(min(capacity, self._disk.capacity) // self.size * self.size)
            doubt = doubt.union(SectorSet.whole(self._disk.capacity).difference(inside))
        self.doubt, self.last, self.cursor, self._sealed = doubt, last, cursor, sealed

    def _segment(self, number: int) -> bytes:
        """The hashes as they are stored; empty where nothing is, or nothing whole."""
        with self._lock:
            found = self._segments.get(number)
            if found is not None:
                self._segments.move_to_end(number)
                return found
            name = hashes_name(*self._names, number)
            got = self._retry(lambda: self._documents.get(name))
            self._cells[number] = Cell(self._documents, self._retry, name, got[1] if got else None)
            self._segments[number] = _unpacked(got[0]) if got else b""
            while len(self._segments) > _KEPT:
                self._segments.popitem(last=False)
            return self._segments[number]


def _runs(extent: Extent, size: int) -> Iterator[tuple[int, int]]:
    """Block numbers (first, end) of `extent`, cut at the ends of segments."""
    start, end = extent.offset // size, blocks.number(extent.end, size)
    while start < end:
        until = min(end, (start // SEGMENT + 1) * SEGMENT)
        yield start, until
        start = until


def _unpacked(data: bytes) -> bytes:
    if blocks.digest(data[DIGEST:]) != data[:DIGEST]:
        return b""
    return zstandard.ZstdDecompressor().decompress(data[DIGEST:])
