"""Carrying an order to its end: the one entrance, from wherever the journal says it stands."""

from __future__ import annotations

from replication.engine import redo
from replication.engine.orders import stop as stopping
from replication.engine.orders.migrate import migrate
from replication.engine.orders.steps import STOPS, NotYet, Refused, Steps, accepted
from replication.engine.orders.test import clean_up, test
from replication.engine.work import Work
from replication.lifecycle import may
from replication.model.item import Order, OrderKind
from replication.model.record import Life, Record, StepState


def carry(work: Work, order: Order) -> None:
    """Raises `CycleFailed` or a port's error when it is to be tried again later; otherwise the order has an outcome."""
    accepted(work, order)
    steps = Steps(work, order)
    begun = any(step.state is not StepState.WAITING for step in steps.progress.steps)
    if not begun and (reason := refusal(work.record, order)):
        steps.finish("aborted", reason)
        return
    if not begun and order.kind in (OrderKind.TEST, OrderKind.MIGRATE) and work.stop_wanted():
        steps.finish("aborted", STOPS)
        return
    try:
        match order.kind:
            case OrderKind.TEST:
                redo.settle(work)
                test(steps)
            case OrderKind.CLEAN_UP:
                clean_up(steps)
            case OrderKind.MIGRATE:
                migrate(steps)
            case OrderKind.STOP:
                stopping.settle(work)
                stopping.stop(steps)
    except NotYet as wait:
        steps.wait(str(wait), wait.until)
    except Refused as error:
        steps.finish("aborted", str(error))


def refusal(record: Record, order: Order) -> str | None:
    """Why this order cannot begin in the life that the machine is in, or None."""
    if order.replication != record.replication:
        return f"it is about replication {order.replication}; the machine replicates as {record.replication} now"
    if order.kind is OrderKind.STOP and record.life is Life.STOPPED:
        return None
    if order.kind is OrderKind.CLEAN_UP and record.test:
        return None
    if not may(record.life, order.kind):
        return f"a machine in {record.life.value} cannot take the order {order.kind.value}"
    return None
