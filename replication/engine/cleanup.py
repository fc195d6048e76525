"""What attempts leave behind: own snapshots, log blobs, old recovery points. Journalled, then removed, then confirmed.

Between attempts *every* snapshot with our prefix and every log blob of this replication is superfluous; foreign ones are
never looked at. Lists are read first and only what they named is removed, so that a coordinator that has been
superseded without knowing cannot remove what its successor makes.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from replication import manifest
from replication.engine.standing import own_prefix
from replication.engine.work import Work
from replication.model.documents import dumps, evidence_name, progress_name
from replication.model.errors import NotFound, Temporary
from replication.model.record import CycleKind, Record

_MERGING = "the next cycle waits until vCenter has consolidated its disks"


def incomplete(record: Record) -> bool:
    """Committed, but not complete yet: consolidation is not confirmed (S2)."""
    done = record.committed
    return done is not None and any(left.attempt == done.attempt for left in record.unclean)


def settle(work: Work) -> None:
    """Remove what the journal lists, confirm consolidation, and complete a committed cycle. No attempt may be under way."""
    record = work.record
    if not record.unclean:
        return
    sweep(work)
    _drop_points(work, record)
    _consolidate(work)
    if not incomplete(record):
        work.machine.advance(unclean=())
        return
    now = work.clock.now()
    newest = replace(record.evidence[0], completed=now)
    left = {one.attempt for one in record.unclean}
    for cycle in (newest, *record.evidence[1:]):  # also of one before, whose cleaning up failed while a cut-over went on
        if cycle.attempt in left:
            name = evidence_name(work.uuid, work.item.replication, cycle.cycle)
            work.retry(partial(work.documents.put_any, name, dumps(cycle)))
    if newest.kind is CycleKind.INITIAL:
        for disk in work.item.disks:
            work.retry(partial(work.documents.delete, progress_name(work.uuid, work.item.replication, disk.key)))
    work.machine.advance(
        unclean=(),
        evidence=(newest, *record.evidence[1:]),
        last_completed=now,
        last_duration=now - newest.started,
    )


def sweep(work: Work) -> None:
    """Remove every own snapshot and every log blob of this machine. Only between attempts."""
    if work.record.attempt is not None:
        raise AssertionError("sweeping while an attempt is under way")
    try:
        found = work.retry(lambda: work.source.find_snapshots(work.uuid, own_prefix(work.item)))
    except NotFound:  # a VM that is gone has no snapshots
        found = {}
    for ref in found:
        work.retry(partial(work.source.remove_snapshot, work.uuid, ref))
    root = f"{work.item.replication}/"
    names = work.retry(lambda: list(work.log.list(root)))
    for attempt in sorted({name.removeprefix(root).partition("/")[0] for name in names}):
        work.retry(partial(work.log.delete_prefix, manifest.log_prefix(work.item.replication, attempt)))


def _drop_points(work: Work, record: Record) -> None:
    seeds = {disk.key: disk.seed for disk in work.item.disks}
    for left in record.unclean:
        for key, points in left.points.items():
            for point in points if key in seeds else ():
                work.retry(partial(work.replicas.drop_checkpoint, seeds[key], point))


def _consolidate(work: Work) -> None:
    """Wait until vCenter has merged what the snapshot left; a wait that takes long is shown as the machine's problem."""
    patience, before = work.sizes.patience, work.record.problem
    limit = work.clock.now() + patience.consolidation
    try:
        while not work.retry(lambda: work.source.consolidated(work.uuid)):
            if work.clock.now() >= limit:
                raise Temporary("its disks are not consolidated yet", subject=work.item.name)
            if work.record.problem != _MERGING:
                work.machine.advance(problem=_MERGING)
                work.note(_MERGING)
            work.clock.sleep(patience.poll)
    except NotFound:  # gone with its snapshots
        pass
    if work.record.problem == _MERGING:
        work.machine.advance(problem="" if before == _MERGING else before)
