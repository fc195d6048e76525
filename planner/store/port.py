"""What a state in blobs needs of a blob service: one container, conditions on every write, finite leases.

The errors are those of `replication.model.errors`: `Conflict` when a condition or a lease does not hold. A write whose
answer was lost is settled by looking before it returns: what returns has happened, what raises `Conflict` has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Head:
    """A blob without its content. `leased` now; `infinite` when that lease would never end by itself."""

    etag: str
    size: int
    metadata: Mapping[str, str]
    leased: bool
    infinite: bool


class StateBlobs(Protocol):
    """Metadata names are identifiers in lower case, values ASCII."""

    @property
    def where(self) -> str:
        """The container's address, for messages."""
        ...

    def exists(self) -> bool:
        """Whether the container is there."""
        ...

    def head(self, name: str) -> Head | None: ...

    def get(self, name: str) -> tuple[bytes, str] | None:
        """Content and ETag."""
        ...

    def put(
        self, name: str, data: bytes, etag: str | None, *, lease: str = "", metadata: Mapping[str, str] | None = None
    ) -> str:
        """Replace version `etag`, or create (None), content and metadata at once; the new ETag."""
        ...

    def mark(self, name: str, metadata: Mapping[str, str], etag: str, lease: str) -> str:
        """Replace the metadata alone; the new ETag."""
        ...

    def start(self, name: str) -> None:
        """Create an empty blob to append to; `Conflict` when there is one."""
        ...

    def append(self, name: str, data: bytes, at: int) -> None:
        """Add at most 4 MiB at the end, which must be at `at` bytes; all of it or nothing."""
        ...

    def list(self, prefix: str) -> dict[str, str]:
        """Name -> ETag."""
        ...

    def delete(self, name: str, etag: str | None = None) -> None:
        """Gone already is success."""
        ...

    def acquire_lease(self, name: str, seconds: int) -> str:
        """Lease id. The blob is made, empty, when it is not there."""
        ...

    def renew_lease(self, name: str, lease: str) -> None:
        """One try: `Temporary` at once, since the lease does not wait. `Conflict` when it was lost."""
        ...

    def release_lease(self, name: str, lease: str) -> None:
        """A lease that is not held any more is released already."""
        ...

    def break_lease(self, name: str, etag: str) -> None:
        """End whatever lease there is, now, while the blob is in this version; `Conflict` when it is in another."""
        ...
