"""One request on its way through an operation."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from lab.azure.blob.auth import Access, Authenticator
from lab.azure.blob.crc64 import encode
from lab.azure.blob.disks import DiskFiles
from lab.azure.blob.errors import BlobError, invalid_header, invalid_query, missing_header
from lab.azure.blob.hashes import md5
from lab.azure.blob.model import PROPERTY_HEADERS, Blob, BlobKey, Container, http_date
from lab.azure.blob.sparse import write_all
from lab.azure.blob.storage import Storage
from lab.http import DropConnection, Headers, Request

MIB = 1 << 20
_RANGE = re.compile(r"bytes=(\d+)-(\d*)$")
_META_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")
_MAX_METADATA = 8 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request. `now` is epoch seconds at arrival."""

    request: Request
    key: BlobKey
    access: Access
    storage: Storage
    authenticator: Authenticator
    disks: DiskFiles
    now: float

    @property
    def headers(self) -> Headers:
        return self.request.headers

    def header(self, name: str) -> str | None:
        return self.request.headers.get(name)

    def needed(self, name: str) -> str:
        """Raises BlobError 400 when the header is missing."""
        value = self.request.headers.get(name)
        if value is None:
            raise missing_header(name)
        return value

    def number(self, name: str) -> int | None:
        """A header that must be a whole number, 0 or more. Raises BlobError 400."""
        value = self.request.headers.get(name)
        if value is None:
            return None
        if not value.isdigit():
            raise invalid_header(name, value)
        return int(value)

    def query_number(self, name: str, *, low: int) -> int | None:
        value = self.request.query.get(name)
        if value is None:
            return None
        if not value.isdigit() or int(value) < low:
            raise BlobError(
                400, "OutOfRangeQueryParameterValue", f"The query parameter {name} is out of range: {value}."
            )
        return int(value)

    def range(self) -> tuple[int, int | None] | None:
        """(first, last) from x-ms-range or Range; last is None when it is left open. Other forms are ignored."""
        text = self.request.headers.get("x-ms-range") or self.request.headers.get("range")
        return None if text is None else parse_range(text)

    def content_length(self) -> int:
        """Raises BlobError 411."""
        text = self.request.headers.get("content-length")
        if text is None:
            raise BlobError(411, "MissingContentLengthHeader", "The Content-Length header was not specified.")
        return int(text)

    def metadata(self) -> dict[str, str]:
        """From x-ms-meta-… headers. Raises BlobError 400."""
        found = {
            name[len("x-ms-meta-") :]: value
            for name, value in self.request.headers.items()
            if name.startswith("x-ms-meta-")
        }
        for name in found:
            if not _META_NAME.match(name):
                raise BlobError(400, "InvalidMetadata", f"The specified metadata is invalid: {name!r}.")
        if sum(len(name) + len(value) for name, value in found.items()) > _MAX_METADATA:
            raise BlobError(
                400,
                "MetadataTooLarge",
                "The size of the specified metadata exceeds the maximum size permitted.",
            )
        return found

    def properties(self) -> dict[str, str]:
        """From x-ms-blob-content-… headers."""
        return {
            shown: value
            for header, shown in PROPERTY_HEADERS.items()
            if (value := self.request.headers.get(header)) is not None
        }


@dataclass(frozen=True, slots=True)
class Received:
    """A request's body: in memory when small, else in a file. `md5` is base64."""

    size: int
    md5: str
    data: bytes | None
    checks: dict[str, str]

    def move_to(self, path: Path) -> None:
        """Write what was kept in memory; a large body is in its file already."""
        if self.data is not None:
            path.write_bytes(self.data)


def parse_range(text: str) -> tuple[int, int | None] | None:
    match = _RANGE.match(text)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2]) if match[2] else None
    return None if last is not None and last < first else (first, last)


def receive(call: Call, path: Path, limit: int) -> Received:
    """Read the body and check it against the hashes sent with it: up to 4 MiB into memory, more into the file `path`.

    Raises BlobError 400 (hash differs) or 413 (more than `limit` bytes).
    """
    length = call.content_length()
    if length > limit:
        raise too_large(limit)
    if "x-ms-structured-body" in call.headers:
        raise BlobError(
            400, "UnsupportedHeader", "The lab does not read structured bodies (x-ms-structured-body)."
        )
    if length <= 4 * MIB:
        data = call.request.read(length)
        return Received(length, md5(data), data, verify(call.headers, data))
    if "x-ms-content-crc64" in call.headers and length > 256 * MIB:
        raise BlobError(400, "UnsupportedHeader", "The lab checks x-ms-content-crc64 up to 256 MiB a request.")
    try:
        computed = _spool(call, path, length)
        checks = {}
        if "content-md5" in call.headers:
            _same(call.headers["content-md5"], computed, "Md5Mismatch", "MD5")
            checks["Content-MD5"] = computed
        if "x-ms-content-crc64" in call.headers:
            checks |= verify(call.headers, path.read_bytes())
    except (BlobError, DropConnection, OSError):
        path.unlink(missing_ok=True)
        raise
    return Received(length, computed, None, checks)


def _spool(call: Call, path: Path, length: int) -> str:
    """Write the body to a file as it comes; returns its MD5."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("wb", buffering=0) as file:
        position = 0
        while piece := call.request.read(min(MIB, length - position)):
            digest.update(piece)
            write_all(file.fileno(), piece, position)
            position += len(piece)
    return base64.b64encode(digest.digest()).decode()


def verify(headers: Headers, data: bytes, prefix: str = "") -> dict[str, str]:
    """Check Content-MD5 and x-ms-content-crc64 (with `prefix`: the x-ms-source- forms); returns them to echo."""
    checks: dict[str, str] = {}
    md5_name, crc_name = (
        ("x-ms-source-content-md5", "x-ms-source-content-crc64")
        if prefix
        else ("content-md5", "x-ms-content-crc64")
    )
    if md5_name in headers:
        checks["Content-MD5"] = md5(data)
        _same(headers[md5_name], checks["Content-MD5"], "Md5Mismatch", "MD5")
    if crc_name in headers:
        checks["x-ms-content-crc64"] = encode(data)
        _same(headers[crc_name], checks["x-ms-content-crc64"], "Crc64Mismatch", "CRC64")
    return checks


def too_large(limit: int) -> BlobError:
    return BlobError(
        413,
        "RequestBodyTooLarge",
        f"The request body is too large and exceeds the maximum permissible limit of {limit} bytes.",
    )


def snapshot_of(text: str) -> str:
    """A snapshot's name as the service writes it: yyyy-mm-ddThh:mm:ss.fffffffZ. Raises BlobError 400."""
    if not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z$", text):
        raise invalid_query("snapshot")
    return text


def written(blob: Blob | Container) -> dict[str, str]:
    """What every write answers."""
    return {"ETag": blob.etag, "Last-Modified": http_date(blob.modified)}


def _same(given: str, computed: str, code: str, name: str) -> None:
    try:
        length = len(base64.b64decode(given, validate=True))
    except ValueError:
        length = 0
    if length != (16 if name == "MD5" else 8):
        raise BlobError(400, f"Invalid{name.title()}", f"The {name} value specified in the request is invalid.")
    if given != computed:
        raise BlobError(
            400,
            code,
            f"The {name} value specified in the request did not match with the {name} value calculated by the "
            f"server. Given: {given}, computed: {computed}.",
        )
