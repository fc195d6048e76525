"""From an inventory specification (and what earlier runs saved) to a World."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path

from lab.vcenter.disks import Disk, Layer, new_disk_uuid
from lab.vcenter.entities import Cluster, Datacenter, Datastore, Folder, Host, Managed, Network, ResourcePool
from lab.vcenter.files import copy_sparse, make_sparse
from lab.vcenter.inventory import ROOT_FOLDER, World
from lab.vcenter.machine import Controller, Nic, Settings, Vm, restore
from lab.vcenter.spec import GIB, DiskSpec, InventorySpec, SpecError, VmSpec

CONTROLLERS = {
    "scsi": ("ParaVirtualSCSIController", 1000),
    "sata": ("VirtualAHCIController", 15000),
    "nvme": ("VirtualNVMEController", 31000),
    "ide": ("VirtualIDEController", 200),
}
DISK_KEYS = {"scsi": (2000, 16), "sata": (16000, 30), "nvme": (32000, 15), "ide": (3000, 2)}
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "wavelift-lab-vm")


class Builder:
    """Makes one world. Object ids depend on names alone, so they are the same after every start."""

    def __init__(self, spec: InventorySpec, root: Path) -> None:
        self.spec = spec
        self.world = World(root)
        self._numbers: set[int] = set()
        self._directories: set[tuple[str, str]] = set()
        self._uuids: set[str] = set()
        self._by_name: dict[tuple[str, str, str], Managed] = {}

    def build(self) -> World:
        root = Folder(ROOT_FOLDER, "Folder", "Datacenters", child_types=("Folder", "Datacenter"))
        self.world.add(root)
        for name in self.spec.datacenters:
            self._datacenter(name, root)
        for vm in self.spec.vms:
            self._vm(vm)
        return self.world

    def _datacenter(self, name: str, root: Folder) -> None:
        moid = f"datacenter-{self._number('dc', name)}"
        datacenter = Datacenter(moid, "Datacenter", name, root.moid)
        for kind, child in (
            ("vm", "VirtualMachine"),
            ("host", "ComputeResource"),
            ("datastore", "Datastore"),
            ("network", "Network"),
        ):
            folder = self._folder(kind, datacenter, child, name)
            setattr(datacenter, f"{kind}_folder", folder.moid)
        root.children.append(moid)
        self._add(datacenter, name)
        self._hosts(datacenter)
        self._stores_and_networks(datacenter)

    def _folder(self, name: str, parent: Managed, child: str, path: str) -> Folder:
        letter = {"VirtualMachine": "v", "ComputeResource": "h", "Datastore": "s", "Network": "n"}[child]
        moid = f"group-{letter}{self._number('folder', f'{path}/{name}')}"
        folder = Folder(moid, "Folder", name, parent.moid, child_types=("Folder", child))
        if isinstance(parent, Folder):
            parent.children.append(moid)
        self.world.add(folder)
        return folder

    def _hosts(self, datacenter: Datacenter) -> None:
        name = f"{datacenter.name}-cluster"
        cluster = Cluster(
            f"domain-c{self._number('cluster', name)}",
            "ClusterComputeResource",
            name,
            datacenter.host_folder,
            datacenter=datacenter.moid,
        )
        pool = ResourcePool(
            f"resgroup-{self._number('pool', name)}",
            "ResourcePool",
            "Resources",
            cluster.moid,
            cluster=cluster.moid,
        )
        cluster.pool = pool.moid
        self._child_of(datacenter.host_folder, cluster)
        self._add(cluster, datacenter.name)
        self.world.add(pool)
        for spec in self.spec.hosts:
            if self._here(spec.datacenter, datacenter):
                moid = f"host-{self._number('host', spec.name)}"
                self._add(
                    Host(moid, "HostSystem", spec.name, cluster.moid, datacenter=datacenter.moid),
                    datacenter.name,
                )
                cluster.hosts.append(moid)

    def _stores_and_networks(self, datacenter: Datacenter) -> None:
        for store in self.spec.datastores:
            if self._here(store.datacenter, datacenter):
                datastore = Datastore(
                    f"datastore-{self._number('datastore', store.name)}",
                    "Datastore",
                    store.name,
                    datacenter.datastore_folder,
                    datacenter=datacenter.moid,
                    type=store.type,
                    capacity=int(store.capacity_gib * GIB),
                )
                datacenter.datastores.append(datastore.moid)
                self._child_of(datacenter.datastore_folder, datastore)
                self._add(datastore, datacenter.name)
        for entry in self.spec.networks:
            if self._here(entry.datacenter, datacenter):
                moid = f"network-{self._number('network', datacenter.name + entry.name)}"
                network = Network(
                    moid, "Network", entry.name, datacenter.network_folder, datacenter=datacenter.moid
                )
                datacenter.networks.append(moid)
                self._child_of(datacenter.network_folder, network)
                self._add(network, datacenter.name)

    def _here(self, named: str, datacenter: Datacenter) -> bool:
        if named and named not in self.spec.datacenters:
            raise SpecError(f"datacenter {named!r} is not in the list of datacenters")
        return (named or self.spec.datacenters[0]) == datacenter.name

    def _child_of(self, folder: str, entity: Managed) -> None:
        parent = self.world.objects[folder]
        if isinstance(parent, Folder):
            parent.children.append(entity.moid)

    def _add(self, entity: Managed, datacenter: str) -> None:
        key = (datacenter, entity.kind, entity.name)
        if key in self._by_name:
            raise SpecError(f"{entity.kind} {entity.name!r} is there twice in datacenter {datacenter!r}")
        self._by_name[key] = entity
        self.world.add(entity)

    def _number(self, kind: str, name: str) -> int:
        """A number that depends on the name alone (and on collisions, which go to the next free one)."""
        number = int.from_bytes(hashlib.sha1(f"{kind}:{name}".encode()).digest()[:3], "big") + 1000
        while number in self._numbers:
            number += 1
        self._numbers.add(number)
        return number

    # Machines

    def _vm(self, spec: VmSpec) -> None:
        folder, datacenter = self._vm_folder(spec)
        host = self._named(datacenter, "HostSystem", spec.host, spec)
        datastore = self._named(datacenter, "Datastore", spec.datastore, spec)
        if not isinstance(host, Host) or not isinstance(datastore, Datastore):
            raise SpecError(f"vm {spec.name!r} has no host or datastore")
        identity = self._identity(spec, folder)
        vm = Vm(
            f"vm-{self._number('vm', identity)}",
            "VirtualMachine",
            spec.name,
            folder.moid,
            folder=folder.moid,
            host=host.moid,
            datastore=datastore.moid,
            datacenter=datacenter.moid,
            instance_uuid=identity,
            uuid=str(uuid.uuid5(_NAMESPACE, "bios:" + identity)),
            directory=self._directory(datastore, spec.name),
            settings=Settings(tools=spec.tools),
            **{name: getattr(spec, name) for name in _SAME},
        )
        vm.extra_config = dict(spec.extra_config)
        vm.state_file = self.world.root / "vms" / f"{identity}.json"
        self._nics(vm, spec, datacenter)
        self._disks(vm, spec, datastore)
        if vm.state_file.exists():
            restore(vm, json.loads(vm.state_file.read_text()), self._data_folder(vm, datastore))
        else:
            self._first_files(vm, spec)
        if vm.registered:
            self._register(vm, datastore)

    def _register(self, vm: Vm, datastore: Datastore) -> None:
        vm.parent = vm.folder
        folder = self.world.objects[vm.folder]
        if isinstance(folder, Folder):
            folder.children.append(vm.moid)
        datastore.vms.append(vm.moid)
        host = self.world.objects[vm.host]
        if isinstance(host, Host):
            host.vms.append(vm.moid)
        for nic in vm.nics:
            network = self._by_name.get((self.world.objects[vm.datacenter].name, "Network", nic.network))
            if isinstance(network, Network) and vm.moid not in network.vms:
                network.vms.append(vm.moid)
        self.world.add(vm)
        for snapshot in vm.snapshots:
            self.world.add(snapshot)

    def _vm_folder(self, spec: VmSpec) -> tuple[Folder, Datacenter]:
        """The folder by path ("/Seoul/vm/shop" or "shop"), made when missing."""
        names = [name for name in spec.folder.split("/") if name]
        centre_name = names[0] if names and names[0] in self.spec.datacenters else self.spec.datacenters[0]
        datacenter = self._by_name[centre_name, "Datacenter", centre_name]
        if not isinstance(datacenter, Datacenter):
            raise SpecError(f"{centre_name!r} is no datacenter")
        names = names[1:] if names and names[0] == centre_name else names
        names = names[1:] if names and names[0] == "vm" else names
        current = self.world.objects[datacenter.vm_folder]
        path = f"{centre_name}/vm"
        for name in names:
            key = (centre_name, "Folder", f"{path}/{name}")
            below = self._by_name.get(key)
            if below is None:
                below = self._folder(name, current, "VirtualMachine", path)
                self._by_name[key] = below
            current, path = below, f"{path}/{name}"
        if not isinstance(current, Folder):
            raise SpecError(f"vm {spec.name!r}: {spec.folder!r} is no folder")
        return current, datacenter

    def _named(self, datacenter: Datacenter, kind: str, name: str, spec: VmSpec) -> Managed:
        for (centre, entry_kind, entry), entity in self._by_name.items():
            if centre == datacenter.name and entry_kind == kind and name in ("", entry):
                return entity
        raise SpecError(f"vm {spec.name!r}: there is no {kind} {name!r} in datacenter {datacenter.name!r}")

    def _identity(self, spec: VmSpec, folder: Folder) -> str:
        """The instance uuid, from the name alone; VMs that share a name differ by folder."""
        identity = spec.uuid or str(uuid.uuid5(_NAMESPACE, spec.name))
        if identity in self._uuids:
            identity = str(uuid.uuid5(_NAMESPACE, f"{self.world.inventory_path(folder)}/{spec.name}"))
        if identity in self._uuids:
            raise SpecError(f"vm {spec.name!r} is there twice in folder {folder.name!r}")
        self._uuids.add(identity)
        return identity

    def _directory(self, datastore: Datastore, name: str) -> str:
        base = directory = name.replace("/", "%2f")
        number = 0
        while (datastore.moid, directory) in self._directories:
            number += 1
            directory = f"{base}_{number}"
        self._directories.add((datastore.moid, directory))
        return directory

    def _data_folder(self, vm: Vm, datastore: Datastore) -> Path:
        return self.world.datastore_folder(datastore) / vm.directory

    def _nics(self, vm: Vm, spec: VmSpec, datacenter: Datacenter) -> None:
        for number, nic in enumerate(spec.nics):
            network = self._named(datacenter, "Network", nic.network, spec)
            low = vm.number.to_bytes(4, "big")[1:].hex(":")
            mac = nic.mac or f"00:{0x50 + number:02x}:56:{low}"
            vm.nics.append(
                Nic(4000 + number, f"Network adapter {number + 1}", network.name, mac, nic.ip, nic.connected)
            )

    def _disks(self, vm: Vm, spec: VmSpec, datastore: Datastore) -> None:
        for number, entry in enumerate(spec.disks):
            if not entry.controller:
                entry = _at(entry, f"scsi{number // 15}:{number % 15 + (number % 15 > 6)}")
            family, bus, unit = entry.place()
            controller = _controller(vm, spec, family, bus)
            vm.disks.append(
                make_disk(
                    vm,
                    controller,
                    unit,
                    self._capacity(entry),
                    datastore.moid,
                    self._data_folder(vm, datastore),
                    mode=entry.mode,
                    rdm=entry.rdm,
                )
            )

    def _capacity(self, entry: DiskSpec) -> int:
        size = entry.bytes or int(entry.gib * GIB)
        if entry.image:
            size = max(size, (self.spec.folder / entry.image).stat().st_size)
        if size <= 0:
            raise SpecError("a disk needs gib, bytes or an image")
        return -(-size // 512) * 512

    def _first_files(self, vm: Vm, spec: VmSpec) -> None:
        for disk, entry in zip(vm.disks, spec.disks, strict=True):
            if entry.image:
                copy_sparse(self.spec.folder / entry.image, disk.base.path, disk.capacity)
            elif not self.spec.lazy:
                make_sparse(disk.base.path, disk.capacity)


_SAME = ("guest_id", "firmware", "cpus", "memory_mb", "power", "hw", "cbt", "annotation", "template")


def _at(entry: DiskSpec, controller: str) -> DiskSpec:
    return DiskSpec(
        gib=entry.gib,
        bytes=entry.bytes,
        controller=controller,
        image=entry.image,
        mode=entry.mode,
        rdm=entry.rdm,
    )


def _controller(vm: Vm, spec: VmSpec, family: str, bus: int) -> Controller:
    kind, base = CONTROLLERS[family]
    found = next((entry for entry in vm.controllers if entry.key == base + bus), None)
    if found is None:
        wanted = spec.controllers.get(f"{family}{bus}")
        found = Controller(
            base + bus,
            (wanted.type if wanted else "") or kind,
            family,
            bus,
            wanted.shared_bus if wanted else "noSharing",
        )
        vm.controllers.append(found)
    return found


def make_disk(
    vm: Vm,
    controller: Controller,
    unit: int,
    capacity: int,
    datastore: str,
    folder: Path,
    *,
    mode: str = "persistent",
    rdm: bool = False,
) -> Disk:
    """A new disk of `capacity` bytes, without any file yet."""
    first, width = DISK_KEYS[controller.family]
    taken = {disk.stem for disk in vm.disks}
    number = len(vm.disks)
    stem = f"{vm.directory}/{vm.directory}" + (f"_{number}" if number else "")
    while stem in taken:
        number += 1
        stem = f"{vm.directory}/{vm.directory}_{number}"
    base = Layer(f"{stem}.vmdk", folder / f"{Path(stem).name}-flat.vmdk")
    return Disk(
        key=first + width * controller.bus + unit,
        controller_key=controller.key,
        unit=unit,
        label=f"Hard disk {1 + max((int(disk.label.split()[-1]) for disk in vm.disks), default=0)}",
        capacity=capacity,
        uuid=new_disk_uuid(f"{vm.instance_uuid}/{Path(stem).name}/{number}"),
        datastore=datastore,
        chain=[base],
        mode=mode,
        rdm=rdm,
    )
