"""What carries an estate's tag in a subscription, by two listings: resources and resource groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from planner.ports import Tagged
from providers.azure.errors import translated
from providers.azure.session import AzureSession
from providers.azure.tags import ADDRESS, ESTATE, Owner

GROUP = "Microsoft.Resources/resourceGroups"


def tagged(session: AzureSession, subscription: str, owner: Owner) -> Iterator[Tagged]:
    """Resources, then groups, of the owner's estate and lineage."""
    client = session.resources(subscription)
    query = f"tagName eq '{ESTATE}' and tagValue eq '{owner.estate}'"
    with translated(f"subscription {subscription}"):
        found: list[tuple[Any, str]] = [(one, str(one.type)) for one in client.resources.list(filter=query)]
        found += [(one, GROUP) for one in client.resource_groups.list(filter=query)]
    for one, kind in found:
        if owner.owns(one.tags):
            tags = {name.lower(): value for name, value in one.tags.items()}
            yield Tagged(str(one.id), kind, tags.get(ADDRESS, ""))
