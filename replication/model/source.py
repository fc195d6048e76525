"""What the engine knows of a source VM at the moment of a snapshot. Identity is by uuid, never by name or list index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Power(Enum):
    ON = "poweredOn"
    OFF = "poweredOff"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class ChangeId:
    """vSphere's "uuid/sequence". Same uuid: the difference can be asked for. Another uuid: tracking was reset."""

    text: str

    @property
    def epoch_uuid(self) -> str:
        return self.text.partition("/")[0]

    def comparable(self, other: ChangeId) -> bool:
        return bool(self.epoch_uuid) and self.epoch_uuid == other.epoch_uuid


@dataclass(frozen=True, slots=True)
class SourceDisk:
    """A disk as the *snapshot's own* device list has it.

    `key` is the device key (2000 …), `uuid` the backing's uuid, `change_id` None when tracking is not working,
    `file` the backing's path ("[datastore] vm/vm.vmdk"), `parent` True when the backing has a parent (a chain).
    """

    key: int
    uuid: str
    label: str
    capacity: int
    change_id: ChangeId | None
    file: str
    parent: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot of a VM: `ref` is the managed object's id at this vCenter, `disks` in device order."""

    ref: str
    name: str
    disks: tuple[SourceDisk, ...]

    def disk(self, key: int) -> SourceDisk:
        return next(d for d in self.disks if d.key == key)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What scheduling and preflight need to know of a VM now (never part of a plan's staleness facts)."""

    machine: str
    """Instance uuid."""
    name: str
    power: Power
    host: str
    datastores: dict[str, int]
    """Datastore name -> number of the VM's disks on it."""
    tools_running: bool
    consolidation_needed: bool
    snapshots: tuple[tuple[str, str], ...]
    """(ref, name) of every snapshot, ours and others'."""
    tracking: bool
    snapshot_times: Mapping[str, float] = field(default_factory=dict)
    """Snapshot's ref -> unix time of its creation, by vCenter's clock."""
