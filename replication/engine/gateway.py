"""The gateway: source -> log. Reads what was asked for, seals it, puts it into the log; nothing else leaves the source."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

from replication import blocks, manifest
from replication.blocks import UNKNOWN
from replication.engine import packing
from replication.engine.checksums import Checksums
from replication.engine.chunks import Chunk, Within, reads
from replication.engine.reading import ReadTimes
from replication.engine.work import Work
from replication.logformat import NONCE
from replication.manifest import BlobEntry
from replication.model.errors import Conflict, Corrupt, UnknownFate
from replication.model.extents import Extent, intersect, normal, subtract, total
from replication.model.item import ItemDisk
from replication.ports import DiskReader
from replication.sealing import METADATA_CHECKSUM, AttemptKey, Block, Identity, Sealer, split_zeros


@dataclass(frozen=True, slots=True)
class Logged:
    """A blob in the log: which it is, what of the disk it covers, and what it cost."""

    disk: int
    chunk: int
    entry: BlobEntry | None
    """None when nothing of the chunk had to be sent."""
    covered: tuple[Extent, ...]
    read: int
    """Bytes read from the source, gaps that were read through included."""
    sent: int
    same: tuple[Extent, ...] = ()
    """Asked for and not sent: the stored hash of the block says that the replica has it already."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Blocks of a re-check: how many bytes, those that are not what they were, and those that nobody knew."""

    disk: int
    size: int
    differing: tuple[Extent, ...]
    unknown: tuple[Extent, ...]


class Gateway:
    """For one attempt. `log` may be called from several threads; each has a sealer of its own."""

    def __init__(self, work: Work, attempt: str, key: AttemptKey) -> None:
        self._work, self._attempt, self._key = work, attempt, key
        self._local = threading.local()
        self.times = ReadTimes()

    def log(self, disk: ItemDisk, reader: DiskReader, number: int, chunk: Chunk, compare: bool) -> Logged:
        """Read, seal and put one chunk. With `compare`, blocks that the replica has already (by their hashes) are left out."""
        block, read = self._read(disk, reader, chunk, compare)
        same = tuple(subtract(chunk, (*block.data_extents, *block.zero_extents))) if compare else ()
        if not block.sectors:
            return Logged(disk.key, number, None, (), read, 0, same)
        return self._put(disk, number, block, read, same)

    def log_zero(self, disk: ItemDisk, number: int, chunk: Chunk) -> Logged:
        """Put extents that the source reports as not allocated: they read as zero, nothing is read."""
        self._work.checksums(disk).note_zero(chunk)
        return self._put(disk, number, Block((), chunk, b""), 0, ())

    def check(self, disk: ItemDisk, reader: DiskReader, blocks_: Chunk) -> Checked:
        """Read whole blocks and hold them against their stored hashes; nothing is sent."""
        checksums = self._work.checksums(disk)
        differing: list[Extent] = []
        unknown: list[Extent] = []
        for span, _ in reads(blocks_, 0, self._work.sizes.limits.read):
            for index, value in blocks.hashes(span.offset, self._read_span(reader, span), checksums.size):
                at = index * checksums.size
                one = Extent(at, min(checksums.size, span.end - at))
                known = checksums.known(index)
                if known is None:
                    unknown.append(one)
                elif known != value:
                    differing.append(one)
        return Checked(disk.key, total(blocks_), tuple(normal(differing)), tuple(normal(unknown)))

    def _read(self, disk: ItemDisk, reader: DiskReader, chunk: Chunk, compare: bool) -> tuple[Block, int]:
        """What of the chunk has to be sent. Whole blocks are read, so that each can be hashed; the rest of them is dropped."""
        limits, checksums, within = self._work.sizes.limits, self._work.checksums(disk), Within(chunk)
        data: list[Extent] = []
        zero: list[Extent] = []
        content: list[memoryview] = []
        read = 0
        covered = tuple(blocks.cover(chunk, checksums.size, disk.capacity))
        for span, parts in reads(covered, self._work.bridge, limits.read):
            got = self._read_span(reader, span)
            read += span.length
            for part in parts:
                whole = memoryview(got)[part.offset - span.offset : part.end - span.offset]
                for wanted in _differing(checksums, part, whole, within.take(part), compare):
                    at = wanted.offset - span.offset
                    # A copy of what is wanted, so that the rest of what was read is not kept with it.
                    piece = got if wanted == span else got[at : at + wanted.length]
                    filled, empty = split_zeros(wanted.offset, piece, limits.zero)
                    data += filled
                    zero += empty
                    view = memoryview(piece)
                    content += [view[e.offset - wanted.offset : e.end - wanted.offset] for e in filled]
        return Block(tuple(normal(data)), tuple(normal(zero)), content[0] if len(content) == 1 else b"".join(content)), read

    def _read_span(self, reader: DiskReader, span: Extent) -> bytes:
        work = self._work
        began = work.clock.now()
        got = work.retry(lambda: reader.read(span.offset, span.length))
        self.times.add(span.length, work.clock.now() - began)
        if len(got) != span.length:  # a reader that breaks its contract must not shift the bytes behind it
            raise Corrupt(f"{len(got)} bytes read at {span.offset} instead of {span.length}", subject=self._work.item.name)
        return got

    def _put(self, disk: ItemDisk, number: int, block: Block, read: int, same: tuple[Extent, ...]) -> Logged:
        work = self._work
        identity = Identity(work.item.replication, disk.uuid, self._attempt, number)
        sealed = self._sealer().seal(identity, block, secrets.token_bytes(NONCE))
        name = manifest.blob_name(work.item.replication, self._attempt, disk.key, number)
        covered = (*block.data_extents, *block.zero_extents)
        put_once(work, name, sealed.data, {METADATA_CHECKSUM: sealed.checksum})
        entry = BlobEntry(name, sealed.digest, sealed.checksum, len(sealed.data), sealed.sectors)
        return Logged(disk.key, number, entry, covered, read, len(sealed.data), same)

    def _sealer(self) -> Sealer:
        sealer: Sealer | None = getattr(self._local, "sealer", None)
        if sealer is None:
            sealer = self._local.sealer = Sealer(self._key, packing.own())
        return sealer


def _differing(checksums: Checksums, part: Extent, content: memoryview, wanted: list[Extent], compare: bool) -> list[Extent]:
    """Which of `wanted` lie in blocks of `part` that are not known to be the same; the hashes of those are noted.

    A block of which only a part was asked for becomes unknown: nobody has compared the rest of it with the replica.
    """
    differing: list[Extent] = []
    within = Within(wanted)
    for index, value in blocks.hashes(part.offset, content, checksums.size):
        at = index * checksums.size
        one = Extent(at, min(checksums.size, part.end - at))
        asked = within.take(one)
        if compare and checksums.known(index) == value:
            continue
        checksums.note(index, value if asked == [one] else UNKNOWN)
        differing.append(one)
    return intersect(wanted, differing) if compare else wanted


def put_once(work: Work, name: str, data: bytes, metadata: dict[str, str]) -> None:
    """Put a log blob that must not exist yet. When an answer was lost, an equal blob found there is our own."""
    doubtful = False

    def put() -> None:
        nonlocal doubtful
        try:
            work.log.put(name, data, metadata)
        except UnknownFate:
            doubtful = True
            raise
        except Conflict:
            if not doubtful or work.log.get(name) != (data, metadata):
                raise

    work.retry(put)
