"""A cycle from change ids: delta, on-demand and final. A redo log: read and sealed whole, checked whole, then applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from replication import churn, manifest
from replication.bitmap import SectorSet
from replication.engine import attempt as attempts
from replication.engine import recheck, redo
from replication.engine.applier import Keys
from replication.engine.asked import Asked, whole
from replication.engine.attempt import current
from replication.engine.chunks import chunks, zero_chunks
from replication.engine.conditions import require_room
from replication.engine.gateway import Checked, Gateway, Logged, put_once
from replication.engine.parallel import run_all
from replication.engine.reading import mixed
from replication.engine.work import Work
from replication.logformat import BadFormat
from replication.manifest import DiskManifest, Manifest
from replication.model.errors import Corrupt, PortError, ResyncRequired
from replication.model.extents import subtract, total, whole_sectors
from replication.model.item import ItemDisk
from replication.model.record import CycleKind, DiskEvidence, Reading, Stage
from replication.model.source import ChangeId, Snapshot
from replication.ports import DiskReader


def run(work: Work, kind: CycleKind) -> None:
    """One cycle to its end, or `CycleFailed`. What earlier attempts left must be settled before (`redo.settle`)."""
    try:
        redo.require_replicas(work)
        attempts.announce(work, kind)
    except PortError as error:
        raise attempts.not_begun(work, error) from error
    try:
        _seal(work)
    except (PortError, BadFormat) as error:
        raise attempts.fail(work, error) from error
    redo.roll_forward(work)


def _seal(work: Work) -> None:
    """From the announcement to the seal: everything requested is in the log, and the snapshot was what it seemed to be."""
    keys = Keys(work, current(work).uuid)
    key = keys.current()
    snapshot = attempts.freeze(work, key.version)
    gateway = Gateway(work, current(work).uuid, key)
    asked = {disk.key: _ask(work, snapshot, disk) for disk in work.item.disks}
    checks = recheck.chosen(work, {k: a.requested for k, a in asked.items()})
    work.meter.begin("reading", sum(total(a.data) for a in asked.values()))
    with ExitStack() as stack:
        used = {k for k, a in asked.items() if a.data} | checks.keys()
        readers = {k: stack.enter_context(work.source.open_disk(work.uuid, snapshot, k)) for k in asked if k in used}
        _log(work, gateway, asked, readers)
        for found in recheck.run(work, gateway, readers, checks):
            more = _found(work, snapshot, asked[found.disk], found)
            if more is not None:
                _log(work, gateway, {found.disk: more}, readers)
                asked[found.disk] = more
        for reader in readers.values():
            work.retry(reader.confirm)
    _write_manifest(work, list(asked.values()), mixed(work.record.reading, gateway.times.reading()))


def _log(work: Work, gateway: Gateway, asked: dict[int, Asked], readers: dict[int, DiskReader]) -> None:
    def take(logged: Logged) -> None:
        asked[logged.disk].add(logged)
        work.meter.add(total(logged.covered) + total(logged.same), work.clock.now())

    run_all(work.pool, work.sizes.workers.inflight * max(1, len(asked)), _jobs(work, gateway, asked, readers), take)


def _ask(work: Work, snapshot: Snapshot, disk: ItemDisk) -> Asked:
    """Changes since the committed change id; where these cannot be told, the whole disk is compared."""
    attempt, committed = current(work), work.record.committed
    base = committed.change_ids.get(disk.key) if committed else None
    found = ChangeId(attempt.change_ids[disk.key])
    changed = partial(work.source.changed_areas, work.uuid, snapshot.ref, disk.key)
    if committed is None or base is None:
        why = "it was added"
    elif committed.sizes.get(disk.key) != disk.capacity:
        why = "its size has changed"
    elif disk.key in work.resync:
        why = work.resync[disk.key]
    else:
        try:
            if not ChangeId(base).comparable(found):
                raise ResyncRequired("its change tracking was reset")
            areas = whole_sectors(work.retry(lambda: changed(ChangeId(base), disk.capacity)), disk.capacity)
            return Asked(disk, areas, [], SectorSet.of(areas), areas)
        except ResyncRequired as error:
            why = error.message
    if attempt.kind is CycleKind.FINAL:
        raise ResyncRequired(
            f"{why}: it would have to be read whole while the machine is off",
            subject=f"{work.item.name} disk {disk.label}",
            remedy="let a delta cycle repair it, then migrate again",
        )
    return whole(work, snapshot, disk, why)


def _found(work: Work, snapshot: Snapshot, before: Asked, found: Checked) -> Asked | None:
    """What a re-check leads to: the whole disk is compared when tracking missed a change; blocks unknown so far are sent."""
    before.rechecked += found.size
    before.read += found.size
    if not found.differing and not found.unknown:
        return None
    disk = before.disk
    if found.differing:
        why = f"{len(found.differing)} areas had changed that change tracking did not report (silent loss)"
        more = whole(work, snapshot, disk, why, trust=False)
    else:
        more = Asked(disk, list(found.unknown), [], SectorSet.of(found.unknown))
    more.data = subtract(more.data, before.requested.extents())
    more.zero = subtract(more.zero, before.requested.extents())
    more.requested.update(before.requested)
    more.same.remove(before.logged)
    more.same.update(before.same)
    more.logged.update(before.logged)
    more.blobs, more.numbers, more.areas = before.blobs, before.numbers, before.areas
    more.read, more.sent, more.rechecked = before.read, before.sent, before.rechecked
    more.note = more.note or before.note
    return more


def _jobs(
    work: Work, gateway: Gateway, asked: dict[int, Asked], readers: dict[int, DiskReader]
) -> Iterator[Callable[[], Logged]]:
    """Chunks of the disks, taken in turns; at most `lanes` disks are read at once."""
    limits = work.sizes.limits

    def of(one: Asked) -> Iterator[Callable[[], Logged]]:
        for chunk in chunks(one.data, limits.chunk, limits.extents):
            yield partial(gateway.log, one.disk, readers[one.disk.key], next(one.numbers), chunk, compare=True)
        for chunk in zero_chunks(one.zero, limits.extents):
            yield partial(gateway.log_zero, one.disk, next(one.numbers), chunk)

    later = [of(one) for one in asked.values()]
    lines = [later.pop(0) for _ in range(min(len(later), max(1, work.lanes)))]
    while lines:
        for at, line in reversed(list(enumerate(lines))):
            require_room(work)
            job = next(line, None)
            if job is not None:
                yield job
            elif later:
                lines[at] = later.pop(0)
            else:
                del lines[at]


def _write_manifest(work: Work, asked: list[Asked], reading: Reading | None) -> None:
    """Logged = requested (S5.1), then the manifest, then its digest in the journal: from here on it rolls forward.

    What the replica has already, by its stored hashes, is not requested of the log.
    """
    attempt = current(work)
    to_send = {one.disk.key: one.to_send for one in asked}
    disks = tuple(
        DiskManifest(
            key=one.disk.key,
            uuid=one.disk.uuid,
            capacity=one.disk.capacity,
            requested_digest=to_send[one.disk.key].digest(),
            requested_sectors=to_send[one.disk.key].sectors,
            logged_sectors=one.logged.sectors,
            blobs=tuple(sorted(one.blobs, key=lambda b: b.name)),
        )
        for one in asked
    )
    made = Manifest(work.item.replication, attempt.uuid, attempt.cycle, attempt.kind, disks, attempt.change_ids)
    wrong = manifest.problems(made, to_send, {a.disk.key: a.logged for a in asked})
    if wrong:
        raise Corrupt("; ".join(wrong), subject=work.item.name)
    data = manifest.dumps(made)
    put_once(work, manifest.manifest_name(work.item.replication, attempt.uuid), data, {})
    evidence = tuple(_evidence(work, one) for one in asked)
    work.machine.advance(
        attempt=replace(
            attempt,
            stage=Stage.SEALED,
            manifest_digest=manifest.digest(data),
            sealed_at=work.clock.now(),
            disks=evidence,
        ),
        reading=reading,
    )


def _evidence(work: Work, one: Asked) -> DiskEvidence:
    changed = one.requested.length if one.note else total(one.areas)
    return DiskEvidence(
        key=one.disk.key,
        requested_sectors=one.requested.sectors,
        applied_sectors=0,
        zero_sectors=0,
        changed_bytes=changed,
        altered_bytes=one.logged.length,
        read_bytes=one.read,
        sent_bytes=one.sent,
        blobs=len(one.blobs),
        same_sectors=one.same.sectors,
        areas=len(one.areas),
        pattern=churn.pattern(one.areas, one.disk.capacity, work.checksums(one.disk).last.extents(), one.same.length),
        rechecked_bytes=one.rechecked,
        note=one.note,
    )
