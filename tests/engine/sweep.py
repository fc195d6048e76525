"""Faults everywhere: a scenario is run again and again, each time with the fault at another port call.

A scenario prepares a world, says when it is done and checks what must then be true. Whatever happened in the first
process, a second, undisturbed one must bring it there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.engine.harness import run
from tests.fakes.faults import Process, Rule
from tests.fakes.world import World


@dataclass(frozen=True)
class Scenario:
    prepare: Callable[[], World]
    done: Callable[[World], Callable[[], bool]]
    check: Callable[[World], None]
    between: Callable[[World], None] = lambda world: None
    """What the guest does while no engine runs."""


def calls(scenario: Scenario) -> Process:
    """An undisturbed run, checked; the process knows which calls there were."""
    world, process = scenario.prepare(), Process()
    assert run(world, scenario.done(world), process)
    scenario.check(world)
    return process


def with_processes(scenario: Scenario, *processes: Process) -> World:
    """These processes one after the other, then one that nothing happens to."""
    world = scenario.prepare()
    for process in processes:
        run(world, scenario.done(world), process)
        scenario.between(world)
    run(world, scenario.done(world))
    scenario.check(world)
    return world


def kill_at_every_call(scenario: Scenario, stride: int = 1) -> int:
    """Kill the first process at its call 1, 2, 3 …; how many places there were."""
    number = calls(scenario).calls
    for at in range(1, number + 1, stride):
        _told(f"killed at call {at} of {number}", lambda at=at: with_processes(scenario, Process(kill_at=at)))
    return number


def kill_twice(scenario: Scenario, places: Iterable[tuple[int, int]]) -> None:
    for first, second in places:
        _told(
            f"killed at call {first}, then at call {second}",
            lambda a=first, b=second: with_processes(scenario, Process(kill_at=a), Process(kill_at=b)),
        )


def fault_at_every_call(scenario: Scenario, action: str, most: int = 10_000, skip: tuple[str, ...] = ()) -> int:
    """The Nth call of every port method suffers `action`, in a process that lives on; held calls land at its end."""
    names = calls(scenario).names
    places = [(name, nth) for name, count in sorted(names.items()) for nth in range(1, min(count, most) + 1)]
    places = [place for place in places if place[0] not in skip]
    for name, nth in places:

        def once(name: str = name, nth: int = nth) -> None:
            process = Process((Rule(name, action, nth),))  # type: ignore[arg-type]  # the caller's word
            with_processes(scenario, process)

        _told(f"{name} number {nth}: {action}", once)
    return len(places)


def _told(where: str, do: Callable[[], object]) -> None:
    try:
        do()
    except BaseException as error:
        error.add_note(where)
        raise
