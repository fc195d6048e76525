"""`lab.json`: how everybody else finds the lab (addresses, credentials, process ids).

Each lab process writes its own section; a file lock and a rename keep two of them from losing each other's
words.
The file holds secrets and has mode 600. Secrets and ports are made once and kept across restarts.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.tls import ensure_ca

VERSION = 1


class Registry:
    """`lab.json` below one lab folder."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        self.path = self.root / "lab.json"

    def read(self) -> dict[str, Any]:
        """The whole document; `{}` before the first process has written."""
        try:
            document: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return document

    def section(self, name: str) -> dict[str, Any]:
        """One process's section, `{}` when it never ran here."""
        section: dict[str, Any] = self.read().get(name, {})
        return section

    def control_token(self) -> str:
        """The bearer token of the control APIs, the same for all processes of this folder."""
        token: str = self._change(lambda document: None)["control_token"]
        return token

    def update(self, section: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Merge `values` into a section (a value of None removes the key) and return the whole document."""

        def merge(document: dict[str, Any]) -> None:
            merged = {**document.get(section, {}), **values}
            document[section] = {key: value for key, value in merged.items() if value is not None}

        return self._change(merge)

    def secret(self, section: str, key: str) -> str:
        """A random secret of this section, made on first use and kept."""

        def make(document: dict[str, Any]) -> None:
            document.setdefault(section, {}).setdefault(key, secrets.token_urlsafe(18))

        value: str = self._change(make)[section][key]
        return value

    def _change(self, change: Any) -> dict[str, Any]:
        with open(self.root / ".lab.json.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            document = self.read()
            before = json.dumps(document, sort_keys=True)
            document.setdefault("version", VERSION)
            document.setdefault("ca", str(ensure_ca(self.root).ca_pem))
            document.setdefault("control_token", secrets.token_urlsafe(24))
            change(document)
            if json.dumps(document, sort_keys=True) != before:
                self._replace(document)
        return document

    def _replace(self, document: dict[str, Any]) -> None:
        temporary = self.path.with_suffix(".json.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(document, stream, indent=2)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self.path)
