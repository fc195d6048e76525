"""Changed block tracking: asking vCenter what changed, page by page, and refusing every answer that cannot be trusted."""

from __future__ import annotations

from typing import Any

from providers.vmware.errors import is_fault
from providers.vmware.snapshots import Snapshots
from replication.model.errors import PortError, ResyncRequired, Temporary
from replication.model.extents import Extent, whole_sectors
from replication.model.source import ChangeId, SourceDisk

ALLOCATED = "*"
"""vSphere's change id for "everything that was ever allocated"."""


def changed_areas(
    snapshots: Snapshots, machine: str, ref: str, disk: SourceDisk, since: ChangeId | None, capacity: int, name: str
) -> list[Extent]:
    """Normal extents, whole sectors, clamped to `capacity`, that changed between `since` and the snapshot `ref`.

    `since` None asks for allocated areas and falls back to the whole disk where the datastore cannot say (NFS, vSAN, vVol).
    `ResyncRequired` when tracking is off, was reset since (another uuid), or vCenter refuses the change id.
    """
    if since is not None:
        _check(disk, since, name)
    try:
        return _pages(snapshots, machine, ref, disk.key, since.text if since else ALLOCATED, capacity, name)
    except PortError as error:
        if not _refused(error):
            raise
        if since is None:
            return [Extent(0, capacity)]
        raise ResyncRequired(
            f"vCenter cannot say what changed on {disk.label} since {since.text}: {error.message}",
            subject=name,
            remedy="the disk is compared anew by checksums",
            code=error.code,
        ) from error


def _check(disk: SourceDisk, since: ChangeId, name: str) -> None:
    if disk.change_id is None:
        why, code = f"{disk.label} has no change id: tracking does not work on it", "TrackingOff"
    elif not disk.change_id.comparable(since) or _sequence(since) > _sequence(disk.change_id):
        # A sequence that went backwards is a VM that was reverted to an older snapshot.
        why, code = f"tracking of {disk.label} was reset: {since.text} is now {disk.change_id.text}", "TrackingReset"
    else:
        return
    raise ResyncRequired(why, subject=name, remedy="the disk is compared anew by checksums", code=code)


def _sequence(change_id: ChangeId) -> int:
    """Counts up within one uuid; 0 where vSphere writes it in a way of its own."""
    text = change_id.text.partition("/")[2]
    return int(text) if text.isdecimal() else 0


def _pages(snapshots: Snapshots, machine: str, ref: str, key: int, change_id: str, capacity: int, name: str) -> list[Extent]:
    """A page covers [startOffset, startOffset + length) and holds at most 2000 areas; one in the middle may hold none."""
    areas: list[Extent] = []
    offset = 0
    while offset < capacity:  # asking at the capacity itself is a fault
        page: Any = snapshots.query_changes(machine, ref, key, offset, change_id)
        areas.extend(Extent(int(area.start), int(area.length)) for area in page.changedArea or ())
        end = int(page.startOffset) + int(page.length)
        if end <= offset:
            raise Temporary(
                f"vCenter's answer about changed areas of disk {key} does not get past byte {offset} of {capacity}",
                subject=name,
                code="NoProgress",
            )
        offset = end
    return whole_sectors(areas, capacity)


_ABOUT_TRACKING = ("vim.fault.FileFault", "vmodl.fault.InvalidArgument", "vmodl.fault.NotSupported")
_ABOUT_STORAGE = ("vim.fault.FileLocked", "vim.fault.CannotAccessFile", "vim.fault.NoDiskSpace")


def _refused(error: PortError) -> bool:
    """Faults about the change id or the tracking file, in contrast to faults about the host, the storage or our rights."""
    fault = error.__cause__
    return fault is not None and is_fault(fault, *_ABOUT_TRACKING) and not is_fault(fault, *_ABOUT_STORAGE)
