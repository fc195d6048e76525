"""Get Blob, Get Blob Properties."""

from __future__ import annotations

from collections.abc import Iterator

from lab.azure.blob import conditions, lease
from lab.azure.blob.call import MIB, Call
from lab.azure.blob.crc64 import encode
from lab.azure.blob.describe import describe
from lab.azure.blob.errors import BlobError, invalid_range, not_found
from lab.azure.blob.hashes import md5
from lab.azure.blob.model import Blob
from lab.azure.blob.storage import Storage
from lab.http import DropConnection, FileRange, Response

_OVERRIDES = {
    "rscc": "Cache-Control",
    "rscd": "Content-Disposition",
    "rsce": "Content-Encoding",
    "rscl": "Content-Language",
    "rsct": "Content-Type",
}
_MAX_HASHED_RANGE = 4 * MIB


def get_blob(call: Call) -> Response:
    blob = _readable(call)
    headers = describe(blob, call.now)
    if "sig" in call.request.query:
        headers |= {
            shown: call.request.query[name] for name, shown in _OVERRIDES.items() if name in call.request.query
        }
    wanted = call.range()
    if wanted is None:
        if "Content-MD5" in blob.properties:
            headers["Content-MD5"] = blob.properties["Content-MD5"]
        return _content(call.storage, blob, 0, blob.size, Response(200, headers))
    first, last = wanted
    if first >= blob.size:
        raise invalid_range(blob.size)
    end = blob.size if last is None else min(last + 1, blob.size)
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{blob.size}"
    if "Content-MD5" in blob.properties:
        headers["x-ms-blob-content-md5"] = blob.properties["Content-MD5"]
    headers |= _range_hashes(call, blob, first, end)
    return _content(call.storage, blob, first, end, Response(206, headers))


def get_blob_properties(call: Call) -> Response:
    blob = _readable(call)
    headers = describe(blob, call.now)
    headers["Content-Length"] = str(blob.size)
    if "Content-MD5" in blob.properties:
        headers["Content-MD5"] = blob.properties["Content-MD5"]
    if call.request.method == "GET":  # Get Blob Metadata answers no content
        headers["Content-Length"] = "0"
    return Response(200, headers)


def read(storage: Storage, blob: Blob, offset: int, length: int) -> bytes:
    """A small part of a blob or snapshot. Raises BlobError 404 when it was deleted meanwhile."""
    try:
        if blob.kind == "PageBlob":
            return storage.pages(blob).read(offset, length, blob.layer)
        with storage.path(blob.store).open("rb") as file:
            file.seek(offset)
            return file.read(length)
    except (KeyError, FileNotFoundError) as error:  # deleted since it was looked up
        raise not_found() from error


def _readable(call: Call) -> Blob:
    blob = call.storage.blob(call.key)
    conditions.check(call.headers, blob, write=False)
    if not call.key.snapshot:
        lease.check(blob.lease, call.header("x-ms-lease-id"), call.now, "Blob", write=False)
    return blob


def _content(storage: Storage, blob: Blob, start: int, end: int, response: Response) -> Response:
    response.headers["Content-Length"] = str(end - start)
    if blob.layer is None:
        response.body = FileRange(storage.path(blob.store), start, end - start)
    else:
        response.body = _pieces(storage, blob, start, end)
    return response


def _pieces(storage: Storage, blob: Blob, start: int, end: int) -> Iterator[bytes]:
    """A snapshot's bytes are gathered piece by piece under its lock, so that no write can slip in between."""
    while start < end:
        length = min(MIB, end - start)
        try:
            piece = read(storage, blob, start, length)
        except BlobError as error:
            raise DropConnection(f"{blob.key} was deleted while it was read") from error
        yield piece
        start += length


def _range_hashes(call: Call, blob: Blob, start: int, end: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for header, shown, function in (
        ("x-ms-range-get-content-md5", "Content-MD5", md5),
        ("x-ms-range-get-content-crc64", "x-ms-content-crc64", encode),
    ):
        if call.headers.get(header, "").lower() == "true":
            if end - start > _MAX_HASHED_RANGE:
                raise BlobError(
                    400,
                    "OutOfRangeInput",
                    f"{header} is answered for ranges of up to 4 MiB, not {end - start} bytes.",
                )
            found[shown] = function(read(call.storage, blob, start, end - start))
    return found
