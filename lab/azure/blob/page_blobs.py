"""Page blobs: create, Put Page, Put Page From URL, Get Page Ranges.

A page write is read whole before the blob's lock is taken, and every condition is evaluated under that lock: what counts
is the moment at which the write lands, not the one at which it was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lab.azure.blob import conditions, lease
from lab.azure.blob.blob_writes import MAX_PAGE_BLOB, existing, replaceable
from lab.azure.blob.call import MIB, Call, parse_range, snapshot_of, too_large, verify, written
from lab.azure.blob.errors import (
    BlobError,
    invalid_blob_type,
    invalid_header,
    invalid_page_range,
    missing_header,
)
from lab.azure.blob.extents import Range
from lab.azure.blob.model import Blob, BlobKey, new_etag
from lab.azure.blob.source import open_source
from lab.azure.blob.xml import page_list
from lab.http import Response

PAGE = 512
MAX_PUT_PAGE = 4 * MIB


def create_page_blob(call: Call) -> Response:
    size = call.number("x-ms-blob-content-length")
    if size is None:
        raise missing_header("x-ms-blob-content-length")
    if size % PAGE or size > MAX_PAGE_BLOB:
        raise invalid_header("x-ms-blob-content-length", str(size))
    if call.content_length():
        raise invalid_header("Content-Length", str(call.content_length()))
    sequence = call.number("x-ms-blob-sequence-number") or 0
    metadata, properties = call.metadata(), call.properties()
    with call.storage.lock(call.key):
        old = replaceable(call)
        blob = Blob(
            key=call.key,
            kind="PageBlob",
            store=call.storage.make_pages(call.key, size),
            size=size,
            etag=new_etag(),
            modified=call.now,
            created=call.now if old is None else old.created,
            sequence=sequence,
            properties=properties,
            metadata=metadata,
            lease=lease.Lease() if old is None else lease.after_write(old.lease, call.now),
        )
        call.storage.replace(blob, old)
    return Response(201, written(blob))


def put_page(call: Call) -> Response:
    start, end = page_range(call)
    length = call.content_length()
    match call.header("x-ms-page-write"):
        case "update":
            data = page_body(call, start, end)
            checks = verify(call.headers, data)
            return _land(call, start, end, lambda blob: call.storage.pages(blob).write(start, data), checks)
        case "clear":
            if length:
                raise invalid_header("Content-Length", str(length))
            return _land(call, start, end, lambda blob: call.storage.pages(blob).clear(start, end - start), {})
        case None:
            raise missing_header("x-ms-page-write")
        case other:
            raise invalid_header("x-ms-page-write", other)


def page_range(call: Call) -> Range:
    """The pages that a write is about, [start, end). Raises BlobError 400 or 416."""
    text = call.header("x-ms-range") or call.header("range")
    if text is None:
        raise missing_header("x-ms-range")
    wanted = parse_range(text)
    if wanted is None:
        raise invalid_header("x-ms-range", text)
    first, last = wanted
    if last is None or first % PAGE or (last + 1) % PAGE:
        raise invalid_page_range()
    return first, last + 1


def page_body(call: Call, start: int, end: int) -> bytes:
    """The body of a Put Page (update), at most 4 MiB. Raises BlobError 400 or 413."""
    length = call.content_length()
    if end - start > MAX_PUT_PAGE or length > MAX_PUT_PAGE:
        raise too_large(MAX_PUT_PAGE)
    if length != end - start:
        raise invalid_header("Content-Length", f"{length}, but the range has {end - start} bytes")
    return call.request.read(length)


def put_page_from_url(call: Call) -> Response:
    start, end = page_range(call)
    data, checks = source_pages(call, start, end)
    return _land(call, start, end, lambda blob: call.storage.pages(blob).write(start, data), checks)


def source_pages(call: Call, start: int, end: int) -> tuple[bytes, dict[str, str]]:
    """Fetch and check what Put Page From URL copies, and the hashes to echo. Raises BlobError."""
    if call.header("x-ms-page-write") not in (None, "update"):
        raise invalid_header("x-ms-page-write", call.needed("x-ms-page-write"))
    if call.content_length():
        raise invalid_header("Content-Length", str(call.content_length()))
    if end - start > MAX_PUT_PAGE:
        raise too_large(MAX_PUT_PAGE)
    wanted = parse_range(call.needed("x-ms-source-range"))
    first, last = wanted or (0, None)
    if last is None or last - first + 1 != end - start:
        raise invalid_header(
            "x-ms-source-range", f"{call.needed('x-ms-source-range')} is not as long as x-ms-range"
        )
    source = open_source(call)
    if first % PAGE or first + end - start > source.size:
        raise invalid_page_range()
    conditions.check_source(call.headers, source)
    data = source.read(first, end - start)
    return data, verify(call.headers, data, "x-ms-source-")


def _land(call: Call, start: int, end: int, write: Callable[[Blob], None], checks: dict[str, str]) -> Response:
    with call.storage.lock(call.key):
        blob = existing(call)
        if blob.kind != "PageBlob":
            raise invalid_blob_type()
        conditions.check_sequence(call.headers, blob.sequence)
        if end > blob.size:
            raise invalid_page_range()
        write(blob)
        blob = replace(blob, etag=new_etag(), modified=call.now)
        call.storage.catalog.touch_blob(call.key, blob.etag, blob.modified)
        if blob.lease.id and not blob.lease.locked(call.now):
            call.storage.catalog.put_blob(replace(blob, lease=lease.Lease()))
    return Response(201, {**written(blob), **checks, "x-ms-blob-sequence-number": str(blob.sequence)})


def get_page_ranges(call: Call) -> Response:
    """With `prevsnapshot`: what was written or cleared since that snapshot."""
    before = call.request.query.get("prevsnapshot")
    with call.storage.lock(call.key):
        blob = call.storage.blob(call.key)
        conditions.check(call.headers, blob, write=False)
        lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=False)
        if blob.kind != "PageBlob":
            raise invalid_blob_type()
        start, end = _wanted(call, blob)
        cleared: list[Range] = []
        if before is None:
            found = call.storage.pages(blob).ranges(start, end, blob.layer)
        else:
            found, cleared = _difference(call, blob, before, start, end)
    headers = {
        **written(blob),
        "x-ms-blob-content-length": str(blob.size),
        "Content-Type": "application/xml",
    }
    return Response(200, headers, page_slice(call, found, cleared))


def _wanted(call: Call, blob: Blob) -> Range:
    wanted = call.range()
    if wanted is None:
        return 0, blob.size
    first, last = wanted
    if first >= blob.size and blob.size:
        raise invalid_page_range()
    start = first - first % PAGE
    return start, blob.size if last is None else min(blob.size, last - last % PAGE + PAGE)


def _difference(call: Call, blob: Blob, before: str, start: int, end: int) -> tuple[list[Range], list[Range]]:
    name = snapshot_of(before)
    older = call.storage.catalog.blob(BlobKey(call.key.account, call.key.container, call.key.name, name))
    if older is None or older.layer is None:
        raise BlobError(
            409, "PreviousSnapshotNotFound", f"The previous snapshot is not found: prevsnapshot={name}."
        )
    if call.key.snapshot and name > call.key.snapshot:
        raise BlobError(
            409,
            "PreviousSnapshotCannotBeNewer",
            "The prevsnapshot query parameter value cannot be newer than snapshot.",
        )
    if older.store != blob.store:
        raise BlobError(
            409, "BlobOverwritten", "The blob has been recreated since the previous snapshot was taken."
        )
    return call.storage.pages(blob).changed(older.layer, start, end, blob.layer)


def page_slice(call: Call, found: list[Range], cleared: list[Range]) -> bytes:
    """At most `maxresults` ranges in order; the marker is the byte at which the rest begins."""
    limit = min(call.query_number("maxresults", low=1) or 10_000, 10_000)
    after = call.query_number("marker", low=0) if call.request.query.get("marker") else 0
    both = sorted([(*one, False) for one in found] + [(*one, True) for one in cleared])
    rest = [one for one in both if one[0] >= (after or 0)]
    marker = str(rest[limit][0]) if len(rest) > limit else ""
    return page_list(rest[:limit], marker)
