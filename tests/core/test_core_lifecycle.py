"""S7, S11: what may be asked for in each part of a machine's life, and the words for it."""

from dataclasses import replace

import pytest

from replication import lifecycle
from replication.lifecycle import MIGRATION_STEPS, ORDERS, status_of
from replication.model.item import Item, OrderKind
from replication.model.record import (
    Attempt,
    Commit,
    CycleKind,
    Life,
    OrderProgress,
    OrderStep,
    Record,
    Stage,
    StepState,
)
from replication.model.status import State

ITEM = Item("m", "shop-db-01", "shop", "r", "e", "seoul", "gw-1", "korea", (), *"abcdef")
NEW = Record("m", "r", 1, 0, Life.NEW, 0)
COMMIT = Commit(3, CycleKind.DELTA, "a", 3, 900.0, 800.0, {}, {})
DELTA = replace(NEW, life=Life.DELTA, cycle=3, committed=COMMIT)


def attempt(kind):
    return Attempt("a", kind, 4, 1, 4, Stage.READING, 950.0, "s")


def order(kind=OrderKind.MIGRATE, states=(StepState.WAITING,) * 5, outcome=None, problem=""):
    steps = tuple(OrderStep(name, state) for name, state in zip(MIGRATION_STEPS, states, strict=True))
    return OrderProgress(1, "o", kind, steps, outcome=outcome, problem=problem)


def test_stopping_is_possible_in_every_life_but_the_last():
    """S11: while replication is in progress, and after migration."""
    assert {life for life in Life if lifecycle.may(life, OrderKind.STOP)} == set(Life) - {Life.STOPPED}


def test_during_initial_replication_only_stopping():
    """S7: neither test migration nor migration is possible before delta sync."""
    assert ORDERS[Life.INITIAL] == ORDERS[Life.NEW] == {OrderKind.STOP}
    assert ORDERS[Life.DELTA] == set(OrderKind)
    assert not lifecycle.may(Life.MIGRATED, OrderKind.MIGRATE)


RUNNING = (StepState.DONE, StepState.RUNNING, StepState.WAITING, StepState.WAITING, StepState.WAITING)


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (None, State.INITIAL_QUEUED),
        (NEW, State.INITIAL_QUEUED),
        (replace(NEW, life=Life.INITIAL), State.INITIAL_QUEUED),
        (replace(NEW, life=Life.INITIAL, attempt=attempt(CycleKind.INITIAL)), State.INITIAL),
        (DELTA, State.TEST_PENDING),
        (replace(DELTA, attempt=attempt(CycleKind.DELTA)), State.TEST_PENDING),
        (replace(DELTA, order=order(OrderKind.TEST)), State.TEST_PENDING),
        (replace(DELTA, order=order()), State.MIGRATION_QUEUED),
        (replace(DELTA, order=order(), attempt=attempt(CycleKind.DELTA)), State.MIGRATION_QUEUED),
        (replace(DELTA, order=order(), attempt=attempt(CycleKind.ON_DEMAND)), State.MIGRATION),
        (replace(DELTA, order=order(states=RUNNING)), State.MIGRATION),
        (replace(DELTA, order=order(states=RUNNING), attempt=attempt(CycleKind.FINAL)), State.MIGRATION),
        (replace(DELTA, order=order(outcome="failed")), State.TEST_PENDING),
        (replace(DELTA, order=order(outcome="aborted")), State.TEST_PENDING),
        (replace(DELTA, life=Life.MIGRATED, order=order(outcome="done")), State.NOT_APPLICABLE),
        (replace(DELTA, life=Life.STOPPED), State.NOT_APPLICABLE),
    ],
)
def test_the_words(record, state):
    """S7's words for every life, with and without an order."""
    assert status_of(ITEM, record, 1000.0, None, None, None, None).state is state


def test_the_five_steps_are_visible():
    """S7: check prerequisites, shut down, prepare, create, start."""
    record = replace(DELTA, order=order(states=RUNNING))
    found = status_of(ITEM, record, 1000.0)
    assert (found.order, found.step) == ("migrate", "shut down the VM")
    done = (StepState.DONE, StepState.SKIPPED, StepState.WAITING, StepState.WAITING, StepState.WAITING)
    assert status_of(ITEM, replace(DELTA, order=order(states=done)), 1000.0).step == "prepare for migration"
    ended = status_of(ITEM, replace(DELTA, order=order(states=RUNNING, outcome="aborted")), 1000.0)
    assert (ended.order, ended.step) == (None, None)


def test_what_runs_shows_progress_and_what_waits_shows_why():
    waiting = status_of(ITEM, DELTA, 1000.0, "esx-03: 8 of 8 disks in flight", 0.5, 1e6, 1200.0)
    assert (waiting.held, waiting.next_cycle, waiting.progress, waiting.rate) == (
        "esx-03: 8 of 8 disks in flight",
        1200.0,
        None,
        None,
    )
    running = status_of(ITEM, replace(DELTA, attempt=attempt(CycleKind.DELTA)), 1000.0, "old reason", 0.5, 1e6, 1200.0)
    assert (running.held, running.next_cycle, running.progress, running.rate) == (None, None, 0.5, 1e6)
    assert (running.cycle, running.cycle_kind, running.recovery_point, running.written) == (3, "delta", 800.0, 1000.0)
    gone = status_of(ITEM, replace(DELTA, life=Life.STOPPED), 1000.0, "why", None, None, 1200.0)
    assert (gone.held, gone.next_cycle) == (None, None)


def test_a_failed_orders_problem_is_shown():
    record = replace(DELTA, problem="cycle 4 failed", order=order(outcome="failed", problem="SkuNotAvailable"))
    assert status_of(ITEM, record, 1000.0).problem == "SkuNotAvailable"
    assert status_of(ITEM, replace(record, order=None), 1000.0).problem == "cycle 4 failed"
