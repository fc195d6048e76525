"""The endpoint behind managed-disk addresses: a page blob that allows little.

A write address: Put Page (update, clear), Put Page From URL, Get Blob Properties. A read address: Get Blob Properties,
Get Blob, Get Page Ranges. Nobody has shown that a disk keeps a sequence number of its own, so it is always 0 here and
cannot be set; conditions are checked against that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lab.azure.blob import conditions
from lab.azure.blob.call import MIB, Call, verify
from lab.azure.blob.disks import Disk
from lab.azure.blob.errors import (
    BlobError,
    invalid_header,
    invalid_page_range,
    invalid_range,
    missing_header,
    permission_mismatch,
)
from lab.azure.blob.model import http_date
from lab.azure.blob.operations import Operation
from lab.azure.blob.page_blobs import page_body, page_range, page_slice, source_pages
from lab.http import FileRange, Response

_WRITES = {"PutPage", "PutPageFromURL"}
_READS = {"GetBlob", "GetPageRanges"}


def handle_disk(call: Call, operation: Operation) -> Response:
    """Raises BlobError."""
    grant = call.disks.granted(call.request.path)
    access = "Read" if grant is None else grant.access
    call.disks.opened(call.request.path, call.request.query, access, call.now)
    name = operation.name
    if name not in (_WRITES if access == "Write" else _READS) and name != "GetBlobProperties":
        raise permission_mismatch()
    match name:
        case "PutPage":
            return _put_page(call)
        case "PutPageFromURL":
            start, end = page_range(call)
            data, checks = source_pages(call, start, end)
            return _land(call, end, lambda disk: disk.write(start, data), checks)
    disk = call.disks.opened(call.request.path, call.request.query, access, call.now)
    conditions.check(call.headers, disk, write=False)
    match name:
        case "GetBlob":
            return _get(call, disk)
        case "GetPageRanges":
            return _ranges(call, disk)
        case _:
            return Response(200, {**_describe(disk), "Content-Length": str(disk.size)})


def _put_page(call: Call) -> Response:
    start, end = page_range(call)
    match call.header("x-ms-page-write"):
        case "update":
            data = page_body(call, start, end)
            return _land(call, end, lambda disk: disk.write(start, data), verify(call.headers, data))
        case "clear":
            if call.content_length():
                raise invalid_header("Content-Length", str(call.content_length()))
            return _land(call, end, lambda disk: disk.clear(start, end - start), {})
        case None:
            raise missing_header("x-ms-page-write")
        case other:
            raise invalid_header("x-ms-page-write", other)


def _land(call: Call, end: int, write: Callable[[Disk], None], checks: dict[str, str]) -> Response:
    disk = call.disks.opened(call.request.path, call.request.query, "Write", call.now)
    with disk.lock:
        call.disks.opened(call.request.path, call.request.query, "Write", call.now)  # revoked meanwhile?
        conditions.check(call.headers, disk, write=True)
        conditions.check_sequence(call.headers, 0)
        if end > disk.size:
            raise invalid_page_range()
        write(disk)
        headers = {"ETag": disk.etag, "Last-Modified": http_date(disk.modified), **checks}
    return Response(201, {**headers, "x-ms-blob-sequence-number": "0"})


def _get(call: Call, disk: Disk) -> Response:
    headers = _describe(disk)
    wanted = call.range()
    first, last = (0, None) if wanted is None else wanted
    if first >= disk.size:
        raise invalid_range(disk.size)
    end = disk.size if last is None else min(last + 1, disk.size)
    headers["Content-Length"] = str(end - first)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{disk.size}"
    status = 200 if wanted is None else 206
    if end <= disk.raw_size:
        return Response(status, headers, FileRange(disk.file, first, end - first))
    return Response(status, headers, _pieces(disk, first, end))


def _pieces(disk: Disk, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        length = min(MIB, end - start)
        yield disk.read(start, length)
        start += length


def _ranges(call: Call, disk: Disk) -> Response:
    if "prevsnapshot" in call.request.query:
        raise BlobError(400, "UnsupportedQueryParameter", "A disk's address shows no previous snapshot.")
    wanted = call.range()
    first, last = (0, None) if wanted is None else wanted
    if first >= disk.size:
        raise invalid_page_range()
    end = disk.size if last is None else min(last + 1, disk.size)
    start = first - first % 512
    headers = {**_describe(disk), "x-ms-blob-content-length": str(disk.size), "Content-Type": "application/xml"}
    return Response(200, headers, page_slice(call, disk.ranges(start, end), []))


def _describe(disk: Disk) -> dict[str, str]:
    return {
        "ETag": disk.etag,
        "Last-Modified": http_date(disk.modified),
        "Content-Type": "application/octet-stream",
        "Accept-Ranges": "bytes",
        "x-ms-blob-type": "PageBlob",
        "x-ms-blob-sequence-number": "0",
        "x-ms-server-encrypted": "true",
        "x-ms-lease-status": "locked",
        "x-ms-lease-state": "leased",
        "x-ms-lease-duration": "infinite",
    }
