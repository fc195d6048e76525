"""`planner.store.port.StateBlobs` in one container, through Azure's client library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from planner.store.port import Head
from providers.azure.again import repeated, settled
from providers.azure.errors import translated
from providers.azure.stores import BlobDocumentStore
from replication.model.errors import Conflict, NotFound


class AzureStateBlobs(BlobDocumentStore):
    """The state's container. What was answered by silence is looked after: see `again.settled`."""

    @property
    def where(self) -> str:
        return self._subject()

    def exists(self) -> bool:
        def once() -> bool:
            with translated(self._subject()):
                return self._container().exists()

        return repeated(once, self._patience)

    def head(self, name: str) -> Head | None:
        def once() -> Head:
            with translated(self._subject(name)):
                found = self._blob(name).get_blob_properties()
            lease = found.lease
            return Head(
                str(found.etag),
                int(found.size),
                {key.lower(): value for key, value in (found.metadata or {}).items()},
                str(lease.state) in ("leased", "breaking"),
                str(lease.duration) == "infinite",
            )

        try:
            return repeated(once, self._patience)
        except NotFound:
            return None

    def put(
        self, name: str, data: bytes, etag: str | None, *, lease: str = "", metadata: Mapping[str, str] | None = None
    ) -> str:
        wanted = dict(metadata or {})

        def write() -> str:
            with translated(self._subject(name)):
                answer = self._blob(name).upload_blob(
                    data,
                    max_concurrency=1,
                    length=len(data),
                    metadata=wanted,
                    overwrite=etag is not None,
                    **_lease(lease),
                    **_version(etag),
                )
            return str(answer["etag"])

        def landed() -> str | None:
            there, head = self.get(name), self.head(name)
            mine = there is not None and head is not None and (there[0], head.metadata) == (data, wanted)
            return there[1] if there is not None and mine else None

        return settled(write, landed, self._patience)

    def mark(self, name: str, metadata: Mapping[str, str], etag: str, lease: str) -> str:
        def write() -> str:
            with translated(self._subject(name)):
                answer: Any = self._blob(name).set_blob_metadata(dict(metadata), **_lease(lease), **_version(etag))
            return str(answer["etag"])

        def landed() -> str | None:
            head = self.head(name)
            return head.etag if head is not None and head.metadata == dict(metadata) else None

        return settled(write, landed, self._patience)

    def start(self, name: str) -> None:
        from azure.core import MatchConditions

        def write() -> bool:
            with translated(self._subject(name)):
                self._blob(name).create_append_blob(match_condition=MatchConditions.IfMissing)
            return True

        def landed() -> bool | None:
            head = self.head(name)
            return (head is not None and head.size == 0) or None

        settled(write, landed, self._patience)

    def append(self, name: str, data: bytes, at: int) -> None:
        def write() -> bool:
            with translated(self._subject(name)):
                self._blob(name).append_block(data, length=len(data), appendpos_condition=at)
            return True

        def landed() -> bool | None:
            there = self.get(name)
            return (there is not None and there[0][at:] == data) or None

        settled(write, landed, self._patience)

    def break_lease(self, name: str, etag: str) -> None:
        from azure.storage.blob import BlobLeaseClient

        def once() -> None:
            with translated(self._subject(name)):
                BlobLeaseClient(self._blob(name)).break_lease(lease_break_period=0, **_version(etag))

        try:
            repeated(once, self._patience)
        except Conflict:
            head = self.head(name)
            if head is not None and head.leased:
                raise


def _lease(lease: str) -> dict[str, Any]:
    return {"lease": lease} if lease else {}


def _version(etag: str | None) -> dict[str, Any]:
    from azure.core import MatchConditions

    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}
