"""Changed block tracking of one disk, as VMware's `-ctk.vmdk` keeps it.

Writes are noted in blocks (64 KiB by default, coarser than sectors) under the current *sequence*. Each stun that
takes a snapshot closes a sequence and opens the next; the snapshot's change id is `uuid/sequence` of the one that it opened.
"Changed between the change id of snapshot A and snapshot B" is the union of the sequences in between. A reset gives
a new uuid: earlier change ids mean nothing from then on.

A block is logged *before* its data is written: a kill in between reports a block too many, never one too few.
"""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from pyroaring import BitMap64

from lab.vcenter.bitmaps import add_run
from lab.vcenter.files import OpenFile, read_records

DEFAULT_GRANULARITY = 64 << 10
_RECORD = struct.Struct("<QQQ")  # sequence, first block, block count


@dataclass(slots=True)
class Tracker:
    """The change map of one disk. The caller holds the disk's lock."""

    path: Path
    uuid: str
    sequence: int
    granularity: int = DEFAULT_GRANULARITY
    _blocks: dict[int, BitMap64] = field(default_factory=dict)
    _log: OpenFile = field(init=False)

    def __post_init__(self) -> None:
        self._log = OpenFile.to_append(self.path)

    @classmethod
    def start(cls, path: Path, granularity: int) -> Tracker:
        """A new map with a uuid of its own; whatever was tracked before is forgotten."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        return cls(path, str(uuid.uuid4()), 1, granularity)

    @classmethod
    def load(cls, path: Path, identity: str, sequence: int, granularity: int) -> Tracker:
        """The map as it stood when the process ended, however it ended."""
        tracker = cls(path, identity, sequence, granularity)
        for number, first, count in read_records(path, _RECORD):
            tracker._blocks.setdefault(number, BitMap64()).add_range(first, first + count)
        return tracker

    @property
    def change_id(self) -> str:
        """The change id of a snapshot taken right now."""
        return f"{self.uuid}/{self.sequence}"

    def advance(self) -> str:
        """Close the current sequence; returns the change id of the snapshot being taken."""
        self.sequence += 1
        return self.change_id

    def mark(self, offset: int, length: int) -> None:
        """Note that bytes are about to be written."""
        first = offset // self.granularity
        end = -(-(offset + length) // self.granularity)
        blocks = self._blocks.setdefault(self.sequence, BitMap64())
        if not blocks.contains_range(first, end):
            self._log.append(_RECORD.pack(self.sequence, first, end - first))
            add_run(blocks, first, end)

    def changed(self, since: int, until: int) -> BitMap64:
        """Blocks written in the sequences `since <= sequence < until`."""
        found = [blocks for number, blocks in self._blocks.items() if since <= number < until]
        return BitMap64.union(BitMap64(), *found)


@dataclass(frozen=True, slots=True)
class ChangeId:
    """A change id taken apart. `ChangeId.parse` raises ValueError on anything else."""

    uuid: str
    sequence: int

    @classmethod
    def parse(cls, text: str) -> ChangeId:
        identity, slash, number = text.rpartition("/")
        if not slash or not identity or not number.isdecimal():
            raise ValueError(f"{text!r} is no change id of the form uuid/sequence")
        return cls(identity, int(number))
