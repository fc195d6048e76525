"""Whether a VM fits what Azure offers, sizes and addresses: one judgement for plan and cut-over. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from replication.model.item import VmOrder

_RESERVED = 4
"""Azure keeps the first four addresses of a subnet (and the last) for itself."""


def size_unfit(size: Mapping[str, Any], vm: VmOrder) -> str:
    """Why this size can never be the VM's, or nothing. `size`: its capabilities, as a provider's catalogue gives them."""
    name = size["name"]
    if size["refused"]:
        return f"{name} is not offered to this subscription in {vm.region} ({size['refused']}): choose another"
    if vm.zone and vm.zone not in size["zones"]:
        where = ", ".join(size["zones"]) or "without zones"
        return f"{name} is not to be had in zone {vm.zone} of {vm.region} (only {where})"
    data = sum(1 for disk in vm.disks if disk.lun is not None)
    if data > size["data_disks"]:
        return f"{name} takes {size['data_disks']} data disks, {vm.name} has {data}"
    if len(vm.nics) > size["nics"]:
        return f"{name} takes {size['nics']} NICs, {vm.name} has {len(vm.nics)}"
    generation = next((disk.generation for disk in vm.disks if disk.lun is None), None)
    if generation and generation not in size["generations"]:
        return f"{name} runs generation {' and '.join(size['generations'])}, the source's firmware needs {generation}"
    if vm.security is not None and vm.security.type == "TrustedLaunch" and not size["trusted_launch"]:
        return f"{name} does not support trusted launch"
    if not size["premium"] and any(disk.sku.startswith(("Premium", "Ultra")) for disk in vm.disks):
        return f"{name} takes no premium disks"
    return ""


def address_unfit(address: str, subnet: str, ranges: Iterable[str]) -> str:
    """Why no NIC can have this address in this subnet, or nothing."""
    nets = [ipaddress.ip_network(one) for one in ranges]
    wanted = ipaddress.ip_address(address)
    inside = next((net for net in nets if wanted in net), None)
    if inside is None:
        return f"is outside of subnet {subnet} ({', '.join(map(str, nets))}): change it or the subnet"
    if int(wanted) - int(inside.network_address) < _RESERVED or wanted == inside.broadcast_address:
        return f"is kept by Azure for itself in {inside}: choose another address"
    return ""
