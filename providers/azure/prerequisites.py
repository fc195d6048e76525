"""What would stop a VM from being made, found before anything is shut down: sentences that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.azure.catalogue import Catalogue, Size
from providers.azure.disks import UploadDisks, disk_id
from providers.azure.errors import translated
from providers.azure.ids import parse, same
from providers.azure.session import AzureSession
from providers.azure.subnets import ranges_of
from providers.azure.vms import Machines, nic_id, vm_id
from replication.model.errors import NotFound, Permanent
from replication.model.fitting import address_unfit, size_unfit
from replication.model.item import NicOrder, VmOrder


def problems(session: AzureSession, disks: UploadDisks, machines: Machines, vm: VmOrder) -> list[str]:
    """All of them, in a stable order. Empty: the VM can be made as far as Azure says now."""
    return [*_group(session, vm), *_sizes(session, vm), *_names(disks, machines, vm), *_networks(session, machines, vm)]


def _group(session: AzureSession, vm: VmOrder) -> Iterator[str]:
    try:
        with translated(vm.resource_group):
            session.resources(vm.subscription).resource_groups.get(vm.resource_group)
    except NotFound:
        yield f"resource group {vm.resource_group} does not exist: create it, or say `managed: true` for it"


def _sizes(session: AzureSession, vm: VmOrder) -> Iterator[str]:
    """One size that can be had is enough; otherwise why each cannot."""
    known = Catalogue.of(session).sizes(vm.subscription, vm.region)
    reasons = []
    for name in vm.sizes:
        size = known.get(name.lower())
        reason = f"{name} is no VM size of {vm.region}" if size is None else _unfit(session, vm, size)
        if not reason:
            return
        reasons.append(reason)
    yield "; ".join(reasons) or f"{vm.name} names no size"


def _unfit(session: AzureSession, vm: VmOrder, size: Size) -> str:
    reason = size_unfit(size.document(), vm)
    if reason:
        return reason
    usages = Catalogue.of(session).usages(vm.subscription, vm.region)
    for family, what in ((size.family.lower(), size.family), ("cores", "all families")):
        usage = usages.get(family)
        if usage is not None and usage.left < size.vcpus:
            asked = (
                f"{size.name} needs {size.vcpus} vCPUs of {what} in {vm.region}, and {usage.left} of {usage.limit} are left"
            )
            return f"{asked}: ask Azure for more quota"
    return ""


def _names(disks: UploadDisks, machines: Machines, vm: VmOrder) -> Iterator[str]:
    """Names that are taken by something that is not ours."""
    looks: list[tuple[str, Any]] = [
        (vm_id(vm), machines.find_vm),
        *((disk_id(vm, disk.name), disks.find) for disk in vm.disks),
        *((nic_id(vm, nic.name), machines.find_nic) for nic in vm.nics),
    ]
    for arm_id, find in looks:
        try:
            find(parse(arm_id))
        except Permanent as error:
            if error.code != "NotOurs":
                raise
            yield str(error)


def _networks(session: AzureSession, machines: Machines, vm: VmOrder) -> Iterator[str]:
    networks: dict[str, Any] = {}
    for nic in vm.nics:
        network_id = parse(nic.subnet).up_to(1)
        if network_id.lower() not in networks:
            networks[network_id.lower()] = _network(session, network_id)
        yield from _subnet(session, machines, vm, nic, networks[network_id.lower()])


def _network(session: AzureSession, network_id: str) -> Any | None:
    at = parse(network_id)
    try:
        with translated(network_id):
            return session.network(at.subscription).virtual_networks.get(at.group, at.name)
    except NotFound:
        return None


def _subnet(session: AzureSession, machines: Machines, vm: VmOrder, nic: NicOrder, network: Any | None) -> Iterator[str]:
    at = parse(nic.subnet)
    if network is None:
        yield f"virtual network {at.names[0]} of {nic.name} does not exist in {at.group}: create it, or correct the target"
        return
    found = next((one for one in network.properties.subnets or () if same(one.name or "", at.name)), None)
    if found is None:
        has = ", ".join(str(one.name) for one in network.properties.subnets or ()) or "none"
        yield f"virtual network {at.names[0]} has no subnet {at.name} for {nic.name} (it has {has})"
        return
    if str(network.location).replace(" ", "").lower() != vm.region.lower():
        yield f"virtual network {at.names[0]} is in {network.location}, {vm.name} goes to {vm.region}"
    if nic.address:
        yield from _address(session, machines, vm, nic, found)


def _address(session: AzureSession, machines: Machines, vm: VmOrder, nic: NicOrder, subnet: Any) -> Iterator[str]:
    at = parse(nic.subnet)
    wanted = nic.address or ""
    reason = address_unfit(wanted, at.name, ranges_of(subnet))
    if reason:
        yield f"{wanted} of {nic.name} {reason}"
        return
    if machines.holds(parse(nic_id(vm, nic.name)), wanted):
        return  # our own NIC has it already: an order that is carried on
    with translated(nic.subnet):
        client = session.network(at.subscription).virtual_networks
        answer = client.check_ip_address_availability(at.group, at.names[0], ip_address=wanted)
    if not answer.available:
        free = ", ".join((answer.available_ip_addresses or [])[:3])
        yield f"{nic.address} of {nic.name} is taken in {at.names[0]}" + (f" (free: {free})" if free else "")
