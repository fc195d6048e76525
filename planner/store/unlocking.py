"""`state unlock`: break the lock of a holder that is dead, never of one that lives.

On the holder's own machine its process tells. Elsewhere its lease does: a finite lease that nobody renews is over within its
length, so what is still held after that is renewed, and its holder lives. An infinite lease is none of ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from planner.store import holder
from planner.store.lease import Pace
from planner.store.port import Head, StateBlobs
from planner.store.view import Locked
from replication.model.errors import Conflict

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
        _break(blobs, key, head)
        return f"The lease of {where} would never have ended: not wavelift's. It is broken."
    if lives is None:
        until = pace.now() + pace.lease + SPARE
        while pace.now() < until:
            sleep(LOOK)
            now = blobs.head(key)
            if now is None or not now.leased:
                return f"The lock of {who or 'an unknown holder'} on {where} was not renewed and has run out: it is free."
        lives = True
    if lives:
        raise Locked(f"{where} is locked by {who or 'an unknown holder'}, and that one lives. Nothing was changed.")
    _break(blobs, key, head)
    return f"{who} is dead; its lock on {where} is broken. What it had begun is in the journal: apply again."


def buried(blobs: StateBlobs, key: str, field: str) -> bool:
    """Whether a lease was broken because its holder was a process of this machine, which is certainly gone."""
    head = blobs.head(key)
    who = holder.loads(head.metadata.get(field, "")) if head is not None else None
    if head is None or not head.leased or head.infinite or who is None or holder.alive(who) is not False:
        return False
    try:
        blobs.break_lease(key, head.etag)
    except Conflict:
        return False
    return True


def _break(blobs: StateBlobs, key: str, head: Head) -> None:
    """In the version that was looked at: whoever takes the lock changes it."""
    try:
        blobs.break_lease(key, head.etag)
    except Conflict as error:
        raise Locked(f"{blobs.where}/{key} was locked anew while its holder was looked at. Nothing was changed.") from error
