"""A VM with its disks and NICs as Azure has them now: what a Terraform resource of each can say. No secret is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Disk:
    """A managed disk. `upload`: bytes, where it was made by an upload."""

    id: str
    location: str
    sku: str
    size_gib: int
    created: str
    upload: int = 0
    os_type: str = ""
    generation: str = ""
    zone: str = ""
    encryption_set: str = ""
    trusted: bool = False
    network_access: str = ""
    public: bool = True
    tier: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NicAddress:
    """One IP configuration of a NIC. `address` only where it is static."""

    name: str
    subnet: str
    address: str = ""
    primary: bool = True
    public_ip: str = ""
    others: tuple[str, ...] = ()
    """What hangs on it and is no part of a NIC for azurerm: load balancers' pools, security groups of applications."""


@dataclass(frozen=True, slots=True)
class Nic:
    id: str
    location: str
    addresses: tuple[NicAddress, ...]
    dns: tuple[str, ...] = ()
    forwarding: bool = False
    accelerated: bool = False
    security_group: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DiskAt:
    """A data disk where it is attached."""

    id: str
    lun: int
    caching: str
    write_accelerator: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """`kind` as Azure says it: SystemAssigned, UserAssigned or both."""

    kind: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vm:
    """`os_disk` and `nics` (the primary first) by id."""

    id: str
    location: str
    size: str
    os_type: str
    os_disk: str
    os_caching: str
    nics: tuple[str, ...]
    data: tuple[DiskAt, ...] = ()
    zone: str = ""
    licence: str = ""
    security: str = ""
    secure_boot: bool = False
    vtpm: bool = False
    boot_log: bool = False
    boot_log_account: str = ""
    availability_set: str = ""
    placement_group: str = ""
    host_encryption: bool = False
    identity: Identity | None = None
    extensions: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """All of one machine; `vm` None when it is gone. `gone`: ids not in Azure any more; `note`: where it stands."""

    machine: str
    vm: Vm | None
    disks: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    gone: tuple[str, ...] = ()
    note: str = ""
