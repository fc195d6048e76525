"""The methods of virtual machines and snapshots, as SOAP calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.vcenter import operations, snapshots
from lab.vcenter.areas import query
from lab.vcenter.context import Context
from lab.vcenter.disks import Disk
from lab.vcenter.entities import Folder, Managed
from lab.vcenter.machine import Snapshot, Vm
from lab.vcenter.vimtypes import Fault, invalid_argument, vim, vmodl


def _vm(this: Managed) -> Vm:
    if not isinstance(this, Vm):
        raise Fault(vmodl.fault.NotSupported(), f"{this.kind} does not support this operation.")
    return this


def _snapshot_vm(context: Context, this: Managed) -> tuple[Snapshot, Vm]:
    if not isinstance(this, Snapshot):
        raise Fault(vmodl.fault.NotSupported(), f"{this.kind} does not support this operation.")
    return this, _vm(context.scope.find(this.vm, "VirtualMachine"))


def _reconfigure(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    vm = _vm(this)
    return context.tasks.start(
        vm, "VirtualMachine.reconfigure", lambda task: operations.reconfigure(context.world, vm, given["spec"])
    )


def _create_snapshot(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    vm = _vm(this)

    def work(task: Any) -> Any:
        made = snapshots.create(context.world, vm, given["name"], given.get("description") or "")
        return vim.vm.Snapshot(made.moid)

    return context.tasks.start(vm, "VirtualMachine.createSnapshot", work)


def _remove_snapshot(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    snapshot, vm = _snapshot_vm(context, this)
    consolidate = given["consolidate"] is not False  # unset means yes

    def work(task: Any) -> None:
        snapshots.remove(
            context.world, vm, snapshot, children=bool(given["removeChildren"]), consolidate=consolidate
        )

    return context.tasks.start(vm, "VirtualMachineSnapshot.remove", work)


def _remove_all(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    vm = _vm(this)

    def work(task: Any) -> None:
        if vm.snapshots:
            snapshots.remove(
                context.world, vm, vm.snapshots[0], children=True, consolidate=given["consolidate"] is not False
            )

    return context.tasks.start(vm, "VirtualMachine.removeAllSnapshots", work)


def _consolidate(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    vm = _vm(this)
    return context.tasks.start(
        vm, "VirtualMachine.consolidateDisks", lambda task: snapshots.consolidate_disks(context.world, vm)
    )


def _power(state: str, method: str) -> Callable[[Context, Managed, dict[str, Any]], Any]:
    def start(context: Context, this: Managed, given: dict[str, Any]) -> Any:
        vm = _vm(this)
        return context.tasks.start(
            vm, f"VirtualMachine.{method}", lambda task: operations.set_power(context.world, vm, state)
        )

    return start


def _query(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    vm = _vm(this)
    snapshot: Snapshot | None = None
    if given["snapshot"] is not None:
        found = context.scope.find(given["snapshot"]._moId, "VirtualMachineSnapshot")
        if not isinstance(found, Snapshot) or found.vm != vm.moid:
            raise invalid_argument("snapshot")
        snapshot = found
    return query(context.world, vm, snapshot, given["deviceKey"], given["startOffset"], given["changeId"])


def _rename(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    vm = _vm(this)
    return context.tasks.start(
        vm, "VirtualMachine.rename", lambda task: operations.rename(context.world, vm, given["newName"])
    )


def _move(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    """Folder.MoveIntoFolder_Task, of virtual machines."""
    if not isinstance(this, Folder) or "VirtualMachine" not in this.child_types:
        raise Fault(vmodl.fault.NotSupported(), f"{this.name} takes no virtual machines.")
    vms = [_vm(context.scope.find(one._moId, "VirtualMachine")) for one in given["list"]]
    if not vms:
        raise invalid_argument("list")

    def work(task: Any) -> None:
        for vm in vms:
            operations.move(context.world, vm, this)

    return context.tasks.start(vms[0], "Folder.moveInto", work)


def _relocate(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    vm = _vm(this)
    return context.tasks.start(
        vm, "VirtualMachine.relocate", lambda task: operations.relocate(context.world, vm, given["spec"])
    )


def _extend(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    """VirtualDiskManager.ExtendVirtualDisk_Task: the disk is named by its descriptor's path."""
    world = context.world
    capacity = int(given["newCapacityKb"]) * 1024
    for vm in world.vms():
        for disk in vm.disks:
            if f"[{world.disk_datastore(disk).name}] {disk.base.name}" == given["name"]:
                return _start_grow(context, vm, disk, capacity)
    raise Fault(vim.fault.FileNotFound(file=given["name"]), f"File {given['name']} was not found")


def _start_grow(context: Context, vm: Vm, disk: Disk, capacity: int) -> Any:
    return context.tasks.start(
        vm, "VirtualMachine.reconfigure", lambda task: operations.grow(context.world, vm, disk, capacity)
    )


METHODS: dict[str, Callable[[Context, Managed, dict[str, Any]], Any]] = {
    "ReconfigVM_Task": _reconfigure,
    "CreateSnapshot_Task": _create_snapshot,
    "CreateSnapshotEx_Task": _create_snapshot,
    "RemoveSnapshot_Task": _remove_snapshot,
    "RemoveAllSnapshots_Task": _remove_all,
    "ConsolidateVMDisks_Task": _consolidate,
    "PowerOnVM_Task": _power("poweredOn", "powerOn"),
    "PowerOffVM_Task": _power("poweredOff", "powerOff"),
    "ShutdownGuest": lambda context, this, given: operations.shutdown_guest(context.world, _vm(this)),
    "QueryChangedDiskAreas": _query,
    "Rename_Task": _rename,
    "MoveIntoFolder_Task": _move,
    "UnregisterVM": lambda context, this, given: operations.unregister(context.world, _vm(this)),
    "RelocateVM_Task": _relocate,
    "ExtendVirtualDisk_Task": _extend,
    "RefreshStorageInfo": lambda context, this, given: None,
}
