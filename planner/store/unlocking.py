"""`state unlock`: break the lock of a holder that is dead, never of one that lives.

On the holder's own machine its process tells. Elsewhere its lease does: a finite lease that nobody renews is over within its
length, so what is still held after that is renewed, and its holder lives. An infinite lease is none of ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from planner.store import holder
from planner.store.lease import Pace
from planner.store.port import StateBlobs
from planner.store.view import Locked

LOOK = 1.0
SPARE = 5.0
"""Seconds beyond the lease's length that are watched."""


def unlock(
    blobs: StateBlobs, key: str, field: str, pace: Pace, sleep: Callable[[float], None] = time.sleep
) -> str:
    """What was found and done. `Locked` when the holder lives."""
    where = f"{blobs.where}/{key}"
    head = blobs.head(key)
    if head is None or not head.leased:
        return f"Nobody holds {where}."
    who = holder.loads(head.metadata.get(field, ""))
    lives = holder.alive(who) if who is not None else None
    if head.infinite:
        blobs.break_lease(key)
        return f"The lease of {where} would never have ended: not wavelift's. It is broken."
    if lives is None:
        until = pace.now() + pace.lease + SPARE
        while pace.now() < until:
            sleep(LOOK)
            head = blobs.head(key)
            if head is None or not head.leased:
                return f"The lock of {who or 'an unknown holder'} on {where} was not renewed and has run out: it is free."
        lives = True
    if lives:
        raise Locked(f"{where} is locked by {who or 'an unknown holder'}, and that one lives. Nothing was changed.")
    blobs.break_lease(key)
    return f"{who} is dead; its lock on {where} is broken. What it had begun is in the journal: apply again."
