"""What forbids the replication of a VM, found in `plan` and not at three in the morning. Pure: facts in, reasons out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from planner.inventory import DiskFacts, VmFacts
from replication.model.extents import GIB

LEAST_HARDWARE = 7
"""Changed block tracking came with virtual hardware version 7."""

SECTOR = 512
LARGEST, LARGEST_OS = 8192 * GIB, 4095 * GIB
"""Bytes that a replica (a page blob) and the disk that an Azure VM boots from can have at most."""

_UNREADABLE_BY_HTTPS = {"vsan": "vSAN", "vsanD": "vSAN", "vvol": "a vVol datastore", "VVOL": "a vVol datastore"}
_PLAIN = "FlatVer2"
"""Backing of a disk whose content lies in plain files: what the https reader can read."""
_TRACKED_BACKINGS = ("FlatVer2", "SeSparse", "SparseVer2", "RawDiskMapping/virtualMode")


class Blocker(NamedTuple):
    """`code` is stable, `text` says what is wrong with which thing, `remedy` what a person can do."""

    code: str
    text: str
    remedy: str


def blockers(
    vm: VmFacts,
    *,
    skipped: Collection[int] = (),
    tracking: Literal["enable", "forbid"] = "enable",
    reader: str = "https",
) -> list[Blocker]:
    """Everything that would stop this VM's replication, in a stable order; empty means that it can start.

    `skipped` holds the device keys of disks that the estate leaves out: they cannot block. `tracking` says whether changed
    block tracking may be switched on where it is off. `reader` is the source's disk reader.
    """
    disks = [disk for disk in vm.disks if disk.key not in skipped]
    return [
        *_machine(vm, disks, tracking),
        *(blocker for disk in disks for blocker in _disk(disk, vm.shared_bus, reader)),
        *(blocker for disk in disks for blocker in _size(disk, disk.key == vm.os_disk)),
    ]


def needs_tracking(vm: VmFacts) -> bool:
    """True when a plan has to switch changed block tracking on (a step of its own)."""
    return not vm.tracking


def _machine(vm: VmFacts, disks: list[DiskFacts], tracking: str) -> Iterator[Blocker]:
    if not disks:
        yield Blocker("no-disks", "it has no disk to replicate", "take it out of the wave, or stop skipping its disks")
    if not vm.uuid:
        yield Blocker("no-uuid", "vCenter gives it no instance uuid", "register the VM again in vCenter; it then gets one")
    if vm.hw_version < LEAST_HARDWARE:
        yield Blocker(
            "hardware-version",
            f"its virtual hardware is version {vm.hw_version}; changed block tracking needs {LEAST_HARDWARE} or newer",
            "power it off and upgrade its compatibility (VM, Compatibility, Upgrade), then plan again",
        )
    if vm.consolidation_needed:
        yield Blocker(
            "consolidation-needed",
            "vCenter says that its disks need consolidation",
            "consolidate them (VM, Snapshots, Consolidate); stop backup jobs of this VM meanwhile",
        )
    if vm.tracking:
        return
    if tracking == "forbid":
        yield Blocker(
            "tracking-forbidden",
            "changed block tracking is off and this source says `tracking: forbid`",
            "switch it on yourself (changeTrackingEnabled, then make and remove a snapshot) or say `tracking: enable`",
        )
    elif vm.snapshots:
        # Tracking that is switched on under a snapshot answers with wrong areas and no error.
        yield Blocker(
            "snapshots-present",
            f"it has {_count(vm.snapshots, 'snapshot')} and changed block tracking must be switched on, which needs none",
            "delete or commit its snapshots (a backup product may own them), then plan again",
        )


def _disk(disk: DiskFacts, shared_bus: tuple[str, ...], reader: str) -> Iterator[Blocker]:
    if disk.mode.startswith("independent"):
        yield Blocker(
            "independent-disk",
            f"{_name(disk)} is independent ({disk.mode}): snapshots leave it out",
            f"make it dependent while the VM is off (Edit Settings, Disk Mode), or {_skip(disk)}",
        )
    if disk.backing == "RawDiskMapping/physicalMode":
        yield Blocker(
            "physical-rdm",
            f"{_name(disk)} is a raw device mapping in physical mode: it can be neither snapshotted nor tracked",
            f"convert it to virtual mode or to a VMDK, or {_skip(disk)}",
        )
    elif disk.backing not in _TRACKED_BACKINGS:
        yield Blocker(
            "unsupported-backing",
            f"{_name(disk)} has a backing ({disk.backing}) that carries no change tracking",
            f"migrate it to another datastore as a VMFS virtual disk, or {_skip(disk)}",
        )
    elif reader == "https" and disk.backing != _PLAIN:
        yield Blocker(
            "unreadable-backing",
            f"{_name(disk)} has a backing ({disk.backing}) that is no plain file, which is all that the https reader can read",
            f"give its source the nbd reader (sources: reader: {{nbd: …}}), clone it to a VMFS virtual disk, or {_skip(disk)}",
        )
    if reader == "https" and disk.encrypted:
        yield Blocker(
            "encrypted-disk",
            f"{_name(disk)} is encrypted by vSphere: over https it would be copied as it lies there, without its key",
            f"give its source the nbd reader (it reads through vSphere, decrypted), decrypt the disk, or {_skip(disk)}",
        )
    if disk.linked:
        yield Blocker(
            "linked-clone",
            f"{_name(disk)} is a linked clone: it stands on a disk of another VM, whose content tracking does not tell",
            f"make the VM a full clone (Clone, or Storage vMotion to another datastore), or {_skip(disk)}",
        )
    bus = disk.controller.partition(":")[0]
    if bus in shared_bus or disk.sharing:
        how = f"sits on the shared bus {bus}" if bus in shared_bus else "is shared (multi-writer)"
        yield Blocker("shared-disk", f"{_name(disk)} {how}: tracking does not work there", f"stop sharing it, or {_skip(disk)}")
    if not disk.controller:
        yield Blocker(
            "unsupported-controller",
            f"{_name(disk)} hangs on a controller of an unknown kind",
            f"move it to SCSI, or {_skip(disk)}",
        )
    if disk.capacity <= 0 or disk.capacity % SECTOR:
        yield Blocker(
            "bad-capacity",
            f"{_name(disk)} has a capacity of {disk.capacity} bytes",
            f"look at it in vCenter (a broken or missing VMDK reads as 0), or {_skip(disk)}",
        )
    if reader == "https" and disk.datastore_type in _UNREADABLE_BY_HTTPS:
        kind = _UNREADABLE_BY_HTTPS[disk.datastore_type]
        yield Blocker(
            "unreadable-datastore",
            f"{_name(disk)} lies on {kind} ({disk.datastore}), which the https reader cannot read",
            "give its source the nbd reader (sources: reader: {nbd: …}), move it to VMFS or NFS (Storage vMotion), or "
            + _skip(disk),
        )


def _name(disk: DiskFacts) -> str:
    return f"{disk.label} ({disk.controller})" if disk.controller else disk.label


def _skip(disk: DiskFacts) -> str:
    return f'leave it out of the replication (disks: {{"{disk.controller or disk.label}": skip}})'


def _size(disk: DiskFacts, system: bool) -> Iterator[Blocker]:
    most = LARGEST_OS if system else LARGEST
    if disk.capacity > most:
        what = "an Azure VM boots from at most" if system else "a replica holds at most"
        yield Blocker(
            "too-large",
            f"{disk.label} ({disk.controller}) has {disk.capacity / GIB:,.0f} GiB; {what} {most // GIB:,} GiB",
            "split it inside of the guest before it moves, or leave it out of the replication and move its data by other means",
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
