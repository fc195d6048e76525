"""From recovery points to a managed disk: server-side copies, pass by pass, with their own requested and copied sectors.

The first pass copies what a recovery point holds; each later one only what has changed since, so that the last pass,
after the source is off, depends on the last delta alone. A range is never copied again while an earlier copy of it may
still land: when a copy's fate is unknown, the disk is thrown away and filled anew (what was sent to the old one cannot
reach the new). The last pass alone is copied again into the same disk: its recovery point never changes and no other one
follows, so whatever lands late brings the bytes that are there already (decision 61).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from replication.bitmap import SectorSet
from replication.engine.parallel import run_all
from replication.engine.upload import Upload, load
from replication.engine.work import Work
from replication.model.errors import Corrupt, Denied, NotFound, Permanent, Temporary, UnknownFate
from replication.model.extents import Extent, pieces, whole_sectors
from replication.model.item import DiskOrder, ItemDisk, VmOrder
from replication.ports import Cloud, DiskUpload

TRIES = 3
URL_SECONDS = 6 * 3600.0
"""A source url is asked for anew after so long; it is good for twice as long."""


class _Doubtful(Exception):
    """Some copy's fate is unknown."""


class _Anew(Exception):
    """What the disk holds is of no use any more."""


@dataclass(frozen=True)
class Disk:
    """A managed disk of order number `order`, and the replica that it is made from."""

    work: Work
    cloud: Cloud
    vm: VmOrder
    wanted: DiskOrder
    source: ItemDisk
    tags: dict[str, str]
    order: int

    def fill(self, point: str, close: bool) -> str:
        """Bring the disk to recovery point `point`; with `close` finish it, after which nothing can be written to it.

        Its ARM id. Raises a port's error. May be entered again by any process: it goes on where the document says.
        """
        work = self.work
        known = load(work, self.order, self.wanted.key)
        shut: Denied | None = None
        for _ in range(TRIES):
            if known.live and close and known.point == point and known.doubt in ("", point):
                work.note(f"disk {self.wanted.name}: the fate of a copy is unknown; the last pass is copied again from its point")
                known.live, known.doubt = False, point
            elif known.live or known.doubt not in ("", point):
                work.note(f"disk {self.wanted.name}: the fate of a copy is unknown; it is thrown away and filled anew")
                known.forget()
            try:
                if not known.closing:
                    self._bring(known, point)
                if close:
                    self._close(known, point)
                return known.disk_id
            except _Doubtful:
                continue
            except _Anew as error:
                work.note(f"disk {self.wanted.name} is filled anew: {error}")
                known.forget()
            except Denied as error:
                if not known.disk_id or error.code != "AuthenticationFailed":
                    raise
                work.retry(partial(self.cloud.exists, known.disk_id))  # raises when it is our login that is refused
                # Its one write url is gone: the disk was deleted and made again under its name, or its access was ended.
                work.note(f"disk {self.wanted.name} cannot be written any more and is filled anew: {error}")
                known.forget()
                shut = error
            except NotFound as error:
                if not known.disk_id or work.retry(partial(self.cloud.exists, known.disk_id)):
                    raise
                work.note(f"disk {self.wanted.name} is gone and is filled anew: {error}")
                known.forget()
        if shut is not None:
            raise shut
        raise Temporary("copies into it keep getting lost", subject=f"disk {self.wanted.name}")

    def _bring(self, known: Upload, point: str) -> None:
        work = self.work
        if not known.disk_id:
            known.begun(work, work.retry(partial(self.cloud.begin_disk, self.vm, self.wanted, self.tags)))
            known.save()
        if known.base == point and not known.point:
            return
        if known.point != point:
            wanted = SectorSet.of(self._differs(known.base, point))
            wanted.update(known.copied)  # of an earlier point, in a pass that did not come to its end
            known.point, known.wanted, known.copied = point, wanted, SectorSet()
            known.requested.update(wanted)
        left = known.wanted.difference(known.copied)
        if left:
            self._copy(known, left)
        if known.copied != known.wanted:
            raise Corrupt(f"{known.copied.sectors} of {known.wanted.sectors} sectors copied", subject=f"disk {self.wanted.name}")
        known.filled.update(known.copied)
        known.base, known.point, known.live = point, "", False
        known.wanted, known.copied = SectorSet(), SectorSet()
        known.save()

    def _differs(self, base: str, point: str) -> list[Extent]:
        """What the disk lacks: all that the point holds, or what differs from the point that the disk has."""
        work, name, size = self.work, self.source.seed, self.source.capacity
        if not base:
            return whole_sectors(work.retry(partial(work.replicas.allocated, name, point, size)), size)
        try:
            return whole_sectors(work.retry(partial(work.replicas.changed, name, base, point, size)), size)
        except Permanent as error:
            raise _Anew(f"what changed since its recovery point cannot be told ({error})") from error

    def _copy(self, known: Upload, left: SectorSet) -> None:
        """Copy `left` of the pass. Whatever ends this, what was answered is written down, and `live` only stays when some
        copy was not answered (or this process died): then nobody goes on with this disk."""
        work = self.work
        upload = known.upload(work)
        urls = _Urls(work, self.source.seed, known.point)

        def take(piece: Extent) -> None:
            work.meter.add(piece.length, work.clock.now())

        known.live = True
        known.save()
        work.meter.more(left.length)
        sure = False
        lost: list[_Doubtful] = []

        def copy(piece: Extent) -> Extent:
            try:
                self._piece(upload, urls, piece)
            except _Doubtful as error:  # remembered, whichever error is raised in the end
                lost.append(error)
                raise
            known.copied.add(piece)  # in the copying thread: also an answer that comes after another copy's failure counts
            return piece

        jobs = (partial(copy, piece) for piece in pieces(left.extents(), work.sizes.limits.copy))
        try:
            run_all(work.pool, work.sizes.workers.copies, jobs, take)
            sure = True
        except Exception:
            sure = not lost
            raise
        finally:
            if sure:  # every copy that was sent has been answered, also those of a pass that was cut short
                known.live = False
                known.save()

    def _piece(self, upload: DiskUpload, urls: _Urls, piece: Extent) -> None:
        work = self.work

        def once() -> None:
            try:
                self.cloud.copy_range(upload, urls.url(), piece.offset, piece.length)
            except UnknownFate as error:
                raise _Doubtful from error

        work.guard.check()
        work.retry(once)

    def _close(self, known: Upload, point: str) -> None:
        """The footer and the end of access; only when everything that was ever asked for is in it."""
        work = self.work
        if not known.closing and (known.base != point or known.filled != known.requested):
            raise Corrupt(f"{known.filled.sectors} of {known.requested.sectors} sectors are in it", subject=known.disk_id)
        if not known.closing:
            known.closing = True
            known.save()
        work.retry(partial(self.cloud.finish_disk, known.upload(work), self.wanted.size))


class _Urls:
    """The url that the cloud copies from, renewed long before it runs out."""

    def __init__(self, work: Work, name: str, point: str) -> None:
        self._work, self._name, self._point = work, name, point
        self._known: tuple[str, float] | None = None

    def url(self) -> str:
        work = self._work
        known = self._known
        if known is None or work.clock.now() - known[1] > URL_SECONDS:
            known = self._known = (work.replicas.copy_url(self._name, self._point), work.clock.now())
        return known[0]


def require_sizes(vm: VmOrder, disks: tuple[ItemDisk, ...]) -> None:
    """Every replica has a managed disk that is large enough. Raises `Permanent`."""
    wanted = {disk.key: disk for disk in vm.disks}
    for disk in disks:
        order = wanted.pop(disk.key, None)
        if order is None:
            raise Permanent(f"the order has no disk for {disk.label}", subject=vm.name, remedy="plan and apply again")
        if order.size < disk.capacity:
            raise Permanent(
                f"managed disk {order.name} of {order.size} bytes is smaller than {disk.label} ({disk.capacity})",
                subject=vm.name,
                remedy="plan and apply again",
            )
    if wanted:
        names = ", ".join(sorted(disk.name for disk in wanted.values()))
        raise Permanent(f"nothing replicates into {names}", subject=vm.name, remedy="plan and apply again")
