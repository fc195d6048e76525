"""A cut-over that is to go back while vCenter refuses: it is not over before the source runs again."""

from __future__ import annotations

from typing import Any

import pytest

from replication.model.errors import Denied
from replication.model.item import OrderKind
from replication.model.record import Life
from replication.model.source import Power
from tests.engine.harness import Process, Run, outcome, replicated, run
from tests.fakes.world import World


@pytest.mark.parametrize("refused", ["source.facts", "source.power_on"])
def test_a_machine_is_not_left_off_because_vcenter_refused_the_login(refused: str) -> None:
    """S1.4: the password changes while the guest goes down. The order is not ended with the source off: it goes back when vCenter
    lets it, says so meanwhile, and needs somebody."""
    world, closed = World(), [False]
    world.add(size=256 * 1024)
    replicated(world)
    world.order("m1", 1, OrderKind.MIGRATE)
    process = Process()

    def deny(_: tuple[Any, ...]) -> None:
        if closed[0]:
            raise Denied("the password was refused")

    def off(_: tuple[Any, ...]) -> None:
        closed[0] = True

    process.hooks = {"source.shutdown_guest": off, "source.facts": deny, refused: deny}
    one = Run(world, process)
    for _ in range(6):
        one.step()
        world.clock.advance(30)
    one.end()
    assert world.vcenter.vms["m1"].power is Power.OFF
    record = world.record()
    assert record.orders_done == 0 and "powered on again" in record.problem and "password" in record.problem
    closed[0] = False
    run(world, outcome(world, 1))
    now = world.record()
    assert now.life is Life.DELTA and now.order is not None and now.order.outcome == "aborted"
    assert world.vcenter.vms["m1"].power is Power.ON and not world.cloud.nics and not world.cloud.disks
