"""Which containers, blobs, snapshots and staged blocks exist. Every change is on disk when its method returns."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from lab.azure.blob.database import Database
from lab.azure.blob.lease import Lease
from lab.azure.blob.model import Blob, BlobKey, Block, Container, Copy

_COLUMNS = "account, container, name, snapshot, gone, etag, modified, size, sequence, document"
_THIS = "account = ? AND container = ? AND name = ? AND snapshot = ? AND gone = ''"

Position = tuple[str, int, str, str]
"""Where a listing goes on: (name, 1 for a blob or 0 for a snapshot, snapshot, time of deletion or "")."""
BEGINNING: Position = ("", 0, "", "")


class Catalog:
    """Rows in, values out."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.transaction = database.transaction

    def container(self, account: str, name: str) -> Container | None:
        row = self._database.row(
            "SELECT account, name, etag, modified, document FROM container WHERE account = ? AND name = ?",
            (account, name),
        )
        return None if row is None else _container(row)

    def containers(self, account: str, prefix: str, after: str, limit: int) -> list[Container]:
        rows = self._database.rows(
            "SELECT account, name, etag, modified, document FROM container "
            "WHERE account = ? AND name >= ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?",
            (account, max(after, prefix), len(prefix), prefix, limit),
        )
        return [_container(row) for row in rows]

    def put_container(self, container: Container) -> None:
        document = {
            "metadata": container.metadata,
            "lease": container.lease.document(),
            "policies": container.policies,
        }
        self._database.run(
            "INSERT OR REPLACE INTO container VALUES (?, ?, ?, ?, ?)",
            (container.account, container.name, container.etag, container.modified, json.dumps(document)),
        )

    def delete_container(self, account: str, name: str) -> None:
        with self._database.transaction():
            self._database.run("DELETE FROM container WHERE account = ? AND name = ?", (account, name))
            self._database.run("DELETE FROM blob WHERE account = ? AND container = ?", (account, name))
            self._database.run("DELETE FROM block WHERE account = ? AND container = ?", (account, name))

    def blob(self, key: BlobKey) -> Blob | None:
        row = self._database.row(
            f"SELECT {_COLUMNS} FROM blob WHERE {_THIS}", (key.account, key.container, key.name, key.snapshot)
        )
        return None if row is None else _blob(row)

    def put_blob(self, blob: Blob) -> None:
        key = blob.key
        self._database.run(
            "INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key.account,
                key.container,
                key.name,
                key.snapshot,
                "" if blob.deleted is None else f"{blob.deleted:020.6f}",
                blob.etag,
                blob.modified,
                blob.size,
                blob.sequence,
                json.dumps(blob.document()),
            ),
        )

    def touch_blob(self, key: BlobKey, etag: str, modified: float) -> None:
        """A write happened: the one change that must be quick."""
        self._database.run(
            f"UPDATE blob SET etag = ?, modified = ? WHERE {_THIS}",
            (etag, modified, key.account, key.container, key.name, key.snapshot),
        )

    def delete_blob(self, blob: Blob) -> None:
        key = blob.key
        self._database.run(
            "DELETE FROM blob WHERE account = ? AND container = ? AND name = ? AND snapshot = ? AND gone = ?",
            (
                key.account,
                key.container,
                key.name,
                key.snapshot,
                "" if blob.deleted is None else f"{blob.deleted:020.6f}",
            ),
        )

    def family(self, key: BlobKey, *, deleted: bool = False) -> list[Blob]:
        """The blob (if it exists) and its snapshots, oldest snapshot first, the blob itself at the end."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM blob WHERE account = ? AND container = ? AND name = ? "
            f"{'' if deleted else 'AND gone = ?'} ORDER BY snapshot = '', snapshot, gone",
            (key.account, key.container, key.name, *(() if deleted else ("",))),
        )
        return [_blob(row) for row in rows]

    def blobs(
        self,
        account: str,
        container: str,
        *,
        start: Position,
        snapshots: bool,
        deleted: bool,
        batch: int = 1000,
    ) -> Iterator[Blob]:
        """Blobs from a position on, by name; the snapshots of a blob (oldest first) come before it."""
        position = start
        while True:
            rows = self._database.rows(
                f"SELECT {_COLUMNS}, snapshot = '' AS base FROM blob WHERE account = ? AND container = ? "
                "AND name >= ? AND (name, snapshot = '', snapshot, gone) >= (?, ?, ?, ?) "
                f"{'' if snapshots else 'AND base = 1'} {'' if deleted else 'AND gone = ?'} "
                "ORDER BY name, base, snapshot, gone LIMIT ?",
                (account, container, position[0], *position, *(() if deleted else ("",)), batch),
            )
            for row in rows:
                yield _blob(row)
            if len(rows) < batch:
                return
            last = rows[-1]
            position = (last[2], last[10], last[3], last[4] + "\x00")

    def stores_in_use(self) -> set[str]:
        """Every content that some blob or snapshot refers to."""
        rows = self._database.rows("SELECT DISTINCT json_extract(document, '$.store') FROM blob")
        return {store for (store,) in rows}

    def layers(self, store: str, key: BlobKey) -> list[int]:
        """The layers of a page store that snapshots of this blob still name."""
        return [
            blob.layer
            for blob in self.family(key, deleted=True)
            if blob.store == store and blob.layer is not None
        ]

    def put_block(self, key: BlobKey, block: Block, file: str) -> str | None:
        """Stage a block; returns the file of the block of that id which it replaces."""
        with self._database.transaction():
            old = self._database.row(
                "SELECT file FROM block WHERE account = ? AND container = ? AND name = ? AND id = ?",
                (key.account, key.container, key.name, block.id),
            )
            self._database.run(
                "INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?, ?, ?, ?)",
                (key.account, key.container, key.name, block.id, block.size, file, time.time()),
            )
        return None if old is None else str(old[0])

    def staged(self, key: BlobKey) -> dict[str, tuple[int, str]]:
        """Staged blocks by id: (bytes, file), in the order in which they came."""
        rows = self._database.rows(
            "SELECT id, size, file FROM block WHERE account = ? AND container = ? AND name = ? ORDER BY made",
            (key.account, key.container, key.name),
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def drop_staged(self, key: BlobKey) -> None:
        self._database.run(
            "DELETE FROM block WHERE account = ? AND container = ? AND name = ?",
            (key.account, key.container, key.name),
        )

    def uncommitted_names(self, account: str, container: str, prefix: str) -> list[str]:
        """Names with staged blocks and no blob yet."""
        rows = self._database.rows(
            "SELECT DISTINCT name FROM block AS b WHERE account = ? AND container = ? AND substr(name, 1, ?) = ? "
            "AND NOT EXISTS (SELECT 1 FROM blob WHERE account = b.account AND container = b.container "
            "AND name = b.name AND snapshot = '' AND gone = '') ORDER BY name",
            (account, container, len(prefix), prefix),
        )
        return [row[0] for row in rows]

    def staged_files(self) -> set[str]:
        return {row[0] for row in self._database.rows("SELECT file FROM block")}

    def pending_copies(self) -> list[Blob]:
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM blob WHERE json_extract(document, '$.copy.status') = 'pending'"
        )
        return [_blob(row) for row in rows]


def _container(row: tuple[Any, ...]) -> Container:
    document = json.loads(row[4])
    return Container(
        account=row[0],
        name=row[1],
        etag=row[2],
        modified=row[3],
        metadata=document["metadata"],
        lease=Lease(**document["lease"]),
        policies=document["policies"],
    )


def _blob(row: tuple[Any, ...]) -> Blob:
    document = json.loads(row[9])
    copy = document["copy"]
    return Blob(
        key=BlobKey(row[0], row[1], row[2], row[3]),
        kind=document["kind"],
        store=document["store"],
        size=row[7],
        etag=row[5],
        modified=row[6],
        created=document["created"],
        sequence=row[8],
        layer=document["layer"],
        properties=document["properties"],
        metadata=document["metadata"],
        lease=Lease(**document["lease"]),
        blocks=tuple(Block(*block) for block in document["blocks"]),
        append_blocks=document["append_blocks"],
        copy=None if copy is None else Copy(**copy),
        deleted=document["deleted"],
        retention_days=document["retention_days"],
    )
