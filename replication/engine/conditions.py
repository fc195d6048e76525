"""What at the source forbids a snapshot, or ends an attempt early: free space, the age of a snapshot."""

from __future__ import annotations

from replication.engine.guard import Yielded
from replication.engine.work import Work
from replication.model.errors import Temporary
from replication.model.extents import GIB
from replication.model.record import CycleKind, Stage

EVERY = 20.0
"""Seconds between two looks at the free space while an attempt reads."""


def short_of_room(work: Work) -> str | None:
    """Which datastore of the machine has less free than the policy wants, in words; None when there is room."""
    least = work.policy.datastore_free_gib
    if least <= 0:
        return None
    found = work.retry(lambda: work.source.datastore_free(work.uuid))
    for name, free in sorted(found.items()):
        if free < least * GIB:
            return f"datastore {name} has {free / GIB:.1f} GiB free, a snapshot needs {least:g} GiB (`datastore_free_gib`)"
    return None


def require_snapshot_room(work: Work, kind: CycleKind) -> None:
    """Before a snapshot. A final one is of a machine that is off and writes nothing: it does not grow. Raises `Temporary`."""
    reason = short_of_room(work) if kind is not CycleKind.FINAL else None
    if reason:
        raise Temporary(reason, subject=work.item.name, remedy="free space there; replication goes on by itself")


def ends(work: Work) -> str | None:
    """Why the attempt that reads now should end itself: its snapshot is too old (initial only), or fills a datastore."""
    attempt = work.record.attempt
    if attempt is None or attempt.stage is not Stage.READING or attempt.kind is CycleKind.FINAL:
        return None
    now = work.clock.now()
    hours = (now - (attempt.snapshot_at or now)) / 3600
    if attempt.kind is CycleKind.INITIAL and hours >= work.policy.snapshot_hours > 0:
        return f"its snapshot has been open for {hours:.2g} h (`snapshot_hours`): released, copying goes on with a new one"
    if now - work.looked < EVERY:
        return None
    work.looked = now
    reason = short_of_room(work)
    return f"{reason}: the snapshot is released, what was copied is kept" if reason else None


def require_room(work: Work) -> None:
    """While a delta reads. Raises `Temporary`: nothing of it has been applied, the next one covers its changes."""
    reason = ends(work)
    if reason:
        raise Temporary(reason, subject=work.item.name)


def yield_for(work: Work) -> None:
    """While an initial attempt copies. Raises `Yielded`."""
    reason = work.should_yield() or ends(work)
    if reason:
        raise Yielded(reason)
