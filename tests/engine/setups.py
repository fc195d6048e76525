"""Worlds of the ports in memory as most tests of the engine begin with, what is asked of them, and how they must end."""

from __future__ import annotations

from typing import Any

from replication.model.item import Cutover, OrderKind
from replication.model.record import Life, OrderProgress
from replication.model.source import Power
from tests.engine.harness import Process, Run, cycles, replicated, run
from tests.fakes.world import World

LATER = 7200.0
"""Seconds after which a delta cycle is due."""


def written_to(size: int = 256 * 1024) -> World:
    """Machine m1 in delta sync, whose guest has written since."""
    world = World()
    world.add(size=size)
    replicated(world)
    world.guest_writes("m1")
    return world


def due() -> World:
    """The same with a delta cycle due."""
    world = written_to()
    world.clock.advance(LATER)
    return world


def pair(**cutover: Any) -> World:
    world = World()
    for machine in ("m1", "m2"):
        world.add(machine, size=128 * 1024, disks=1)
    replicated(world)
    run(world, cycles(world, 2, "m2"))
    return world


def contents(world: World) -> dict[str, bytes]:
    return {name: bytes(blob.content) for name, blob in world.replicas.blobs.items()}


def once(target: str, nth: int, do: Any) -> Process:
    """A process in which `do()` happens just before the `nth` call of `target`."""
    process = Process()
    calls = 0

    def hook(_: tuple[Any, ...]) -> None:
        nonlocal calls
        calls += 1
        if calls == nth:
            do()

    process.hooks[target] = hook
    return process


def progress(world: World, machine: str = "m1") -> OrderProgress:
    order = world.record(machine).order
    assert order is not None
    return order


def migrate(world: World, machine: str = "m1", **cutover: Any) -> None:
    number = world.record(machine).orders_done + 1
    world.order(machine, number, OrderKind.MIGRATE, cutover=Cutover(**cutover))


def step(world: World, times: int = 1, pause: float = 20.0, process: Process | None = None) -> Process:
    """An engine for so many passes."""
    one = Run(world, process)
    for _ in range(times):
        one.step()
        world.clock.advance(pause)
    one.end()
    return one.process


def assert_migrated(world: World) -> None:
    assert world.record().life is Life.MIGRATED and world.vcenter.vms["m1"].power is Power.OFF
    (vm,) = world.cloud.vms.values()
    assert vm.running
    for key, made in vm.disks.items():
        source = world.vcenter.content("m1", key)
        assert bytes(world.cloud.disks[made].content[: len(source)]) == source
    world.assert_tidy()


def assert_as_before(world: World) -> None:
    """Nothing is changed for good: the source runs, the cloud is empty, delta sync goes on."""
    assert world.vcenter.vms["m1"].power is Power.ON
    assert not world.cloud.vms and not world.cloud.disks and not world.cloud.nics
    assert world.record().life is Life.DELTA
    world.guest_writes("m1")
    world.clock.advance(7200)
    run(world, cycles(world, world.record().cycle + 1))
    world.assert_replica_is_source()
    world.assert_tidy()
