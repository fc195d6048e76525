"""What can be done to a VM besides snapshots: reconfigure, power, rename, move, grow, add and remove disks."""

from __future__ import annotations

import threading
from typing import Any

from lab.vcenter.build import make_disk
from lab.vcenter.disks import Disk
from lab.vcenter.entities import Folder, Host
from lab.vcenter.files import make_sparse
from lab.vcenter.inventory import World
from lab.vcenter.machine import Controller, Vm, track_path
from lab.vcenter.snapshots import start_tracking, stunned
from lab.vcenter.vimtypes import Fault, invalid_argument, vim, vmodl


def reconfigure(world: World, vm: Vm, spec: Any) -> None:
    """Carry out a vim.vm.ConfigSpec: tracking, annotation, name, size, extraConfig, disks and network cards."""
    with vm.lock:
        if spec.changeTrackingEnabled is not None:
            _set_tracking(vm, bool(spec.changeTrackingEnabled))
        for change in spec.deviceChange:
            _change_device(world, vm, change)
        for name, value in (("annotation", spec.annotation), ("name", spec.name), ("cpus", spec.numCPUs)):
            if value is not None:
                setattr(vm, name, value)
        if spec.memoryMB is not None:
            vm.memory_mb = int(spec.memoryMB)
        for option in spec.extraConfig:
            vm.extra_config[option.key] = str(option.value)
            if option.key.lower() == "ctkenabled":
                _set_tracking(vm, str(option.value).lower() == "true")
        vm.change_version += 1
        vm.save()
    world.touch(vm)


def _set_tracking(vm: Vm, on: bool) -> None:
    if on == vm.cbt:
        return
    if vm.snapshots:
        text = "Change tracking cannot be switched on or off while the virtual machine has snapshots."
        raise Fault(vim.fault.InvalidState(), text)
    if on and int(vm.hw.removeprefix("vmx-")) < 7:
        raise Fault(vmodl.fault.NotSupported(), f"Virtual hardware {vm.hw} does not support change tracking.")
    vm.cbt = on


def _change_device(world: World, vm: Vm, change: Any) -> None:
    device, kind = change.device, vim.vm.device
    match str(change.operation), device:
        case "edit", kind.VirtualDisk():
            disk = _known_disk(vm, device.key)
            wanted = device.capacityInBytes or (device.capacityInKB or 0) * 1024
            if wanted and wanted != disk.capacity:
                grow(world, vm, disk, wanted)
        case "edit", kind.VirtualEthernetCard():
            nic = next((entry for entry in vm.nics if entry.key == device.key), None)
            if nic is None:
                raise invalid_argument("configSpec.deviceChange.device.key")
            if device.connectable is not None:
                nic.connected = bool(device.connectable.connected or device.connectable.startConnected)
        case "add", kind.VirtualDisk():
            capacity = device.capacityInBytes or (device.capacityInKB or 0) * 1024
            add_disk(world, vm, capacity, device.controllerKey, device.unitNumber)
        case "remove", kind.VirtualDisk():
            remove_disk(world, vm, _known_disk(vm, device.key), str(change.fileOperation) == "destroy")
        case operation, _:
            text = f"The lab's vCenter cannot {operation} a {type(device).__name__}."
            raise Fault(vmodl.fault.NotSupported(), text)


def _known_disk(vm: Vm, key: int) -> Disk:
    disk = vm.disk(key)
    if disk is None:
        raise invalid_argument("configSpec.deviceChange.device.key")
    return disk


def grow(world: World, vm: Vm, disk: Disk, capacity: int) -> None:
    """Make a disk larger, in bytes; never smaller, never under a snapshot."""
    with vm.lock:
        if capacity < disk.capacity or capacity % 512:
            raise invalid_argument("capacityInBytes")
        if vm.snapshots or len(disk.chain) > 1:
            raise Fault(
                vim.fault.InvalidState(), "A disk cannot be extended while the virtual machine has snapshots."
            )
        disk.grow(capacity)
        vm.save()
    world.touch(vm)


def add_disk(world: World, vm: Vm, capacity: int, controller_key: int | None, unit: int | None) -> Disk:
    """Attach a new empty disk of `capacity` bytes; on the first controller's next free unit unless told."""
    with vm.lock:
        controller = _controller(vm, controller_key)
        taken = {disk.unit for disk in vm.disks if disk.controller_key == controller.key}
        free = next(number for number in range(64) if number not in taken and number != 7)
        place = free if unit is None or unit < 0 else unit
        if place in taken or capacity <= 0 or capacity % 512:
            raise invalid_argument("configSpec.deviceChange.device")
        store = world.objects[vm.datastore]
        folder = world.datastore_folder(store) / vm.directory
        disk = make_disk(vm, controller, place, capacity, store.moid, folder)
        make_sparse(disk.base.path, capacity)
        vm.disks.append(disk)
        vm.save()
    world.touch(vm)
    return disk


def _controller(vm: Vm, key: int | None) -> Controller:
    if key is None and not vm.controllers:
        vm.controllers.append(Controller(1000, "ParaVirtualSCSIController", "scsi", 0))
    found = next((entry for entry in vm.controllers if key in (None, entry.key)), None)
    if found is None:
        raise invalid_argument("configSpec.deviceChange.device.controllerKey")
    return found


def remove_disk(world: World, vm: Vm, disk: Disk, destroy: bool) -> None:
    """Detach a disk, and delete its files with `destroy`; not while a snapshot holds it."""
    with vm.lock:
        if any(entry.disk is disk for snapshot in vm.snapshots for entry in snapshot.disks):
            raise Fault(vim.fault.InvalidState(), f"{disk.label} is part of a snapshot and cannot be removed.")
        vm.disks.remove(disk)
        vm.save()
    if destroy:
        with disk.lock:  # no write is under way on a file that goes
            for layer in disk.chain:
                layer.unlink()
            track_path(disk).unlink(missing_ok=True)
    world.touch(vm)


def set_power(world: World, vm: Vm, state: str) -> None:
    """Power on or off at once. Raises InvalidPowerState when it is in that state already."""
    with vm.lock:
        if vm.power == state:
            raise wrong_power(vm, "poweredOff" if state == "poweredOn" else "poweredOn")
        with stunned(vm):
            if state == "poweredOn":
                start_tracking(vm)
            vm.power = state
            vm.save()
    world.touch(vm)


def wrong_power(vm: Vm, requested: str) -> Fault:
    detail = vim.fault.InvalidPowerState(requestedState=requested, existingState=vm.power)
    return Fault(
        detail, f"The attempted operation cannot be performed in the current state ({_words(vm.power)})."
    )


def _words(power: str) -> str:
    return "Powered on" if power == "poweredOn" else "Powered off"


def shutdown_guest(world: World, vm: Vm) -> None:
    """Ask the guest to power off; it does so a while later, or never when it was told to ignore this."""
    if vm.power != "poweredOn":
        raise wrong_power(vm, "poweredOn")
    if vm.settings.tools != "running":
        text = "Cannot complete operation because VMware Tools is not running in this virtual machine."
        raise Fault(vim.fault.ToolsUnavailable(), text)
    if vm.settings.ignore_shutdown:
        return
    timer = threading.Timer(vm.settings.shutdown_s, _power_off_quietly, [world, vm])
    timer.daemon = True
    timer.start()


def _power_off_quietly(world: World, vm: Vm) -> None:
    with vm.lock:
        if vm.power == "poweredOn" and not vm.settings.ignore_shutdown:
            set_power(world, vm, "poweredOff")


def rename(world: World, vm: Vm, name: str) -> None:
    """Give the VM another name; its folder and files in the datastore keep theirs."""
    if not name:
        raise invalid_argument("newName")
    siblings = [world.objects.get(moid) for moid in world.children(world.objects[vm.folder])]
    if any(other is not None and other is not vm and other.name == name for other in siblings):
        detail = vim.fault.DuplicateName(name=name, object=vim.VirtualMachine(vm.moid))
        raise Fault(detail, f"The name '{name}' already exists.")
    with vm.lock:
        vm.name = name
        vm.save()
    world.touch(vm)


def unregister(world: World, vm: Vm) -> None:
    """Take it out of the inventory; its files stay. Raises InvalidPowerState while it runs."""
    with vm.lock:
        if vm.power != "poweredOff":
            raise wrong_power(vm, "poweredOff")
        vm.registered = False
        vm.save()
    world.remove_vm(vm)


def move(world: World, vm: Vm, folder: Folder) -> None:
    """Into another folder of the same datacenter."""
    with vm.lock:
        world.refile_vm(vm, folder)
        vm.save()


def relocate(world: World, vm: Vm, spec: Any) -> None:
    """Move to another host; moving the disks to another datastore is not simulated."""
    if spec.datastore is not None and spec.datastore._moId != vm.datastore:
        raise Fault(vmodl.fault.NotSupported(), "The lab's vCenter does not move disks between datastores.")
    if spec.host is None:
        return
    if not isinstance(world.objects.get(spec.host._moId), Host):
        raise invalid_argument("spec.host")
    world.move_vm(vm, spec.host._moId)
    with vm.lock:
        with stunned(vm):
            start_tracking(vm)  # a vMotion ends in a stun
        vm.save()
