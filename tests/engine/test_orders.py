"""Orders: what they do, what they refuse, and the way back of a migration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from replication.model.item import Cutover, OrderKind, Shutdown
from replication.model.record import CycleKind, Life, OrderProgress, StepState
from replication.model.source import Power
from tests.engine.harness import Process, Rule, Run, cycles, outcome, replicated, run
from tests.engine.setups import assert_as_before, assert_migrated, once
from tests.fakes.world import World

FORCE = Shutdown(mode="force")
GO_BACK = Cutover(on_failure="power_on_source")


def carried(world: World, kind: OrderKind, process: Process | None = None, **more: Any) -> OrderProgress:
    number = world.record().orders_done + 1
    world.order("m1", number, kind, **more)
    run(world, outcome(world, number), process)
    order = world.record().order
    assert order is not None and order.number == number
    return order


def test_migration_in_five_visible_steps(world: World) -> None:
    """S1.4, S7, S8.4: on-demand cycle while it runs, shutdown confirmed, final cycle, VM from the replicas, started."""
    before = world.record().cycle
    order = carried(world, OrderKind.MIGRATE)
    assert order.outcome == "done"
    assert [s.name for s in order.steps] == [
        *("check prerequisites", "shut down the VM", "prepare for migration", "create the Azure VM", "start the Azure VM")
    ]
    assert all(s.state is StepState.DONE for s in order.steps)
    kinds = [e.kind for e in world.record().evidence[:2]]
    assert kinds == [CycleKind.FINAL, CycleKind.ON_DEMAND] and world.record().cycle == before + 2
    assert world.vcenter.vms["m1"].powered == ["shutdown"]
    assert_migrated(world)


def test_writes_until_the_last_moment_arrive(world: World) -> None:
    """S1.4: what the guest writes after the on-demand cycle is in the final one."""
    process = once("source.shutdown_guest", 1, lambda: world.guest_writes("m1", 20))
    assert carried(world, OrderKind.MIGRATE, process).outcome == "done"
    assert_migrated(world)


def test_forced_and_no_shutdown(world: World) -> None:
    """S7: shutting down is optional; `none` skips the step and leaves the source running."""
    order = carried(world, OrderKind.MIGRATE, shutdown=Shutdown(mode="none"))
    assert order.outcome == "done" and order.steps[1].state is StepState.SKIPPED
    assert world.vcenter.vms["m1"].power is Power.ON and world.vcenter.vms["m1"].powered == []
    forced = World()
    forced.add(size=256 * 1024)
    replicated(forced)
    assert carried(forced, OrderKind.MIGRATE, shutdown=FORCE).outcome == "done"
    assert forced.vcenter.vms["m1"].powered == ["off"]
    assert_migrated(forced)


def test_a_guest_that_does_not_shut_down(world: World) -> None:
    """Pitfall 16: bounded wait, then by policy: fail (nothing is lost) or force."""
    world.vcenter.vms["m1"].ignores_shutdown = True
    order = carried(world, OrderKind.MIGRATE)
    assert order.outcome == "aborted" and "30 s" in order.problem
    assert_as_before(world)
    assert carried(world, OrderKind.MIGRATE, shutdown=Shutdown(wait=5.0, otherwise="force")).outcome == "done"
    assert_migrated(world)


def test_what_cannot_work_is_refused_before_anything_happens(world: World) -> None:
    """Step one: tools, sizes, names, quota; the source is not touched."""
    world.vcenter.vms["m1"].tools = False
    assert "VMware Tools" in carried(world, OrderKind.MIGRATE).problem
    world.vcenter.vms["m1"].tools = True
    world.cloud.problems = ["quota of standardDSv5Family: 4 cores needed, 0 left"]
    assert "quota" in carried(world, OrderKind.MIGRATE).problem
    world.cloud.problems = []
    assert world.vcenter.vms["m1"].powered == []
    assert_as_before(world)


def test_orders_that_the_life_does_not_allow() -> None:
    """S7: during initial replication only stopping; S11: after stopping a new life under a new replication uuid."""
    world = World()
    world.add(size=256 * 1024)
    run(world, cycles(world, 1), Process(kill_when=lambda name, n: name == "replicas.write" and n == 5))
    for kind in (OrderKind.TEST, OrderKind.MIGRATE):
        order = carried(world, kind)
        assert order.outcome == "aborted" and "initial" in order.problem
    assert carried(world, OrderKind.STOP).outcome == "done"
    assert world.record().life is Life.STOPPED and world.replicas.blobs == {}
    world.put_item("m1", "r2")
    fence = world.record().fence
    run(world, cycles(world, 1))
    assert world.record().replication == "m1-r2" and world.record().fence > fence
    record = world.record()
    assert record.committed is not None
    assert world.replicas.blobs["m1-r2-2000.vhd"].points[record.committed.points[2000]][0] == world.vcenter.content(
        "m1", 2000
    )


def test_what_is_there_already_is_never_taken_or_deleted(world: World) -> None:
    """Pitfall 17: a disk of an earlier migration may hold what nobody else has: the order is refused, the disk stays."""
    vm = world.vm_order("m1")
    upload = world.cloud.begin_disk(vm, vm.disks[1], {})
    world.cloud.disks[upload.disk_id].state = "Unattached"
    world.cloud.disks[upload.disk_id].content[:4] = b"dear"
    order = carried(world, OrderKind.MIGRATE)
    assert order.outcome == "aborted" and "already there" in order.problem and vm.disks[1].name in order.problem
    assert bytes(world.cloud.disks[upload.disk_id].content[:4]) == b"dear" and world.vcenter.vms["m1"].powered == []
    late = once("cloud.check", 1, lambda: world.cloud.begin_disk(vm, vm.disks[0], {}))
    world.cloud.disks.clear()
    assert carried(world, OrderKind.MIGRATE, late).outcome == "aborted"
    assert len(world.cloud.disks) == 1 and world.vcenter.vms["m1"].powered == []


Break = Callable[[World], Process]


@pytest.mark.parametrize(
    "broken",
    [
        lambda world: Process((Rule("cloud.begin_disk", "permanent", 1, 2),)),
        lambda world: Process((Rule("cloud.finish_disk", "permanent", 1, 9),)),
        lambda world: Process((Rule("cloud.create_nic", "permanent"),)),
        lambda world: Process((Rule("cloud.create_vm", "permanent"),)),
        lambda world: once("cloud.finish_disk", 1, lambda: world.vcenter.power_on("m1")),
        lambda world: once("source.create_snapshot", 2, lambda: world.vcenter.reset_tracking("m1", 2001)),
        lambda world: Process((Rule("source.snapshot", "permanent", 2),)),
    ],
    ids=["disk", "footer", "nic", "vm", "powered on by somebody", "resync after power-off", "final cycle"],
)
def test_the_way_back(world: World, broken: Break) -> None:
    """Design: before the Azure VM is started everything can go back; no resync after power-off; then it works anew."""
    order = carried(world, OrderKind.MIGRATE, broken(world), cutover=GO_BACK)
    assert (order.outcome, world.vcenter.vms["m1"].power) == ("aborted", Power.ON), order
    assert order.problem
    assert_as_before(world)
    assert carried(world, OrderKind.MIGRATE).outcome == "done"
    assert_migrated(world)


@pytest.mark.parametrize("at", range(1, 14))
def test_the_way_back_killed_in_the_middle(world: World, at: int) -> None:
    """A way back that has begun is gone to its end by the next process: never half back, half forward."""
    refused = False

    def kill(name: str, n: int) -> bool:
        nonlocal refused, left
        refused = refused or name == "cloud.create_nic"
        left -= refused
        return left == 0

    left = at + 1
    process = Process((Rule("cloud.create_nic", "permanent"),), kill_when=kill)
    number = world.record().orders_done + 1
    world.order("m1", number, OrderKind.MIGRATE)
    run(world, outcome(world, number), process)
    run(world, outcome(world, number))
    order = world.record().order
    assert order is not None
    if order.outcome == "done":  # killed before the refusal was journalled: the next process was not refused
        assert_migrated(world)
    else:
        assert_as_before(world)


def test_a_vm_that_may_exist_is_never_abandoned(world: World) -> None:
    """An answer that was lost, then a refusal: the VM is there, so the order only goes forward."""
    process = Process((Rule("cloud.create_vm", "after"), Rule("cloud.create_vm", "permanent", 2)))
    order = carried(world, OrderKind.MIGRATE, process)
    assert order.outcome == "done" and world.vcenter.vms["m1"].powered == ["shutdown"]
    assert_migrated(world)


def test_sizes_are_tried_in_order(world: World) -> None:
    """VmOrder.sizes: the next one when Azure has no capacity; none at all is tried again later."""
    world.cloud.full = {"Standard_A"}
    assert carried(world, OrderKind.TEST).facts["size"] == "Standard_B"
    assert carried(world, OrderKind.CLEAN_UP).outcome == "done"
    world.cloud.full = {"Standard_A", "Standard_B"}
    room = once("cloud.create_vm", 3, world.cloud.full.clear)
    assert carried(world, OrderKind.MIGRATE, room).facts["size"] == "Standard_A"
    assert_migrated(world)


def test_off_too_long_goes_back(world: World) -> None:
    """A cloud that does not answer after the power-off: after a bounded time the source is powered on again."""
    process = Process((Rule("cloud.finish_disk", "before", 1, 10_000),))
    world.order("m1", 1, OrderKind.MIGRATE, cutover=GO_BACK)
    one = Run(world, process)
    one.until(outcome(world, 1), steps=200, pause=60.0)
    one.end()
    order = world.record().order
    assert order is not None and order.outcome == "aborted" and "off too long" in order.problem
    assert_as_before(world)


def test_a_copy_of_unknown_fate_throws_the_disk_away(world: World) -> None:
    """Design: a range is never copied again while an earlier copy may still land; what lands late hits nothing."""
    process = Process((Rule("cloud.copy_range", "held", 1),))
    order = carried(world, OrderKind.MIGRATE, process)
    assert order.outcome == "done" and process.names["cloud.begin_disk"] == 3
    (late,) = process.release()
    assert late is not None, "the late copy landed"
    assert_migrated(world)


def test_test_migration_uses_the_newest_point_and_leaves_replication_alone(world: World) -> None:
    """Phases: an isolated VM from the newest committed recovery point; a second test needs a clean-up first."""
    record = world.record()
    order = carried(world, OrderKind.TEST)
    assert record.committed is not None and order.facts["cycle"] == str(record.committed.cycle)
    assert world.vcenter.vms["m1"].powered == [] and len(world.cloud.vms) == 1
    assert set(world.record().test) == {"vm", "nic/4000", "disk/2000", "disk/2001"}
    assert "clean it up" in carried(world, OrderKind.TEST).problem
    assert "clean it up" in carried(world, OrderKind.MIGRATE).problem
    assert len(world.cloud.vms) == 1
    assert carried(world, OrderKind.CLEAN_UP).outcome == "done"
    assert_as_before(world)


def test_a_failed_test_leaves_nothing(world: World) -> None:
    order = carried(world, OrderKind.TEST, Process((Rule("cloud.create_vm", "permanent"),)))
    assert order.outcome == "aborted" and "ordered fault" in order.problem and world.record().test == {}
    assert_as_before(world)


def test_completion_deletes_the_seeds_and_keeps_the_vm(world: World) -> None:
    """S1.5, S11: after the migration stopping deletes the replica disks; the Azure VM stays."""
    carried(world, OrderKind.MIGRATE)
    order = carried(world, OrderKind.STOP)
    assert order.outcome == "done" and order.facts["completed"] == "true"
    assert world.replicas.blobs == {} and len(world.cloud.vms) == 1
    assert world.record().life is Life.STOPPED


def test_a_running_delta_finishes_before_it_stops(world: World) -> None:
    """S11: a cycle in progress finishes first when the VM is in delta sync."""
    world.clock.advance(7200)
    before = world.record().cycle
    process = once("log.put", 1, lambda: world.order("m1", 1, OrderKind.STOP))
    seen: list[int] = []
    process.hooks["replicas.delete"] = lambda _: seen.append(world.record().cycle)
    run(world, outcome(world, 1), process)
    assert seen[0] == before + 1


def test_stop_of_a_machine_whose_source_is_gone(world: World) -> None:
    """Nothing in vCenter can keep the seeds from being deleted for ever."""
    del world.vcenter.vms["m1"]
    assert carried_without_source(world) == "done"
    assert world.replicas.blobs == {}


def carried_without_source(world: World) -> str | None:
    from replication.model.documents import dumps, order_name
    from replication.model.item import Order

    record = world.record()
    order = Order("m1", 1, "o", OrderKind.STOP, record.replication, "plan", world.clock.now())
    world.documents.put_any(order_name("m1", 1), dumps(order))
    run(world, outcome(world, 1))
    progress = world.record().order
    return progress.outcome if progress else None


def test_a_power_off_that_takes_its_time_is_waited_for(world: World) -> None:
    """S1.4: power-off confirmed. vCenter has taken the order and the machine still runs: no final delta before it is off,
    and the migration does not end for it."""
    vm, process = world.vcenter.vms["m1"], Process()
    asked: list[float] = []

    def still_on(_: object) -> None:
        if asked and world.clock.now() < asked[0] + 60:
            vm.power = Power.ON
        elif asked:
            vm.power = Power.OFF

    process.hooks["source.power_off"] = lambda _: asked.append(world.clock.now()) if not asked else None
    process.hooks["source.facts"] = still_on
    world.order("m1", 1, OrderKind.MIGRATE, Shutdown(mode="force"))
    run(world, outcome(world, 1), process)
    order = world.record().order
    assert order is not None and order.outcome == "done", order.problem if order else ""
    assert float(order.facts["powered_off"]) >= asked[0] + 60
    assert_migrated(world)
