"""Final disks are filled ahead while the source runs, so that the downtime depends on the last delta alone."""

from __future__ import annotations

from typing import Any

import pytest

from replication.model.documents import fill_name
from replication.model.extents import MIB
from replication.model.item import OrderKind
from replication.model.record import CycleKind
from replication.model.source import Power
from tests.engine.harness import SIZES, Process, Rule, Run, outcome, replicated, run
from tests.engine.setups import assert_migrated, once
from tests.fakes.world import World


@pytest.fixture
def world() -> World:
    world = World()
    world.add(size=MIB)
    replicated(world)
    world.order("m1", 1, OrderKind.MIGRATE)
    return world


def watched(world: World, process: Process) -> list[tuple[Power, int]]:
    """(power of the source, bytes) of every copy."""
    seen: list[tuple[Power, int]] = []

    def look(args: tuple[Any, ...]) -> None:
        seen.append((world.vcenter.vms["m1"].power, args[3]))

    process.hooks["cloud.copy_range"] = look
    return seen


def test_after_the_power_off_only_the_last_delta_is_copied(world: World) -> None:
    """Issue 3, cut-over; design, migration order: what is copied while the machine is off are the areas of the last delta."""
    world.guest_writes("m1")
    process = once("source.shutdown_guest", 1, lambda: world.vcenter.write("m1", 2001, 64 * 1024, b"last" * 1024))
    seen = watched(world, process)
    run(world, outcome(world, 1), process)
    on = sum(size for power, size in seen if power is Power.ON)
    off = sum(size for power, size in seen if power is Power.OFF)
    assert on >= MIB and 0 < off <= 4096, (on, off)
    assert process.names["cloud.begin_disk"] == 2
    assert_migrated(world)
    assert not [name for name in world.documents.docs if name.startswith("fills/")]


def test_later_deltas_follow_while_it_helps(world: World) -> None:
    """A fill that takes an hour is followed by a delta, and that one by another, before anything is powered off."""
    filled: list[float] = []

    def slow(_: tuple[Any, ...]) -> None:
        if len(filled) < 4:
            filled.append(world.clock.now())
            world.clock.advance(11.0)
            world.guest_writes("m1", 3)

    process = Process()
    process.hooks["cloud.copy_range"] = slow
    one = Run(world, process, sizes=_follow(30.0))
    one.until(outcome(world, 1))
    one.end()
    kinds = [e.kind for e in world.record().evidence]
    assert kinds.count(CycleKind.ON_DEMAND) >= 2 and kinds[0] is CycleKind.FINAL
    assert process.names["cloud.begin_disk"] == 2
    assert_migrated(world)


def _follow(seconds: float) -> Any:
    from dataclasses import replace

    return replace(SIZES, patience=replace(SIZES.patience, follow=seconds))


def test_a_fill_that_the_engine_left_in_order_goes_on(world: World) -> None:
    """Every copy was answered, so the next process copies the rest into the same disks and nothing twice."""
    places: list[tuple[str, int]] = []

    def look(args: tuple[Any, ...]) -> None:
        places.append((args[0].disk_id, args[2]))
        if len(places) == 4:
            one.engine.stop()

    process = Process()
    process.hooks["cloud.copy_range"] = look
    one = Run(world, process)
    one.step()
    one.end()
    assert world.vcenter.vms["m1"].power is Power.ON and world.record().orders_done == 0
    later = Process()
    later.hooks["cloud.copy_range"] = lambda args: places.append((args[0].disk_id, args[2]))
    run(world, outcome(world, 1), later)
    assert process.names["cloud.begin_disk"] + later.names["cloud.begin_disk"] == 2
    assert len(places) == len(set(places)), "a range was copied twice"
    assert_migrated(world)


@pytest.mark.parametrize("nth", range(1, 17, 3))
def test_a_crash_with_copies_in_flight_fills_anew_before_the_power_off(world: World, nth: int) -> None:
    """Copies that nobody can ask about may land at any time: another disk takes the place, while the source still runs."""
    process = Process((Rule("cloud.copy_range", "held", nth),), kill_when=lambda name, n: process.held != [])
    assert not run(world, outcome(world, 1), process)
    assert world.vcenter.vms["m1"].powered == []
    world.guest_writes("m1")
    second = Process()
    seen = watched(world, second)
    run(world, outcome(world, 1), second)
    assert second.names["cloud.begin_disk"] >= 1
    assert sum(size for power, size in seen if power is Power.OFF) <= 128 * 1024
    assert all(error is not None for error in process.release()), "a copy of the dead process landed"
    assert_migrated(world)


@pytest.mark.parametrize("nth", range(1, 20, 2))
def test_held_copies_land_late_and_hit_nothing(world: World, nth: int) -> None:
    process = once("source.shutdown_guest", 1, lambda: world.guest_writes("m1", 6))
    process.rules = (Rule("cloud.copy_range", "held", nth),)
    run(world, outcome(world, 1), process)
    process.release()
    assert_migrated(world)


def test_the_write_url_stands_nowhere_in_plain_text(world: World) -> None:
    """S6: a disk's write url is a secret; what another process needs to go on is kept sealed."""
    process = Process(kill_when=lambda name, n: name == "source.shutdown_guest")
    assert not run(world, outcome(world, 1), process)
    assert fill_name("m1", 1, 2000) in world.documents.docs
    assert not [name for name, (data, _) in world.documents.docs.items() if b"fake-disk:" in data]
    before = len(world.cloud.disks)
    second = Process()
    run(world, outcome(world, 1), second)
    assert second.names["cloud.begin_disk"] == 0 and before == len(world.cloud.disks), "it could not go on with the disks"
    assert_migrated(world)


def test_a_disk_that_somebody_deleted_is_filled_anew(world: World) -> None:
    process = Process()
    process.hooks["source.shutdown_guest"] = lambda _: world.cloud.disks.pop(next(iter(world.cloud.disks)), None)
    run(world, outcome(world, 1), process)
    assert_migrated(world)


def test_nics_are_secured_before_the_power_off(world: World) -> None:
    """Weeks, 23: NIC, address and disks are there before anything is powered off."""
    process = Process(kill_when=lambda name, n: name == "source.shutdown_guest")
    assert not run(world, outcome(world, 1), process)
    assert world.cloud.nics and len(world.cloud.disks) == 2 and world.vcenter.vms["m1"].powered == []


@pytest.mark.parametrize("asked", ["cloud.copy_range", "source.shutdown_guest", "cloud.finish_disk"])
def test_a_disk_whose_write_url_is_gone_is_filled_anew(world: World, asked: str) -> None:
    """Issue 3, proof: found by the sweep of late landings. A delete and create that hung on the wire replaces the disk while
    it is filled: its url is refused for good, and the order ended (before the power-off) or hung for ever (after it)."""
    vm = world.vm_order("m1")
    run(world, outcome(world, 1), once(asked, 1, lambda: world.cloud.begin_disk(vm, vm.disks[0], {})))
    assert_migrated(world)


@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("lands", [None, 3, 12])
def test_a_crash_in_the_last_pass_copies_only_the_last_delta_again(world: World, nth: int, lands: int | None) -> None:
    """The source is off: the same recovery point is copied on into the same disk; what the dead process had sent may land
    at any time and brings the bytes that are there."""
    off = [False]

    def writes(_: tuple[Any, ...]) -> None:
        off[0] = True
        world.guest_writes("m1", 30)

    process = Process(kill_when=lambda name, n: process.held != [])
    process.hooks["source.shutdown_guest"] = writes
    process.hooks["cloud.copy_range"] = lambda _: _hold(process, nth) if off[0] else None
    assert not run(world, outcome(world, 1), process), "the last pass had fewer copies"
    disks = {name: id(disk) for name, disk in world.cloud.disks.items()}
    second = Process(held=process.held, lands_after=lands)
    seen = watched(world, second)
    run(world, outcome(world, 1), second)
    assert second.names["cloud.begin_disk"] == 0 and {n: id(d) for n, d in world.cloud.disks.items()} == disks
    assert 0 < sum(size for _, size in seen) < MIB, "more than the last delta was copied"
    process.release()
    assert_migrated(world)


def _hold(process: Process, nth: int) -> None:
    """Hold the `nth` copy from now on."""
    if not process.rules:
        process.rules = (Rule("cloud.copy_range", "held", process.names["cloud.copy_range"] + nth - 1),)
