"""The managed objects around the machines: folders, datacenters, hosts, datastores, networks."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Managed:
    """Anything with a managed object id. `kind` is vSphere's type name, `generation` rises with every change."""

    moid: str = ""
    kind: str = ""
    name: str = ""
    parent: str | None = None
    generation: int = 0
    # Serialised properties by (version, path), valid for this generation only.
    cache: dict[tuple[str, str], str | None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Folder(Managed):
    """`child_types` are vSphere's names of what may lie in it; `children` are moids."""

    child_types: tuple[str, ...] = ()
    children: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Datacenter(Managed):
    vm_folder: str = ""
    host_folder: str = ""
    datastore_folder: str = ""
    network_folder: str = ""
    datastores: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Cluster(Managed):
    hosts: list[str] = field(default_factory=list)
    pool: str = ""
    datacenter: str = ""


@dataclass(slots=True, eq=False)
class ResourcePool(Managed):
    cluster: str = ""


@dataclass(slots=True, eq=False)
class Host(Managed):
    datacenter: str = ""
    vms: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Datastore(Managed):
    """`type` is VMFS, NFS, vsan or VVOL; `free` overrides the computed free space (bytes) when set."""

    datacenter: str = ""
    type: str = "VMFS"
    capacity: int = 0
    free: int | None = None
    vms: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Network(Managed):
    datacenter: str = ""
    vms: list[str] = field(default_factory=list)
