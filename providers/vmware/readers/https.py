"""The `https` reader: a snapshot's frozen base, read as a file of its datastore.

While our snapshot is open the guest writes to a delta and the base holds still; so its flat file is the snapshot's content,
as long as the base is no delta itself. Whoever removes or reverts snapshots meanwhile writes into it: `confirm` looks again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import Element

from providers.vmware.collector import Collector, plain
from providers.vmware.devices import datastore_of, disk_elements, path_of
from providers.vmware.elements import child, number, text
from providers.vmware.readers import OpenRequest
from providers.vmware.readers.datastore import DatastoreFiles
from providers.vmware.readers.descriptor import Descriptor, parse
from replication.model.errors import NotFound, Permanent, Temporary

REQUEST_BYTES = 8 * 1024 * 1024
"""Most bytes of one GET; larger reads are cut."""

_FILES = "https.files"
_DATACENTERS = "https.datacenters"
_DATASTORE_TYPES = "https.datastore_types"
_OBJECT_STORES = ("vsan", "vvol")
_DEVICES = "config.hardware.device"


class HttpsReader:
    """Reads one disk; see `replication.ports.DiskReader`."""

    def __init__(self, request: OpenRequest, files: DatastoreFiles, datacenter: str) -> None:
        self._request = request
        self._files = files
        self._datacenter = datacenter
        self._datastore = datastore_of(request.disk.file)
        self._path = path_of(request.disk.file)
        self._text = self._descriptor_text()
        self._descriptor = self._readable()

    def read(self, offset: int, length: int) -> bytes:
        end = offset + length
        self._request.check_range(offset, length)
        parts = [
            self._piece(piece.file, piece.start, piece.length)
            for start in range(offset, end, REQUEST_BYTES)
            for piece in self._descriptor.pieces(start, min(REQUEST_BYTES, end - start))
        ]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def confirm(self) -> None:
        """Our snapshot still has the same backing, the VM still writes elsewhere, the base's descriptor is the same."""
        disk = self._request.disk
        now = self._request.disk_now()
        if now is None or (now.file, now.uuid, now.parent) != (disk.file, disk.uuid, disk.parent):
            raise self._request.changed("the snapshot's backing is another one now")
        if self._written_to():
            raise self._request.changed("the VM writes into the base now")
        if self._descriptor_text() != self._text:
            raise self._request.changed("the base's descriptor changed")

    def _written_to(self) -> bool:
        """True when the live disk is the base itself, or no longer stands on it."""
        live = self._request.machines.one(self._request.machine, _DEVICES).get(_DEVICES)
        found = next((d for d in disk_elements(live or ()) if number(d, "key") == self._request.disk.key), None)
        if found is None:
            return False  # taken off the VM: only the snapshot holds it
        backing = child(found, "backing")
        below = list(_below(backing))
        return text(backing, "fileName") == self._request.disk.file or self._request.disk.file not in below

    def _piece(self, file: str | None, start: int, length: int) -> bytes:
        if file is None:
            return bytes(length)
        path = posixpath.join(posixpath.dirname(self._path), file)
        try:
            return self._files.read(self._datacenter, self._datastore, path, start, length, subject=self._request.subject)
        except NotFound as error:
            raise self._request.changed(f"the base's file {file} is not there") from error

    def _descriptor_text(self) -> str:
        try:
            return self._files.text(self._datacenter, self._datastore, self._path, subject=self._request.subject)
        except NotFound as error:
            raise self._request.changed("the base's descriptor is not there") from error

    def _readable(self) -> Descriptor:
        disk = self._request.disk
        try:
            descriptor = parse(self._text)
        except ValueError as error:
            raise Permanent(
                f"{disk.file} cannot be read over https: {error}",
                subject=self._request.subject,
                remedy="use the nbd reader for this source",
                code="Unreadable",
            ) from error
        if descriptor.parent is not None or disk.parent:
            # Usual at night: a backup product's snapshot lies under ours. It goes away, so this is no lasting refusal.
            raise Temporary(
                f"{disk.file} stands on another snapshot's disk; only a base without a parent can be read over https",
                subject=self._request.subject,
                remedy="remove or commit the other snapshot (a backup job's?), or use the nbd reader",
                code="ForeignSnapshot",
            )
        if descriptor.size < disk.capacity:
            raise self._request.changed(f"the base has {descriptor.size} bytes, the disk {disk.capacity}")
        return descriptor


@contextmanager
def open_disk(request: OpenRequest) -> Iterator[HttpsReader]:
    """Opens the disk and confirms at once that its base is frozen. Errors: see `HttpsReader`."""
    _refuse_objects(request)
    files: DatastoreFiles = request.shared.setdefault(_FILES, DatastoreFiles(request.session))
    reader = HttpsReader(request, files, _datacenter(request))
    reader.confirm()
    yield reader


def _below(backing: Element | None) -> Iterator[str]:
    parent = child(backing, "parent")
    while parent is not None:
        yield text(parent, "fileName")
        parent = child(parent, "parent")


def _refuse_objects(request: OpenRequest) -> None:
    """vSAN and vVol keep disks as objects: what /folder shows of them is no plain file."""
    types: dict[str, str] = request.shared.setdefault(_DATASTORE_TYPES, {})
    name = datastore_of(request.disk.file)
    if name not in types:
        stores = request.machines.one(request.machine, "datastore").get("datastore")
        wanted = {request.session.managed("Datastore", store.text or ""): ("name", "summary.type") for store in stores or ()}
        for found in Collector(request.session).objects(wanted).values() if wanted else ():
            types[plain(found, "name")] = plain(found, "summary.type")
    if types.get(name, "").lower().startswith(_OBJECT_STORES):
        raise Permanent(
            f"{request.disk.file} lies on a datastore of type {types[name]}, which the https reader cannot read",
            subject=request.subject,
            remedy="use the nbd reader for this source, or move the disk to VMFS or NFS",
            code="Unreadable",
        )


def _datacenter(request: OpenRequest) -> str:
    """The VM's datacenter as an inventory path without the leading "/", which is how `dcPath` wants it."""
    known: dict[str, str] = request.shared.setdefault(_DATACENTERS, {})
    parent = request.machines.one(request.machine, "parent", "parentVApp")
    above = parent.get("parent") if "parent" in parent else parent.get("parentVApp")
    start = (above.text or "") if above is not None else ""
    if start not in known:
        known[start] = _walk_up(request, start, above.get("type", "Folder") if above is not None else "Folder")
    return known[start]


def _walk_up(request: OpenRequest, ref: str, kind: str) -> str:
    """Steps of names from the datacenter upwards; the root folder has no parent and no name in the path."""
    collector = Collector(request.session)
    steps: list[str] = []
    while ref:
        kind = kind.rpartition(":")[2]
        link = "parentFolder" if kind == "VirtualApp" else "parent"
        found = collector.objects({request.session.managed(kind, ref): ("name", link)}).get(ref, {})
        above = found.get(link)
        if above is not None and (kind == "Datacenter" or steps):
            steps.append(found["name"].text or "")
        ref, kind = ((above.text or ""), above.get("type", "Folder")) if above is not None else ("", "")
    return "/".join(reversed(steps))
