"""Licence, encryption set, security type, zone and resource group of a machine, level by level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from planner.config.tree import Item, flag, text
from planner.estate import Landing, Security

LANDING = ("licence", "disk_encryption_set", "security_type", "zone", "resource_group")
"""The keys that are read here."""
NONE = "none"
"""What takes back what a level above has said."""


def read_landing(items: Mapping[str, Item], above: Landing) -> Landing:
    """What one level says over what the levels above it have said."""
    changes: dict[str, Any] = {}
    for key, name in (("licence", "licence"), ("disk_encryption_set", "encryption_set")):
        if (given := text(items, key)) is not None:
            changes[name] = None if given == NONE else given
    for key, name in (("zone", "zone"), ("resource_group", "group")):
        if (item := items.get(key)) is not None:
            changes[name] = str(item.value)
    if (item := items.get("security_type")) is not None:
        changes["security"] = _security(item)
    return replace(above, **changes) if changes else above


def _security(item: Item) -> Security:
    """A type, or type and flags; the flags are on unless they are said to be off."""
    inner = item.map
    secure_boot, vtpm = flag(inner, "secure_boot"), flag(inner, "vtpm")
    return Security(
        type=cast(Any, item.text or text(inner, "type")),
        secure_boot=secure_boot is not False,
        vtpm=vtpm is not False,
    )
