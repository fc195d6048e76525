"""The properties of everything that is not a VM, and how a dotted path is looked up on any object."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

from lab.vcenter import vm_values
from lab.vcenter.entities import Cluster, Datacenter, Datastore, Folder, Host, Managed, Network, ResourcePool
from lab.vcenter.inventory import World
from lab.vcenter.machine import Snapshot, Vm
from lab.vcenter.tasks import Task, task_info
from lab.vcenter.vimtypes import Fault, array, managed_type, reference, support, vim, vmodl

_INDEX = re.compile(r"(\w+)\[(.+)\]")


def _children(world: World, folder: Folder) -> Any:
    kinds = [reference(world.objects[moid].kind, moid) for moid in list(folder.children)]
    return array("vim.ManagedEntity", kinds)


def _list(kind: str, moids: list[str]) -> Any:
    return array(
        f"vim.{'HostSystem' if kind == 'HostSystem' else kind}", [reference(kind, moid) for moid in list(moids)]
    )


def _centre(world: World, entity: Host | Cluster) -> Datacenter:
    found = world.objects[entity.datacenter]
    if not isinstance(found, Datacenter):
        raise TypeError(f"{entity.datacenter} is no datacenter")
    return found


def _host_summary(world: World, host: Host) -> Any:
    return vim.host.Summary(
        host=vim.HostSystem(host.moid),
        hardware=vim.host.Summary.HardwareSummary(
            vendor="Lab", model="Simulated", uuid=host.moid, memorySize=512 << 30, cpuModel="Lab CPU", cpuMhz=2400,
            numCpuPkgs=2, numCpuCores=32, numCpuThreads=64, numNics=2, numHBAs=1,
        ),
        runtime=_host_runtime(world, host),
        config=vim.host.Summary.ConfigSummary(
            name=host.name, port=443, product=_about(world, "VMware ESXi"), vmotionEnabled=True,
        ),
        quickStats=vim.host.Summary.QuickStats(),
        overallStatus="green",
        rebootRequired=False,
    )  # fmt: skip


def _host_runtime(world: World, host: Host) -> Any:
    return vim.host.RuntimeInfo(connectionState="connected", powerState="poweredOn", inMaintenanceMode=False)


def _about(world: World, name: str) -> Any:
    vcenter = "vCenter" in name
    return vim.AboutInfo(
        name=name,
        fullName=f"{name} 8.0.3 build-24022515",
        vendor="VMware, Inc.",
        version="8.0.3",
        build="24022515",
        localeVersion="INTL",
        localeBuild="000",
        osType="linux-x64" if vcenter else "vmnix-x86",
        productLineId="vpx" if vcenter else "embeddedEsx",
        apiType="VirtualCenter" if vcenter else "HostAgent",
        apiVersion="8.0.3.0",
        instanceUuid=world.instance_uuid if vcenter else None,
        licenseProductName="VMware VirtualCenter Server" if vcenter else "VMware ESX Server",
        licenseProductVersion="8.0",
    )


def service_content(world: World) -> Any:
    """vim.ServiceInstanceContent: where everything else hangs."""
    return vim.ServiceInstanceContent(
        rootFolder=vim.Folder("group-d1"),
        propertyCollector=vmodl.query.PropertyCollector("propertyCollector"),
        viewManager=vim.view.ViewManager("ViewManager"),
        about=_about(world, "VMware vCenter Server"),
        setting=None,
        sessionManager=vim.SessionManager("SessionManager"),
        authorizationManager=vim.AuthorizationManager("AuthorizationManager"),
        searchIndex=vim.SearchIndex("SearchIndex"),
        virtualDiskManager=vim.VirtualDiskManager("virtualDiskManager"),
    )


def _store_summary(world: World, store: Datastore) -> Any:
    return vim.Datastore.Summary(
        datastore=vim.Datastore(store.moid),
        name=store.name,
        url=f"ds:///vmfs/volumes/{store.moid}/",
        capacity=store.capacity,
        freeSpace=world.free_space(store),
        uncommitted=0,
        accessible=True,
        multipleHostAccess=True,
        type=store.type,
        maintenanceMode="normal",
    )


def _store_hosts(world: World, store: Datastore) -> Any:
    hosts = [
        entity
        for entity in world.objects.values()
        if isinstance(entity, Host) and entity.datacenter == store.datacenter
    ]
    mounts = [
        vim.Datastore.HostMount(
            key=vim.HostSystem(host.moid),
            mountInfo=vim.host.MountInfo(
                path=f"/vmfs/volumes/{store.moid}", accessMode="readWrite", mounted=True, accessible=True
            ),
        )
        for host in hosts
    ]
    return array("vim.Datastore.HostMount", mounts)


_ENTITY: dict[str, Callable[[World, Any], Any]] = {
    "name": lambda world, entity: entity.name,
    "parent": lambda world, entity: (
        reference(world.objects[entity.parent].kind, entity.parent) if entity.parent else None
    ),
    "overallStatus": lambda world, entity: vim.ManagedEntity.Status("green"),
    "effectiveRole": lambda world, entity: array("int", [-1]),
}
_PROPERTIES: dict[type[Managed], dict[str, Callable[[World, Any], Any]]] = {
    Folder: _ENTITY
    | {
        "childEntity": _children,
        "childType": lambda world, folder: array("string", list(folder.child_types)),
    },
    Datacenter: _ENTITY
    | {
        "vmFolder": lambda world, centre: vim.Folder(centre.vm_folder),
        "hostFolder": lambda world, centre: vim.Folder(centre.host_folder),
        "datastoreFolder": lambda world, centre: vim.Folder(centre.datastore_folder),
        "networkFolder": lambda world, centre: vim.Folder(centre.network_folder),
        "datastore": lambda world, centre: _list("Datastore", centre.datastores),
        "network": lambda world, centre: _list("Network", centre.networks),
    },
    Cluster: _ENTITY
    | {
        "host": lambda world, cluster: _list("HostSystem", cluster.hosts),
        "resourcePool": lambda world, cluster: vim.ResourcePool(cluster.pool),
        "datastore": lambda world, cluster: _list("Datastore", _centre(world, cluster).datastores),
        "network": lambda world, cluster: _list("Network", _centre(world, cluster).networks),
    },
    ResourcePool: _ENTITY
    | {
        "owner": lambda world, pool: vim.ClusterComputeResource(pool.cluster),
        "resourcePool": lambda world, pool: array("vim.ResourcePool", []),
        "vm": lambda world, pool: _list(
            "VirtualMachine", [vm.moid for vm in world.vms() if world.objects[vm.host].parent == pool.cluster]
        ),
    },
    Host: _ENTITY
    | {
        "vm": lambda world, host: _list("VirtualMachine", host.vms),
        "datastore": lambda world, host: _list("Datastore", _centre(world, host).datastores),
        "network": lambda world, host: _list("Network", _centre(world, host).networks),
        "runtime": _host_runtime,
        "summary": _host_summary,
        "config.product": lambda world, host: _about(world, "VMware ESXi"),
    },
    Datastore: _ENTITY
    | {
        "summary": _store_summary,
        "host": _store_hosts,
        "vm": lambda world, store: _list("VirtualMachine", store.vms),
        "capability": lambda world, store: None,
    },
    Network: _ENTITY
    | {
        "vm": lambda world, network: _list("VirtualMachine", network.vms),
        "summary": lambda world, network: vim.Network.Summary(
            network=vim.Network(network.moid), name=network.name, accessible=True, ipPoolName=""
        ),
        "host": lambda world, network: _list(
            "HostSystem",
            [
                e.moid
                for e in world.objects.values()
                if isinstance(e, Host) and e.datacenter == network.datacenter
            ],
        ),
    },
    Vm: dict(vm_values.PROPERTIES),
    Task: {"info": lambda world, task: task_info(task)},
}
_UNCACHED: dict[type[Managed], tuple[str, ...]] = {Vm: vm_values.VOLATILE, Datastore: ("summary",)}


def cacheable(entity: Managed, path: str) -> bool:
    """Whether the value changes only when the entity is touched."""
    if isinstance(entity, Vm):
        return not any(path == name or path.startswith(name + ".") for name in _UNCACHED[Vm])
    return isinstance(entity, Host | Network | Folder | Datacenter)


def all_paths(entity: Managed) -> list[str]:
    """The top-level properties that `all=True` answers with."""
    if isinstance(entity, Snapshot):
        return ["config", "vm", "childSnapshot"]
    return [path for path in _PROPERTIES[type(entity)] if "." not in path]


def value(world: World, entity: Managed, path: str) -> Any:
    """The value at a dotted path, None when it is unset. Raises the InvalidProperty fault for a path that is not there."""
    names = path.split(".")
    for length in range(len(names), 0, -1):
        head = ".".join(names[:length])
        build = _builder(entity, head)
        if build is None:
            continue
        found = build(world, entity)
        for name in names[length:]:
            if found is None:
                return None
            found = _step(entity, found, name, path)
        return found
    if not _exists(entity, names):
        raise _invalid(path)
    return None


def _builder(entity: Managed, path: str) -> Callable[[World, Any], Any] | None:
    if isinstance(entity, Snapshot):
        if path not in ("config", "config.hardware", "config.hardware.device", "vm", "childSnapshot"):
            return None
        return lambda world, snapshot: vm_values.snapshot_property(world, snapshot, path)
    return _PROPERTIES.get(type(entity), {}).get(path)


def _step(entity: Managed, found: Any, name: str, path: str) -> Any:
    index = _INDEX.fullmatch(name)
    try:
        below = getattr(found, index[1] if index else name)
    except AttributeError as error:
        raise _invalid(path) from error
    if index is None:
        # A list inside a data object is a plain list: as a value of its own it must carry its type.
        info = found._GetPropertyInfo(name)
        return info.type(below) if isinstance(below, list) else below
    return next((entry for entry in below if str(entry.key) == index[2].strip('"')), None)


def _exists(entity: Managed, names: list[str]) -> bool:
    """Whether vSphere has such a property at all (then it is merely unset here)."""
    kind = managed_type(entity.kind)
    for name in names:
        try:
            kind = support.GetPropertyInfo(kind, name).type
        except (AttributeError, KeyError, TypeError):
            return False
    return True


def _invalid(path: str) -> Fault:
    return Fault(vmodl.query.InvalidProperty(name=path), f"The property '{path}' is not valid for this object.")


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
