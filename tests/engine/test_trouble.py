"""What a person finds in the engine's log after a night in which Azure did not let it in."""

from __future__ import annotations

import itertools

from replication.engine.trouble import Trouble
from replication.model.errors import Denied
from tests.engine.harness import Process, Run, replicated
from tests.engine.setups import LATER
from tests.fakes.clock import FakeClock
from tests.fakes.world import REGION, World


def test_a_region_that_refuses_us_all_night_is_some_lines() -> None:
    """Users, The weeks: one line when it begins, a rare one while it lasts, one when it is over; never one a second."""
    world = World()
    world.add(size=64 * 1024)
    replicated(world)
    world.clock.advance(LATER)
    numbers, refuse = itertools.count(1), True

    def denied(arguments: tuple[object, ...]) -> None:
        if refuse:
            raise Denied(f"AADSTS7000222: the secret has expired. Trace 0x{next(numbers):x}", subject="signing in to Azure")

    process = Process()
    process.hooks["documents.list"] = denied
    one = Run(world, process)
    for _ in range(8 * 360):
        one.step()
        world.clock.advance(10.0)
    told = [line for line in one.said.lines if "AADSTS7000222" in line]
    assert 8 <= len(told) <= 15 and REGION in told[0] and "times" not in told[0]
    assert "times in 480 min" in told[-1] or "times in 4" in told[-1]
    refuse = False
    one.step()
    assert [line for line in one.said.lines if "goes on, after 480 min" in line]
    refuse = True
    one.step()
    assert len([line for line in one.said.lines if "AADSTS7000222" in line]) == len(told) + 1, "a new trouble is said at once"
    one.end()


def test_other_trouble_is_said_at_once() -> None:
    clock, said = FakeClock(), list[str]()
    trouble = Trouble(clock.now, said.append)
    for text in ("no answer at 0x7f01", "no answer at 0x7f02", "refused", "refused"):
        trouble.tell("korea", text)
    trouble.over("korea")
    trouble.over("korea")
    assert said == ["korea: no answer at 0x7f01", "korea: refused", "korea: goes on, after 0 s"]
