"""A VM's virtual hardware as vSphere describes it: controllers, disks with their backing chains, network cards."""

from __future__ import annotations

from typing import Any

from lab.vcenter.disks import Disk, Layer
from lab.vcenter.inventory import World
from lab.vcenter.machine import Controller, FrozenDisk, Nic, Snapshot, Vm
from lab.vcenter.vimtypes import vim

_SUMMARIES = {
    "ParaVirtualSCSIController": "VMware paravirtual SCSI",
    "VirtualLsiLogicController": "LSI Logic",
    "VirtualLsiLogicSASController": "LSI Logic SAS",
    "VirtualBusLogicController": "BusLogic",
    "VirtualAHCIController": "AHCI",
    "VirtualNVMEController": "NVME Controller",
    "VirtualIDEController": "IDE",
}
_TITLES = {"scsi": "SCSI controller", "sata": "SATA controller", "nvme": "NVME controller", "ide": "IDE"}


def device_list(world: World, vm: Vm, snapshot: Snapshot | None = None) -> list[Any]:
    """All devices; with a snapshot, the disks as that snapshot froze them."""
    device = vim.vm.device
    frozen = None if snapshot is None else {entry.disk.key: entry for entry in snapshot.disks}
    disks = [disk for disk in vm.disks if frozen is None or disk.key in frozen or not disk.in_snapshots]
    return [
        device.VirtualPCIController(
            key=100,
            deviceInfo=vim.Description(label="PCI controller 0", summary="PCI controller 0"),
            busNumber=0,
            device=[entry.key for entry in vm.controllers] + [nic.key for nic in vm.nics],
        ),
        *(_controller(vm, entry) for entry in vm.controllers),
        *(_disk(world, vm, disk, frozen.get(disk.key) if frozen else None) for disk in disks),
        *(_nic(world, vm, nic) for nic in vm.nics),
    ]


def _controller(vm: Vm, entry: Controller) -> Any:
    title = f"{_TITLES[entry.family]} {entry.bus}"
    plain = {
        "key": entry.key,
        "deviceInfo": vim.Description(label=title, summary=_SUMMARIES.get(entry.kind, entry.kind)),
        "controllerKey": 100,
        "busNumber": entry.bus,
        "device": [disk.key for disk in vm.disks if disk.controller_key == entry.key],
    }
    if entry.family == "scsi":
        plain |= {
            "sharedBus": entry.shared_bus,
            "scsiCtlrUnitNumber": 7,
            "hotAddRemove": True,
            "unitNumber": 3 + entry.bus,
        }
    return getattr(vim.vm.device, entry.kind)(**plain)


def _disk(world: World, vm: Vm, disk: Disk, frozen: FrozenDisk | None) -> Any:
    capacity = disk.capacity if frozen is None else frozen.capacity
    return vim.vm.device.VirtualDisk(
        key=disk.key,
        deviceInfo=vim.Description(label=disk.label, summary=f"{capacity // 1024:,} KB"),
        backing=_backing(world, disk, frozen),
        controllerKey=disk.controller_key,
        unitNumber=disk.unit,
        capacityInKB=capacity // 1024,
        capacityInBytes=capacity,
        diskObjectId=f"{vm.number}-{disk.key}",
        nativeUnmanagedLinkedClone=False,
    )


def _backing(world: World, disk: Disk, frozen: FrozenDisk | None) -> Any:
    info = vim.vm.device.VirtualDisk
    store = world.disk_datastore(disk)
    if disk.rdm:
        return info.RawDiskMappingVer1BackingInfo(
            fileName=f"[{store.name}] {disk.base.name}",
            datastore=vim.Datastore(store.moid),
            lunUuid=disk.uuid.replace("-", ""),
            deviceName="vml." + disk.uuid.replace("-", ""),
            compatibilityMode="physicalMode",
            diskMode="independent_persistent" if disk.mode.startswith("independent") else "persistent",
            uuid=disk.uuid,
        )
    with disk.lock:
        chain = list(disk.upto(frozen.layer if frozen else None))
        if frozen is not None:
            change_id = frozen.change_id
        else:
            # The id of "now": no snapshot stands for it, so nothing can be asked with it later on.
            tracker = disk.tracker
            change_id = f"{tracker.uuid}/{tracker.sequence + 1}" if tracker else None
    backing: Any = None
    for layer in chain:
        backing = _layer(store.name, store.moid, disk, layer, backing)
    backing.changeId = change_id
    return backing


def _layer(store: str, store_moid: str, disk: Disk, layer: Layer, parent: Any) -> Any:
    return vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=f"[{store}] {layer.name}",
        datastore=vim.Datastore(store_moid),
        backingObjectId="",
        diskMode=disk.mode,
        split=False,
        writeThrough=False,
        thinProvisioned=True,
        uuid=disk.uuid,
        contentId=layer.content_id.rjust(32, "0"),
        parent=parent,
        deltaDiskFormat=None if layer.is_base else "redoLogFormat",
        digestEnabled=False,
        sharing="sharingNone",
    )


def _nic(world: World, vm: Vm, nic: Nic) -> Any:
    device = vim.vm.device
    network = world.network_named(vm.datacenter, nic.network)
    return device.VirtualVmxnet3(
        key=nic.key,
        deviceInfo=vim.Description(label=nic.label, summary=nic.network),
        backing=device.VirtualEthernetCard.NetworkBackingInfo(
            deviceName=nic.network,
            network=vim.Network(network.moid) if network else None,
            useAutoDetect=False,
        ),
        connectable=device.VirtualDevice.ConnectInfo(
            startConnected=nic.connected,
            allowGuestControl=True,
            connected=nic.connected and vm.power == "poweredOn",
            status="ok",
        ),
        controllerKey=100,
        unitNumber=7 + nic.key - 4000,
        addressType="assigned",
        macAddress=nic.mac,
        wakeOnLanEnabled=True,
    )
