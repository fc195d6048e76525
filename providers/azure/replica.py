"""Replica (seed) disks: one page blob each, a blob snapshot per recovery point.

Rules
1. Every page write carries `x-ms-if-sequence-number-eq: <fence>`. A write that was held on the wire and lands after the
   fence was raised is refused by the service; that is the whole protection against late writes.
2. With its fence a write may be repeated: the same bytes to the same place under the same condition.
3. Pages travel over `wire`; what happens once per disk or cycle goes through the client library.
"""

from __future__ import annotations

import datetime
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from providers.azure.again import repeated
from providers.azure.errors import translated
from providers.azure.session import AzureSession
from replication.model.errors import Conflict, NotFound, Permanent, Temporary
from replication.model.extents import MIB, Extent, normal

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, PageRange, UserDelegationKey

PIECE = 4 * MIB
"""Azure's limit of one Put Page."""

LARGEST = 8 * 1024 * 1024 * MIB
"""Azure's limit of a page blob: 8 TiB."""

_READ_PIECE = 16 * MIB
_RANGES_PAGE = 5000
_COPY_HOURS = 12
_CLOCK_SKEW = datetime.timedelta(minutes=15)


class PageBlobReplicas:
    """`ReplicaStore` in one container of a seed storage account (`account`: its blob endpoint)."""

    def __init__(self, session: AzureSession, account: str, container: str) -> None:
        self._session = session
        self._account = account.rstrip("/")
        self._container = container
        self._patience = session.patience
        self._lock = threading.Lock()
        self._delegation: tuple[UserDelegationKey, float] | None = None

    # --- the disk

    def ensure(self, name: str, size: int) -> None:
        """Create if absent, grow when smaller. `Permanent` above 8 TiB or when something else has the name."""
        if size > LARGEST:
            remedy = "leave the disk out, or use another replica driver"
            raise Permanent(f"{size} bytes; a page blob holds 8 TiB at most", subject=self._subject(name), remedy=remedy)

        def create() -> None:
            from azure.core import MatchConditions

            with translated(self._subject(name)):
                self._blob(name).create_page_blob(size, sequence_number=0, match_condition=MatchConditions.IfMissing)

        try:
            repeated(create, self._patience)
        except Conflict:
            self._grow(name, size)

    def raise_fence(self, name: str, fence: int) -> None:
        """Sequence number = max(it, fence); `Conflict` when it was higher already."""
        from azure.storage.blob import SequenceNumberAction

        def once() -> int:
            with translated(self._subject(name)):
                # The library writes the number into a header as text.
                answer = self._blob(name).set_sequence_number(SequenceNumberAction.MAX, str(fence))
            return int(answer["blob_sequence_number"])  # type: ignore[arg-type]  # the library types every header as text or time

        now = repeated(once, self._patience)
        if now != fence:
            raise Conflict(f"its fence is {now}, above {fence}: a newer coordinator writes it", subject=self._subject(name))

    def delete(self, name: str) -> None:
        """The blob with all its snapshots; gone already is success."""

        def once() -> None:
            try:
                with translated(self._subject(name)):
                    self._blob(name).delete_blob(delete_snapshots="include")
            except NotFound:
                return

        repeated(once, self._patience)

    # --- pages

    def write(self, name: str, offset: int, data: bytes, fence: int) -> None:
        """Put pages, in pieces of at most 4 MiB; offset and length in whole sectors."""
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            self._page(name, "update", offset + start, len(piece), fence, piece)

    def clear(self, name: str, offset: int, length: int, fence: int) -> None:
        """Make a range zero; Azure takes any length at once."""
        self._page(name, "clear", offset, length, fence, b"")

    def read(self, name: str, point: str | None, offset: int, length: int) -> bytes:
        """Exactly `length` bytes of the blob, or of its snapshot `point`."""
        parts = [
            self._range(name, point, start, min(_READ_PIECE, offset + length - start))
            for start in range(offset, offset + length, _READ_PIECE)
        ]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    # --- recovery points

    def checkpoint(self, name: str) -> str:
        """Snapshot the blob. Unanswered and repeated, it may leave a second snapshot of the same content behind."""

        def once() -> str:
            with translated(self._subject(name)):
                return str(self._blob(name).create_snapshot()["snapshot"])

        return repeated(once, self._patience)

    def checkpoints(self, name: str) -> list[str]:
        """Ids, oldest first."""

        def once() -> list[str]:
            container = self._session.blobs(self._account).get_container_client(self._container)
            with translated(self._subject(name)):
                found = container.list_blobs(name_starts_with=name, include=["snapshots"])
                return sorted(blob.snapshot for blob in found if blob.name == name and blob.snapshot)

        return repeated(once, self._patience)

    def drop_checkpoint(self, name: str, point: str) -> None:
        """Gone already is success."""

        def once() -> None:
            try:
                with translated(self._subject(name)):
                    self._blob(name, point).delete_blob()
            except NotFound:
                return

        repeated(once, self._patience)

    def copy_url(self, name: str, point: str) -> str:
        """A read-only url of the snapshot for the cloud's own copying, good for 12 hours. Secret."""
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas

        service = self._session.blobs(self._account)
        now = datetime.datetime.now(datetime.UTC)
        query = generate_blob_sas(
            str(service.account_name),
            self._container,
            name,
            snapshot=point,
            user_delegation_key=self._delegation_key(),
            permission=BlobSasPermissions(read=True),
            start=now - _CLOCK_SKEW,
            expiry=now + datetime.timedelta(hours=_COPY_HOURS),
        )
        return f"{self._url(name, {'snapshot': point})}&{query}"

    def allocated(self, name: str, point: str, size: int) -> list[Extent]:
        """Page ranges that hold data in the snapshot, clamped to `size`."""
        return self._ranges(name, point, None, size)

    def changed(self, name: str, since: str, point: str, size: int) -> list[Extent]:
        """Page ranges written or cleared between two snapshots, clamped to `size`."""
        return self._ranges(name, point, since, size)

    # --- inside

    def _ranges(self, name: str, point: str, since: str | None, size: int) -> list[Extent]:
        """Of a snapshot: what holds data, or with `since` what was written or cleared since that one."""
        found: list[Extent] = []
        marker: str | None = None
        while True:

            def page(marker: str | None = marker) -> tuple[list[Extent], str | None]:
                with translated(self._subject(name)):
                    listed = self._blob(name, point).list_page_ranges(
                        previous_snapshot=since, results_per_page=_RANGES_PAGE
                    )
                    pages = listed.by_page(marker)
                    part = [_extent(r) for r in next(pages, iter(())) if since is not None or not r.cleared]
                return part, pages.continuation_token  # type: ignore[attr-defined]  # ItemPaged hides its iterator's type

            part, marker = repeated(page, self._patience)
            found += part
            if not marker:
                return normal(Extent(e.offset, min(e.end, size) - e.offset) for e in found)

    def _page(self, name: str, action: str, offset: int, length: int, fence: int, body: bytes | memoryview) -> None:
        headers = {
            "x-ms-page-write": action,
            "x-ms-range": f"bytes={offset}-{offset + length - 1}",
            "x-ms-if-sequence-number-eq": str(fence),
        }
        url = self._url(name, {"comp": "page"})
        self._session.wire.send("PUT", url, headers, body, subject=self._subject(name), repeat=True)

    def _range(self, name: str, point: str | None, offset: int, length: int) -> bytes:
        headers = {"x-ms-range": f"bytes={offset}-{offset + length - 1}"}
        url = self._url(name, {"snapshot": point} if point else {})
        answer = self._session.wire.send("GET", url, headers, subject=self._subject(name), repeat=True)
        if len(answer.body) != length:
            text = f"{len(answer.body)} bytes came of {length} at {offset}"
            raise Temporary(text, subject=self._subject(name), code="ShortRead")
        return answer.body

    def _grow(self, name: str, size: int) -> None:
        """The blob is there: make it as large as `size` when it is smaller."""
        there = self._size(name)
        if there is None or there >= size:
            return

        def once() -> None:
            with translated(self._subject(name)):
                self._blob(name).resize_blob(size)

        repeated(once, self._patience)

    def _size(self, name: str) -> int | None:
        """The page blob's size, None when it vanished. `Permanent` for another kind of blob."""

        def once() -> Any:
            with translated(self._subject(name)):
                return self._blob(name).get_blob_properties()

        try:
            properties = repeated(once, self._patience)
        except NotFound:
            return None
        if properties.blob_type != "PageBlob":
            remedy = "it is not ours: remove it, or use another container"
            raise Permanent(f"a {properties.blob_type} has that name", subject=self._subject(name), remedy=remedy)
        return int(properties.size)

    def _delegation_key(self) -> UserDelegationKey:
        """A key to sign with that outlives what it signs; asked for once in some hours."""
        with self._lock:
            if self._delegation is not None and self._delegation[1] > time.time() + _COPY_HOURS * 3600:
                return self._delegation[0]
            now = datetime.datetime.now(datetime.UTC)
            until = now + datetime.timedelta(hours=2 * _COPY_HOURS)

            def once() -> UserDelegationKey:
                with translated(self._account):
                    return self._session.blobs(self._account).get_user_delegation_key(now - _CLOCK_SKEW, until)

            key = repeated(once, self._patience)
            self._delegation = (key, until.timestamp())
            return key

    def _blob(self, name: str, point: str | None = None) -> BlobClient:
        return self._session.blobs(self._account).get_blob_client(self._container, name, snapshot=point)

    def _url(self, name: str, query: dict[str, str]) -> str:
        url = f"{self._account}/{self._container}/{quote(name, safe='/~')}"
        return f"{url}?{urlencode(query)}" if query else url

    def _subject(self, name: str) -> str:
        return f"{self._account}/{self._container}/{name}"


def _extent(found: PageRange) -> Extent:
    start, end = found.start or 0, found.end or 0  # `end` is the last byte
    return Extent(start, end - start + 1)
