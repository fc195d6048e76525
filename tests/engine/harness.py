"""Running engines against the world in memory: one after the other, killed and begun again, until all is quiet."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from replication.engine.config import EngineConfig, Limits, Patience, Sizes, Workers
from replication.engine.fleet import Engine
from replication.model.record import Life
from replication.schedule import Policy
from tests.fakes.faults import Killed, Process, Rule
from tests.fakes.world import APPLIANCE, REGION, World

KIB = 1024
SIZES = Sizes(
    limits=Limits(
        chunk=32 * KIB, extents=64, read=16 * KIB, bridge=4 * KIB, zero=4 * KIB, block=4 * KIB, window=64 * KIB,
        verified=48 * KIB, copy=128 * KIB,
    ),
    patience=Patience(first=0.1, most=1.0, poll=1.0),
    workers=Workers(chunks=3, machines=4, inflight=2, copies=2),
)  # fmt: skip


class Said:
    """Events, for messages of failed assertions."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def event(self, machine: str, text: str) -> None:
        self.lines.append(f"{machine}: {text}")


class Run:
    """One engine process over the world."""

    numbers = itertools.count(1)

    def __init__(self, world: World, process: Process | None = None, sizes: Sizes = SIZES, policy: Policy | None = None) -> None:
        self.world, self.process, self.said = world, process or Process(), Said()
        config = EngineConfig(
            holder=f"engine-{next(self.numbers)}", regions=(REGION,), appliances={APPLIANCE: policy or Policy()}, sizes=sizes
        )
        self.engine = Engine(world.outside(self.process), config, self.said)

    def step(self) -> None:
        """A tick and everything that it started; a dead process does nothing any more."""
        self.engine.tick()
        self.engine.drain()

    def until(self, done: Callable[[], bool], steps: int = 60, pause: float = 20.0) -> None:
        """Step, a while apart, until `done`. Raises `Killed` when the process dies on the way."""
        for _ in range(steps):
            self.step()
            if done():
                return
            self.world.clock.advance(pause)
        raise AssertionError("not done after all steps:\n" + "\n".join(self.said.lines[-25:]))

    def once(self) -> None:
        """One step and the end, killed or not."""
        try:
            self.step()
        except Killed:
            pass  # nobody noticed yet
        finally:
            self.end()

    def end(self) -> None:
        """Stop it; a process that was killed gives nothing back, its lease runs out."""
        try:
            self.engine.close()
        except Killed:
            self.world.clock.advance(61.0)


def run(
    world: World,
    done: Callable[[], bool],
    process: Process | None = None,
    sizes: Sizes = SIZES,
    policy: Policy | None = None,
    steps: int = 60,
) -> bool:
    """One process, until `done` or until it is killed; whether it came to its end alive."""
    one = Run(world, process, sizes, policy)
    try:
        one.until(done, steps)
    except Killed:
        return False
    finally:
        one.end()
    return True


def cycles(world: World, number: int, machine: str = "m1") -> Callable[[], bool]:
    """At least `number` cycles are committed and complete, and nothing is under way or left to clean."""

    def done() -> bool:
        if f"records/{machine}.json" not in world.documents.docs:
            return False
        record = world.record(machine)
        return record.cycle >= number and record.attempt is None and not record.unclean

    return done


def outcome(world: World, number: int, machine: str = "m1") -> Callable[[], bool]:
    """Order `number` has an outcome."""
    return lambda: world.record(machine).orders_done >= number


def replicated(world: World, machine: str = "m1", deltas: int = 1) -> None:
    """Bring the machine into delta sync, undisturbed, with no writes left that a delta has not carried."""
    run(world, cycles(world, 1, machine))
    for _ in range(deltas):
        world.clock.advance(7200)
        run(world, cycles(world, world.record(machine).cycle + 1, machine))
    assert world.record(machine).life is Life.DELTA


__all__ = ["SIZES", "Killed", "Process", "Rule", "Run", "cycles", "outcome", "replicated", "run"]
