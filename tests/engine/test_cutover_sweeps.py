"""Two hosts and two machines: what must hold at each call of a cut-over and of a rollback."""

from __future__ import annotations

import pytest

from tests.engine.harness import Killed, Process, Run, outcome, run
from tests.engine.scenarios import MIGRATE, ROLLBACK, guest, migrated
from tests.engine.sweep import calls
from tests.full import size

pytestmark = pytest.mark.faults


def test_source_and_azure_vm_never_run_at_once() -> None:
    """At every call of a rollback: the Azure VM is off before the source is powered on."""
    world, process = ROLLBACK.prepare(), Process()

    def look(_: object) -> None:
        assert not any(vm.running for vm in world.cloud.vms.values()), "both would run"

    process.hooks["source.power_on"] = look
    run(world, ROLLBACK.done(world), process)
    assert process.names["source.power_on"] == 1


def test_another_host_carries_the_order_on_when_the_lease_has_run_out() -> None:
    """Weeks, 29: two engines at once; the first dies in each step, the second waits for the lease and carries it to its
    end, under a higher epoch."""
    names = calls(MIGRATE).calls
    for at in range(10, names, max(1, names // size(24, 8))):
        world = MIGRATE.prepare()
        first, second = Run(world, Process(kill_at=at)), Run(world)
        died = False
        try:
            first.until(outcome(world, 1))
        except Killed:
            died = True
        assert died
        second.step()
        assert second.process.names["source.power_on"] == second.process.names["source.power_off"] == 0
        epoch = world.record().epoch
        assert second.process.names["source.shutdown_guest"] == 0, "it worked without the lease"
        world.clock.advance(61.0)
        guest(world)
        second.until(outcome(world, 1))
        assert world.record().epoch > epoch
        migrated(world)
        second.end()
        first.end()
