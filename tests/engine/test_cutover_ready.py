"""Who counts as ready, and who waits for that."""

from __future__ import annotations

from tests.engine.harness import Run, outcome, run
from tests.engine.setups import assert_migrated, migrate, pair, progress
from tests.fakes.world import World


def test_a_machine_waits_for_another_to_be_ready() -> None:
    """`start_after`: started is not ready."""
    world = pair()
    world.cloud.agent = False
    migrate(world, "m2", start_after="m1", start_after_name="vm-m1", start_after_region="koreacentral")
    migrate(world, "m1", ready="agent", ready_within=20.0)
    one = Run(world)
    one.until(lambda: "started" in progress(world, "m1").facts)
    one.until(lambda: "vm-m1" in progress(world, "m2").facts.get("waits", ""))
    assert world.vcenter.vms["m2"].powered == []
    assert world.record("m1").orders_done == 0
    world.cloud.agent = True
    one.until(outcome(world, 1, "m2"))
    one.end()
    first, second = progress(world, "m1"), progress(world, "m2")
    assert float(second.facts["powered_off"]) >= float(first.facts["ready"])
    assert "ready (agent)" in first.steps[-1].detail


def test_ready_by_port_and_what_becomes_of_the_source(world: World) -> None:
    """Weeks, 19 and 33: tcp on the private address; the source's NICs disconnected and the VM annotated."""
    world.cloud.listening = {443}
    migrate(world, ready="tcp:443", source_after="off-and-nic-disconnected")
    run(world, outcome(world, 1))
    vm = world.vcenter.vms["m1"]
    assert not vm.nics_connected and "do not power on" in vm.notes
    assert "tcp:443" in progress(world).steps[-1].detail
    assert_migrated(world)


def test_ready_by_the_guest_s_own_words(world: World) -> None:
    """Weeks, 19: `boot-log` waits for what its OS type writes to its serial port, colours and all; or for a pattern given."""
    world.cloud.serial = "Loading\r\n[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mMulti-User System\x1b[0m.\r\n"
    migrate(world, ready="boot-log")
    run(world, outcome(world, 1))
    assert "ready (boot-log)" in progress(world).steps[-1].detail
    assert_migrated(world)


def test_a_guest_that_does_not_come_up_is_not_ready(world: World) -> None:
    """Weeks, 19: started is not ready. It is looked at again, as with every other sign, and nothing goes back by itself."""
    world.cloud.serial = "UEFI\r\nLoading the kernel ...\r\nshop is up\r\n"
    migrate(world, ready="boot-log", ready_within=20.0)
    one = Run(world)
    one.until(lambda: "the Azure VM runs and is not ready (boot-log)" in world.record().problem)
    assert "az vm boot-diagnostics get-boot-log --ids /subscriptions/" in world.record().problem
    assert progress(world).outcome is None and "ready" not in progress(world).facts
    assert any(vm.running for vm in world.cloud.vms.values())
    world.cloud.serial += "m1 login: "
    one.until(outcome(world, 1))
    one.end()
    assert_migrated(world)
