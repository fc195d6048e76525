"""The journal: compare-and-swap with answers that get lost, come late, or belong to somebody else."""

from __future__ import annotations

import pytest

from replication.engine import journal
from replication.engine.config import Patience
from replication.engine.guard import Superseded
from replication.engine.journal import Machine
from replication.engine.retry import Retry
from replication.model.documents import load_record, record_name
from replication.model.errors import Temporary
from replication.model.record import Life, Record
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Process, Rule
from tests.fakes.stores import FakeDocuments

RECORD = Record("m1", "r1", 1, 0, Life.NEW, 0)


class Journal:
    def __init__(self, *rules: Rule) -> None:
        self.clock = FakeClock()
        self.store = FakeDocuments(self.clock)
        self.retry = Retry(self.clock, Patience(tries=3, first=0.1), lambda: None)
        journal.create(self.store, self.retry, RECORD)
        self.process = Process(rules)

    def machine(self, epoch: int = 1, through: Process | None = None) -> Machine:
        found = journal.claim((through or Process()).port("documents", self.store), self.retry, "m1", epoch)
        assert found is not None
        return found

    def stored(self) -> Record:
        return load_record(self.store.docs[record_name("m1")][0])


@pytest.mark.parametrize("action", ["before", "after"])
def test_a_refused_or_unanswered_write_is_settled_by_reading(action: str) -> None:
    """Record rule 1: `advance` returns only when the step is in the journal, once."""
    there = Journal(Rule("documents.put", action, 2))  # type: ignore[arg-type]  # the parameter's word
    machine = there.machine(through=there.process)
    machine.advance(cycle=1)
    machine.advance(cycle=2)
    assert there.stored() == machine.record and machine.record.cycle == 2


def test_a_write_that_was_held_cannot_land_on_a_newer_one() -> None:
    """Of two writes under one ETag at most one can ever land."""
    there = Journal(Rule("documents.put", "held", 2))
    machine = there.machine(through=there.process)
    machine.advance(cycle=1)
    machine.advance(cycle=2)
    machine.advance(cycle=3)
    (late,) = there.process.release()
    assert late is not None and there.stored().cycle == 3


def test_a_write_that_lands_after_all_is_not_lost_sight_of() -> None:
    """Given up, then landed: the next compare-and-swap notices and nothing is built on what is not there."""
    there = Journal(Rule("documents.put", "held", 2, 3))
    machine = there.machine(through=there.process)
    with pytest.raises(Temporary):
        machine.advance(cycle=1)
    first, *others = there.process.release()
    assert first is None and all(error is not None for error in others)
    with pytest.raises(Superseded):
        machine.advance(cycle=7)
    assert there.stored().cycle == 1


def test_a_later_epoch_ends_an_earlier_one() -> None:
    """Design, roles: the new coordinator's claim makes every write of the old one fail, and an old epoch cannot claim."""
    there = Journal()
    old = there.machine(epoch=1)
    new = there.machine(epoch=2)
    with pytest.raises(Superseded):
        old.advance(cycle=1)
    with pytest.raises(Superseded):
        there.machine(epoch=1)
    new.advance(cycle=1)
    assert there.stored().epoch == 2 and there.stored().cycle == 1
