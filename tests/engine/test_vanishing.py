"""A seed disk that somebody deletes while a delta is under way, at any call."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.harness import Process, Run, cycles
from tests.engine.scenarios import DELTA, LATER
from tests.engine.sweep import calls
from tests.full import share

SEED = "m1-r1-2001.vhd"

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("grown", [False, True], ids=["as it was", "grown"])
def test_a_seed_that_vanishes_at_any_call_is_told_and_never_made_anew(grown: bool) -> None:
    """S11, pitfall 2: between the look for the recovery point and the first write a blank seed was made in its place: a delta
    on it would have been a recovery point of holes. And whatever the delete met: the problem says what to do."""
    undisturbed = calls(DELTA)
    for at in share(range(1, undisturbed.calls + 1), 40):
        world, process = DELTA.prepare(), Process()
        if grown:
            world.vcenter.vms["m1"].disks[2001].content.extend(bytes(4096))
            world.put_item("m1")
        seen = 0

        def vanish(_: tuple[Any, ...], world: Any = world, at: int = at) -> None:
            nonlocal seen
            seen += 1
            if seen == at:
                world.replicas.delete(SEED)

        process.hooks |= dict.fromkeys(undisturbed.names, vanish)
        one = Run(world, process)
        one.step()
        if SEED in world.replicas.blobs:
            assert seen < at or grown, f"made anew at call {at}"
        record = world.record()
        if SEED not in world.replicas.blobs and record.cycle == 1:
            assert "does not hold recovery point" in record.problem, f"call {at}: {record.problem}"
            assert "begin again" in record.problem, record.problem
        world.clock.advance(LATER)
        world.guest_writes("m1")
        one.until(lambda: bool(world.record().problem) or cycles(world, 3)())
        one.end()
        if seen >= at:
            assert "does not hold recovery point" in world.record().problem, f"call {at}: {world.record().problem}"
