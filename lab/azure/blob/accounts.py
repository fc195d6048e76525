"""Storage accounts as the blob service needs them: names, the two keys, the service's properties."""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lab.azure.blob.database import BLOB_SCHEMA, Database


@dataclass(frozen=True, slots=True)
class ServiceProperties:
    """Soft delete is off unless `delete_retention_days` is above 0. User delegation keys derive from the secret."""

    delete_retention_days: int = 0
    delegation_secret: str = ""


class Accounts:
    """Persistent accounts below `root` (the lab's folder for Azure). Unknown names raise KeyError."""

    def __init__(self, root: Path | str) -> None:
        self.database = Database(Path(root) / "blob.db", BLOB_SCHEMA)
        self._lock = threading.Lock()
        self._deleted: list[Callable[[str], None]] = []
        self._keys: dict[str, tuple[str, str]] = {}
        self._service: dict[str, ServiceProperties] = {}
        for name, key1, key2, service in self.database.rows("SELECT name, key1, key2, service FROM account"):
            self._keys[name] = (key1, key2)
            self._service[name] = ServiceProperties(**json.loads(service))

    def create(self, name: str) -> None:
        """Make the account with two fresh keys; one that exists keeps its keys."""
        with self._lock:
            if name in self._keys:
                return
            keys = (_new_key(), _new_key())
            service = ServiceProperties(delegation_secret=_new_key())
            self.database.run(
                "INSERT INTO account VALUES (?, ?, ?, ?, ?)",
                (name, *keys, time.time(), json.dumps(asdict(service))),
            )
            self._keys[name] = keys
            self._service[name] = service

    def exists(self, name: str) -> bool:
        return name in self._keys

    def names(self) -> list[str]:
        return sorted(self._keys)

    def keys(self, name: str) -> tuple[str, str]:
        """(key1, key2), base64."""
        return self._keys[name]

    def regenerate(self, name: str, which: str) -> None:
        """Replace `key1` or `key2`: what was signed with the old one is refused from now on."""
        if which not in ("key1", "key2"):
            raise ValueError(f"an account has key1 and key2, not {which!r}")
        with self._lock:
            key1, key2 = self._keys[name]
            keys = (_new_key(), key2) if which == "key1" else (key1, _new_key())
            self.database.run("UPDATE account SET key1 = ?, key2 = ? WHERE name = ?", (*keys, name))
            self._keys[name] = keys

    def delete(self, name: str) -> None:
        """Delete the account with everything in it. Deleting one that is not there is fine."""
        with self._lock:
            self._keys.pop(name, None)
            self._service.pop(name, None)
            self.database.run("DELETE FROM account WHERE name = ?", (name,))
        for callback in self._deleted:
            callback(name)

    def on_delete(self, callback: Callable[[str], None]) -> None:
        """Call back with the name of each account that is deleted from now on."""
        self._deleted.append(callback)

    def delegation_secret(self, name: str) -> str:
        return self._service[name].delegation_secret

    def service(self, name: str) -> ServiceProperties:
        return self._service[name]

    def set_service(self, name: str, *, delete_retention_days: int) -> None:
        """Switch soft delete on (days 1..365) or off (0): what ARM's blobServices/default sets too."""
        with self._lock:
            changed = replace(self._service[name], delete_retention_days=delete_retention_days)
            self.database.run(
                "UPDATE account SET service = ? WHERE name = ?", (json.dumps(asdict(changed)), name)
            )
            self._service[name] = changed


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()
