"""The log, the documents and the keys: blobs and secrets through Azure's client libraries.

Rules
1. Every replicated byte passes through the log twice: blocks travel over `wire`, the rest through the client libraries.
2. Nothing in the log is ever overwritten; a put that was answered by silence is looked after (`again.settled`).
3. A missing container or account's blob reads as "not there"; a login that may not look is an error.
"""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from providers.azure.again import repeated, settled
from providers.azure.errors import translated
from providers.azure.session import AzureSession
from replication import line
from replication.model.errors import Conflict, NotFound, Permanent, PortError, Temporary

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

_DELETERS = 8
"""Deletes at once: each is one round trip and the log of a cycle has thousands."""

_PAGE = 5000
"""Names in one answer of a listing: Azure's limit."""

_RENEWAL: Mapping[str, Any] = {"connection_timeout": 5, "read_timeout": 10}
"""Seconds: a connection that died with its network is not waited for while the lease runs out."""

_KEY_BYTES = 32
_METADATA = "x-ms-meta-"


class _Container:
    """One container: subjects for errors, clients."""

    def __init__(self, session: AzureSession, account: str, container: str) -> None:
        self._session = session
        self._account = account
        self._name = container
        self._patience = session.patience

    def _container(self) -> ContainerClient:
        return self._session.blobs(self._account).get_container_client(self._name)

    def _blob(self, name: str) -> BlobClient:
        return self._container().get_blob_client(name)

    def _subject(self, name: str = "") -> str:
        return f"{self._account.rstrip('/')}/{self._name}" + (f"/{name}" if name else "")

    def _put(self, name: str, data: bytes, etag: str | None, *, always: bool = False) -> str:
        from azure.core import MatchConditions

        condition: dict[str, Any] = {"overwrite": always}
        if etag is not None:
            condition = {"overwrite": True, "etag": etag, "match_condition": MatchConditions.IfNotModified}
        with translated(self._subject(name)):
            answer = self._blob(name).upload_blob(data, max_concurrency=1, length=len(data), **condition)
        return str(answer["etag"])

    def _get(self, name: str) -> tuple[bytes, str]:
        """Content and ETag."""

        def once() -> tuple[bytes, str]:
            with translated(self._subject(name)):
                stream = self._blob(name).download_blob(max_concurrency=1)
                data = stream.readall()
            properties = stream.properties
            if len(data) != properties.size:
                raise Temporary(
                    f"{len(data)} bytes of {properties.size} came", subject=self._subject(name), code="ShortRead"
                )
            return data, str(properties.etag)

        return repeated(once, self._patience)

    def _delete(self, name: str, etag: str | None = None) -> None:
        from azure.core import MatchConditions

        condition: dict[str, Any] = {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}

        def once() -> None:
            try:
                with translated(self._subject(name)):
                    self._blob(name).delete_blob(**condition)
            except NotFound:
                return

        repeated(once, self._patience)

    def _names(self, prefix: str) -> Iterator[tuple[str, str]]:
        """(name, ETag) of what begins with `prefix`; nothing where there is no container."""
        marker: str | None = None
        while True:

            def page(marker: str | None = marker) -> tuple[list[tuple[str, str]], str | None]:
                with translated(self._subject(prefix)):
                    pages = self._container().list_blobs(name_starts_with=prefix, results_per_page=_PAGE).by_page(marker)
                    found = [(blob.name, _quoted(str(blob.etag))) for blob in next(pages, iter(()))]
                return found, pages.continuation_token  # type: ignore[attr-defined]  # ItemPaged hides its iterator's type

            try:
                found, marker = repeated(page, self._patience)
            except NotFound:
                return
            yield from found
            if not marker:
                return


def _quoted(etag: str) -> str:
    """An ETag as headers write it: Azure's listings leave the quotes out."""
    return etag if etag.startswith(('"', "W/")) else f'"{etag}"'


class BlobLogStore(_Container):
    """`LogStore` in one container of the log storage account (`account`: its blob endpoint)."""

    def put(self, name: str, data: bytes, metadata: Mapping[str, str]) -> None:
        """Create the blob; `Conflict` when it exists."""
        headers = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*", "Content-Type": "application/octet-stream"}
        headers |= {f"{_METADATA}{key}": value for key, value in metadata.items()}

        def write() -> bool:
            self._session.wire.once("PUT", self._url(name), headers, data, subject=self._subject(name))
            return True

        def landed() -> bool | None:
            return self.get(name) == (data, {key.lower(): value for key, value in metadata.items()}) or None

        settled(write, landed, self._patience)

    def get(self, name: str) -> tuple[bytes, dict[str, str]]:
        """Content and metadata (names in lower case); `NotFound`."""
        data, headers = self._in_parts(name) if line.piece() else self._whole(name, {})
        fields = ((key.lower(), value) for key, value in headers.items())
        return data, {key.removeprefix(_METADATA): value for key, value in fields if key.startswith(_METADATA)}

    def _whole(self, name: str, headers: Mapping[str, str]) -> tuple[bytes, Mapping[str, str]]:
        answer = self._session.wire.send("GET", self._url(name), headers, subject=self._subject(name), repeat=True)
        return answer.body, answer.headers

    def _in_parts(self, name: str) -> tuple[bytes, Mapping[str, str]]:
        """Under a narrow throttle: part by part, each asked for when the line has room for it. Blobs of the log never change."""
        parts: list[bytes] = []
        done, total, piece = 0, 1, line.piece() or 1 << 22
        headers: Mapping[str, str] = {}
        while done < total:
            line.prepay(min(piece, total - done) if parts else piece)
            try:
                part, headers = self._whole(name, {"x-ms-range": f"bytes={done}-{done + piece - 1}"})
            except PortError as error:
                if error.code == "InvalidRange" and not parts:  # it is empty
                    return self._whole(name, {})
                raise
            total = int(headers.get("Content-Range", f"/{len(part)}").rpartition("/")[2])
            if not part:
                raise Temporary(f"{done} bytes of {total} came", subject=self._subject(name), code="ShortRead")
            parts.append(part)
            done += len(part)
        return b"".join(parts), headers

    def list(self, prefix: str) -> Iterator[str]:
        return (name for name, _ in self._names(prefix))

    def _url(self, name: str) -> str:
        return f"{self._account.rstrip('/')}/{self._name}/{quote(name, safe='/~')}"

    def delete_prefix(self, prefix: str) -> int:
        """Delete what begins with `prefix`; how many there were. An empty prefix would be everything: refused."""
        if not prefix:
            raise Permanent("refusing to delete the whole log", subject=self._subject(), remedy="name an attempt's prefix")
        names = [name for name, _ in self._names(prefix)]
        with ThreadPoolExecutor(_DELETERS) as pool:
            for _ in pool.map(self._drop, names):
                pass
        return len(names)

    def _drop(self, name: str) -> None:
        """Delete one blob; gone already is success. There is one for every few MiB, so it goes the cheap way."""
        try:
            self._session.wire.send("DELETE", self._url(name), {}, subject=self._subject(name), repeat=True)
        except NotFound:
            return


class BlobDocumentStore(_Container):
    """`DocumentStore` in one container of the gateway storage account."""

    def get(self, name: str) -> tuple[bytes, str] | None:
        try:
            return self._get(name)
        except NotFound:
            return None

    def put(self, name: str, data: bytes, etag: str | None) -> str:
        """Replace version `etag`, or create (None); the new ETag."""

        def landed() -> str | None:
            there = self.get(name)
            return there[1] if there is not None and there[0] == data else None

        return settled(lambda: self._put(name, data, etag), landed, self._patience)

    def put_any(self, name: str, data: bytes) -> None:
        repeated(lambda: self._put(name, data, None, always=True), self._patience)

    def list(self, prefix: str) -> dict[str, str]:
        return dict(self._names(prefix))

    def delete(self, name: str, etag: str | None = None) -> None:
        self._delete(name, etag)

    def acquire_lease(self, name: str, seconds: int) -> str:
        """Lease id; `Conflict` while another holds it. The blob is made when it is not there."""
        # The id is ours and the same at each try, so that an unanswered try is found again by the next.
        lease = str(uuid.uuid4())

        def once() -> str:
            with translated(self._subject(name)):
                self._blob(name).acquire_lease(lease_duration=seconds, lease_id=lease)
            return lease

        try:
            return repeated(once, self._patience)
        except NotFound:
            self._create_empty(name)
            return repeated(once, self._patience)

    def renew_lease(self, name: str, lease: str) -> None:
        """One short try, `Temporary` at once: whoever holds a lease asks again. `Conflict` when it was lost."""
        from azure.storage.blob import BlobLeaseClient

        try:
            with translated(self._subject(name)):
                BlobLeaseClient(self._blob(name), lease_id=lease).renew(**_RENEWAL)
        except NotFound as error:
            raise Conflict("the lease and its blob are gone", subject=self._subject(name), code=error.code) from error

    def release_lease(self, name: str, lease: str) -> None:
        """A lease that is not held any more is released already."""
        from azure.storage.blob import BlobLeaseClient

        def once() -> None:
            with translated(self._subject(name)):
                BlobLeaseClient(self._blob(name), lease_id=lease).release()

        try:
            repeated(once, self._patience)
        except (Conflict, NotFound):
            return

    def _create_empty(self, name: str) -> None:
        try:
            self._put(name, b"", None)
        except Conflict:
            return  # somebody made it meanwhile: as good


class VaultKeyStore:
    """`KeyStore`: secrets of one key vault that hold 32 key bytes in base64."""

    def __init__(self, session: AzureSession, vault: str) -> None:
        self._session = session
        self._vault = vault.rstrip("/")

    def current(self, name: str) -> tuple[str, bytes]:
        """(version, key) of the newest version; `NotFound`."""
        return self._read(name, None)

    def version(self, name: str, version: str) -> bytes:
        return self._read(name, version)[1]

    def _read(self, name: str, version: str | None) -> tuple[str, bytes]:
        subject = f"{self._vault}/secrets/{name}"
        with translated(subject):
            secret = self._session.secrets(self._vault).get_secret(name, version)
        try:
            key = base64.b64decode(secret.value or "", validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_BYTES or secret.properties.version is None:
            remedy = "it was not made by wavelift: delete it and apply again, or name another"
            raise Permanent("the secret is no key of 32 bytes in base64", subject=subject, remedy=remedy, code="BadKey")
        return secret.properties.version, key
