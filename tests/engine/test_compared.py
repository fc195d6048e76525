"""S5.1 against ourselves: an applier that loses a block, or says less than it did, never gets a cycle committed."""

from __future__ import annotations

from typing import Any

import pytest

from replication.engine.applier import Applier
from replication.model.record import CycleKind
from tests.engine.harness import Run, cycles, replicated, run
from tests.engine.setups import LATER
from tests.fakes.world import World


@pytest.mark.parametrize("kind", [CycleKind.INITIAL, CycleKind.DELTA])
def test_a_sector_that_was_requested_and_not_applied_fails_the_cycle(kind: CycleKind, monkeypatch: pytest.MonkeyPatch) -> None:
    """S5.1: different bitmaps, so the cycle has failed; nothing moves forward, and the next attempt repairs it."""
    world, lost = World(), list[Any]()
    world.add(size=256 * 1024)
    if kind is CycleKind.DELTA:
        replicated(world)
        world.guest_writes("m1")
        world.clock.advance(LATER)
    before = world.record().cycle if kind is CycleKind.DELTA else 0
    real = Applier.write

    def losing(self: Applier, disk: Any, block: Any, *fresh: Any) -> Any:
        if lost:
            return real(self, disk, block, *fresh)
        lost.append(block)
        written, more = real(self, disk, block, *fresh)
        return written[1:], more

    monkeypatch.setattr(Applier, "write", losing)
    one = Run(world)
    one.step()
    one.end()
    record = world.record()
    assert lost and record.cycle == before, "a cycle was committed although its bitmaps differ"
    assert "requested" in record.problem or "sectors of a window" in record.problem, record.problem
    monkeypatch.undo()
    run(world, cycles(world, before + 1))
    world.assert_replica_is_source()
    world.assert_tidy()
