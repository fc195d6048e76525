"""The applier: log -> replica. Fetches, checks and writes; a block that is not whole is never written, not even in part."""

from __future__ import annotations

import threading
from functools import partial

from replication.bitmap import SectorSet
from replication.engine import packing
from replication.engine.work import Work
from replication.manifest import BlobEntry
from replication.model.errors import Corrupt, NotFound
from replication.model.extents import Extent, subtract
from replication.model.item import ItemDisk
from replication.sealing import METADATA_CHECKSUM, AttemptKey, Block, Identity, Unsealer


class Keys:
    """The attempt's key for each key version that its blobs name."""

    def __init__(self, work: Work, attempt: str) -> None:
        self._work, self._attempt = work, attempt
        self._known: dict[str, AttemptKey] = {}
        self._lock = threading.Lock()

    def current(self) -> AttemptKey:
        """A key from the newest version of the secret."""
        work = self._work
        version, master = work.retry(lambda: work.keys.current(work.item.log_key))
        return self._derive(version, master)

    def __call__(self, version: str) -> AttemptKey:
        work = self._work
        with self._lock:
            if version in self._known:
                return self._known[version]
        return self._derive(version, work.retry(lambda: work.keys.version(work.item.log_key, version)))

    def _derive(self, version: str, master: bytes) -> AttemptKey:
        key = AttemptKey.derive(master, version, self._work.item.replication, self._attempt)
        with self._lock:
            self._known[version] = key
        return key


class Applier:
    """For one attempt; methods may be called from several threads."""

    def __init__(self, work: Work, attempt: str, fence: int, keys: Keys) -> None:
        self._work, self._attempt, self._fence, self._keys = work, attempt, fence, keys

    def fetch(self, disk: ItemDisk, chunk: int, entry: BlobEntry) -> Block:
        """The whole block, checked against manifest, identity, tag and checksum. Raises `Corrupt`."""
        work = self._work
        try:
            data, metadata = work.retry(lambda: work.log.get(entry.name))
        except NotFound as error:
            raise Corrupt("it is gone from the log", subject=entry.name) from error
        checksum = metadata.get(METADATA_CHECKSUM, "")
        if checksum != entry.checksum:
            raise Corrupt("its checksum metadata is not the one that was logged", subject=entry.name)
        identity = Identity(work.item.replication, disk.uuid, self._attempt, chunk)
        block = Unsealer(self._keys, packing.own()).unseal(identity, data, checksum, entry.digest)
        if block.sectors != entry.sectors:
            raise Corrupt(f"{block.sectors} sectors, {entry.sectors} were logged", subject=entry.name)
        return block

    def write(self, disk: ItemDisk, block: Block, fresh: SectorSet | None = None) -> tuple[list[Extent], list[Extent]]:
        """Write the block under the attempt's fence. (extents written or cleared, zero extents left out).

        Zero extents are cleared, but for sectors in `fresh`: never touched on a blob that is new, so they are zero.
        """
        work, name = self._work, disk.seed
        written: list[Extent] = []
        at = 0
        for extent in block.data_extents:
            piece = bytes(block.data[at : at + extent.length])
            at += extent.length
            work.retry(partial(work.replicas.write, name, extent.offset, piece, self._fence))
            written.append(extent)
        skipped: list[Extent] = []
        for zero in block.zero_extents:
            clear = [zero]
            if fresh is not None:
                clear = SectorSet.of([zero]).difference(fresh).extents()
                skipped += subtract([zero], clear)
            for extent in clear:
                work.retry(partial(work.replicas.clear, name, extent.offset, extent.length, self._fence))
                written.append(extent)
        return written, skipped
