"""What the virtual networks of a VM are joined with: the facts behind the word "isolated"."""

from __future__ import annotations

from typing import Any

from providers.azure.errors import translated
from providers.azure.ids import parse, same
from providers.azure.session import AzureSession
from replication.model.item import VmOrder
from replication.ports import Exposure

_GATEWAY = "GatewaySubnet"
"""The name that Azure wants for the subnet of a VPN or ExpressRoute gateway."""


def exposure(session: AzureSession, vm: VmOrder) -> Exposure:
    """Looks at every network that a NIC of `vm` joins. Raises a port's error; a network that is missing is one."""
    peerings: set[str] = set()
    routes: set[str] = set()
    public: set[str] = set()
    dns: set[str] = set()
    gateways: set[str] = set()
    for network_id in sorted({parse(nic.subnet).up_to(1) for nic in vm.nics}):
        at = parse(network_id)
        with translated(network_id):
            network: Any = session.network(at.subscription).virtual_networks.get(at.group, at.name)
        properties = network.properties
        peerings |= {str(one.name) for one in properties.virtual_network_peerings or ()}
        servers = properties.dhcp_options.dns_servers if properties.dhcp_options is not None else None
        dns |= {str(server) for server in servers or ()}
        used = {parse(nic.subnet).names[-1] for nic in vm.nics if same(parse(nic.subnet).up_to(1), network_id)}
        for subnet in properties.subnets or ():
            name = str(subnet.name)
            if same(name, _GATEWAY):
                gateways.add(f"{at.name}/{name}")
            if not any(same(name, one) for one in used):
                continue
            if subnet.properties.route_table is not None:
                routes.add(str(subnet.properties.route_table.id).rpartition("/")[2])
            if subnet.properties.nat_gateway is not None:
                public.add(str(subnet.properties.nat_gateway.id).rpartition("/")[2])
    found = (tuple(sorted(one)) for one in (peerings, routes, public, dns, gateways))
    return Exposure(*found)
