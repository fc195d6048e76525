"""Virtual disks as chains of files: a plain raw base, and sparse overlays (deltas) while snapshots exist.

A disk reads through its chain, newest layer first, and writes to the newest (the *leaf*) only. A snapshot freezes
all layers and puts a new leaf on top; consolidation merges a layer into the one below it while the guest goes on.

An overlay is a sparse file of the disk's size beside a log of the sectors that it holds. Data is written before its
sectors are logged: a kill in between is a write that never happened.
"""

from __future__ import annotations

import os
import struct
import threading
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from pyroaring import BitMap64

from lab.vcenter.bitmaps import SECTOR, add_run, ranges, slices
from lab.vcenter.cbt import Tracker
from lab.vcenter.files import (
    OpenFile,
    copy_sparse,
    data_runs,
    make_sparse,
    read_at,
    read_records,
    write_at,
)

_RECORD = struct.Struct("<QQ")  # first sector, sector count
_MERGE_SECTORS = (1 << 20) // SECTOR
_MERGE_PASSES = 4
_STUN_SECTORS = (4 << 20) // SECTOR


class DiskError(Exception):
    """A read or write outside the disk, or not in whole sectors."""


@dataclass(slots=True)
class Layer:
    """One file of a chain. `name` is the descriptor's place in the datastore ("vm/vm-000001.vmdk")."""

    name: str
    path: Path  # the raw data; "-flat.vmdk" of a base
    sectors: BitMap64 | None = None  # what an overlay holds; None for a base, which holds everything
    merging: bool = False  # a consolidation is writing into it
    _data: OpenFile = field(init=False)
    _log: OpenFile = field(init=False)

    def __post_init__(self) -> None:
        self._data = OpenFile.to_write(self.path)
        self._log = OpenFile.to_append(self.map_path)

    @property
    def is_base(self) -> bool:
        return self.sectors is None

    @property
    def map_path(self) -> Path:
        return self.path.with_suffix(".map")

    @property
    def content_id(self) -> str:
        """The CID of the descriptor: 8 hexadecimal digits."""
        return f"{zlib.crc32(self.name.encode()):08x}"

    def load_map(self) -> None:
        sectors = BitMap64()
        for first, count in read_records(self.map_path, _RECORD):
            sectors.add_range(first, first + count)
        self.sectors = sectors

    def write(self, offset: int, data: bytes | memoryview) -> None:
        self._data.write_at(offset, data)
        if self.sectors is not None:
            first, end = offset // SECTOR, (offset + len(data)) // SECTOR
            if not self.sectors.contains_range(first, end):
                self._log.append(_RECORD.pack(first, end - first))
                add_run(self.sectors, first, end)

    def unlink(self) -> None:
        self._data.close()
        self._log.close()
        self.path.unlink(missing_ok=True)
        self.map_path.unlink(missing_ok=True)

    def used(self) -> int:
        """Bytes that the file system holds for this layer."""
        try:
            return os.stat(self.path).st_blocks * 512
        except FileNotFoundError:
            return 0


@dataclass(slots=True)
class Disk:
    """A virtual disk of one VM.

    `mode` is vSphere's ("persistent", "independent_persistent", …). `lock` guards the chain, the data and the
    tracker; guest writes hold it for one write only.
    """

    key: int
    controller_key: int
    unit: int
    label: str
    capacity: int  # bytes
    uuid: str
    datastore: str
    chain: list[Layer]
    mode: str = "persistent"
    rdm: bool = False  # physical mode raw device mapping
    tracker: Tracker | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    _pending: BitMap64 | None = None  # sectors of the leaf still to be merged down
    _made: bool = False  # the files are known to be there

    @property
    def base(self) -> Layer:
        return self.chain[0]

    @property
    def leaf(self) -> Layer:
        return self.chain[-1]

    @property
    def in_snapshots(self) -> bool:
        """Whether a snapshot covers this disk at all."""
        return not self.rdm and not self.mode.startswith("independent")

    @property
    def stem(self) -> str:
        return self.base.name.removesuffix(".vmdk")

    def ensure_files(self) -> None:
        """Make the files that lazily made disks do not have yet."""
        for layer in self.chain:
            make_sparse(layer.path, self.capacity)
        self._made = True

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write whole sectors, as the guest does. Raises DiskError."""
        if offset % SECTOR or len(data) % SECTOR:
            raise DiskError(f"{self.label}: writes are whole sectors of {SECTOR} bytes")
        if offset < 0 or offset + len(data) > self.capacity:
            raise DiskError(f"{self.label} ends at byte {self.capacity}")
        with self.lock:
            if not self._made:
                self.ensure_files()
            if self.tracker is not None:
                self.tracker.mark(offset, len(data))
            self.leaf.write(offset, data)
            if self._pending is not None:
                self._pending.add_range(offset // SECTOR, (offset + len(data)) // SECTOR)

    def read(self, offset: int, length: int, layer: Layer | None = None) -> bytes:
        """Whole sectors as they stand at `layer` (default: now)."""
        with self.lock:
            chain = self.upto(layer)
            content = bytearray(read_at(chain[0].path, offset, length))
            for overlay in chain[1:]:
                for first, end in ranges(
                    overlay.sectors or BitMap64(), offset // SECTOR, (offset + length) // SECTOR
                ):
                    start = first * SECTOR - offset
                    size = (end - first) * SECTOR
                    content[start : start + size] = read_at(overlay.path, first * SECTOR, size)
        return bytes(content)

    def upto(self, layer: Layer | None) -> list[Layer]:
        """The chain from the base to `layer`."""
        return self.chain if layer is None else self.chain[: self.chain.index(layer) + 1]

    def freeze(self) -> Layer:
        """Put an empty leaf on top and return the layer that is frozen from now on."""
        frozen = self.leaf
        number = 1 + max((_number(layer.name) for layer in self.chain), default=0)
        name = f"{self.stem}-{number:06d}"
        leaf = Layer(f"{name}.vmdk", self.base.path.parent / f"{Path(name).name}-delta.raw", BitMap64())
        leaf.unlink()  # what a killed attempt may have left
        make_sparse(self.base.path, self.capacity)
        make_sparse(leaf.path, self.capacity)
        self.chain.append(leaf)
        return frozen

    def merge(self, lower: Layer, owner: AbstractContextManager[object], committed: Callable[[], None]) -> None:
        """Merge the layer above `lower` into it, in slices, while the guest goes on writing.

        `committed` is called once the chain is shorter, before the merged file is deleted: it makes the new chain
        durable. It runs under the lock of the disk and of the disk's `owner` (which comes first in the order).
        """
        upper = self.chain[self.chain.index(lower) + 1]
        lower.merging = True
        try:
            for _ in range(_MERGE_PASSES):
                with self.lock:
                    todo = BitMap64(upper.sectors if self._pending is None else self._pending)
                    self._pending = BitMap64() if upper is self.leaf else None
                self._merge_sectors(upper, lower, todo)
                if not self._pending or len(self._pending) <= _STUN_SECTORS:
                    break
            with owner, self.lock:
                self._merge_sectors(upper, lower, self._pending or BitMap64())
                self._pending = None
                self.chain.remove(upper)
                committed()
        finally:
            self._pending = None
            lower.merging = False
        upper.unlink()

    def _merge_sectors(self, upper: Layer, lower: Layer, todo: BitMap64) -> None:
        for first, end in slices(ranges(todo, 0, self.capacity // SECTOR), _MERGE_SECTORS):
            with self.lock:
                lower.write(first * SECTOR, read_at(upper.path, first * SECTOR, (end - first) * SECTOR))

    def grow(self, capacity: int) -> None:
        """Make the disk larger; only without snapshots."""
        with self.lock:
            self.capacity = capacity
            for layer in self.chain:
                make_sparse(layer.path, capacity)

    def allocated(self, layer: Layer | None, granularity: int) -> BitMap64:
        """Blocks of `granularity` bytes that hold data anywhere in the chain up to `layer`."""
        blocks = BitMap64()
        with self.lock:
            for part in self.upto(layer):
                for first, end in self._layer_runs(part):
                    blocks.add_range(first // granularity, -(-end // granularity))
        return blocks

    def _layer_runs(self, layer: Layer) -> Iterator[tuple[int, int]]:
        if layer.sectors is None:
            yield from data_runs(layer.path, 0, self.capacity)
        else:
            for first, end in ranges(layer.sectors, 0, self.capacity // SECTOR):
                yield first * SECTOR, end * SECTOR

    def flatten(self, target: Path, layer: Layer | None = None) -> None:
        """Write the content at `layer` (default: now) to a sparse raw file."""
        with self.lock:
            chain = list(self.upto(layer))
            make_sparse(chain[0].path, self.capacity)
            copy_sparse(chain[0].path, target, self.capacity)
            for overlay in chain[1:]:
                runs = ranges(overlay.sectors or BitMap64(), 0, self.capacity // SECTOR)
                for first, end in slices(runs, _MERGE_SECTORS):
                    write_at(
                        target, first * SECTOR, read_at(overlay.path, first * SECTOR, (end - first) * SECTOR)
                    )


def new_disk_uuid(seed: str) -> str:
    """A disk uuid in VMware's spelling ("6000C29a-…"), the same for the same seed."""
    digits = uuid.uuid5(uuid.NAMESPACE_URL, seed).hex
    digits = "6000C29" + digits[7:]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _number(name: str) -> int:
    tail = name.removesuffix(".vmdk")[-7:]
    return int(tail[1:]) if tail[:1] == "-" and tail[1:].isdecimal() else 0
