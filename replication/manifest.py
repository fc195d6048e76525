"""The manifest of a sealed attempt: every log blob with its digest, and what was asked for. Only what it lists is read.

Canonical JSON (schema and kind as in `replication.model.documents`), kept in the log under `manifest_name`; its own
digest stands in the journal before the attempt counts as sealed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from blake3 import blake3

from replication.bitmap import SectorSet
from replication.model import jsonform
from replication.model.record import CycleKind

SCHEMA = 1
KIND = "manifest"


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """One log blob: digest of its bytes, checksum of its plain content, its length in bytes, the sectors in it."""

    name: str
    digest: str
    checksum: str
    length: int
    sectors: int


@dataclass(frozen=True, slots=True)
class DiskManifest:
    """One disk: what was requested (as digest of the sector set, and count), what was logged, and where it is."""

    key: int
    uuid: str
    capacity: int
    requested_digest: str
    requested_sectors: int
    logged_sectors: int
    blobs: tuple[BlobEntry, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """`change_ids`: disk key -> change id of the attempt's snapshot."""

    replication: str
    attempt: str
    cycle: int
    kind: CycleKind
    disks: tuple[DiskManifest, ...]
    change_ids: Mapping[int, str]


def blob_name(replication: str, attempt: str, disk: int, chunk: int) -> str:
    """Name of a log blob: the attempt is a prefix, so that its log is deleted as one."""
    return f"{log_prefix(replication, attempt)}{disk}/{chunk:08}"


def manifest_name(replication: str, attempt: str) -> str:
    return f"{log_prefix(replication, attempt)}manifest.json"


def log_prefix(replication: str, attempt: str) -> str:
    return f"{replication}/{attempt}/"


def dumps(manifest: Manifest) -> bytes:
    return jsonform.dumps(KIND, SCHEMA, manifest)


def loads(data: bytes) -> Manifest:
    """Raises `BadDocument`."""
    return jsonform.loads(KIND, SCHEMA, Manifest, data)


def digest(data: bytes) -> str:
    """blake3, hex."""
    return blake3(data).hexdigest()


def problems(manifest: Manifest, requested: Mapping[int, SectorSet], logged: Mapping[int, SectorSet]) -> list[str]:
    """Why this attempt must not be sealed or applied (S5.1); empty when nothing is missing. Maps are by disk key.

    Per disk the sectors logged must be the sectors requested, and the manifest must say the same as the two sets.
    """
    found: list[str] = []
    listed = {disk.key for disk in manifest.disks}
    if len(listed) < len(manifest.disks):
        found.append("a disk is listed twice")
    for key in sorted((requested.keys() | logged.keys()) - listed):
        found.append(f"disk {key}: not in the manifest")
    names: set[str] = set()
    for disk in manifest.disks:
        prefix = f"{log_prefix(manifest.replication, manifest.attempt)}{disk.key}/"
        problem = _disk_problem(disk, requested.get(disk.key, SectorSet()), logged.get(disk.key, SectorSet()))
        found += [f"disk {disk.key}: {text}" for text in problem]
        for blob in disk.blobs:
            if blob.name in names or not blob.name.startswith(prefix):
                found.append(f"disk {disk.key}: blob {blob.name} is listed twice or belongs to another attempt or disk")
            names.add(blob.name)
    return found


def _disk_problem(disk: DiskManifest, requested: SectorSet, logged: SectorSet) -> Iterator[str]:
    missing, surplus = requested.difference(logged), logged.difference(requested)
    if missing:
        first = missing.extents()[0]
        yield f"{missing.sectors} sectors requested and not logged, the first at byte {first.offset}"
    if surplus:
        first = surplus.extents()[0]
        yield f"{surplus.sectors} sectors logged and not requested, the first at byte {first.offset}"
    if disk.requested_sectors != requested.sectors or disk.requested_digest != requested.digest():
        yield f"the manifest tells of {disk.requested_sectors} other sectors than the {requested.sectors} requested"
    if disk.logged_sectors != logged.sectors:
        yield f"the manifest tells of {disk.logged_sectors} logged sectors, there are {logged.sectors}"
    if (blobs := sum(blob.sectors for blob in disk.blobs)) != disk.logged_sectors:
        yield f"its blobs hold {blobs} sectors, {disk.logged_sectors} were logged"
    outside = requested.difference(SectorSet.whole(disk.capacity))
    if outside:
        yield f"{outside.sectors} requested sectors lie beyond the disk's end"
