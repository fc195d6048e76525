"""What is certain about a migration's Azure VM once its creation was asked for: the way back never guesses.

Rules
1. The journal says that Azure is being asked before it is. Only a refusal and a look that finds no VM close that again.
2. An answer that did not come stays open for good: what was on the wire may land later. The way back then first deletes
   what a VM would be made of, see `back`.
3. A VM that was seen, made or half made, may have written: from then on a person must say what is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

from replication.engine.orders.steps import NO_CAPACITY, Steps
from replication.model.errors import Conflict, Permanent, PortError
from replication.model.record import OrderProgress
from replication.ports import Cloud

ANNOUNCED = "announced/vm"
ASKED = "vm asked"
"""Fact of an order: what became of the last time that its VM was asked for, one of these three."""
OPEN, REFUSED, SEEN = "open", "refused", "seen"

Fate = Literal["not asked", "refused", "open", "there"]


def fate(order: OrderProgress) -> Fate:
    """Refused: there certainly is no VM of it and never was. Open: only a look can tell."""
    state = order.facts.get(ASKED)
    if ANNOUNCED not in order.facts:
        return "not asked"
    if "vm" in order.made or state == SEEN:
        return "there"
    return "refused" if state == REFUSED else "open"


def asking(steps: Steps, cloud: Cloud, vm: str, create: Callable[[str], str]) -> Callable[[str], str]:
    """`create` (size -> ARM id) with the journal kept before and after. `vm`: the ARM id that it will have."""

    def make(size: str) -> str:
        before = fate(steps.progress)
        if before == "not asked":
            # The VM itself is announced just before it is asked for: from then on there is no way back without looking.
            steps.learn({ANNOUNCED: vm, ASKED: OPEN})
        elif before == "refused":
            steps.learn({ASKED: OPEN})
        elif before == "open" and steps.work.retry(partial(cloud.exists, vm)):
            steps.learn({ASKED: SEEN})
        try:
            return create(size)
        except PortError as error:
            if before in ("not asked", "refused") and (isinstance(error, Permanent | Conflict) or error.code in NO_CAPACITY):
                _close(steps, cloud, vm)
            raise

    return make


def _close(steps: Steps, cloud: Cloud, vm: str) -> None:
    """Azure has refused: a look says whether something half made was left. Without an answer it stays open."""
    try:
        there = steps.work.retry(partial(cloud.exists, vm))
    except PortError as error:
        steps.work.note(f"whether there is a VM could not be seen: {error}")
        return
    steps.learn({ASKED: SEEN if there else REFUSED})
