"""A record that somebody deletes while the machine's history is there: nothing is done twice. Recovery points likewise."""

from __future__ import annotations

import pytest

from replication.model.command import Verb
from replication.model.documents import load_status, record_name, status_name
from replication.model.item import OrderKind
from replication.model.record import Life
from replication.model.source import Power
from replication.model.status import RECORD_GONE
from tests.engine.harness import Process, Rule, Run, cycles, outcome, run
from tests.fakes.world import World


def lose(world: World) -> None:
    del world.documents.docs[record_name("m1")]


def steps(world: World, count: int = 3) -> Process:
    process = Process()
    one = Run(world, process)
    for _ in range(count):
        one.step()
        world.clock.advance(7200)
    one.end()
    return process


@pytest.mark.parametrize("migrated", [False, True])
def test_a_machine_whose_record_is_gone_is_left_alone_and_said(world: World, migrated: bool) -> None:
    """issue 4, Drift: orders and commands that were carried out are not carried out once more by an engine that forgot them."""
    if migrated:
        world.order("m1", 1, OrderKind.MIGRATE)
        run(world, outcome(world, 1))
    power, vms = world.vcenter.vms["m1"].power, len(world.cloud.vms)
    lose(world)
    names = steps(world).names
    assert record_name("m1") not in world.documents.docs
    assert not names["source.create_snapshot"] and not names["replicas.write"] and not names["cloud.begin_disk"]
    assert world.vcenter.vms["m1"].power is power and len(world.cloud.vms) == vms
    status = load_status(world.documents.docs[status_name("m1")][0])
    assert status.problem == RECORD_GONE and status.needs


def test_a_stop_order_ends_it_and_nothing_that_was_said_before_is_obeyed(world: World) -> None:
    """issue 4, Drift: the way on without a record; an old hold, test and open snapshot are not taken up again."""
    world.order("m1", 1, OrderKind.TEST)
    run(world, outcome(world, 1))
    world.order("m1", 2, OrderKind.CLEAN_UP)
    run(world, outcome(world, 2))
    world.command("m1", Verb.HOLD)
    world.clock.advance(7200)
    assert not run(world, cycles(world, 9), Process([Rule("source.changed_areas", "killed-after")]))
    assert world.own_snapshots()
    world.order("m1", 3, OrderKind.STOP)
    lose(world)
    run(world, outcome(world, 3))
    now = world.record()
    assert now.life is Life.STOPPED and now.hold is None and now.order is not None and now.order.number == 3
    assert not world.cloud.vms and world.vcenter.vms["m1"].power is Power.ON
    world.assert_tidy()


def test_a_resync_without_a_recovery_point_is_refused(world: World) -> None:
    """issue 4, Drift: what cannot be compared is not promised to be; the answer names what is gone and the way on."""
    committed = world.record().committed
    assert committed is not None
    for disk in world.item("m1").disks:
        world.replicas.drop_checkpoint(disk.seed, committed.points[disk.key])
    world.command("m1", Verb.RESYNC)
    steps(world, 1)
    (told,) = world.record().interventions
    assert told.answer.startswith("refused: ") and "does not hold recovery point" in told.answer
    assert "wavelift plan" in told.answer
    assert not world.record().resync
