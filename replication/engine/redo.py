"""From the seal on: check every blob, then write, then commit. Entered again after a crash, at whatever was journalled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from replication import manifest
from replication.bitmap import SectorSet
from replication.engine import attempt as attempts
from replication.engine import cleanup
from replication.engine.applier import Applier, Keys
from replication.engine.attempt import current
from replication.engine.budget import Budget
from replication.engine.commit import commit
from replication.engine.parallel import run_all
from replication.engine.work import Work
from replication.manifest import BlobEntry, Manifest
from replication.model.errors import Corrupt, NotFound, Permanent, PortError
from replication.model.extents import SECTOR, Extent, total
from replication.model.item import ItemDisk
from replication.model.jsonform import BadDocument
from replication.model.record import CycleKind, Stage
from replication.sealing import Block


def settle(work: Work) -> None:
    """Bring an attempt that a crash or a refusal left behind to its end, and clean up. After it none is under way.

    Before the seal it is thrown away; from the seal on it is rolled forward under a fence of its own, so that writes of
    whoever began it cannot land any more. Raises `CycleFailed` or a port's error.
    """
    attempt = work.record.attempt
    if attempt is None:
        cleanup.settle(work)
    elif attempt.stage in (Stage.ANNOUNCED, Stage.READING):
        work.note(f"attempt at cycle {attempt.cycle} was interrupted before its seal: thrown away")
        attempts.throw_away(work)
        cleanup.settle(work)
    else:
        work.note(f"attempt at cycle {attempt.cycle} was interrupted after its seal: rolled forward")
        fence = work.record.fence + 1
        work.machine.advance(fence=fence, attempt=replace(attempt, fence=fence))
        roll_forward(work)


def roll_forward(work: Work) -> None:
    """From SEALED to complete. A log that cannot be read or is not what was sealed ends the attempt (`CycleFailed`)."""
    attempts.release(work)
    attempt = current(work)
    try:
        if attempt.kind is CycleKind.INITIAL:  # streamed: all of it is applied and confirmed already
            commit(work, {disk.key: disk.applied_sectors for disk in attempt.disks})
        else:
            commit(work, _apply(work))
    except Corrupt as error:  # the replica is dirty if writing had begun, and stays so
        work.forget_checksums()
        raise attempts.fail(work, error) from error
    except NotFound:
        require_replicas(work)  # when it is a replica that vanished, this says so, and what to do
        raise
    _store_hashes(work, attempt.kind)
    work.meter.end()
    try:
        cleanup.settle(work)
    except PortError as error:  # the data is safe; what is left stands in the journal
        work.note(f"recovery point is committed, clean-up goes on later: {error}")
        work.machine.advance(**attempts.trouble(work, error))


def _store_hashes(work: Work, kind: CycleKind) -> None:
    """After the commit: what the replica holds now, block by block. What cannot be written stays in doubt."""
    try:
        for disk in work.item.disks if kind is not CycleKind.INITIAL else ():
            work.checksums(disk).settle()
    except PortError as error:
        work.note(f"block hashes could not be written, these blocks count as unknown: {error}")
    work.forget_checksums()


class _Checked:
    """Blobs found whole; those that the shared budget has room for are kept for the writing, the others fetched again."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._kept: dict[str, Block] = {}
        self._lock = threading.Lock()

    def keep(self, name: str, block: Block) -> None:
        if self._budget.take(len(block.data)):
            with self._lock:
                self._kept[name] = block

    def take(self, name: str) -> Block | None:
        with self._lock:
            block = self._kept.pop(name, None)
        if block is not None:
            self._budget.give(len(block.data))
        return block

    def drop(self) -> None:
        for name in list(self._kept):
            self.take(name)


_Blob = tuple[ItemDisk, int, BlobEntry]


def _apply(work: Work) -> dict[int, int]:
    """Check all, then write all; disk key -> sectors applied. Raises `Corrupt`."""
    attempt = current(work)
    sealed = _manifest(work)
    applier = Applier(work, attempt.uuid, attempt.fence, Keys(work, attempt.uuid))
    checked = _Checked(work.budget)
    try:
        return _check_and_write(work, sealed, applier, checked)
    finally:
        checked.drop()


def _check_and_write(work: Work, sealed: Manifest, applier: Applier, checked: _Checked) -> dict[int, int]:
    attempt = current(work)
    inflight = work.sizes.workers.inflight * max(1, len(sealed.disks))
    blobs = list(_blobs(work, sealed))
    found = {disk.key: SectorSet() for disk in sealed.disks}

    def check(disk: ItemDisk, chunk: int, entry: BlobEntry) -> tuple[int, tuple[Extent, ...]]:
        block = applier.fetch(disk, chunk, entry)
        checked.keep(entry.name, block)
        return disk.key, (*block.data_extents, *block.zero_extents)

    work.meter.begin("checking", sum(e.length for _, _, e in blobs))
    run_all(work.pool, inflight, (partial(check, *blob) for blob in blobs), lambda got: found[got[0]].update(got[1]))
    _compare(sealed, found, "logged")

    require_replicas(work)
    disks = attempts.covered(work)
    for item_disk in disks:
        work.checksums(item_disk).suspect(found[item_disk.key])
    if attempt.stage is not Stage.APPLYING:
        seconds = attempts.open_seconds(work, attempt)
        attempt = replace(attempt, stage=Stage.APPLYING, snapshot_seconds=seconds)
        work.machine.advance(attempt=attempt, dirty=True)
    committed = work.record.committed
    for item_disk, size in disks.items():
        if committed is None or committed.sizes.get(item_disk.key) != size:  # added, or grown: it was read whole
            work.retry(partial(work.replicas.ensure, item_disk.seed, size))
        work.retry(partial(work.replicas.raise_fence, item_disk.seed, attempt.fence))
    require_replicas(work)  # once more: one that vanished since the first look may be a blank one now
    applied = {disk.key: SectorSet() for disk in sealed.disks}

    def write(disk: ItemDisk, chunk: int, entry: BlobEntry) -> tuple[int, list[Extent]]:
        work.guard.check()
        block = checked.take(entry.name) or applier.fetch(disk, chunk, entry)
        written, _ = applier.write(disk, block)
        return disk.key, written

    def take(got: tuple[int, list[Extent]]) -> None:
        applied[got[0]].update(got[1])
        work.meter.add(total(got[1]), work.clock.now())

    work.meter.begin("applying", SECTOR * sum(f.sectors for f in found.values()))
    run_all(work.pool, inflight, (partial(write, *blob) for blob in blobs), take)
    _compare(sealed, applied, "applied")
    return {key: sectors.sectors for key, sectors in applied.items()}


def require_replicas(work: Work) -> None:
    """Changes may only be applied to the blobs that hold the committed recovery point. Raises `Permanent`."""
    committed = work.record.committed
    for disk in work.item.disks:
        point = committed.points.get(disk.key) if committed else None
        if committed is not None and point is None:
            continue  # added since: nothing is there yet, so it is copied whole
        if point is None or point not in work.retry(partial(work.replicas.checkpoints, disk.seed)):
            raise Permanent(
                f"its replica {disk.seed} does not hold recovery point {committed.cycle if committed else 0} any more",
                subject=f"{work.item.name} disk {disk.label}",
                remedy="begin again: `wavelift plan` says how",
            )


def _manifest(work: Work) -> Manifest:
    """The manifest whose digest stands in the journal, and no other."""
    attempt = current(work)
    name = manifest.manifest_name(work.item.replication, attempt.uuid)
    try:
        data, _ = work.retry(lambda: work.log.get(name))
    except NotFound as error:
        raise Corrupt("the manifest is gone from the log", subject=name) from error
    if manifest.digest(data) != attempt.manifest_digest:
        raise Corrupt("the manifest is not the one that was sealed", subject=name)
    try:
        return manifest.loads(data)
    except BadDocument as error:
        raise Corrupt(str(error), subject=name) from error


def _blobs(work: Work, sealed: Manifest) -> Iterator[_Blob]:
    known = {disk.key: disk for disk in work.item.disks}
    for disk in sealed.disks:
        item_disk = known.get(disk.key)
        if item_disk is None or item_disk.uuid != disk.uuid:
            raise Corrupt(f"disk {disk.key} of the sealed log does not replicate any more", subject=work.item.name)
        for entry in disk.blobs:
            yield item_disk, int(entry.name.rpartition("/")[2]), entry


def _compare(sealed: Manifest, found: dict[int, SectorSet], word: str) -> None:
    """S5.1: what was found or written is what was requested, sector for sector."""
    for disk in sealed.disks:
        sectors = found[disk.key]
        if sectors.digest() != disk.requested_digest:
            raise Corrupt(f"disk {disk.key}: {sectors.sectors} sectors {word}, {disk.requested_sectors} others requested")
