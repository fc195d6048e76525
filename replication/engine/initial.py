"""The initial cycle: streams, is applied as it is logged, and goes on in mid-disk after any end.

Per disk, attempt k copies (not done) + changed(c1 -> ck), where c1 is the change id of the first attempt that its `done`
rests on. Window by window: `touched` is journalled, the window's chunks go through log and check into the replica, the
snapshot is confirmed, `done` is journalled. A sector that is zero is left out only if it was never touched on a blob
that is new; everything else that is zero is cleared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

from replication import manifest
from replication.bitmap import SectorSet
from replication.engine import attempt as attempts
from replication.engine import redo
from replication.engine.applier import Applier, Keys
from replication.engine.attempt import current
from replication.engine.chunks import chunks, windows
from replication.engine.conditions import yield_for
from replication.engine.filling import Filling, load
from replication.engine.gateway import Gateway, Logged
from replication.engine.guard import Cancelled, Yielded
from replication.engine.parallel import run_all
from replication.engine.work import Work
from replication.logformat import BadFormat
from replication.model.errors import Corrupt, PortError, ResyncRequired
from replication.model.extents import SECTOR, Extent, total, whole_sectors
from replication.model.item import ItemDisk
from replication.model.record import CycleKind, DiskEvidence, Stage
from replication.model.source import ChangeId, Snapshot
from replication.ports import DiskReader


def run(work: Work) -> None:
    """One attempt, to the first recovery point or to `CycleFailed`, `Cancelled` or `Yielded` (all journalled)."""
    try:
        attempts.announce(work, CycleKind.INITIAL)
    except PortError as error:
        raise attempts.not_begun(work, error) from error
    try:
        _stream(work)
    except (Cancelled, Yielded) as reason:
        work.note(str(reason))
        attempts.throw_away(work)
        raise
    except (PortError, BadFormat) as error:
        raise attempts.fail(work, error) from error
    redo.roll_forward(work)


@dataclass
class _Disk:
    """One disk in this attempt. `copied`: sectors written, cleared or left out as zero."""

    disk: ItemDisk
    filling: Filling
    requested: SectorSet
    allocated: SectorSet
    numbers: Iterator[int] = field(default_factory=count)
    copied: SectorSet = field(default_factory=SectorSet)


def _stream(work: Work) -> None:
    keys = Keys(work, current(work).uuid)
    key = keys.current()
    snapshot = attempts.freeze(work, key.version, bases=work.record.initial_base)
    attempt = current(work)
    fillings = {disk.key: _begin(work, disk) for disk in work.item.disks}
    disks = [_ask(work, snapshot, disk, fillings[disk.key]) for disk in work.item.disks]
    gateway = Gateway(work, attempt.uuid, key)
    applier = Applier(work, attempt.uuid, attempt.fence, keys)
    whole = sum(disk.capacity for disk in work.item.disks)
    work.meter.begin("copying", whole, whole - SECTOR * sum(d.requested.sectors for d in disks))
    ended = threading.Event()
    with ExitStack() as stack:
        jobs = []
        for one in disks:
            reader = stack.enter_context(work.source.open_disk(work.uuid, snapshot, one.disk.key))
            jobs.append(_Stream(work, gateway, applier, reader, one, ended).run)
        run_all(work.disks, max(1, min(work.lanes, len(jobs))), jobs, lambda _: None)
    for one in disks:
        work.checksums(one.disk).sealed(attempt.uuid)
    evidence = tuple(_evidence(one) for one in disks)
    now = work.clock.now()
    work.machine.advance(
        attempt=replace(attempt, stage=Stage.SEALED, sealed_at=now, disks=evidence), reading=gateway.times.reading()
    )


def _begin(work: Work, disk: ItemDisk) -> Filling:
    """The disk's blob, closed to writers of earlier attempts, and what is known of it."""
    filling = load(work, disk)
    base = work.record.initial_base[disk.key]
    work.retry(partial(work.replicas.ensure, disk.seed, disk.capacity))
    work.retry(partial(work.replicas.raise_fence, disk.seed, current(work).fence))
    points = work.retry(partial(work.replicas.checkpoints, disk.seed))
    if not filling.birth or filling.birth not in points:
        filling.restart(base)
        filling.birth = work.retry(partial(work.replicas.checkpoint, disk.seed))
        held = work.retry(partial(work.replicas.allocated, disk.seed, filling.birth, disk.capacity))
        filling.touched = SectorSet.of(whole_sectors(held, disk.capacity))
    work.checksums(disk).begin()
    if filling.base != base or filling.capacity != disk.capacity:
        filling.restart(base)
    filling.capacity = disk.capacity
    filling.save()  # ours from here on: a coordinator that was superseded cannot write it any more
    return filling


def _ask(work: Work, snapshot: Snapshot, disk: ItemDisk, filling: Filling) -> _Disk:
    changed = partial(work.source.changed_areas, work.uuid, snapshot.ref, disk.key)
    requested = SectorSet.whole(disk.capacity)
    if filling.done:
        try:
            areas = work.retry(lambda: changed(ChangeId(filling.base), disk.capacity))
            requested = requested.difference(filling.done)
            requested.update(whole_sectors(areas, disk.capacity))
        except ResyncRequired as error:  # the uuid fits and yet it cannot be told: begin this disk anew
            work.note(f"disk {disk.label} begins anew: {error.message}")
            found = current(work).change_ids[disk.key]
            work.machine.advance(initial_base={**work.record.initial_base, disk.key: found})
            filling.restart(found)
            filling.save()
    allocated = work.retry(lambda: changed(None, disk.capacity))
    return _Disk(disk, filling, requested, SectorSet.of(whole_sectors(allocated, disk.capacity)))


class _Stream:
    """One disk from snapshot to replica, in a thread of its own; chunks run in the shared pool. One that cannot go on sets
    `ended`, which ends the others at their next window: they would keep the snapshot open for hours, and its reason unsaid."""

    def __init__(
        self, work: Work, gateway: Gateway, applier: Applier, reader: DiskReader, one: _Disk, ended: threading.Event
    ) -> None:
        self._work, self._gateway, self._applier, self._reader, self._one = work, gateway, applier, reader, one
        self._ended = ended

    def run(self) -> None:
        """Raises `Corrupt` when in the end not every requested sector was copied (S5.1)."""
        try:
            self._copy()
        except BaseException:
            self._ended.set()
            raise

    def _copy(self) -> None:
        one, work = self._one, self._work
        filling = one.filling
        ready = self._empty(one.requested.difference(one.allocated))
        read = one.requested.intersection(one.allocated).extents()
        for window in windows(read, work.sizes.limits.window):
            work.guard.check_cancel()
            try:
                if self._ended.is_set():
                    raise Yielded("another disk of it could not go on")
                yield_for(work)
            except Yielded:  # what was copied is kept
                filling.done.update(ready)
                filling.save()
                raise
            asked = SectorSet.of(window)
            fresh = asked.difference(filling.touched)
            filling.touched.update(asked)
            filling.done.update(ready)
            filling.save()  # what follows may be half written: it is touched; what came before is done
            self._window(window, asked, fresh)
            ready = asked
        work.retry(self._reader.confirm)
        work.checksums(one.disk).flush()
        filling.done.update(ready)
        filling.save()
        if one.copied != one.requested or filling.done != SectorSet.whole(one.disk.capacity):
            missing = SectorSet.whole(one.disk.capacity).difference(filling.done)
            raise Corrupt(
                f"{one.copied.sectors} of {one.requested.sectors} requested sectors copied, {missing.sectors} never",
                subject=f"{work.item.name} disk {one.disk.label}",
            )

    def _empty(self, empty: SectorSet) -> SectorSet:
        """Requested and reported as not allocated: zero. Cleared where ever touched, left out elsewhere."""
        work, one = self._work, self._one
        left = empty.difference(one.filling.touched)
        for extent in empty.intersection(one.filling.touched).extents():
            work.guard.check_cancel()
            clear = partial(work.replicas.clear, one.disk.seed, extent.offset, extent.length, current(work).fence)
            work.retry(clear)
        work.checksums(one.disk).note_zero(empty.extents())
        one.copied.update(empty)
        one.filling.zero.update(left)
        work.meter.add(SECTOR * empty.sectors, work.clock.now())
        return empty

    def _window(self, window: list[Extent], asked: SectorSet, fresh: SectorSet) -> None:
        """Copy one window: every chunk is logged, fetched again, checked and written; then the window leaves the log."""
        work, one = self._work, self._one
        limits = work.sizes.limits
        done = SectorSet()

        def take(got: tuple[Logged, list[Extent], list[Extent]]) -> None:
            logged, written, skipped = got
            done.update(written)
            done.update(skipped)
            one.filling.zero.remove(SectorSet.of(written))
            one.filling.zero.update(skipped)
            one.filling.read += logged.read
            one.filling.sent += logged.sent
            one.filling.blobs += 1
            work.meter.add(total(logged.covered), work.clock.now())

        jobs: Iterator[Callable[[], tuple[Logged, list[Extent], list[Extent]]]] = (
            partial(self._chunk, next(one.numbers), chunk, fresh) for chunk in chunks(window, limits.chunk, limits.extents)
        )
        run_all(work.pool, work.sizes.workers.inflight, jobs, take)
        if done != asked:
            raise Corrupt(f"{done.sectors} of {asked.sectors} sectors of a window copied", subject=work.item.name)
        work.retry(self._reader.confirm)
        applied = manifest.log_prefix(work.item.replication, current(work).uuid) + f"{one.disk.key}/"
        work.retry(partial(work.log.delete_prefix, applied))
        work.checksums(one.disk).flush()
        one.copied.update(done)

    def _chunk(self, number: int, chunk: tuple[Extent, ...], fresh: SectorSet) -> tuple[Logged, list[Extent], list[Extent]]:
        work, disk = self._work, self._one.disk
        work.guard.check_cancel()
        logged = self._gateway.log(disk, self._reader, number, chunk, compare=False)
        if logged.entry is None:
            raise Corrupt("a chunk without a sector", subject=work.item.name)
        block = self._applier.fetch(disk, number, logged.entry)
        work.guard.check()
        written, skipped = self._applier.write(disk, block, fresh)
        return logged, written, skipped


def _evidence(one: _Disk) -> DiskEvidence:
    """Over all attempts: the whole disk was asked for and is there."""
    filling = one.filling
    return DiskEvidence(
        key=one.disk.key,
        requested_sectors=one.disk.capacity // SECTOR,
        applied_sectors=filling.done.sectors,
        zero_sectors=filling.zero.sectors,
        changed_bytes=one.disk.capacity,
        altered_bytes=None,
        read_bytes=filling.read,
        sent_bytes=filling.sent,
        blobs=filling.blobs,
    )
