"""Disks, NICs and VMs (made by the engine, observed and deleted here), and what they stand on: networks, sizes, quotas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from planner.ports import Json, Observed, ResourceRef
from providers.azure.artifacts.base import Listed, place, plain
from providers.azure.catalogue import Catalogue
from providers.azure.cloud import AzureCloud
from providers.azure.errors import translated
from providers.azure.ids import ArmId, parse
from providers.azure.session import AzureSession
from providers.azure.subnets import ranges_of
from providers.azure.tags import Owner
from providers.azure.vms import IP_CONFIGURATION
from replication.model.errors import Denied, NotFound


class _EngineMade(Listed):
    """Made by the engine's orders, which know no address; here they are only looked at and deleted."""

    addressed = False

    def remove(self, at: ArmId) -> None:
        AzureCloud(self.session, at.subscription, self.owner).delete(at.text)


class Disks(_EngineMade):
    def listing(self, at: ArmId) -> Iterable[Any]:
        return self.session.compute(at.subscription).disks.list_by_resource_group(at.group)

    def get(self, at: ArmId) -> Any:
        return self.session.compute(at.subscription).disks.get(at.group, at.name)

    def properties(self, found: Any) -> dict[str, Json]:
        return {
            "location": place(found.location),
            "sku": plain(found.sku and found.sku.name),
            "size": found.properties.disk_size_bytes,
            "state": plain(found.properties.disk_state),
            "attached_to": found.managed_by,
            "encryption_set": found.properties.encryption and found.properties.encryption.disk_encryption_set_id,
            "zone": next(iter(found.zones or ()), None),
            "created": plain(found.properties.creation_data and found.properties.creation_data.create_option),
            "os_type": plain(found.properties.os_type),
            "generation": plain(found.properties.hyper_v_generation),
        }


class Nics(_EngineMade):
    def listing(self, at: ArmId) -> Iterable[Any]:
        return self.session.network(at.subscription).network_interfaces.list(at.group)

    def get(self, at: ArmId) -> Any:
        return self.session.network(at.subscription).network_interfaces.get(at.group, at.name)

    def properties(self, found: Any) -> dict[str, Json]:
        there = sorted(found.properties.ip_configurations or (), key=lambda one: one.name != IP_CONFIGURATION)
        first = next((one.properties for one in there), None)
        return {
            "location": place(found.location),
            "address": first.private_ip_address if first else None,
            "allocation": plain(first.private_ip_allocation_method) if first else None,
            "primary": first.primary if first else None,
            "subnet": first.subnet.id if first and first.subnet else None,
            "attached_to": found.properties.virtual_machine.id if found.properties.virtual_machine else None,
        }

    def beside(self, found: Any) -> dict[str, Json]:
        group = found.properties.network_security_group
        return {"security_group": group.id if group else None}


class Vms(_EngineMade):
    def listing(self, at: ArmId) -> Iterable[Any]:
        return self.session.compute(at.subscription).virtual_machines.list(at.group)

    def get(self, at: ArmId) -> Any:
        return self.session.compute(at.subscription).virtual_machines.get(at.group, at.name)

    def properties(self, found: Any) -> dict[str, Json]:
        storage, network = found.properties.storage_profile, found.properties.network_profile
        drives = [storage.os_disk, *(storage.data_disks or ())] if storage else []
        nics = (network.network_interfaces if network else None) or ()
        return {
            "location": place(found.location),
            "size": plain(found.properties.hardware_profile and found.properties.hardware_profile.vm_size),
            "state": plain(found.properties.provisioning_state),
            "zone": next(iter(found.zones or ()), None),
            "licence": plain(found.properties.license_type),
            "boot_log": _boot_log(found.properties.diagnostics_profile),
            **_security(found.properties.security_profile),
            "disks": sorted(str(one.managed_disk.id) for one in drives if one and one.managed_disk),
            "nics": sorted(str(one.id) for one in nics),
            "attached_disks": {_name(one.managed_disk): _attached(one) for one in drives if one and one.managed_disk},
            "attached_nics": {_name(one): _interface(one.properties) for one in nics},
        }


def _security(profile: Any | None) -> dict[str, Json]:
    """A VM without a profile is `Standard`."""
    flags = profile.uefi_settings if profile is not None else None
    return {
        "security_type": str(plain(profile.security_type) or "Standard") if profile is not None else "Standard",
        "secure_boot": bool(flags and flags.secure_boot_enabled),
        "vtpm": bool(flags and flags.v_tpm_enabled),
    }


def _name(reference: Any) -> str:
    return parse(str(reference.id)).name.casefold()


def _attached(drive: Any) -> dict[str, Json]:
    """How a disk hangs on its VM; the OS disk has no LUN."""
    lun = getattr(drive, "lun", None)
    return {
        "caching": plain(drive.caching) or "None",
        "when_deleted": plain(drive.delete_option) or "Detach",
        **({} if lun is None else {"lun": lun}),
    }


def _interface(said: Any | None) -> dict[str, Json]:
    """A NIC that Azure says nothing about is the only one, and stays when its VM goes."""
    return {
        "primary": said is None or said.primary is not False,
        "when_deleted": plain(said and said.delete_option) or "Detach",
    }


def _boot_log(profile: Any | None) -> bool:
    boot = profile.boot_diagnostics if profile is not None else None
    return bool(boot and boot.enabled)


class EncryptionSets:
    """Disk encryption sets of others: read, never made or changed here."""

    def __init__(self, session: AzureSession, owner: Owner) -> None:
        self._session = session
        self._owner = owner

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        for ref in refs:
            at = parse(ref.id)
            try:
                with translated(f"disk encryption set {at.name}"):
                    found = self._session.compute(at.subscription).disk_encryption_sets.get(at.group, at.name)
            except NotFound:
                continue
            except Denied:
                seen[ref.id.lower()] = Observed(ref.id, ours=False, readable=False)
                continue
            properties: dict[str, Json] = {
                "location": place(found.location),
                "kind": plain(found.properties and found.properties.encryption_type),
            }
            seen[ref.id.lower()] = Observed(str(found.id), properties, dict(found.tags or {}), ours=False)
        return seen


class Networks:
    """Virtual networks with their subnets."""

    def __init__(self, session: AzureSession, owner: Owner) -> None:
        self._session = session
        self._owner = owner

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        for at in {(one.subscription, one.group): one for one in (parse(ref.id) for ref in refs)}.values():
            try:
                with translated(f"resource group {at.group}"):
                    found = list(self._session.network(at.subscription).virtual_networks.list(at.group))
            except NotFound:
                continue
            for network in found:
                tags = dict(network.tags or {})
                seen[str(network.id).lower()] = Observed(str(network.id), _network(network), tags, self._owner.owns(tags))
        wanted = {ref.id.lower() for ref in refs}
        return {key: value for key, value in seen.items() if key in wanted}


class Sizes:
    """`…/locations/<region>/skus/<size>`: what a subscription may have there."""

    def __init__(self, session: AzureSession) -> None:
        self._catalogue = Catalogue.of(session)

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        for ref in refs:
            at = parse(ref.id)
            size = self._catalogue.sizes(at.subscription, at.names[0]).get(at.name.lower())
            if size is not None:
                seen[ref.id.lower()] = Observed(ref.id, size.document(), ours=False)
        return seen


class Quotas:
    """`…/locations/<region>/usages/<family>`: vCPUs used and allowed, never from a cache."""

    def __init__(self, session: AzureSession) -> None:
        self._catalogue = Catalogue.of(session)

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        places = {(at.subscription, at.names[0].lower()) for at in (parse(ref.id) for ref in refs)}
        usages = {at: self._catalogue.usages(*at) for at in places}
        for ref in refs:
            at = parse(ref.id)
            usage = usages[at.subscription, at.names[0].lower()].get(at.name.lower())
            if usage is not None:
                seen[ref.id.lower()] = Observed(ref.id, {"used": usage.used, "limit": usage.limit}, ours=False)
        return seen


def _network(network: Any) -> dict[str, Json]:
    subnets = network.properties.subnets or ()
    return {
        "location": place(network.location),
        "prefixes": list(network.properties.address_space.address_prefixes or ()),
        "subnets": {subnet.name: next(iter(ranges_of(subnet)), None) for subnet in subnets},
        "ranges": {subnet.name: ranges_of(subnet) for subnet in subnets},
    }
