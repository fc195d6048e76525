"""The two blocks of an estate that a lab fills in: `azure` and `sources`, with logins as files that only we may read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

SECRETS = ".wavelift/secrets"


def write_connection(folder: Path, known: dict[str, Any], region: str, group: str) -> Path:
    """Write `lab.yaml` into the estate `folder` from a lab's description; the file written."""
    secrets = folder / SECRETS
    secrets.mkdir(parents=True, exist_ok=True)
    azure, vcenter = known["azure"], known["vcenter"]
    _secret(secrets / "azure.json", {"client_id": azure["client_id"], "client_secret": azure["client_secret"]})
    _secret(secrets / "vcenter.json", {"user": vcenter["user"], "password": vcenter["password"]})
    path = folder / "lab.yaml"
    path.write_text(
        "# Written by `wavelift init --lab`: where this lab is. In production these blocks name your cloud and vCenter.\n"
        "azure:\n"
        f"  tenant: {azure['tenant']}\n"
        f"  project: {{subscription: {azure['subscriptions'][0]}, region: {region},\n"
        f"            resource_group: {{name: {group}, managed: true}}}}\n"
        f"  endpoint: {azure['arm']}\n"
        f"  authority: {azure['authority']}\n"
        f"  ca: {known['ca']}\n"
        f"  login: file:{SECRETS}/azure.json\n"
        "sources:\n"
        "  lab:\n"
        f"    vcenter: {vcenter['host']}:{vcenter['port']}\n"
        f"    tls: {{ca: {known['ca']}}}\n"
        f"    login: file:{SECRETS}/vcenter.json\n"
    )
    return path


def _secret(path: Path, values: dict[str, str]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        json.dump(values, out)
