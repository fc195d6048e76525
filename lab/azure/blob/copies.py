"""Copy Blob (may finish later) and Copy Blob From URL (finishes at once)."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from dataclasses import replace

from lab.azure.blob import conditions, lease
from lab.azure.blob.blob_writes import replaceable
from lab.azure.blob.call import MIB, Call, written
from lab.azure.blob.errors import BlobError, invalid_blob_type
from lab.azure.blob.hashes import md5
from lab.azure.blob.model import Blob, BlobKey, Copy, new_etag
from lab.azure.blob.source import BlobSource, Source, open_source
from lab.azure.blob.sparse import write_all
from lab.azure.blob.storage import Storage
from lab.http import Response

log = logging.getLogger("lab.azure.blob")

_AT_ONCE = 64 * MIB  # so much data is copied before the answer; more goes on in the background
_MAX_FROM_URL = 256 * MIB
_STEP = 4 * MIB


def copy_blob_from_url(call: Call) -> Response:
    source = open_source(call)
    conditions.check_source(call.headers, source)
    if not isinstance(source, BlobSource) or source.blob.kind != "BlockBlob":
        raise invalid_blob_type()
    if source.size > _MAX_FROM_URL:
        raise BlobError(
            409, "CannotVerifyCopySource", "The source is larger than the 256 MiB that are copied at once."
        )
    blob = _land(call, source, "success")
    assert blob.copy is not None
    headers = {**written(blob), "x-ms-copy-id": blob.copy.id, "x-ms-copy-status": "success"}
    if blob.size <= _STEP:
        headers["Content-MD5"] = md5(source.read(0, source.size))
    return Response(202, headers)


def copy_blob(call: Call) -> Response:
    source = open_source(call, own_account=True)
    conditions.check_source(call.headers, source)
    amount = sum(end - start for start, end in source.ranges(0, source.size))
    if amount <= _AT_ONCE:
        blob = _land(call, source, "success")
    else:
        blob = _land(call, source, "pending")
        threading.Thread(target=_background, args=(call.storage, blob, source), daemon=True).start()
    assert blob.copy is not None
    return Response(202, {**written(blob), "x-ms-copy-id": blob.copy.id, "x-ms-copy-status": blob.copy.status})


def _land(call: Call, source: Source, status: str) -> Blob:
    """Enter the copy under its new name; with content already, unless it is pending."""
    blob = _described(call, source)
    try:
        if status == "success":
            _fill(call.storage, blob, source)
        with call.storage.lock(call.key):
            old = replaceable(call)
            copy = Copy(
                id=str(uuid.uuid4()),
                source=call.needed("x-ms-copy-source").partition("?")[0],
                status="success" if status == "success" else "pending",
                progress=f"{source.size if status == 'success' else 0}/{source.size}",
                completed=call.now if status == "success" else None,
            )
            blob = replace(
                blob,
                copy=copy,
                created=call.now if old is None else old.created,
                lease=lease.Lease() if old is None else lease.after_write(old.lease, call.now),
            )
            call.storage.replace(blob, old)
    except BlobError:
        call.storage.release(blob)
        raise
    return blob


def _described(call: Call, source: Source) -> Blob:
    """The copy as it will be; its content exists and is empty."""
    call.storage.container(call.key.account, call.key.container)
    origin = source.blob if isinstance(source, BlobSource) else None
    kind = "PageBlob" if origin is None else origin.kind
    metadata = call.metadata()
    if kind == "PageBlob":
        store = call.storage.make_pages(call.key, source.size)
    else:
        store = call.storage.new_store(call.key, ".blob")
        call.storage.path(store).touch()
    return Blob(
        key=call.key,
        kind=kind,
        store=store,
        size=source.size,
        etag=new_etag(),
        modified=call.now,
        created=call.now,
        sequence=0 if origin is None else origin.sequence,
        properties={} if origin is None else origin.properties,
        metadata=metadata or ({} if origin is None else origin.metadata),
        blocks=() if origin is None else origin.blocks,
        append_blocks=0 if origin is None else origin.append_blocks,
    )


def _fill(storage: Storage, blob: Blob, source: Source) -> bool:
    """Copy the source's data; False when the copy was aborted meanwhile."""
    for start, end in source.ranges(0, source.size):
        for position in range(start, end, _STEP):
            data = source.read(position, min(_STEP, end - position))
            if blob.kind == "PageBlob":
                storage.pages(blob).write(position, data)
            else:
                with storage.path(blob.store).open("r+b", buffering=0) as file:
                    write_all(file.fileno(), data, position)
            if blob.copy is not None and not _wanted(storage, blob):
                return False
    return True


def _wanted(storage: Storage, blob: Blob) -> bool:
    now = storage.catalog.blob(blob.key)
    return now is not None and now.copy == blob.copy


def _background(storage: Storage, blob: Blob, source: Source) -> None:
    try:
        done = _fill(storage, blob, source)
        changed = isinstance(source, BlobSource) and _etag(storage, source.blob.key) != source.etag
    except (OSError, BlobError, KeyError) as error:
        log.warning("the copy to %s failed: %s", blob.key, error)
        done, changed = True, True
    if not done or blob.copy is None:
        return
    with storage.lock(blob.key):
        if not _wanted(storage, blob):
            return
        copy = replace(blob.copy, completed=time.time())
        if changed:
            copy = replace(
                copy, status="failed", description="412 ConditionNotMet: the source changed under the copy"
            )
        else:
            copy = replace(copy, status="success", progress=f"{blob.size}/{blob.size}")
        current = storage.blob(blob.key)
        storage.catalog.put_blob(replace(current, copy=copy, etag=new_etag(), modified=time.time()))


def fail_interrupted(storage: Storage) -> None:
    """After a restart: copies that were under way will not go on."""
    for blob in storage.catalog.pending_copies():
        if blob.copy is not None:
            copy = replace(
                blob.copy,
                status="failed",
                completed=time.time(),
                description="500 InternalError: the service restarted",
            )
            storage.catalog.put_blob(replace(blob, copy=copy, etag=new_etag()))


def _etag(storage: Storage, key: BlobKey) -> str | None:
    blob = storage.catalog.blob(key)
    return None if blob is None else blob.etag
