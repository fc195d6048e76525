"""The small write-through store behind the blob service: an SQLite file in WAL mode.

A committed statement has left the process, so a kill -9 loses nothing that was answered. (`synchronous=NORMAL` may lose
the last moments in a power failure; the lab does not promise more.)
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BLOB_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
  name TEXT PRIMARY KEY, key1 TEXT NOT NULL, key2 TEXT NOT NULL, created REAL NOT NULL, service TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS container (
  account TEXT, name TEXT, etag TEXT NOT NULL, modified REAL NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (account, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blob (
  account TEXT, container TEXT, name TEXT, snapshot TEXT, gone TEXT,
  etag TEXT NOT NULL, modified REAL NOT NULL, size INTEGER NOT NULL, sequence INTEGER NOT NULL, document TEXT NOT NULL,
  PRIMARY KEY (account, container, name, snapshot, gone)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS block (
  account TEXT, container TEXT, name TEXT, id TEXT, size INTEGER NOT NULL, file TEXT NOT NULL, made REAL NOT NULL,
  PRIMARY KEY (account, container, name, id)
) WITHOUT ROWID;
"""


class Database:
    """One connection shared by all threads; each statement is a transaction unless it runs in `transaction`."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(schema)

    def rows(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, parameters).fetchall()

    def row(self, statement: str, parameters: tuple[Any, ...] = ()) -> tuple[Any, ...] | None:
        with self._lock:
            found: tuple[Any, ...] | None = self._connection.execute(statement, parameters).fetchone()
            return found

    def run(self, statement: str, parameters: tuple[Any, ...] = ()) -> int:
        """Returns how many rows it changed."""
        with self._lock:
            return self._connection.execute(statement, parameters).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()
