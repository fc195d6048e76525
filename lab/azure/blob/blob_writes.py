"""What changes any kind of blob: delete, undelete, properties, metadata, snapshot, lease."""

from __future__ import annotations

import datetime
from dataclasses import replace

from lab.azure.blob import conditions, lease
from lab.azure.blob.call import Call, written
from lab.azure.blob.describe import copy_headers
from lab.azure.blob.errors import BlobError, invalid_blob_type, invalid_header, missing_header, not_found
from lab.azure.blob.model import Blob, new_etag
from lab.http import Response

MAX_PAGE_BLOB = 8 << 40
_MAX_SEQUENCE = (1 << 63) - 1


def existing(call: Call) -> Blob:
    """The blob that a write is about, with its conditions and its lease checked. Hold its lock."""
    if call.key.snapshot:
        raise BlobError(400, "InvalidQueryParameterValue", "Snapshots are read-only.")
    blob = call.storage.blob(call.key)
    conditions.check(call.headers, blob, write=True)
    lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=True)
    _no_pending_copy(blob)
    return blob


def replaceable(call: Call) -> Blob | None:
    """The blob that Put Blob and its kin replace, if there is one; checks conditions, lease and permission."""
    call.storage.container(call.key.account, call.key.container)
    blob = call.storage.catalog.blob(call.key)
    conditions.check(call.headers, blob, write=True, creates=True)
    if blob is None:
        if call.header("x-ms-lease-id") is not None:
            lease.check(lease.Lease(), call.header("x-ms-lease-id"), call.now, "Blob", write=True)
        return None
    call.access.needs("w")  # "c" makes new blobs only
    lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=True)
    _no_pending_copy(blob)
    return blob


def _no_pending_copy(blob: Blob) -> None:
    if blob.copy is not None and blob.copy.status == "pending":
        raise BlobError(409, "PendingCopyOperation", "There is currently a pending copy operation.")


def changed(call: Call, blob: Blob) -> Blob:
    """The blob after a write: a new version."""
    return replace(blob, etag=new_etag(), modified=call.now, lease=lease.after_write(blob.lease, call.now))


def set_blob_metadata(call: Call) -> Response:
    metadata = call.metadata()
    with call.storage.lock(call.key):
        blob = replace(changed(call, existing(call)), metadata=metadata)
        call.storage.catalog.put_blob(blob)
    return Response(200, written(blob))


def set_blob_properties(call: Call) -> Response:
    with call.storage.lock(call.key):
        blob = changed(call, existing(call))
        size = call.number("x-ms-blob-content-length")
        action = call.header("x-ms-sequence-number-action")
        number = call.number("x-ms-blob-sequence-number")
        if (size is not None or action is not None or number is not None) and blob.kind != "PageBlob":
            raise invalid_blob_type()
        sequence = _sequence(blob.sequence, action, number)
        if size is not None and (size % 512 or size > MAX_PAGE_BLOB):
            raise invalid_header("x-ms-blob-content-length", str(size))
        properties = call.properties()
        if properties or (size is None and action is None):  # all are set together, or none
            blob = replace(blob, properties=properties)
        if size is not None and size != blob.size:
            call.storage.pages(blob).resize(size)
            blob = replace(blob, size=size)
        blob = replace(blob, sequence=sequence)
        call.storage.catalog.put_blob(blob)
    headers = written(blob)
    if blob.kind == "PageBlob":
        headers["x-ms-blob-sequence-number"] = str(blob.sequence)
    return Response(200, headers)


def _sequence(current: int, action: str | None, number: int | None) -> int:
    match action:
        case None:
            if number is not None:
                raise missing_header("x-ms-sequence-number-action")
            return current
        case "increment":
            if number is not None:
                raise invalid_header("x-ms-blob-sequence-number", str(number))
            return current + 1
        case "max" | "update":
            if number is None:
                raise missing_header("x-ms-blob-sequence-number")
            if number > _MAX_SEQUENCE:
                raise invalid_header("x-ms-blob-sequence-number", str(number))
            return max(current, number) if action == "max" else number
        case _:
            raise invalid_header("x-ms-sequence-number-action", action)


def snapshot_blob(call: Call) -> Response:
    metadata = call.metadata()
    with call.storage.lock(call.key):
        blob = call.storage.blob(call.key)
        conditions.check(call.headers, blob, write=True)
        lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=False)
        name = _snapshot_name(call, blob)
        frozen = replace(
            blob,
            key=replace(blob.key, snapshot=name),
            layer=call.storage.pages(blob).freeze() if blob.kind == "PageBlob" else None,
            metadata=metadata or blob.metadata,
            lease=lease.Lease(),
        )
        if metadata:  # a snapshot that differs from its blob is a version of its own
            frozen = replace(frozen, etag=new_etag(), modified=call.now)
        call.storage.catalog.put_blob(frozen)
    return Response(201, {**written(frozen), "x-ms-snapshot": name})


def _snapshot_name(call: Call, blob: Blob) -> str:
    taken = max((one.key.snapshot for one in call.storage.catalog.family(blob.key, deleted=True)), default="")
    moment = datetime.datetime.fromtimestamp(call.now, datetime.UTC)
    while (name := f"{moment:%Y-%m-%dT%H:%M:%S.%f}0Z") <= taken:
        moment += datetime.timedelta(microseconds=1)
    return name


def delete_blob(call: Call) -> Response:
    mode = call.header("x-ms-delete-snapshots")
    if mode not in (None, "include", "only"):
        raise invalid_header("x-ms-delete-snapshots", mode)
    with call.storage.lock(call.key):
        blob = call.storage.blob(call.key)
        conditions.check(call.headers, blob, write=True)
        if call.key.snapshot:
            if mode is not None:
                raise invalid_header("x-ms-delete-snapshots", mode)
            going = [blob]
        else:
            family = call.storage.catalog.family(call.key)
            snapshots = [one for one in family if one.key.snapshot]
            if mode != "only":
                lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=True)
            if snapshots and mode is None:
                raise BlobError(
                    409,
                    "SnapshotsPresent",
                    "This operation is not permitted because the blob has snapshots.",
                )
            going = snapshots if mode == "only" else family
        permanent = _delete(call, going)
    return Response(202, {"x-ms-delete-type-permanent": "true" if permanent else "false"})


def _delete(call: Call, going: list[Blob]) -> bool:
    days = call.storage.accounts.service(call.key.account).delete_retention_days
    with call.storage.catalog.transaction():
        for blob in going:
            call.storage.catalog.delete_blob(blob)
            if days:
                call.storage.catalog.put_blob(
                    replace(blob, deleted=call.now, retention_days=days, lease=lease.Lease())
                )
    if days:
        call.storage.purge_expired(call.key)
        return False
    call.storage.release(*going)
    return True


def undelete_blob(call: Call) -> Response:
    """Bring back the blob as last deleted, with the snapshots that were deleted and are still kept."""
    with call.storage.lock(call.key):
        call.storage.purge_expired(call.key)
        catalog = call.storage.catalog
        family = catalog.family(call.key, deleted=True)
        if not family:
            raise not_found()
        live = {one.key.snapshot for one in family if one.deleted is None}
        with catalog.transaction():
            for blob in sorted(
                (one for one in family if one.deleted is not None), key=_deleted_at, reverse=True
            ):
                if blob.key.snapshot in live:
                    continue
                live.add(blob.key.snapshot)
                catalog.delete_blob(blob)
                catalog.put_blob(replace(blob, deleted=None, retention_days=0))
    return Response(200)


def _deleted_at(blob: Blob) -> float:
    return blob.deleted or 0.0


def lease_blob(call: Call) -> Response:
    with call.storage.lock(call.key):
        blob = call.storage.blob(call.key)
        conditions.check(call.headers, blob, write=True)
        status, after, headers = lease.carry_out(call.headers, blob.lease, call.now, "Blob")
        call.storage.catalog.put_blob(replace(blob, lease=after))
    return Response(status, {**written(blob), **headers})


def abort_copy(call: Call) -> Response:
    with call.storage.lock(call.key):
        blob = call.storage.blob(call.key)
        lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=True)
        if call.needed("x-ms-copy-action") != "abort":
            raise invalid_header("x-ms-copy-action")
        copy = blob.copy
        if copy is None or copy.id != call.request.query.get("copyid") or copy.status != "pending":
            raise BlobError(409, "NoPendingCopyOperation", "There is currently no pending copy operation.")
        aborted = replace(copy, status="aborted", completed=call.now)
        call.storage.catalog.put_blob(replace(changed(call, blob), copy=aborted))
    return Response(204, copy_headers(aborted))
