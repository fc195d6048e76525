"""What a machine is in Azure besides size, disks and NICs: its zone, its group, its licence, its keys, its boot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from replication.model.item import Security

OsType = Literal["Linux", "Windows"]

LICENCES: dict[str, OsType] = {
    "Windows_Server": "Windows",
    "Windows_Client": "Windows",
    "RHEL_BYOS": "Linux",
    "SLES_BYOS": "Linux",
}
"""Azure's licence types -> the OS type that each is for."""


@dataclass(frozen=True, slots=True)
class Landing:
    """`zone` and `group` (a resource group's name): None for the target's. `licence`: one of `LICENCES` or None.
    `encryption_set`: a disk encryption set's ARM id, or its name in the machine's resource group; None: Azure's own keys."""

    zone: str | None = None
    group: str | None = None
    licence: str | None = None
    encryption_set: str | None = None
    security: Security | None = None


USUAL_LANDING = Landing()
"""One for all that say nothing, so that they are told by identity."""
