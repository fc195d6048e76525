"""The landing zone that any estate expects to find: virtual networks. Made with Azure's SDK, as a platform team would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.azure.session import AzureSession


def make_networks(
    azure: AzureSession, subscription: str, group: str, region: str, networks: Mapping[str, Mapping[str, str]]
) -> None:
    """Resource group `group` and in it each network: name -> {subnet name: prefix}; the address space is 10.0.0.0/8."""
    from azure.mgmt.network.models import VirtualNetwork

    azure.resources(subscription).resource_groups.create_or_update(group, {"location": region})
    for name, subnets in networks.items():
        wanted = VirtualNetwork(
            {
                "location": region,
                "properties": {
                    "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
                    "subnets": [{"name": n, "properties": {"addressPrefix": p}} for n, p in subnets.items()],
                },
            }
        )
        azure.network(subscription).virtual_networks.begin_create_or_update(group, name, wanted).result()
