"""A VM, its disks and its NICs read whole, as values that an export can write down. Nothing is changed and no secret is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from planner.terraform import Disk, DiskAt, Identity, Nic, NicAddress, Vm
from providers.azure.artifacts.base import place, plain
from providers.azure.errors import translated
from providers.azure.ids import ArmId, parse
from providers.azure.session import AzureSession
from replication.model.errors import NotFound
from replication.model.extents import GIB


def read_vm(session: AzureSession, id: str) -> Vm | None:
    """None when it is not there."""
    found = _read(session.compute(parse(id).subscription).virtual_machines.get, parse(id))
    if found is None:
        return None
    told = found.properties
    storage, security, boot = told.storage_profile, told.security_profile, told.diagnostics_profile
    flags = security.uefi_settings if security is not None else None
    log = boot.boot_diagnostics if boot is not None else None
    nics = told.network_profile.network_interfaces if told.network_profile is not None else None
    return Vm(
        id=_as_asked(id, found.id),
        location=place(found.location) or "",
        size=str(plain(told.hardware_profile and told.hardware_profile.vm_size) or ""),
        os_type=str(plain(storage.os_disk.os_type) or "Linux"),
        os_disk=str(storage.os_disk.managed_disk.id),
        os_caching=str(plain(storage.os_disk.caching) or "None"),
        nics=tuple(str(one.id) for one in sorted(nics or (), key=lambda n: not (n.properties and n.properties.primary))),
        data=tuple(_data(storage.data_disks or ())),
        zone=next(iter(found.zones or ()), ""),
        licence=str(plain(told.license_type) or ""),
        security=str(plain(security.security_type) or "") if security is not None else "",
        secure_boot=bool(flags and flags.secure_boot_enabled),
        vtpm=bool(flags and flags.v_tpm_enabled),
        boot_log=bool(log and log.enabled),
        boot_log_account=str((log and log.storage_uri) or ""),
        availability_set=_id(told.availability_set),
        placement_group=_id(told.proximity_placement_group),
        host_encryption=bool(security and security.encryption_at_host),
        identity=_identity(found.identity),
        extensions=tuple(sorted(str(one.name) for one in found.resources or ())),
        tags=dict(found.tags or {}),
    )


def read_disk(session: AzureSession, id: str) -> Disk | None:
    """None when it is not there."""
    found = _read(session.compute(parse(id).subscription).disks.get, parse(id))
    if found is None:
        return None
    told, made = found.properties, found.properties.creation_data
    uploaded = plain(made.create_option) == "Upload"
    return Disk(
        id=_as_asked(id, found.id),
        location=place(found.location) or "",
        sku=str(plain(found.sku and found.sku.name) or ""),
        size_gib=int(told.disk_size_gb or -(-int(told.disk_size_bytes or 0) // GIB)),
        created=str(plain(made.create_option)),
        upload=int(made.upload_size_bytes or 0) if uploaded else 0,
        os_type=str(plain(told.os_type) or ""),
        generation=str(plain(told.hyper_v_generation) or ""),
        zone=next(iter(found.zones or ()), ""),
        encryption_set=str((told.encryption and told.encryption.disk_encryption_set_id) or ""),
        trusted=bool(told.security_profile and plain(told.security_profile.security_type) == "TrustedLaunch"),
        network_access=str(plain(told.network_access_policy) or ""),
        public=plain(told.public_network_access) != "Disabled",
        tags=dict(found.tags or {}),
    )


def read_nic(session: AzureSession, id: str) -> Nic | None:
    """None when it is not there."""
    found = _read(session.network(parse(id).subscription).network_interfaces.get, parse(id))
    if found is None:
        return None
    told = found.properties
    return Nic(
        id=_as_asked(id, found.id),
        location=place(found.location) or "",
        addresses=tuple(_address(one) for one in told.ip_configurations or ()),
        dns=tuple(told.dns_settings.dns_servers or ()) if told.dns_settings is not None else (),
        forwarding=bool(told.enable_ip_forwarding),
        accelerated=bool(told.enable_accelerated_networking),
        security_group=_id(told.network_security_group),
        tags=dict(found.tags or {}),
    )


def _address(one: Any) -> NicAddress:
    told = one.properties
    pools = [f"pool {pool.id}" for pool in (told.load_balancer_backend_address_pools or ())]
    pools += [f"pool {pool.id}" for pool in (told.application_gateway_backend_address_pools or ())]
    pools += [f"application security group {group.id}" for group in (told.application_security_groups or ())]
    static = str(plain(told.private_ip_allocation_method) or "").lower() == "static"
    return NicAddress(
        name=str(one.name),
        subnet=_id(told.subnet),
        address=str(told.private_ip_address or "") if static else "",
        primary=bool(told.primary),
        public_ip=_id(told.public_ip_address),
        others=tuple(sorted(pools)),
    )


def _data(disks: Iterable[Any]) -> Iterator[DiskAt]:
    for one in disks:
        caching = str(plain(one.caching) or "None")
        yield DiskAt(str(one.managed_disk.id), int(one.lun), caching, bool(one.write_accelerator_enabled))


def _identity(found: Any | None) -> Identity | None:
    if found is None or (kind := str(plain(found.type) or "None")) == "None":
        return None
    return Identity(kind, tuple(sorted(found.user_assigned_identities or ())))


def _read(get: Callable[[str, str], Any], at: ArmId) -> Any | None:
    try:
        with translated(at.text):
            return get(at.group, at.name)
    except NotFound:
        return None


def _as_asked(asked: str, answered: str | None) -> str:
    """Azure answers ids in a case of its own; the recorded one is spelled as it was made."""
    return asked if answered is None or asked.lower() == answered.lower() else answered


def _id(found: Any | None) -> str:
    return str(found.id) if found is not None and found.id else ""
