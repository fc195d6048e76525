"""Commit: a blob snapshot of every disk, then one conditional write that makes them the newest recovery point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from replication import manifest
from replication.engine.attempt import covered, current, open_seconds
from replication.engine.work import Work
from replication.model.record import Commit, CycleKind, Evidence, Life, Record, SnapshotTimes, Unclean


def commit(work: Work, applied: Mapping[int, int]) -> None:
    """`applied`: disk key -> sectors that the replica has now, equal to those requested (checked by the caller)."""
    attempt, record = current(work), work.record
    work.guard.check()
    disks = covered(work)
    points = {d.key: work.retry(partial(work.replicas.checkpoint, d.seed)) for d in disks}
    made = Commit(
        cycle=attempt.cycle,
        kind=attempt.kind,
        attempt=attempt.uuid,
        fence=attempt.fence,
        committed=work.clock.now(),
        snapshot_time=attempt.snapshot_at or attempt.started,
        change_ids=attempt.change_ids,
        points=points,
        sizes={disk.key: size for disk, size in disks.items()},
    )
    seconds = attempt.snapshot_seconds if attempt.snapshot_seconds is not None else open_seconds(work, attempt)
    evidence = Evidence(
        cycle=attempt.cycle,
        kind=attempt.kind,
        attempt=attempt.uuid,
        attempts=record.attempts,
        started=attempt.started,
        completed=made.committed,
        snapshot_seconds=seconds,
        disks=tuple(replace(disk, applied_sectors=applied[disk.key] + disk.same_sectors) for disk in attempt.disks),
        bridge=work.bridge,
        snapshot=SnapshotTimes(attempt.take_seconds, work.removed_in, work.item.quiesce),
    )
    # A person may have asked while this attempt lay sealed (a crash, a store that did not answer): that is the next one's.
    compared = {disk.key for disk in attempt.disks if disk.note}
    limits = work.sizes.limits
    earlier = tuple(c for c in (record.committed, *record.earlier) if c is not None)[: limits.points - 1]
    left = Unclean(
        attempt.uuid,
        attempt.snapshot_name,
        manifest.log_prefix(work.item.replication, attempt.uuid),
        _superfluous(work, record, (made, *earlier)),
    )
    work.machine.advance(
        attempt=None,
        committed=made,
        earlier=earlier,
        cycle=attempt.cycle,
        dirty=False,
        attempts=0,
        life=Life.DELTA if attempt.kind is CycleKind.INITIAL else record.life,
        initial_base={} if attempt.kind is CycleKind.INITIAL else record.initial_base,
        unclean=(*record.unclean, left),
        evidence=(evidence, *record.evidence)[: limits.evidence],
        retry_at=None,
        problem="",
        stuck=False,
        resync={key: why for key, why in record.resync.items() if key not in compared},
    )
    work.note(f"recovery point {made.cycle} ({attempt.kind.value})")


def _superfluous(work: Work, record: Record, kept: tuple[Commit, ...]) -> dict[int, tuple[str, ...]]:
    """Recovery points that nothing needs any more, and those of attempts that never committed.

    Listed before the compare-and-swap that journals them: nothing that a later owner commits can be among them.
    """
    wanted = {point for commit in kept for point in commit.points.values()}
    if record.order is not None and record.order.outcome is None:
        wanted |= {value for key, value in record.order.facts.items() if key.startswith("point/")}
    return {
        disk.key: tuple(p for p in work.retry(partial(work.replicas.checkpoints, disk.seed)) if p not in wanted)
        for disk in work.item.disks
    }
