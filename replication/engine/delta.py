"""A cycle from change ids: delta, on-demand and final. A redo log: read and sealed whole, checked whole, then applied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from replication import manifest
from replication.bitmap import SectorSet
from replication.engine import attempt as attempts
from replication.engine import redo
from replication.engine.applier import Keys
from replication.engine.attempt import current
from replication.engine.chunks import chunks, zero_chunks
from replication.engine.gateway import Gateway, Logged, put_once
from replication.engine.parallel import run_all
from replication.engine.work import Work
from replication.logformat import BadFormat
from replication.manifest import DiskManifest, Manifest
from replication.model.errors import Corrupt, PortError, ResyncRequired
from replication.model.extents import SECTOR, Extent, intersect, subtract, total, whole_sectors
from replication.model.item import ItemDisk
from replication.model.record import CycleKind, DiskEvidence, Stage
from replication.model.source import ChangeId, Snapshot
from replication.ports import DiskReader


@dataclass
class Asked:
    """What is requested of one disk, and what of it is logged so far. `data` is to be read, `zero` reads as zero."""

    disk: ItemDisk
    data: list[Extent]
    zero: list[Extent]
    requested: SectorSet
    logged: SectorSet = field(default_factory=SectorSet)
    blobs: list[Logged] = field(default_factory=list)

    def add(self, logged: Logged) -> None:
        self.logged.update(logged.covered)
        self.blobs.append(replace(logged, covered=()))


def run(work: Work, kind: CycleKind) -> None:
    """One cycle to its end, or `CycleFailed`. What earlier attempts left must be settled before (`redo.settle`)."""
    try:
        redo.require_replicas(work)
        attempts.announce(work, kind)
    except PortError as error:
        work.machine.advance(problem=str(error), retry_at=attempts.retry_at(work, error))
        raise attempts.CycleFailed(error) from error
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
    work.meter.begin("reading", sum(total(a.data) for a in asked.values()))
    with ExitStack() as stack:
        readers = {k: stack.enter_context(work.source.open_disk(work.uuid, snapshot, k)) for k, a in asked.items() if a.data}
        jobs = _jobs(work, gateway, asked, readers)

        def take(logged: Logged) -> None:
            asked[logged.disk].add(logged)
            work.meter.add(total(logged.covered), work.clock.now())

        run_all(work.pool, work.sizes.workers.inflight * max(1, len(asked)), jobs, take)
        for reader in readers.values():
            work.retry(reader.confirm)
    _write_manifest(work, list(asked.values()))


def _ask(work: Work, snapshot: Snapshot, disk: ItemDisk) -> Asked:
    """Changes since the committed change id; where these cannot be told, the whole disk."""
    attempt, committed = current(work), work.record.committed
    base = committed.change_ids.get(disk.key) if committed else None
    found = ChangeId(attempt.change_ids[disk.key])
    changed = partial(work.source.changed_areas, work.uuid, snapshot.ref, disk.key)
    why = "its size has changed"
    if committed is not None and base is not None and committed.sizes.get(disk.key) == disk.capacity:
        try:
            if not ChangeId(base).comparable(found):
                raise ResyncRequired("its change tracking was reset")
            areas = whole_sectors(work.retry(lambda: changed(ChangeId(base), disk.capacity)), disk.capacity)
            return Asked(disk, areas, [], SectorSet.of(areas))
        except ResyncRequired as error:
            why = error.message
    if attempt.kind is CycleKind.FINAL:
        raise ResyncRequired(
            f"{why}: it would have to be copied whole while the machine is off",
            subject=f"{work.item.name} disk {disk.label}",
            remedy="let a delta cycle repair it, then migrate again",
        )
    work.note(f"disk {disk.label} is copied whole: {why}")
    everything = [Extent(0, disk.capacity)]
    allocated = intersect(whole_sectors(work.retry(lambda: changed(None, disk.capacity)), disk.capacity), everything)
    return Asked(disk, allocated, subtract(everything, allocated), SectorSet.of(everything))


def _jobs(
    work: Work, gateway: Gateway, asked: dict[int, Asked], readers: dict[int, DiskReader]
) -> Iterator[Callable[[], Logged]]:
    """Chunks of the disks, taken in turns; at most `lanes` disks are read at once."""
    limits = work.sizes.limits

    def of(one: Asked) -> Iterator[Callable[[], Logged]]:
        numbers = count()
        for chunk in chunks(one.data, limits.chunk, limits.extents):
            yield partial(gateway.log, one.disk, readers[one.disk.key], next(numbers), chunk)
        for chunk in zero_chunks(one.zero, limits.extents):
            yield partial(gateway.log_zero, one.disk, next(numbers), chunk)

    later = [of(one) for one in asked.values()]
    lines = [later.pop(0) for _ in range(min(len(later), max(1, work.lanes)))]
    while lines:
        for at, line in reversed(list(enumerate(lines))):
            job = next(line, None)
            if job is not None:
                yield job
            elif later:
                lines[at] = later.pop(0)
            else:
                del lines[at]


def _write_manifest(work: Work, asked: list[Asked]) -> None:
    """Logged = requested (S5.1), then the manifest, then its digest in the journal: from here on it rolls forward."""
    attempt = current(work)
    disks = tuple(
        DiskManifest(
            key=one.disk.key,
            uuid=one.disk.uuid,
            capacity=one.disk.capacity,
            requested_digest=one.requested.digest(),
            requested_sectors=one.requested.sectors,
            logged_sectors=one.logged.sectors,
            blobs=tuple(b.entry for b in sorted(one.blobs, key=lambda b: b.chunk)),
        )
        for one in asked
    )
    made = Manifest(work.item.replication, attempt.uuid, attempt.cycle, attempt.kind, disks, attempt.change_ids)
    wrong = manifest.problems(made, {a.disk.key: a.requested for a in asked}, {a.disk.key: a.logged for a in asked})
    if wrong:
        raise Corrupt("; ".join(wrong), subject=work.item.name)
    data = manifest.dumps(made)
    put_once(work, manifest.manifest_name(work.item.replication, attempt.uuid), data, {})
    evidence = tuple(_evidence(one) for one in asked)
    work.machine.advance(
        attempt=replace(
            attempt,
            stage=Stage.SEALED,
            manifest_digest=manifest.digest(data),
            sealed_at=work.clock.now(),
            disks=evidence,
        )
    )


def _evidence(one: Asked) -> DiskEvidence:
    return DiskEvidence(
        key=one.disk.key,
        requested_sectors=one.requested.sectors,
        applied_sectors=0,
        zero_sectors=0,
        changed_bytes=one.requested.sectors * SECTOR,
        altered_bytes=None,
        read_bytes=sum(b.read for b in one.blobs),
        sent_bytes=sum(b.sent for b in one.blobs),
        blobs=len(one.blobs),
    )
