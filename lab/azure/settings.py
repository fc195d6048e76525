"""What can be set about the lab's Azure: latencies, limits, who exists. One JSON file, rewritten at each change."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import uuid
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Values:
    """The values themselves; see `Settings` for how they are changed."""

    tenant: str = ""
    subscriptions: list[str] = field(default_factory=list)
    signing_key: str = ""
    latency: float = 0.2  # seconds that a long-running operation takes
    token_seconds: int = 3600
    tokens_valid_from: float = 0.0  # tokens made before are refused (the control API's "expire tokens")
    role_delay: float = 0.0  # seconds until a new role assignment counts on the data plane
    page_size: int = 1000
    default_quota: int = 1000  # vCPUs per family and region
    quotas: dict[str, int] = field(default_factory=dict)  # "region/family" or "family" -> vCPUs
    restricted_sizes: dict[str, str] = field(default_factory=dict)  # "region/size" or "size" -> error code
    restricted_zones: dict[str, list[str]] = field(default_factory=dict)  # "region/size" or "size" -> zones
    hanging: list[str] = field(default_factory=list)  # names of VMs whose guests never come up
    unregistered: list[str] = field(default_factory=list)  # "subscription/namespace", lower-cased
    operation_failures: list[dict[str, Any]] = field(default_factory=list)
    # client id -> {"secret", "object_id", "name"}; group object id -> members' object ids
    principals: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    management_groups: dict[str, list[str]] = field(default_factory=dict)  # name -> subscriptions in it
    denials: list[dict[str, Any]] = field(default_factory=list)  # deny assignments, as ARM shows their properties
    custom_roles: list[dict[str, Any]] = field(default_factory=list)  # fields of `arm.builtin_roles.Role`
    identities: list[str] = field(default_factory=list)  # object ids of managed identities


class Settings:
    """`settings.json` below the Azure folder; `values` is read freely and changed through `change`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "settings.json"
        self._lock = threading.RLock()
        known = {entry.name for entry in fields(Values)}
        stored = json.loads(self._path.read_text()) if self._path.exists() else {}
        self.values = Values(**{key: value for key, value in stored.items() if key in known})
        if not self.values.tenant:
            self.change(tenant=str(uuid.uuid4()), signing_key=uuid.uuid4().hex + uuid.uuid4().hex)

    def change(self, **changes: Any) -> None:
        """Set values and write the file through."""
        with self._lock:
            for name, value in changes.items():
                setattr(self.values, name, value)
            temporary = self._path.with_suffix(".new")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                json.dump(asdict(self.values), stream, indent=1)
            os.replace(temporary, self._path)

    def expire_tokens(self) -> None:
        """Refuse every token made until now."""
        self.change(tokens_valid_from=time.time())

    def take_failure(self, name: str) -> dict[str, Any] | None:
        """The ordered failure for an operation called `name`, counted down; None when it may succeed."""
        with self._lock:
            for rule in self.values.operation_failures:
                if rule["count"] > 0 and re.search(rule["match"], name, re.IGNORECASE):
                    rule["count"] -= 1
                    self.change()
                    return rule
        return None
