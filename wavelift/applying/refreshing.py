"""`wavelift test refresh`: the machine's last test order once more, about the newest recovery point."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from replication.model.documents import dumps, load_order, order_name
from replication.model.errors import Conflict
from replication.model.item import Order, OrderKind
from replication.model.record import Life
from wavelift.applying.commanding import who
from wavelift.applying.commands import Found, find
from wavelift.problems import UserProblem
from wavelift.wiring import Wiring


def refresh(wiring: Wiring, name: str, why: str) -> int:
    """Write the order; its number. `UserProblem` when there is nothing to refresh or something is under way."""
    if not why.strip():
        raise UserProblem("Say why: it stands in the order for whoever comes next. Nothing was changed.")
    found = find(wiring, name)
    record = found.record
    if record.life is not Life.DELTA:
        raise UserProblem(f"{name} is not in delta sync ({record.life.value}): it cannot be tested. Nothing was changed.")
    orders = _orders(found)
    newest = max([record.orders_done, found.machine.orders, *orders])
    if newest > record.orders_done:
        raise UserProblem(f"Order {newest} of {name} is under way: wait for it (`wavelift status {name}`). Nothing was changed.")
    tests = [
        o for _, o in sorted(orders.items()) if o.kind is OrderKind.TEST and o.replication == record.replication
    ]
    if not tests:
        raise UserProblem(f"{name} was never tested: set its phase to `test` and apply. Nothing was changed.")
    last = tests[-1]
    made = replace(
        last,
        number=newest + 1,
        id=str(uuid.uuid4()),
        plan=f"test refresh by {who()}: {why}",
        issued=time.time(),
        trial=replace(last.trial, refresh=True),
    )
    try:
        found.documents.put(order_name(found.machine.uuid, made.number), dumps(made), None)
    except Conflict as error:
        raise UserProblem(f"Somebody else has just ordered something for {name}: look at `wavelift status` first.") from error
    return made.number


def _orders(found: Found) -> dict[int, Order]:
    out = {}
    for name in found.documents.list(f"orders/{found.machine.uuid}/"):
        got = found.documents.get(name)
        if got is not None:
            order = load_order(got[0])
            out[order.number] = order
    return out
