"""Tags of what is handed over: ours go but the source's name, one comes that says who released it. The rest is untouched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.azure.errors import translated
from providers.azure.ids import parse
from providers.azure.session import AzureSession
from providers.azure.tags import ADDRESS, ESTATE, LINEAGE

RELEASED = "wavelift-released"
OURS = frozenset({ESTATE, LINEAGE, ADDRESS, "wavelift-machine", "wavelift-replication"})
"""What says that something is managed; `wavelift-source`, the VM that it was, is worth keeping."""


def hand_over(session: AzureSession, id: str, tags: Mapping[str, str], said: str) -> None:
    """Mark a resource that carries `tags` as released, then take our tags off. Cut off anywhere, it may be repeated.

    Written through ARM's tags of a scope: what its owner has set meanwhile, tags and settings alike, stays as it is.
    """
    ours = {name: value for name, value in tags.items() if name.lower() in OURS}
    client = session.resources(parse(id).subscription).tags
    with translated(id):
        client.begin_update_at_scope(id, _patch("Merge", {RELEASED: said})).result()
        client.begin_update_at_scope(id, _patch("Delete", ours)).result()


def _patch(operation: str, tags: Mapping[str, str]) -> Any:
    return {"operation": operation, "properties": {"tags": dict(tags)}}
