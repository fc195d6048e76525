"""A VM's virtual hardware as vSphere describes it: controllers, disks with their backing chains, network cards."""

from __future__ import annotations

from dataclasses import dataclass
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
    frozen = None if snapshot is None else {entry.disk.key: entry for entry in snapshot.disks}
    disks = [disk for disk in vm.disks if frozen is None or disk.key in frozen or not disk.in_snapshots]
    return [
        pci_device([entry.key for entry in vm.controllers] + [nic.key for nic in vm.nics]),
        *(controller_device(entry, attached(vm, entry)) for entry in vm.controllers),
        *(_disk(world, vm, disk, frozen.get(disk.key) if frozen else None) for disk in disks),
        *(_nic(world, vm, nic) for nic in vm.nics),
    ]


def pci_device(keys: list[int]) -> Any:
    return vim.vm.device.VirtualPCIController(
        key=100,
        deviceInfo=vim.Description(label="PCI controller 0", summary="PCI controller 0"),
        busNumber=0,
        device=keys,
    )


def attached(vm: Vm, entry: Controller) -> list[int]:
    return [disk.key for disk in vm.disks if disk.controller_key == entry.key]


def controller_device(entry: Controller, keys: list[int]) -> Any:
    title = f"{_TITLES[entry.family]} {entry.bus}"
    plain = {
        "key": entry.key,
        "deviceInfo": vim.Description(label=title, summary=_SUMMARIES.get(entry.kind, entry.kind)),
        "controllerKey": 100,
        "busNumber": entry.bus,
        "device": keys,
    }
    if entry.family == "scsi":
        plain |= {
            "sharedBus": entry.shared_bus,
            "scsiCtlrUnitNumber": 7,
            "hotAddRemove": True,
            "unitNumber": 3 + entry.bus,
        }
    return getattr(vim.vm.device, entry.kind)(**plain)


@dataclass(frozen=True, slots=True)
class DiskText:
    """What differs between two disks of the same make: all of it text, so that it can be filled into a template."""

    file: str
    uuid: str
    content_id: str
    object_id: str
    store: str  # the datastore's moid


def disk_text(world: World, vm: Vm, disk: Disk, layer: Layer) -> DiskText:
    store = world.disk_datastore(disk)
    return DiskText(
        f"[{store.name}] {layer.name}",
        disk.uuid,
        layer.content_id.rjust(32, "0"),
        f"{vm.number}-{disk.key}",
        store.moid,
    )


def disk_device(disk: Disk, capacity: int, text: DiskText, backing: Any) -> Any:
    return vim.vm.device.VirtualDisk(
        key=disk.key,
        deviceInfo=vim.Description(label=disk.label, summary=f"{capacity // 1024:,} KB"),
        backing=backing,
        controllerKey=disk.controller_key,
        unitNumber=disk.unit,
        capacityInKB=capacity // 1024,
        capacityInBytes=capacity,
        diskObjectId=text.object_id,
        nativeUnmanagedLinkedClone=False,
    )


def flat_backing(disk: Disk, text: DiskText, parent: Any) -> Any:
    return vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=text.file,
        datastore=vim.Datastore(text.store),
        backingObjectId="",
        diskMode=disk.mode,
        split=False,
        writeThrough=False,
        thinProvisioned=True,
        uuid=text.uuid,
        contentId=text.content_id,
        parent=parent,
        deltaDiskFormat=None if parent is None else "redoLogFormat",
        digestEnabled=False,
        sharing="sharingNone",
    )


def _disk(world: World, vm: Vm, disk: Disk, frozen: FrozenDisk | None) -> Any:
    capacity = disk.capacity if frozen is None else frozen.capacity
    text = disk_text(world, vm, disk, disk.base)
    backing = _raw_mapping(disk, text) if disk.rdm else _chain(world, vm, disk, frozen)
    return disk_device(disk, capacity, text, backing)


def _raw_mapping(disk: Disk, text: DiskText) -> Any:
    return vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo(
        fileName=text.file,
        datastore=vim.Datastore(text.store),
        lunUuid=disk.uuid.replace("-", ""),
        deviceName="vml." + disk.uuid.replace("-", ""),
        compatibilityMode="physicalMode",
        diskMode=disk.mode,
        uuid=disk.uuid,
    )


def _chain(world: World, vm: Vm, disk: Disk, frozen: FrozenDisk | None) -> Any:
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
        backing = flat_backing(disk, disk_text(world, vm, disk, layer), backing)
    backing.changeId = change_id
    return backing


def nic_device(nic: Nic, mac: str, network: str | None, powered: bool) -> Any:
    """`network` is the moid of the port group that the card is plugged into."""
    device = vim.vm.device
    return device.VirtualVmxnet3(
        key=nic.key,
        deviceInfo=vim.Description(label=nic.label, summary=nic.network),
        backing=device.VirtualEthernetCard.NetworkBackingInfo(
            deviceName=nic.network,
            network=vim.Network(network) if network else None,
            useAutoDetect=False,
        ),
        connectable=device.VirtualDevice.ConnectInfo(
            startConnected=nic.connected,
            allowGuestControl=True,
            connected=nic.connected and powered,
            status="ok",
        ),
        controllerKey=100,
        unitNumber=7 + nic.key - 4000,
        addressType="assigned",
        macAddress=mac,
        wakeOnLanEnabled=True,
    )


def _nic(world: World, vm: Vm, nic: Nic) -> Any:
    network = world.network_named(vm.datacenter, nic.network)
    return nic_device(nic, nic.mac, network.moid if network else None, vm.power == "poweredOn")
