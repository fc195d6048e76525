"""Screen 4, B: what a rollback loses is what is certain of the Azure VM: refused, perhaps on its way, or there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from replication.engine.orders.asking import fate
from replication.engine.orders.commands import needs_sentence, sentence
from replication.model.command import Verb
from replication.model.errors import PortError
from replication.model.item import OrderKind
from replication.model.record import Life, OrderProgress
from replication.model.source import Power
from tests.engine.harness import Process, Rule, Run, outcome, replicated
from tests.engine.setups import assert_as_before
from tests.engine.sweep import Scenario, kill_at_every_call
from tests.fakes.world import World
from wavelift.watching.card import card

NEVER = 100_000
SIZES = ("Standard_A", "Standard_B")


@pytest.fixture
def world() -> World:
    return _begun()


def _begun() -> World:
    world = World()
    world.add(size=128 * 1024)
    replicated(world)
    world.guest_writes("m1")
    world.order("m1", 1, OrderKind.MIGRATE)
    return world


def order(world: World) -> OrderProgress:
    found = world.record().order
    assert found is not None
    return found


def in_trouble(world: World, *rules: Rule) -> Run:
    """An engine whose cut-over stands after the power-off, at the creation of the VM."""
    one = Run(world, Process(rules))
    one.until(lambda: world.record().order is not None and "trouble" in order(world).facts)
    assert world.vcenter.vms["m1"].power is Power.OFF
    return one


def choice_b(world: World) -> str:
    return next(line for line in card(world.record(), "m1", world.clock.now()) if line.startswith("  B"))


@pytest.mark.parametrize("refusal", ["no capacity", "refused for good"])
def test_after_a_refusal_of_the_vm_a_rollback_loses_nothing(world: World, refusal: str) -> None:
    """Azure has answered no, and a look found no VM: no sentence, the source is up, deltas go on."""
    if refusal == "no capacity":
        world.cloud.full = set(SIZES)
        one = in_trouble(world)
    else:
        one = in_trouble(world, Rule("cloud.create_vm", "permanent", 1, NEVER))
    assert fate(order(world)) == "refused" and not needs_sentence(world.record())
    assert choice_b(world).endswith("loses nothing") and "--confirm" not in choice_b(world)
    world.command("m1", Verb.ROLLBACK, "INC-9")
    one.until(outcome(world, 1))
    one.end()
    assert "nothing is lost" in world.record().interventions[0].answer
    assert order(world).outcome == "aborted" and world.record().hold is not None
    assert_as_before(world)


def test_a_lost_answer_is_no_refusal_and_what_was_on_the_wire_finds_nothing(world: World) -> None:
    """The creation's answer is lost and no VM is seen: what it would be made of is deleted before the source runs again."""
    one = in_trouble(world, Rule("cloud.create_vm", "held", 1, 1), Rule("cloud.create_vm", "before", 2, NEVER))
    assert fate(order(world)) == "open" and "looks first" in choice_b(world)
    off_then: list[bool] = []
    one.process.hooks["source.power_on"] = lambda _: off_then.append(not world.cloud.disks and not world.cloud.nics)
    world.command("m1", Verb.ROLLBACK, "INC-9")
    one.until(outcome(world, 1))
    assert off_then == [True], "the source ran while the VM could still come"
    (met,) = one.process.release()
    one.end()
    assert met is not None and not world.cloud.vms, "two machines with one name"
    assert order(world).outcome == "aborted"
    assert_as_before(world)


@pytest.mark.parametrize("when", ["before the rollback", "while its parts are deleted"])
def test_a_vm_that_appears_later_takes_the_sentence(world: World, when: str) -> None:
    """It appears after all: the rollback is refused with the sentence, the source stays off, the cut-over goes on; a
    rollback with the sentence stops the VM first."""
    one = in_trouble(world, Rule("cloud.create_vm", "held", 1, 1), Rule("cloud.create_vm", "before", 2, NEVER))
    if when == "before the rollback":
        one.process.release()
    else:
        one.process.hooks["cloud.delete"] = lambda _: one.process.release() and None
    world.command("m1", Verb.ROLLBACK, "INC-9")
    one.until(lambda: needs_sentence(world.record()))
    one.until(lambda: world.record().interventions[0].answer.startswith("refused"))
    assert world.vcenter.vms["m1"].power is Power.OFF and len(world.cloud.vms) == 1
    assert sentence(world.record()) in world.record().interventions[0].answer and world.record().hold is None
    assert "back" not in order(world).facts and "--confirm" in choice_b(world)
    world.command("m1", Verb.ROLLBACK, "INC-9", confirm=sentence(world.record()))
    one.until(lambda: world.vcenter.vms["m1"].power is Power.ON)
    one.end()
    (azure,) = world.cloud.vms.values()
    assert not azure.running and world.record().life is Life.DELTA


def test_what_cannot_be_deleted_keeps_the_source_off(world: World) -> None:
    """The answer is missing and a disk is locked: the VM could still come, so nothing is powered on, and it says why."""
    one = in_trouble(
        world,
        Rule("cloud.create_vm", "held", 1, 1),
        Rule("cloud.create_vm", "before", 2, NEVER),
        Rule("cloud.delete", "permanent", 1, NEVER),
    )
    world.command("m1", Verb.ROLLBACK, "INC-9")
    one.until(lambda: "could still come" in world.record().problem)
    one.end()
    assert world.vcenter.vms["m1"].power is Power.OFF and not world.cloud.vms


def test_a_crash_anywhere_on_the_way_back_starts_no_second_machine() -> None:
    """Killed at every call of a rollback whose VM may still come; it lands when all is over, and finds nothing."""

    def begun() -> World:
        world = _begun()
        one = in_trouble(world, Rule("cloud.create_vm", "held", 1, 1), Rule("cloud.create_vm", "before", 2, NEVER))
        one.end()
        wire[:] = one.process.held
        world.command("m1", Verb.ROLLBACK, "INC-9")
        return world

    def check(world: World) -> None:
        for late in wire:
            with suppress(PortError):
                late()
        assert order(world).outcome == "aborted" and not world.cloud.vms
        assert_as_before(world)

    wire: list[Callable[[], object]] = []
    assert kill_at_every_call(Scenario(begun, lambda world: outcome(world, 1), check)) > 3


def test_a_refusal_without_a_look_stays_open(world: World) -> None:
    """Azure has said no, and does not answer the look: nothing is claimed."""
    one = Run(world, Process((Rule("cloud.create_vm", "permanent", 1, NEVER),)))

    def silent(_: object) -> None:
        if one.process.names["cloud.create_vm"]:
            one.process.rules = (*one.process.rules, Rule("cloud.exists", "before", 1, NEVER))

    one.process.hooks["cloud.exists"] = silent
    one.until(lambda: world.record().order is not None and "trouble" in order(world).facts)
    one.end()
    assert fate(order(world)) == "open"
