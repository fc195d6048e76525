"""Containers and blobs as values: what the catalog keeps and the operations change."""

from __future__ import annotations

import itertools
import time
from dataclasses import asdict, dataclass, field
from email.utils import formatdate
from typing import Any, Literal

from lab.azure.blob.lease import Lease

Kind = Literal["BlockBlob", "PageBlob", "AppendBlob"]

# x-ms-blob-… header that sets a property -> header that shows it
PROPERTY_HEADERS = {
    "x-ms-blob-content-type": "Content-Type",
    "x-ms-blob-content-encoding": "Content-Encoding",
    "x-ms-blob-content-language": "Content-Language",
    "x-ms-blob-content-disposition": "Content-Disposition",
    "x-ms-blob-cache-control": "Cache-Control",
    "x-ms-blob-content-md5": "Content-MD5",
}


@dataclass(frozen=True, slots=True)
class BlobKey:
    """Names one blob (`snapshot` is "") or one snapshot of it."""

    account: str
    container: str
    name: str
    snapshot: str = ""

    def __str__(self) -> str:
        suffix = f"?snapshot={self.snapshot}" if self.snapshot else ""
        return f"{self.account}/{self.container}/{self.name}{suffix}"


@dataclass(frozen=True, slots=True)
class Copy:
    """The last copy onto a blob. Times are epoch seconds."""

    id: str
    source: str
    status: Literal["pending", "success", "failed", "aborted"]
    progress: str
    completed: float | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A committed block of a block blob."""

    id: str
    size: int


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob or snapshot. `store` names its content, relative to the blob folder; `layer` a page snapshot's layer."""

    key: BlobKey
    kind: Kind
    store: str
    size: int
    etag: str
    modified: float
    created: float
    sequence: int = 0
    layer: int | None = None
    properties: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    lease: Lease = field(default_factory=Lease)
    blocks: tuple[Block, ...] = ()
    append_blocks: int = 0
    copy: Copy | None = None
    deleted: float | None = None
    retention_days: int = 0

    def document(self) -> dict[str, Any]:
        """What the catalog keeps as JSON beside the columns that it searches and touches."""
        return {
            "kind": self.kind,
            "store": self.store,
            "created": self.created,
            "layer": self.layer,
            "properties": self.properties,
            "metadata": self.metadata,
            "lease": self.lease.document(),
            "blocks": [[block.id, block.size] for block in self.blocks],
            "append_blocks": self.append_blocks,
            "copy": None if self.copy is None else asdict(self.copy),
            "deleted": self.deleted,
            "retention_days": self.retention_days,
        }


@dataclass(frozen=True, slots=True)
class Container:
    """A container. `policies` are stored access policies by id: {"start", "expiry", "permission"}."""

    account: str
    name: str
    etag: str
    modified: float
    metadata: dict[str, str] = field(default_factory=dict)
    lease: Lease = field(default_factory=Lease)
    policies: dict[str, dict[str, str]] = field(default_factory=dict)


_last_tick = itertools.count(time.time_ns() // 100 + 1)


def new_etag() -> str:
    """Never the same twice, also across restarts: hundreds of nanoseconds at start, then counted on."""
    return f'"0x{next(_last_tick):X}"'


def http_date(moment: float) -> str:
    return formatdate(moment, usegmt=True)
