"""Readers that cannot, or do not, give what was asked for; and a migration that is asked for while a delta is read."""

from __future__ import annotations

import random
from typing import Any

import pytest

from replication.model.errors import Temporary
from replication.model.item import OrderKind
from replication.model.record import CycleKind, Life
from tests.engine.harness import Process, Rule, Run, cycles, outcome, run
from tests.engine.setups import contents, due, once
from tests.fakes.vcenter import FakeReader
from tests.fakes.world import World


@pytest.fixture
def world() -> World:
    return due()


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_host_short_of_buffer_memory_slows_cycles_and_fails_none(share: float) -> None:
    """Pitfall 10: reads that a host refuses for want of NFC memory are asked for again; nothing is begun anew."""
    world = World()
    for machine in ("m1", "m2"):
        world.add(machine, size=256 * 1024)
    chance, process, refused = random.Random(1), Process(), []

    def short(_: tuple[Any, ...]) -> None:
        if chance.random() < share and len(refused) < 60:
            refused.append(1)
            raise Temporary("NFC: memory allocation failed", subject="esx-01")

    process.hooks["reader.read"] = short
    began = world.clock.now()
    run(world, lambda: cycles(world, 1)() and cycles(world, 1, "m2")(), process)
    assert len(refused) > 10 and world.clock.now() > began, "nobody waited"
    for machine in ("m1", "m2"):
        world.assert_replica_is_source(machine)
        assert share > 0.5 or world.record(machine).evidence[0].attempts == 1
    world.assert_tidy()


@pytest.mark.parametrize("given", [0, 511, 512], ids=["nothing", "less than a sector", "one sector"])
def test_a_reader_that_answers_too_little_fails_the_cycle(world: World, monkeypatch: pytest.MonkeyPatch, given: int) -> None:
    """Pitfall 13: a short answer is an error; nothing of that cycle is written, the next one carries it all."""
    before, read = contents(world), FakeReader.read
    with monkeypatch.context() as broken:
        broken.setattr(FakeReader, "read", lambda self, offset, length: read(self, offset, length)[:given])
        one = Run(world)
        one.once()
    record = world.record()
    assert "instead of" in record.problem and record.cycle == 2 and not record.dirty and contents(world) == before
    run(world, cycles(world, 3))
    world.assert_replica_is_source()
    world.assert_tidy()


def test_a_write_that_was_lost_fails_the_apply_and_is_done_again(world: World) -> None:
    """Pitfall 13: a page write without an answer is written again under the same fence, until one is answered."""
    process = Process((Rule("replicas.write", "before", 1, 2), Rule("replicas.clear", "after", 1, 1)))
    run(world, cycles(world, 3), process)
    assert process.struck >= 2
    world.assert_replica_is_source()


def test_a_migration_asked_for_during_a_delta_waits_for_it(world: World) -> None:
    """Pitfall 22, S8: the delta under way is finished and committed, then the migration's own on-demand cycle begins."""
    one = Run(world, once("log.put", 1, lambda: world.order("m1", 1, OrderKind.MIGRATE)))
    one.step()
    record = world.record()
    assert record.committed is not None and record.committed.kind is CycleKind.DELTA and record.cycle == 3
    assert record.evidence[0].attempts == 1 and record.orders_done == 0
    one.until(outcome(world, 1))
    one.end()
    kinds = [e.kind for e in reversed(world.record().evidence)]
    assert kinds[2:] == [CycleKind.DELTA, CycleKind.ON_DEMAND, CycleKind.FINAL] and world.record().life is Life.MIGRATED
