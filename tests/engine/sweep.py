"""Faults everywhere: a scenario is run again and again, each time with the fault at another port call.

A scenario prepares a world, says when it is done and checks what must then be true. Whatever happened in the first
process, a second, undisturbed one must bring it there. At full size the Nth call is struck for N = 1, 2, … until a run
meets no fault; a share takes some of the calls that an undisturbed run makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from replication.engine import lease
from replication.engine.guard import Halted
from tests.engine.harness import Run, run
from tests.fakes.faults import JOURNAL, Process, Rule
from tests.fakes.world import World
from tests.full import FULL, share

READS = (
    *("source.facts", "source.datastore_free", "source.find_snapshots", "source.snapshot", "source.changed_areas"),
    *("source.open_disk", "reader.read", "reader.confirm", "log.get", "log.list", "documents.get", "documents.list"),
    *("replicas.checkpoints", "replicas.read", "replicas.copy_url", "replicas.allocated", "replicas.changed"),
    *("keys.current", "keys.version"),
    *("cloud.agent_ready", "cloud.boot_log", "cloud.reachable", "cloud.exposure", "cloud.check", "cloud.exists"),
)
"""Calls without an effect: one that lands late changes nothing."""


@dataclass(frozen=True)
class Scenario:
    prepare: Callable[[], World]
    done: Callable[[World], Callable[[], bool]]
    check: Callable[[World], None]
    between: Callable[[World], None] = lambda world: None
    """What the guest does while no engine runs."""
    afterwards: Callable[[World], None] = lambda world: None
    """What comes next in the machine's life, and what must be true after it: for calls that landed when all was over."""


@cache
def calls(scenario: Scenario) -> Process:
    """An undisturbed run, checked, once for each scenario; the process knows which calls there were."""
    world, process = scenario.prepare(), Process()
    assert run(world, scenario.done(world), process)
    settled(scenario, world)
    return process


def with_processes(scenario: Scenario, *processes: Process) -> World:
    """These processes one after the other, then one that nothing happens to."""
    world = scenario.prepare()
    for process in processes:
        run(world, scenario.done(world), process)
        scenario.between(world)
    run(world, scenario.done(world))
    settled(scenario, world)
    return world


def settled(scenario: Scenario, world: World) -> None:
    """What must be true of every scenario, whatever happened, and of this one."""
    now = world.clock.now()
    assert all(until <= now + 60 for _, until in world.documents.leases.values()), "a lease that does not end"
    world.clock.advance(61.0)
    assert not any(until > world.clock.now() for _, until in world.documents.leases.values()), "a lease is left"
    world.assert_off_only_for_azure()
    scenario.check(world)


def kill_at_every_call(scenario: Scenario, most: int = 7) -> int:
    """Kill the first process at its call 1, 2, 3 …; how many places there were."""
    number = calls(scenario).calls
    for at in share(range(1, number + 1), most):
        _told(f"killed at call {at} of {number}", lambda at=at: with_processes(scenario, Process(kill_at=at)))
    return number


def stop_at_every_call(scenario: Scenario, most: int = 12) -> int:
    """The first process is asked to stop at its call 1, 2, 3 …: it leaves no snapshot of ours open for however long nobody
    starts another one, and gives its lease back. How many places there were."""

    def once(at: int) -> None:
        world, process = scenario.prepare(), Process()
        before = world.own_snapshots()  # of a process that was killed: the next one may not have come to it yet
        first = Run(world, process)
        process.kill_when = lambda target, nth: first.engine.stop() if process.calls == at else None  # kills nothing
        try:
            with suppress(Halted):
                first.until(lambda: scenario.done(world)() or process.calls >= at)
        finally:
            first.end()
        assert process.calls >= at - 1, "runs differ by a call at most: threads share their work as it comes"
        assert [s for s in world.own_snapshots() if s not in before] == [], "a snapshot was left open"
        assert not [line for line in first.said.lines if "left open" in line], first.said.lines[-5:]
        assert lease.LEASE not in world.documents.leases
        scenario.between(world)
        run(world, scenario.done(world))
        settled(scenario, world)

    number = calls(scenario).calls
    for at in share(range(1, number + 1), most):
        _told(f"stopped at call {at} of {number}", lambda at=at: once(at))
    return number


def kill_twice(scenario: Scenario, places: Iterable[tuple[int, int]]) -> int:
    count = 0
    for first, second in places:
        count += 1
        _told(
            f"killed at call {first}, then at call {second}",
            lambda a=first, b=second: with_processes(scenario, Process(kill_at=a), Process(kill_at=b)),
        )
    return count


def kill_at_every_journal_write(scenario: Scenario, most: int = 3) -> int:
    """The process dies at each write of the journal: not sent, written, or sent and landing while its successor works."""

    def once(way: str, nth: int) -> int:
        first = Process((rule(JOURNAL, way, nth),))
        successor = [Process(held=first.held, lands_after=lands) for lands in (5, 40)[nth % 2 :][:1] if way == "killed-held"]
        with_processes(scenario, first, *successor)
        return first.struck

    there = calls(scenario).names[JOURNAL]
    ways = ("killed-before", "killed-after", "killed-held")
    return sum(_numbers(there, most, lambda nth, way=way: once(way, nth), f"journal write {way}") for way in ways)


def fault_at_every_call(scenario: Scenario, action: str, most: int = 7) -> int:
    """The Nth call of every port method suffers `action`, in a process that lives on; how many runs there were."""

    def once(name: str, nth: int) -> int:
        process = Process((rule(name, action, nth),))
        with_processes(scenario, process)
        return process.struck

    return _everywhere(scenario, once, action, most)


def hold_every_call(scenario: Scenario, lands_after: int | None, most: int = 7) -> int:
    """The Nth call of every method that changes something is held and lands late: `lands_after` calls of the same process
    later, or (None) when everything is over; then what comes next in the machine's life must go well."""

    def once(name: str, nth: int) -> int:
        process = Process((rule(name, "held", nth),), lands_after=lands_after)
        world = scenario.prepare()
        run(world, scenario.done(world), process)
        scenario.between(world)
        run(world, scenario.done(world))
        if lands_after is None:
            settled(scenario, world)
        process.release()
        run(world, scenario.done(world))
        scenario.afterwards(world)
        return process.struck

    return _everywhere(scenario, once, f"held for {lands_after or 'ever'}", most, skip=READS)


def rule(name: str, action: str, nth: int) -> Rule:
    return Rule(name, action, nth)  # type: ignore[arg-type]  # the caller's word


def _everywhere(
    scenario: Scenario, once: Callable[[str, int], int], what: str, most: int, skip: tuple[str, ...] = ()
) -> int:
    """`once(name, n)` for every method and number; in a share, for `most` of them."""
    names = {name: count for name, count in sorted(calls(scenario).names.items()) if name not in (*skip, JOURNAL)}
    if FULL:
        return sum(
            _numbers(count, 0, lambda nth, name=name: once(name, nth), f"{name} {what}") for name, count in names.items()
        )
    places = [(name, nth) for name, count in names.items() for nth in range(1, count + 1)]
    taken = share(places, most)
    for name, nth in taken:
        _told(f"{name} number {nth}: {what}", lambda name=name, nth=nth: once(name, nth))
    return len(taken)


def _numbers(there: int, most: int, once: Callable[[int], int], what: str) -> int:
    """N = 1, 2, … until a run meets no fault; in a share some of the `there` that an undisturbed run has."""
    taken: Iterator[int] | list[int] = iter(range(1, 10_000)) if FULL else share(range(1, there + 1), most)
    count = 0
    for nth in taken:
        struck: Any = _told(f"{what}, number {nth}", lambda nth=nth: once(nth))
        count += 1
        if FULL and not struck and nth > there:
            break
    return count


def _told(where: str, do: Callable[[], object]) -> object:
    try:
        return do()
    except BaseException as error:
        error.add_note(where)
        raise
