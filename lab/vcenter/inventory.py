"""The whole simulated vCenter: every managed object by id, and the clock of changes that property filters wait on."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.vcenter.disks import Disk
from lab.vcenter.entities import Cluster, Datacenter, Datastore, Folder, Host, Managed, Network
from lab.vcenter.machine import Vm

ROOT_FOLDER = "group-d1"


@dataclass(slots=True)
class Defaults:
    """Lab-wide behaviour, set at start or through the control API. Seconds."""

    latency_s: float = 0.02  # of a task that does next to nothing
    session_idle_s: float = 1800.0
    page_size: int = 0  # objects a RetrievePropertiesEx answer has at most; 0: what the client asks for
    denied: set[str] = field(default_factory=set)  # privileges that nobody has


class World:
    """All managed objects. Objects are added and removed under `lock`; each VM's fields under its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.generation = 1
        self.objects: dict[str, Managed] = {}
        self._directories: dict[str, list[Vm]] = {}
        self._networks: dict[tuple[str, str], Network] = {}
        self.defaults = Defaults()
        self.instance_uuid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"wavelift-lab:{root}"))

    def add(self, entity: Managed) -> None:
        with self.lock:
            self.objects[entity.moid] = entity
            if isinstance(entity, Vm):
                self._directories.setdefault(entity.directory, []).append(entity)
            if isinstance(entity, Network):
                self._networks[entity.datacenter, entity.name] = entity
            self.touch(entity)

    def remove(self, moid: str) -> None:
        with self.lock:
            self.objects.pop(moid, None)
            self.generation += 1
            self.changed.notify_all()

    def touch(self, *entities: Managed) -> None:
        """Say that something about these objects changed: caches end, waiting filters wake up."""
        with self.lock:
            self.generation += 1
            for entity in entities:
                entity.generation = self.generation
                entity.cache = {}
            self.changed.notify_all()

    def vms(self) -> Iterator[Vm]:
        with self.lock:
            found = [entity for entity in self.objects.values() if isinstance(entity, Vm)]
        return iter(found)

    def vms_in_directory(self, directory: str) -> list[Vm]:
        """VMs whose files lie in this folder, of any datastore."""
        return self._directories.get(directory, [])

    def vm_by_name(self, name: str) -> list[Vm]:
        """VMs of this name, instance uuid or moid."""
        return [vm for vm in self.vms() if name in (vm.name, vm.instance_uuid, vm.moid)]

    def datastore_folder(self, datastore: Managed) -> Path:
        """Where this datastore's files really lie."""
        return self.root / "datastores" / datastore.name

    def disk_datastore(self, disk: Disk) -> Datastore:
        found = self.objects[disk.datastore]
        if not isinstance(found, Datastore):
            raise TypeError(f"{disk.datastore} is no datastore")
        return found

    def datastore_used(self, datastore: Datastore) -> int:
        """Bytes that the disks' files hold on it."""
        total = 0
        for moid in datastore.vms:
            vm = self.objects.get(moid)
            if isinstance(vm, Vm):
                total += sum(
                    layer.used()
                    for disk in list(vm.disks)
                    if disk.datastore == datastore.moid
                    for layer in list(disk.chain)
                )
        return total

    def free_space(self, datastore: Datastore) -> int:
        if datastore.free is not None:
            return datastore.free
        return max(0, datastore.capacity - self.datastore_used(datastore))

    def children(self, entity: Managed) -> list[str]:
        """Moids of what lies directly inside, as a container view walks it."""
        match entity:
            case Folder():
                return list(entity.children)
            case Datacenter():
                return [entity.vm_folder, entity.host_folder, entity.datastore_folder, entity.network_folder]
            case Cluster():
                return [*entity.hosts, entity.pool]
            case _:
                return []

    def inventory_path(self, entity: Managed) -> str:
        """ "Lab/vm/shop/web-01": names from below the root folder."""
        names: list[str] = []
        current: Managed | None = entity
        while current is not None and current.moid != ROOT_FOLDER:
            names.append(current.name)
            current = self.objects.get(current.parent or "")
        return "/".join(reversed(names))

    def find_path(self, path: str) -> Managed | None:
        """The object at an inventory path, None when there is none."""
        current: Managed = self.objects[ROOT_FOLDER]
        for name in filter(None, path.strip("/").split("/")):
            below = [self.objects[moid] for moid in self.children(current)]
            found = next((entity for entity in below if entity.name == name), None)
            if found is None:
                return None
            current = found
        return current

    def move_vm(self, vm: Vm, host: str) -> None:
        """Let another host run it."""
        with self.lock:
            for moid, inside in ((vm.host, False), (host, True)):
                entity = self.objects[moid]
                if isinstance(entity, Host):
                    entity.vms = [other for other in entity.vms if other != vm.moid] + [vm.moid] * inside
                    self.touch(entity)
            vm.host = host
            self.touch(vm)

    def refile_vm(self, vm: Vm, folder: Folder) -> None:
        """Let it lie in another folder."""
        with self.lock:
            before = self.objects[vm.folder]
            if isinstance(before, Folder):
                before.children.remove(vm.moid)
                self.touch(before)
            folder.children.append(vm.moid)
            vm.folder = vm.parent = folder.moid
            self.touch(folder, vm)

    def remove_vm(self, vm: Vm) -> None:
        """Take it out of everything that lists it."""
        with self.lock:
            for entity in list(self.objects.values()):
                listed = entity.children if isinstance(entity, Folder) else getattr(entity, "vms", [])
                if vm.moid in listed:
                    listed.remove(vm.moid)
                    self.touch(entity)
            self._directories[vm.directory].remove(vm)
            for snapshot in vm.snapshots:
                self.remove(snapshot.moid)
            self.remove(vm.moid)

    def network_named(self, datacenter: str, name: str) -> Network | None:
        return self._networks.get((datacenter, name))
