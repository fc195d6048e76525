"""Hooks around a cut-over: once, journalled, at least once over a crash; a failing one before the power-off ends it."""

from __future__ import annotations

import pytest

from replication.model.item import Cutover, Hook, OrderKind
from tests.engine.harness import Process, Rule, outcome, replicated, run
from tests.engine.setups import assert_as_before, assert_migrated, progress
from tests.fakes.world import World

HOOKS = (
    Hook("silence", "before", command=("silence", "{machine}")),
    Hook("drain", "before", url="https://lb.example/drain", on_failure="continue"),
    Hook("dns", "after", url="https://dns.example/switch"),
    Hook("speak", "back", command=("speak",)),
)


@pytest.fixture
def world() -> World:
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.guest_writes("m1")
    world.order("m1", 1, OrderKind.MIGRATE, cutover=Cutover(hooks=HOOKS))
    return world


def names(world: World) -> list[str]:
    return [name for name, _ in world.hooks.ran]


def test_each_runs_once_in_its_place(world: World) -> None:
    """Weeks, 26: before the power-off, after the VM is ready; in the journal; told who and with an id of its own."""
    before: list[int] = []
    process = Process()
    process.hooks["source.shutdown_guest"] = lambda _: before.append(len(world.hooks.ran))
    after: list[int] = []
    process.hooks["cloud.start_vm"] = lambda _: after.append(len(world.hooks.ran))
    run(world, outcome(world, 1), process)
    assert_migrated(world)
    assert names(world) == ["silence", "drain", "dns"] and before == [2] and after == [2]
    assert {f: v for f, v in progress(world).facts.items() if f.startswith("hook/")} == {
        "hook/before/silence": "done", "hook/before/drain": "done", "hook/after/dns": "done",
    }  # fmt: skip
    told = dict(world.hooks.ran)
    assert told["dns"]["machine"] == "vm-m1" and told["dns"]["when"] == "after" and told["dns"]["vm"] == "vm-m1"
    assert len({t["id"] for _, t in world.hooks.ran}) == 3


def test_one_that_fails_before_ends_it_with_nothing_powered_off(world: World) -> None:
    """Weeks, 26: and what goes back has its own hooks, since the monitoring must speak again."""
    world.hooks.failing = {"silence"}
    run(world, outcome(world, 1))
    order = progress(world)
    assert order.outcome == "aborted"
    assert "hook silence failed: it ended with exit code 3; nothing was powered off" in order.problem
    assert names(world) == ["silence", "speak"] and world.vcenter.vms["m1"].powered == []
    assert_as_before(world)


def test_one_that_may_fail_and_one_after_are_told(world: World) -> None:
    """Weeks, 26: `continue`, and whatever comes after the power-off, undoes nothing."""
    world.hooks.failing = {"drain", "dns"}
    run(world, outcome(world, 1))
    order = progress(world)
    assert order.outcome == "done" and names(world) == ["silence", "drain", "dns"]
    assert any("hook dns failed" in step.detail for step in order.steps)
    assert any("hook drain failed" in step.detail for step in order.steps)
    assert_migrated(world)


@pytest.mark.parametrize("action", ["killed-before", "killed-after"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_crash_in_one_runs_it_again_under_its_id(world: World, action: str, nth: int) -> None:
    """Weeks, 26: at least once, and whoever is called can tell; those that are done are not run again."""
    run(world, outcome(world, 1), Process((Rule("hooks.run", action, nth),)))  # type: ignore[arg-type]  # one of its words
    run(world, outcome(world, 1))
    assert_migrated(world)
    ids: dict[str, set[str]] = {}
    for name, told in world.hooks.ran:
        ids.setdefault(name, set()).add(told["id"])
    assert list(ids) == ["silence", "drain", "dns"] and all(len(found) == 1 for found in ids.values())
    assert len(world.hooks.ran) == (4 if action == "killed-after" else 3)
