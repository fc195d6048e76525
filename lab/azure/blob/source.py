"""What a copy reads from: another blob or snapshot of this service, or a disk behind its read SAS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from lab.azure.blob.blob_reads import read
from lab.azure.blob.call import Call, snapshot_of
from lab.azure.blob.errors import BlobError, invalid_header
from lab.azure.blob.extents import Range
from lab.azure.blob.model import Blob, BlobKey
from lab.azure.blob.operations import OPERATIONS
from lab.azure.blob.storage import Storage


class Source(Protocol):
    """Content with a version."""

    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def modified(self) -> float: ...
    def read(self, offset: int, length: int) -> bytes: ...
    def ranges(self, start: int, end: int) -> list[Range]:
        """Where data is; all else is zero."""
        ...


@dataclass(frozen=True, slots=True)
class BlobSource:
    """A blob or a snapshot."""

    storage: Storage
    blob: Blob

    @property
    def size(self) -> int:
        return self.blob.size

    @property
    def etag(self) -> str:
        return self.blob.etag

    @property
    def modified(self) -> float:
        return self.blob.modified

    def read(self, offset: int, length: int) -> bytes:
        return read(self.storage, self.blob, offset, length)

    def ranges(self, start: int, end: int) -> list[Range]:
        if self.blob.kind == "PageBlob":
            return self.storage.pages(self.blob).ranges(start, end, self.blob.layer)
        return [(start, end)] if start < end else []


def open_source(call: Call, *, own_account: bool = False) -> Source:
    """The source named by x-ms-copy-source, authorized by its own SAS, by x-ms-copy-source-authorization or,
    with `own_account`, by being in the account whose key or token the request carries. Raises BlobError.
    """
    url = call.needed("x-ms-copy-source")
    parts = urlsplit(url)
    if parts.netloc != call.headers.get("host"):
        raise BlobError(
            400,
            "CannotVerifyCopySource",
            f"The lab copies from its own addresses only, not from {parts.netloc!r}.",
        )
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.path.startswith("/md-"):
        return call.disks.opened(parts.path, query, "Read", call.now)
    pieces = unquote(parts.path).lstrip("/").split("/", 2)
    if len(pieces) < 3 or not pieces[2]:
        raise invalid_header("x-ms-copy-source", url.partition("?")[0])
    snapshot = snapshot_of(query["snapshot"]) if query.get("snapshot") else ""
    key = BlobKey(pieces[0], pieces[1], pieces[2], snapshot)
    try:
        _authorize(call, key, query, own_account=own_account)
        return BlobSource(call.storage, call.storage.blob(key))
    except BlobError as error:
        if error.status == 404:
            raise BlobError(404, "CannotVerifyCopySource", "The specified resource does not exist.") from error
        raise BlobError(403, "CannotVerifyCopySource", error.message) from error


def _authorize(call: Call, key: BlobKey, query: dict[str, str], *, own_account: bool) -> None:
    operation = OPERATIONS["GetBlob"]
    scheme, _, token = call.headers.get("x-ms-copy-source-authorization", "").partition(" ")
    if not call.storage.accounts.exists(key.account):
        raise BlobError(404, "ResourceNotFound", "The specified resource does not exist.")
    if "sig" in query:
        call.authenticator.sas(query, key, operation, call.now)
    elif scheme.lower() == "bearer":
        call.authenticator.bearer(token.strip(), key.account, operation)
    elif not (own_account and key.account == call.key.account and call.access.same_account):
        raise BlobError(
            401,
            "NoAuthenticationInformation",
            "The source is private: give it a SAS or x-ms-copy-source-authorization.",
        )
