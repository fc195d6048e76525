"""The landing zone that an estate expects to find: its virtual networks. For trying on a lab, where nobody else makes them.

Made with Azure's own SDK, as a platform team would. Each subnet gets the /24 that the source machines of its port group
live in, so that `ip: keep` works.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from planner.estate import Target
from planner.inventory import Inventory
from planner.names import Names

if TYPE_CHECKING:
    from providers.azure.session import AzureSession
    from wavelift.wiring import Wiring

SPARE = "10.250.{}.0/24"
"""Prefixes of subnets that no source machine has an address in."""


def make_networks(wiring: Wiring) -> list[str]:
    """Make the networks of every target of the estate; their ARM ids. What is there already stays as it is asked for."""
    estate = wiring.workspace.estate
    names, found = Names(estate), _prefixes(wiring.inventory())
    made: dict[str, str] = {}
    for target in estate.targets.values():
        subnets = dict(_subnets(target, found))
        for vnet in filter(None, (target.vnet, target.test_vnet)):
            made[names.vnet(target, vnet)] = _make(wiring.azure, names.vnet(target, vnet), target.region, subnets)
    return list(made)


def _prefixes(inventory: Inventory) -> dict[str, str]:
    """Port group -> /24 of the first IPv4 address seen in it."""
    out: dict[str, str] = {}
    for source in inventory.sources.values():
        for vm in source.vms:
            for nic in vm.nics:
                address = next((a for a in nic.addresses if "." in a), None)
                if address and nic.network not in out:
                    out[nic.network] = str(ip_interface(f"{address}/24").network)
    return out


def _subnets(target: Target, found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Subnet -> prefix; subnets of one network never overlap, so a second one in the same /24 gets a spare prefix."""
    taken: dict[str, str] = {}
    for number, (group, subnet) in enumerate(target.subnets.items()):
        if subnet not in taken:
            prefix = found.get(group, SPARE.format(number))
            taken[subnet] = SPARE.format(number) if prefix in taken.values() else prefix
    yield from taken.items()


def _make(azure: AzureSession, vnet: str, region: str, subnets: Mapping[str, str]) -> str:
    from azure.mgmt.network.models import VirtualNetwork

    from providers.azure.errors import translated

    parts = vnet.split("/")
    subscription, group, name = parts[2], parts[4], parts[-1]
    groups = azure.resources(subscription).resource_groups
    if not groups.check_existence(group):
        groups.create_or_update(group, {"location": region})
    wanted = VirtualNetwork(
        {
            "location": region,
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
                "subnets": [{"name": n, "properties": {"addressPrefix": p}} for n, p in subnets.items()],
            },
        }
    )
    with translated(vnet):
        azure.network(subscription).virtual_networks.begin_create_or_update(group, name, wanted).result()
    return vnet
