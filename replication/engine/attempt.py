"""One attempt at a cycle, up to the reading: announced, frozen, and thrown away when it does not get to its seal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from replication import manifest
from replication.engine import cleanup, standing
from replication.engine.conditions import require_snapshot_room
from replication.engine.work import Work
from replication.model.errors import Denied, Permanent, PortError, ResyncRequired, Temporary, UnknownFate
from replication.model.item import Item, ItemDisk
from replication.model.record import Attempt, CycleKind, Life, Stage, Unclean
from replication.model.source import ChangeId, Snapshot
from replication.schedule import next_retry

GRACE = 2
"""Attempts after which a disk that is not there is believed to be gone."""


class CycleFailed(Exception):
    """This attempt has ended without a recovery point; the record says why and when the next one may begin."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause

    @property
    def permanent(self) -> bool:
        return isinstance(self.cause, Permanent | ResyncRequired)


def announce(work: Work, kind: CycleKind) -> Attempt:
    """Journal a new attempt before anything of it is done. What earlier ones left in the source and the log goes first."""
    if not work.retry(lambda: work.source.consolidated(work.uuid)):
        raise Temporary(
            "its disks wait for consolidation", subject=work.item.name, remedy="no new snapshot before it is done"
        )
    cleanup.sweep(work)
    require_snapshot_room(work, kind)
    work.forget_checksums()
    work.open_for = work.removed_in = None
    record = work.record
    name = str(uuid.uuid4())
    attempt = Attempt(
        uuid=name,
        kind=kind,
        cycle=record.cycle + 1,
        epoch=record.epoch,
        fence=record.fence + 1,
        stage=Stage.ANNOUNCED,
        started=work.clock.now(),
        snapshot_name=standing.own_prefix(work.item) + name,
    )
    life = Life.INITIAL if kind is CycleKind.INITIAL else record.life
    work.machine.advance(
        attempt=attempt, fence=attempt.fence, attempts=record.attempts + 1, life=life, retry_at=None, queued_since=None
    )
    return attempt


def freeze(work: Work, key_version: str, bases: Mapping[int, str] | None = None) -> Snapshot:
    """Snapshot the VM and journal the change ids of every disk, before a byte is read.

    With `bases` (an initial attempt) each disk without a base that still fits gets this snapshot's change id as its base.
    """
    attempt = current(work)
    before = work.clock.now()
    ref = _take(work, attempt)
    took = max(0.0, work.clock.now() - before)
    snapshot = work.retry(lambda: work.source.snapshot(work.uuid, ref))
    ids = {disk.key: _checked(work.item, disk, snapshot, work.record.attempts).text for disk in work.item.disks}
    sizes = {disk.key: disk.capacity for disk in work.item.disks}  # checked against the snapshot, with the ids
    attempt = replace(
        attempt,
        stage=Stage.READING,
        snapshot_ref=ref,
        snapshot_at=before,
        take_seconds=round(took, 3),
        change_ids=ids,
        sizes=sizes,
        key_version=key_version,
    )
    chosen, beside, new = standing.beside(work.item, work.record, snapshot)
    more: dict[str, Any] = {"chosen": chosen, "beside": beside, "notices": new}
    if bases is not None:
        more["initial_base"] = {key: _base(bases.get(key), found) for key, found in ids.items()}
    work.machine.advance(attempt=attempt, **more)
    return snapshot


def current(work: Work) -> Attempt:
    attempt = work.record.attempt
    if attempt is None:
        raise AssertionError(f"no attempt is under way for {work.item.name}")
    return attempt


def covered(work: Work) -> dict[ItemDisk, int]:
    """The disks that the attempt is about, and the bytes that each had then: an apply may have come after its seal, and
    may have changed the item. What it added is the next cycle's."""
    attempt = current(work)
    return {d: attempt.sizes.get(d.key, d.capacity) for d in work.item.disks if d.key in attempt.change_ids}


def throw_away(work: Work, **changes: Any) -> None:
    """Give up an attempt: journalled first, then its snapshot and log go (what cannot go now goes later)."""
    attempt = current(work)
    left = Unclean(attempt.uuid, attempt.snapshot_name, manifest.log_prefix(work.item.replication, attempt.uuid))
    work.machine.advance(attempt=None, unclean=(*work.record.unclean, left), **changes)
    try:
        cleanup.settle(work)
    except PortError as error:
        work.note(f"left to clean up later: {error}")


def abandon(work: Work) -> None:
    """The engine stops on purpose: no snapshot of ours stays open meanwhile. The next start cleans up the rest."""
    attempt = work.record.attempt
    if attempt is None:
        return
    if attempt.snapshot_ref is None:  # it may be there all the same: taken, and not journalled any more
        for ref in work.retry(lambda: work.source.find_snapshots(work.uuid, attempt.snapshot_name)):
            work.retry(partial(work.source.remove_snapshot, work.uuid, ref))
    else:
        release(work)
    if attempt.stage in (Stage.ANNOUNCED, Stage.READING):
        left = Unclean(attempt.uuid, attempt.snapshot_name, manifest.log_prefix(work.item.replication, attempt.uuid))
        work.machine.advance(attempt=None, unclean=(*work.record.unclean, left))


def fail(work: Work, error: Exception) -> CycleFailed:
    """Throw the attempt away because of `error`: the record says why, and when the next attempt may begin."""
    work.note(f"attempt failed: {error}")
    throw_away(work, **trouble(work, error))
    return CycleFailed(error)


def not_begun(work: Work, error: Exception) -> CycleFailed:
    """A cycle that could not even be announced: the log and the record say why, and when it is tried again."""
    work.note(f"cycle not begun: {error}")
    work.machine.advance(**trouble(work, error))
    return CycleFailed(error)


def trouble(work: Work, error: Exception) -> dict[str, Any]:
    """What the record says after `error`: what is wrong, when it is tried again, whether somebody is needed."""
    return {"problem": str(error), "retry_at": retry_at(work, error), "stuck": isinstance(error, Permanent)}


def retry_at(work: Work, error: Exception) -> float:
    """Unix time before which nothing of this machine is tried again after `error`."""
    now, item = work.clock.now(), work.item
    if isinstance(error, Permanent):
        patience = work.sizes.patience
        return now + max(item.retry_after, patience.denied if isinstance(error, Denied) else patience.permanent)
    asked = (error.retry_after or 0.0) if isinstance(error, Temporary) else 0.0
    due = now + item.retry_after if work.urgent else next_retry(item, now, work.record.attempts)
    return max(due, now + asked)


def release(work: Work) -> None:
    """Remove the attempt's snapshot: it stays open only while reading. A failure is told and left to the clean-up."""
    attempt = current(work)
    if attempt.snapshot_ref is None:
        return
    ref, began = attempt.snapshot_ref, work.clock.now()
    try:
        work.source.remove_snapshot(work.uuid, ref)
        if work.removed_in is None:  # removing what is gone already says nothing
            work.removed_in = round(max(0.0, work.clock.now() - began), 3)
        work.open_for = max(0.0, work.clock.now() - (attempt.snapshot_at or attempt.started))
    except PortError as error:
        work.note(f"snapshot {attempt.snapshot_name} could not be removed yet: {error}")


def open_seconds(work: Work, attempt: Attempt) -> float:
    """How long the attempt's snapshot was open, or has been open until now."""
    if work.open_for is not None:
        return work.open_for
    return max(0.0, work.clock.now() - (attempt.snapshot_at or attempt.started))


def _take(work: Work, attempt: Attempt) -> str:
    work.guard.check()
    try:
        return work.source.create_snapshot(
            work.uuid, attempt.snapshot_name, f"replication cycle {attempt.cycle}", work.item.quiesce
        )
    except UnknownFate:  # not repeatable, but the name is ours alone: look for it
        found = work.retry(lambda: work.source.find_snapshots(work.uuid, attempt.snapshot_name))
        if not found:
            raise
        return next(iter(found))


def _checked(item: Item, disk: ItemDisk, snapshot: Snapshot, tries: int) -> ChangeId:
    """The disk's change id in this snapshot. Raises `Permanent` when the disk is not the one that is to be replicated.

    One that is not there gets a grace of `GRACE` attempts: vCenter may be moving it to another datastore.
    """
    where = f"{item.name} disk {disk.label} ({disk.key})"
    found = next((d for d in snapshot.disks if d.key == disk.key), None)
    if found is None or found.uuid != disk.uuid:
        if tries <= GRACE:
            raise Temporary("it is not attached now; looked at again in case it is being moved", subject=where)
        raise Permanent("this disk is not attached any more", subject=where, remedy="plan and apply again, or attach it")
    if found.capacity != disk.capacity:
        raise Permanent(
            f"its size is {found.capacity} bytes now, {disk.capacity} when it was planned",
            subject=where,
            remedy="plan and apply again",
        )
    if found.change_id is None:
        raise Permanent(
            "changed block tracking does not work for it", subject=where, remedy="switch tracking on: plan and apply again"
        )
    return found.change_id


def _base(base: str | None, found: str) -> str:
    return base if base is not None and ChangeId(base).comparable(ChangeId(found)) else found
