"""The gateway: source -> log. Reads what was asked for, seals it, puts it into the log; nothing else leaves the source."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

from replication import manifest
from replication.engine.chunks import Chunk, reads
from replication.engine.work import Work
from replication.logformat import NONCE
from replication.manifest import BlobEntry
from replication.model.errors import Conflict, Corrupt, UnknownFate
from replication.model.extents import Extent, normal
from replication.model.item import ItemDisk
from replication.ports import DiskReader
from replication.sealing import METADATA_CHECKSUM, AttemptKey, Block, Identity, Sealer, split_zeros


@dataclass(frozen=True, slots=True)
class Logged:
    """A blob in the log: which it is, what of the disk it covers, and what it cost."""

    disk: int
    chunk: int
    entry: BlobEntry
    covered: tuple[Extent, ...]
    read: int
    """Bytes read from the source, gaps that were read through included."""
    sent: int


class Gateway:
    """For one attempt. `log` may be called from several threads; each has a sealer of its own."""

    def __init__(self, work: Work, attempt: str, key: AttemptKey) -> None:
        self._work, self._attempt, self._key = work, attempt, key
        self._local = threading.local()

    def log(self, disk: ItemDisk, reader: DiskReader, number: int, chunk: Chunk) -> Logged:
        """Read, seal and put one chunk."""
        block, read = self._read(reader, chunk)
        return self._put(disk, number, block, read)

    def log_zero(self, disk: ItemDisk, number: int, chunk: Chunk) -> Logged:
        """Put extents that the source reports as not allocated: they read as zero, nothing is read."""
        return self._put(disk, number, Block((), chunk, b""), 0)

    def _read(self, reader: DiskReader, chunk: Chunk) -> tuple[Block, int]:
        limits = self._work.sizes.limits
        data: list[Extent] = []
        zero: list[Extent] = []
        content: list[memoryview] = []
        read = 0
        for span, parts in reads(chunk, limits.bridge, limits.read):
            got = self._read_span(reader, span)
            read += span.length
            for part in parts:
                at = part.offset - span.offset
                piece = got if part == span else got[at : at + part.length]
                filled, empty = split_zeros(part.offset, piece, limits.zero)
                data += filled
                zero += empty
                view = memoryview(piece)
                content += [view[e.offset - part.offset : e.end - part.offset] for e in filled]
        return Block(tuple(normal(data)), tuple(normal(zero)), content[0] if len(content) == 1 else b"".join(content)), read

    def _read_span(self, reader: DiskReader, span: Extent) -> bytes:
        got = self._work.retry(lambda: reader.read(span.offset, span.length))
        if len(got) != span.length:  # a reader that breaks its contract must not shift the bytes behind it
            raise Corrupt(f"{len(got)} bytes read at {span.offset} instead of {span.length}", subject=self._work.item.name)
        return got

    def _put(self, disk: ItemDisk, number: int, block: Block, read: int) -> Logged:
        work = self._work
        identity = Identity(work.item.replication, disk.uuid, self._attempt, number)
        sealed = self._sealer().seal(identity, block, secrets.token_bytes(NONCE))
        name = manifest.blob_name(work.item.replication, self._attempt, disk.key, number)
        covered = (*block.data_extents, *block.zero_extents)
        put_once(work, name, sealed.data, {METADATA_CHECKSUM: sealed.checksum})
        entry = BlobEntry(name, sealed.digest, sealed.checksum, len(sealed.data), sealed.sectors)
        return Logged(disk.key, number, entry, covered, read, len(sealed.data))

    def _sealer(self) -> Sealer:
        sealer: Sealer | None = getattr(self._local, "sealer", None)
        if sealer is None:
            sealer = self._local.sealer = Sealer(self._key)
        return sealer


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
