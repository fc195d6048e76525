"""A seed disk that somebody deletes while a delta is under way, at any call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from replication.model.documents import load_status, record_name, status_name
from replication.model.errors import Temporary
from replication.model.status import Status
from tests.engine.harness import Process, Run, cycles
from tests.engine.scenarios import DELTA, LATER, fresh
from tests.engine.sweep import calls
from tests.full import share

SEED = "m1-r1-2001.vhd"
TOLD = "does not hold recovery point"

pytestmark = pytest.mark.faults


@pytest.mark.parametrize("grown", [False, True], ids=["as it was", "grown"])
def test_a_seed_that_vanishes_at_any_call_is_told_and_never_made_anew(
    grown: bool, record_property: Callable[[str, object], None]
) -> None:
    """S11, pitfall 2: between the look for the recovery point and the first write a blank seed was made in its place: a delta
    on it would have been a recovery point of holes. And whatever the delete met: the problem says what to do."""
    undisturbed = calls(DELTA)
    places = share(range(1, undisturbed.calls + 1), 14)
    for at in places:
        vanished(at, grown, set(undisturbed.names))
    record_property("cases", len(places))


def vanished(at: int, grown: bool, names: set[str]) -> None:
    world, process, seen = DELTA.prepare(), Process(), 0
    if grown:
        world.vcenter.vms["m1"].disks[2001].content.extend(bytes(4096))
        world.put_item("m1")

    def vanish(_: tuple[Any, ...]) -> None:
        nonlocal seen
        seen += 1
        if seen == at:
            world.replicas.delete(SEED)

    process.hooks |= dict.fromkeys(names, vanish)
    one = Run(world, process)
    one.step()
    there, record = SEED in world.replicas.blobs, world.record()
    assert not there or seen < at or grown, f"call {at}: made anew"
    assert there or record.cycle > 1 or (TOLD in record.problem and "begin again" in record.problem), f"call {at}"
    world.clock.advance(LATER)
    world.guest_writes("m1")
    one.until(lambda: bool(world.record().problem) or cycles(world, 3)())
    one.end()
    problem = world.record().problem
    assert TOLD in problem or (not problem and seen < at), f"call {at}: {problem}"


@pytest.mark.parametrize("initial", [False, True], ids=["delta", "initial"])
def test_a_cycle_that_cannot_begin_is_said_in_the_log(initial: bool) -> None:
    """Issue 3: "with evidence", also of what does not happen: the engine's log went quiet about the machine."""
    world, process = (fresh() if initial else DELTA.prepare()), Process()

    def refuse(_: tuple[Any, ...]) -> None:
        raise Temporary("the session has ended", subject="vCenter")

    process.hooks["source.consolidated"] = refuse
    one = Run(world, process)
    one.until(lambda: record_name("m1") in world.documents.docs and bool(world.record().problem))
    one.end()
    assert "vm-m1: cycle not begun: vCenter: the session has ended" in one.said.lines


@pytest.mark.parametrize("lost", ["point", "disk"])
def test_what_trying_again_does_not_mend_needs_somebody(lost: str) -> None:
    """Weeks 17, who notices on Saturday: a replica or a disk that is gone is under NEEDS YOU (and so posted), not only a lag
    that grows; what is mended needs nobody any more. A passing refusal needs nobody."""

    def shown() -> Status:
        return load_status(world.documents.docs[status_name("m1")][0])

    world, process = DELTA.prepare(), Process()
    one = Run(world, process)
    if lost == "point":
        world.replicas.blobs[SEED].points.clear()
    else:
        gone = world.vcenter.vms["m1"].disks.pop(2001)
    one.until(lambda: shown().needs, pause=LATER)
    assert shown().problem
    one.end()
    if lost == "disk":
        world.vcenter.vms["m1"].disks[2001] = gone
        world.clock.advance(LATER)
        two = Run(world)
        two.until(lambda: world.record().cycle > 1 and not shown().needs, pause=LATER)
        two.end()


def test_a_passing_refusal_needs_nobody() -> None:
    world, process = DELTA.prepare(), Process()

    def refuse(_: tuple[Any, ...]) -> None:
        raise Temporary("the session has ended", subject="vCenter")

    process.hooks["source.consolidated"] = refuse
    one = Run(world, process)
    one.until(lambda: bool(world.record().problem))
    one.step()
    one.end()
    assert not load_status(world.documents.docs[status_name("m1")][0]).needs
