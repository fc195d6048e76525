"""How far the initial replication of one disk is: a document beside the record, replaced by compare-and-swap.

`touched` is written before the sectors are; `done` after they were written and the snapshot was confirmed. `base` is the
change id since which `done` must be brought up to date; a document with another base than the record's has no `done`.
`birth` is a snapshot of the page blob at its beginning: when that is gone, so is the blob that this document tells of.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from replication.bitmap import BadBitmap, SectorSet
from replication.engine.journal import Cell
from replication.engine.work import Work
from replication.model.documents import progress_name
from replication.model.errors import Corrupt
from replication.model.item import ItemDisk

_SETS = ("done", "touched", "zero")


@dataclass
class Filling:
    """Of one disk. `zero`: sectors proven zero that were left as they are on a new blob."""

    cell: Cell
    base: str = ""
    birth: str = ""
    capacity: int = 0
    done: SectorSet = field(default_factory=SectorSet)
    touched: SectorSet = field(default_factory=SectorSet)
    zero: SectorSet = field(default_factory=SectorSet)
    read: int = 0
    sent: int = 0
    blobs: int = 0

    def save(self) -> None:
        sets = [getattr(self, name).to_bytes() for name in _SETS]
        head = {
            "schema": 1,
            **{name: getattr(self, name) for name in ("base", "birth", "capacity", "read", "sent", "blobs")},
            "sets": [len(data) for data in sets],
        }
        self.cell.put(json.dumps(head, sort_keys=True).encode() + b"\n" + b"".join(sets))

    def restart(self, base: str) -> None:
        """Everything is to be copied again; what was touched stays touched."""
        self.base, self.done, self.zero = base, SectorSet(), SectorSet()


def load(work: Work, disk: ItemDisk) -> Filling:
    """The disk's progress, empty when there is none. Raises `Corrupt` for a document that is not whole."""
    name = progress_name(work.uuid, work.item.replication, disk.key)
    found = work.retry(lambda: work.documents.get(name))
    if found is None:
        return Filling(Cell(work.documents, work.retry, name, None))
    cell = Cell(work.documents, work.retry, name, found[1])
    line, _, rest = found[0].partition(b"\n")
    try:
        head = json.loads(line)
        lengths = head.pop("sets")
        if head.pop("schema") != 1 or len(lengths) != len(_SETS) or sum(lengths) != len(rest):
            raise ValueError("lengths or schema differ")
        filling = Filling(cell, **head)
        at = 0
        for field_name, length in zip(_SETS, lengths, strict=True):
            setattr(filling, field_name, SectorSet.from_bytes(rest[at : at + length]))
            at += length
    except (ValueError, KeyError, TypeError, AttributeError, BadBitmap) as error:
        raise Corrupt(
            f"not a progress document: {error}", subject=name, remedy="stop replication and begin again"
        ) from error
    return filling
