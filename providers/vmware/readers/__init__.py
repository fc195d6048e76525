"""Disk readers: ways to get at the bytes of a snapshot's disk. A plug-in point.

A reader is a function `open_disk(request) -> AbstractContextManager[DiskReader]`. Built in are `https` (datastore access to
the frozen base) and `nbd` (an NBD server, such as nbdkit with its vddk plugin, at the other end). Another package adds its
own through the entry point group `wavelift.disk_readers`; built-in names cannot be taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from providers.vmware.machines import Machines
from providers.vmware.session import Session
from providers.vmware.snapshots import Snapshots
from replication.model.errors import NotFound, Permanent, Temporary
from replication.model.source import Snapshot, SourceDisk
from replication.ports import DiskReader

GROUP = "wavelift.disk_readers"

_BUILT_IN = {"https": "providers.vmware.readers.https", "nbd": "providers.vmware.readers.nbd"}


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Which disk to open, and all of this vCenter that a reader may use. `options` are the source's, for its reader."""

    session: Session
    machines: Machines
    snapshots: Snapshots
    machine: str
    snapshot: Snapshot
    disk: SourceDisk
    options: Mapping[str, Any] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    """One per source and for its life: a reader keeps connections here. Values with a `close` are closed with the source."""

    @property
    def subject(self) -> str:
        return f"{self.machines.name(self.machine)}, {self.disk.label}"

    def check_range(self, offset: int, length: int) -> None:
        """Readers never ask for bytes that the disk does not have."""
        if offset < 0 or length < 0 or offset + length > self.disk.capacity:
            raise Permanent(
                f"a read of {length} bytes at {offset} is outside its {self.disk.capacity} bytes",
                subject=self.subject,
                code="OutOfRange",
            )

    def disk_now(self) -> SourceDisk | None:
        """The disk as our snapshot has it now, or None where it has it no more. Raises `changed` when the snapshot is gone."""
        try:
            now = self.snapshots.read(self.machine, self.snapshot.ref)
        except NotFound as error:
            raise self.changed("our snapshot is gone") from error
        return next((found for found in now.disks if found.key == self.disk.key), None)

    def changed(self, what: str) -> Temporary:
        """The error of a disk that is not what it was when its snapshot was made."""
        return Temporary(
            f"{what}: what was read of this snapshot cannot be used",
            subject=self.subject,
            remedy="the next attempt makes a new snapshot; keep other tools from this VM's snapshots meanwhile",
            code="ChainChanged",
        )


OpenDisk = Callable[[OpenRequest], AbstractContextManager[DiskReader]]


def names() -> list[str]:
    """Every reader that this installation knows."""
    return sorted({*_BUILT_IN, *(point.name for point in entry_points(group=GROUP))})


def find(name: str) -> OpenDisk:
    """The reader called `name`; `Permanent` when there is none."""
    if name in _BUILT_IN:
        return cast(OpenDisk, import_module(_BUILT_IN[name]).open_disk)
    if offered := [*entry_points(group=GROUP, name=name)]:
        return cast(OpenDisk, offered[0].load())
    raise _unknown(name)


def require(name: str) -> None:
    """`Permanent` when there is no reader of that name; loads none."""
    if name not in _BUILT_IN and not entry_points(group=GROUP, name=name):
        raise _unknown(name)


def _unknown(name: str) -> Permanent:
    return Permanent(
        f"there is no disk reader {name!r}",
        remedy=f"known are {', '.join(names())}; another one comes with a package that offers the entry point {GROUP}",
        code="NoSuchReader",
    )
