"""The record of one machine, replaced by compare-and-swap at every step that counts.

Whoever holds a `Machine` owns the machine until a compare-and-swap fails. A write whose fate is unknown is settled by
reading: our bytes are there (it happened), the old version is there (write again under the same ETag: of two writes
under one ETag at most one can ever land), or something else is there (`Superseded`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from replication.engine.guard import Superseded
from replication.engine.retry import Retry
from replication.model.documents import dumps, load_record, record_name
from replication.model.errors import Conflict, Temporary
from replication.model.record import Record
from replication.ports import DocumentStore


class Cell:
    """A document that one thread at a time replaces by compare-and-swap."""

    def __init__(self, documents: DocumentStore, retry: Retry, name: str, etag: str | None) -> None:
        self._documents, self._retry, self._name, self._etag = documents, retry, name, etag

    def retry_with(self, retry: Retry) -> None:
        self._retry = retry

    def put(self, data: bytes) -> None:
        """Replace the version we know. Raises `Superseded` when it is not the one there, or `Temporary`."""

        def write() -> str:
            try:
                return self._documents.put(self._name, data, self._etag)
            except Conflict:
                return self._settled(data, again=False)
            except Temporary:
                return self._settled(data, again=True)

        self._etag = self._retry(write)

    def _settled(self, data: bytes, again: bool) -> str:
        """The new ETag when our write is there after all; `Temporary` when it may be tried again under the old one."""
        found = self._documents.get(self._name)
        if found is not None and found[0] == data:
            return found[1]
        if again and (found[1] if found else None) == self._etag:
            raise Temporary("the journal did not answer", subject=self._name)
        raise Superseded(f"{self._name} was changed by another coordinator")


class Machine:
    """Record and its cell. `advance` belongs to one thread; `record` may be read from any (it is a frozen value)."""

    def __init__(self, cell: Cell, record: Record) -> None:
        self._cell, self._record = cell, record

    @property
    def record(self) -> Record:
        return self._record

    def retry_with(self, retry: Retry) -> None:
        """Whose retries, and whose leave to go on, the next writes have."""
        self._cell.retry_with(retry)

    def advance(self, **changes: Any) -> Record:
        """Replace fields of the record, durably. Raises `Superseded` when it is not ours any more, or `Temporary`."""
        new = replace(self._record, **changes)
        self._cell.put(dumps(new))
        self._record = new
        return new


def create(documents: DocumentStore, retry: Retry, record: Record) -> Machine:
    """A machine that has no record yet. Raises `Superseded` when it got one meanwhile."""
    cell = Cell(documents, retry, record_name(record.machine), None)
    cell.put(dumps(record))
    return Machine(cell, record)


def load(documents: DocumentStore, retry: Retry, machine: str) -> Machine | None:
    """The machine as its record stands, or None when there is none."""
    name = record_name(machine)
    found = retry(lambda: documents.get(name))
    return None if found is None else Machine(Cell(documents, retry, name, found[1]), load_record(found[0]))


def claim(documents: DocumentStore, retry: Retry, machine: str, epoch: int) -> Machine | None:
    """Take the machine over for `epoch`: from here on every write of an earlier coordinator fails.

    None when there is no record. Raises `Superseded` when a later coordinator has it already.
    """
    for _ in range(3):
        held = load(documents, retry, machine)
        if held is None:
            return None
        if held.record.epoch > epoch:
            raise Superseded(f"epoch {held.record.epoch} holds {machine}, ours is {epoch}")
        try:
            held.advance(epoch=epoch)
        except Superseded:  # its last owner wrote in between: read again
            continue
        return held
    raise Temporary("its record keeps changing", subject=machine)
