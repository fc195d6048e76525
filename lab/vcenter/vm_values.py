"""The properties of virtual machines and their snapshots, built when asked for.

`PROPERTIES` maps the dotted paths that are cheap to answer on their own to functions; anything deeper is read from
the nearest one above it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from lab.vcenter.devices import device_list
from lab.vcenter.entities import Cluster
from lab.vcenter.inventory import World
from lab.vcenter.machine import Snapshot, Vm
from lab.vcenter.vimtypes import array, reference, vim

Build = Callable[[World, Vm], Any]

_WINDOWS = {"windows2019srv_64Guest": "Microsoft Windows Server 2019 (64-bit)"}


def _references(kind: str, owner: str, moids: list[str]) -> Any:
    return array(owner, [reference(kind, moid) for moid in moids])


def _networks(world: World, vm: Vm) -> Any:
    found = [world.network_named(vm.datacenter, nic.network) for nic in vm.nics]
    return _references("Network", "vim.Network", sorted({entry.moid for entry in found if entry is not None}))


def _datastores(world: World, vm: Vm) -> Any:
    return _references(
        "Datastore", "vim.Datastore", sorted({vm.datastore, *(disk.datastore for disk in vm.disks)})
    )


def _pool(world: World, vm: Vm) -> Any:
    host = world.objects[vm.host]
    cluster = world.objects.get(host.parent or "")
    return vim.ResourcePool(cluster.pool) if isinstance(cluster, Cluster) else None


def _extra_config(vm: Vm) -> list[Any]:
    values = {"svga.present": "TRUE", **vm.extra_config}
    if vm.cbt:
        values["ctkEnabled"] = "TRUE"
        values |= {f"{vm.place(disk)}.ctkEnabled": "TRUE" for disk in vm.disks if disk.in_snapshots}
    return [vim.option.OptionValue(key=key, value=value) for key, value in values.items()]


def hardware(world: World, vm: Vm, snapshot: Snapshot | None = None) -> Any:
    return vim.vm.VirtualHardware(
        numCPU=vm.cpus,
        numCoresPerSocket=1,
        memoryMB=vm.memory_mb,
        virtualICH7MPresent=False,
        virtualSMCPresent=False,
        device=device_list(world, vm, snapshot),
    )


def config(world: World, vm: Vm, snapshot: Snapshot | None = None) -> Any:
    """vim.vm.ConfigInfo, now or as a snapshot keeps it."""
    store = world.objects[vm.datastore].name
    place = f"[{store}] {vm.directory}/"
    return vim.vm.ConfigInfo(
        changeVersion=str(vm.change_version),
        modified=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        name=vm.name,
        guestFullName=guest_name(vm),
        version=vm.hw,
        uuid=vm.uuid,
        instanceUuid=vm.instance_uuid,
        locationId="",
        template=vm.template,
        guestId=vm.guest_id,
        alternateGuestName="",
        annotation=vm.annotation,
        files=_files(vm, place),
        flags=vim.vm.FlagInfo(),
        defaultPowerOps=vim.vm.DefaultPowerOpInfo(),
        hardware=hardware(world, vm, snapshot),
        extraConfig=_extra_config(vm),
        bootOptions=_boot_options(world, vm),
        changeTrackingEnabled=vm.cbt,
        firmware=vm.firmware,
    )


def _files(vm: Vm, place: str) -> Any:
    return vim.vm.FileInfo(
        vmPathName=f"{place}{vm.directory}.vmx",
        snapshotDirectory=place,
        suspendDirectory=place,
        logDirectory=place,
    )


def _boot_order(vm: Vm) -> list[Any]:
    return [vim.vm.BootOptions.BootableDiskDevice(deviceKey=disk.key) for disk in vm.disks[:1]]


def _boot_options(world: World, vm: Vm) -> Any:
    return vim.vm.BootOptions(
        bootDelay=0,
        enterBIOSSetup=False,
        efiSecureBootEnabled=False,
        bootRetryEnabled=False,
        bootRetryDelay=10000,
        bootOrder=_boot_order(vm),
    )


def guest_name(vm: Vm) -> str:
    if "windows" in vm.guest_id.lower():
        return _WINDOWS.get(vm.guest_id, "Microsoft Windows Server (64-bit)")
    return f"{vm.guest_id.removesuffix('64Guest').removesuffix('_').capitalize()} Linux (64-bit)"


def runtime(world: World, vm: Vm) -> Any:
    booted = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) if vm.power == "poweredOn" else None
    return vim.vm.RuntimeInfo(
        host=vim.HostSystem(vm.host),
        connectionState="connected",
        powerState=vm.power,
        faultToleranceState="notConfigured",
        toolsInstallerMounted=False,
        bootTime=booted,
        maxCpuUsage=vm.cpus * 2400,
        maxMemoryUsage=vm.memory_mb,
        numMksConnections=0,
        recordReplayState="inactive",
        consolidationNeeded=vm.consolidation_needed,
    )


def tools_run(vm: Vm) -> bool:
    return vm.power == "poweredOn" and vm.settings.tools == "running"


def tools_status(vm: Vm) -> str:
    if vm.settings.tools == "notInstalled":
        return "toolsNotInstalled"
    return "toolsOk" if tools_run(vm) else "toolsNotRunning"


def running_status(vm: Vm) -> str:
    return "guestToolsRunning" if tools_run(vm) else "guestToolsNotRunning"


def host_name(vm: Vm) -> str:
    return vm.name.lower().replace(" ", "-")


def ip_address(vm: Vm) -> str | None:
    return next((nic.ip for nic in vm.nics if nic.ip), None)


def can_be_tracked(vm: Vm) -> bool:
    """Change tracking needs virtual hardware 7 or newer."""
    return int(vm.hw.removeprefix("vmx-")) >= 7


def guest(world: World, vm: Vm) -> Any:
    """vim.vm.GuestInfo: what VMware Tools report, so next to nothing when they do not run."""
    running = tools_run(vm)
    status = tools_status(vm)
    return vim.vm.GuestInfo(
        toolsStatus=status,
        toolsVersionStatus2="guestToolsNotInstalled" if status == "toolsNotInstalled" else "guestToolsCurrent",
        toolsRunningStatus=running_status(vm),
        toolsVersion="12352" if status != "toolsNotInstalled" else "0",
        guestId=vm.guest_id if running else None,
        guestFamily=("windowsGuest" if "windows" in vm.guest_id.lower() else "linuxGuest") if running else None,
        guestFullName=guest_name(vm) if running else None,
        hostName=host_name(vm) if running else None,
        ipAddress=ip_address(vm) if running else None,
        net=_guest_nets(vm) if running else [],
        guestState="running" if running else "notRunning",
    )


def _guest_nets(vm: Vm) -> list[Any]:
    return [
        vim.vm.GuestInfo.NicInfo(
            network=nic.network,
            ipAddress=[nic.ip] if nic.ip else [],
            macAddress=nic.mac,
            connected=nic.connected,
            deviceConfigId=nic.key,
        )
        for nic in vm.nics
    ]


def snapshot_info(world: World, vm: Vm) -> Any:
    """vim.vm.SnapshotInfo; None (unset) without snapshots, as vCenter has it."""
    tree: Any = None
    with vm.lock:
        snapshots = list(vm.snapshots)
    for entry in reversed(snapshots):
        tree = vim.vm.SnapshotTree(
            snapshot=vim.vm.Snapshot(entry.moid),
            vm=vim.VirtualMachine(vm.moid),
            name=entry.name,
            description=entry.description,
            id=entry.number,
            createTime=datetime.datetime.fromisoformat(entry.created),
            state=entry.power,
            quiesced=False,
            backupManifest=None,
            childSnapshotList=[tree] if tree else [],
            replaySupported=False,
        )
    if tree is None:
        return None
    return vim.vm.SnapshotInfo(currentSnapshot=vim.vm.Snapshot(snapshots[-1].moid), rootSnapshotList=[tree])


def _used(vm: Vm) -> int:
    return sum(layer.used() for disk in list(vm.disks) for layer in list(disk.chain))


def storage_summary(world: World, vm: Vm) -> Any:
    used = _used(vm)
    whole = sum(disk.capacity for disk in vm.disks)
    return vim.vm.Summary.StorageSummary(
        committed=used,
        uncommitted=max(0, whole - used),
        unshared=used,
        timestamp=datetime.datetime.now(datetime.UTC),
    )


def layout(world: World, vm: Vm) -> Any:
    """vim.vm.FileLayoutEx: every file of the VM with its size, and each disk's chain of files."""
    files: list[Any] = []
    disks: list[Any] = []
    store = world.objects[vm.datastore].name
    for disk in list(vm.disks):
        units = []
        for layer in list(disk.chain):
            keys = [len(files), len(files) + 1]
            extent = f"{layer.name.removesuffix('.vmdk')}-{'flat' if layer.is_base else 'delta'}.vmdk"
            files.append(_file(keys[0], f"[{store}] {layer.name}", "diskDescriptor", 512))
            files.append(_file(keys[1], f"[{store}] {extent}", "diskExtent", layer.used()))
            units.append(vim.vm.FileLayoutEx.DiskUnit(fileKey=keys))
        disks.append(vim.vm.FileLayoutEx.DiskLayout(key=disk.key, chain=units))
    return vim.vm.FileLayoutEx(file=files, disk=disks, timestamp=datetime.datetime.now(datetime.UTC))


def _file(key: int, name: str, kind: str, size: int) -> Any:
    return vim.vm.FileLayoutEx.FileInfo(
        key=key, name=name, type=kind, size=size, uniqueSize=size, accessible=True
    )


def summary(world: World, vm: Vm) -> Any:
    store = world.objects[vm.datastore].name
    return vim.vm.Summary(
        vm=vim.VirtualMachine(vm.moid),
        runtime=runtime(world, vm),
        config=vim.vm.Summary.ConfigSummary(
            name=vm.name,
            template=vm.template,
            vmPathName=f"[{store}] {vm.directory}/{vm.directory}.vmx",
            memorySizeMB=vm.memory_mb,
            numCpu=vm.cpus,
            numEthernetCards=len(vm.nics),
            numVirtualDisks=len(vm.disks),
            uuid=vm.uuid,
            instanceUuid=vm.instance_uuid,
            guestId=vm.guest_id,
            guestFullName=guest_name(vm),
            annotation=vm.annotation,
            hwVersion=vm.hw,
        ),
        storage=storage_summary(world, vm),
        quickStats=vim.vm.Summary.QuickStats(guestHeartbeatStatus="green"),
        overallStatus="green",
        guest=_guest_summary(world, vm),
    )


def _guest_summary(world: World, vm: Vm) -> Any:
    full = guest(world, vm)
    names = (
        "toolsStatus",
        "toolsVersionStatus2",
        "toolsRunningStatus",
        "hostName",
        "ipAddress",
        "guestId",
        "guestFullName",
    )
    return vim.vm.Summary.GuestSummary(**{name: getattr(full, name) for name in names})


def capability(world: World, vm: Vm) -> Any:
    off = dict.fromkeys(_CAPABILITIES, False)
    return vim.vm.Capability(**{**off, "snapshotOperationsSupported": True, "multipleSnapshotsSupported": True},
                             changeTrackingSupported=can_be_tracked(vm))  # fmt: skip


_CAPABILITIES = (
    "snapshotOperationsSupported", "multipleSnapshotsSupported", "snapshotConfigSupported",
    "poweredOffSnapshotsSupported", "memorySnapshotsSupported", "revertToSnapshotSupported",
    "quiescedSnapshotsSupported", "disableSnapshotsSupported", "lockSnapshotsSupported",
    "consolePreferencesSupported", "cpuFeatureMaskSupported", "s1AcpiManagementSupported",
    "settingScreenResolutionSupported", "toolsAutoUpdateSupported", "vmNpivWwnSupported",
    "npivWwnOnNonRdmVmSupported", "swapPlacementSupported", "toolsSyncTimeSupported",
    "virtualMmuUsageSupported", "diskSharesSupported", "bootOptionsSupported",
    "settingVideoRamSizeSupported",
)  # fmt: skip

PROPERTIES: dict[str, Build] = {
    "name": lambda world, vm: vm.name,
    "parent": lambda world, vm: vim.Folder(vm.parent),
    "config": config,
    "config.name": lambda world, vm: vm.name,
    "config.instanceUuid": lambda world, vm: vm.instance_uuid,
    "config.uuid": lambda world, vm: vm.uuid,
    "config.version": lambda world, vm: vm.hw,
    "config.guestId": lambda world, vm: vm.guest_id,
    "config.guestFullName": lambda world, vm: guest_name(vm),
    "config.firmware": lambda world, vm: vm.firmware,
    "config.template": lambda world, vm: vm.template,
    "config.annotation": lambda world, vm: vm.annotation,
    "config.changeTrackingEnabled": lambda world, vm: vm.cbt,
    "config.changeVersion": lambda world, vm: str(vm.change_version),
    "config.bootOptions": _boot_options,
    "config.bootOptions.bootOrder": lambda world, vm: array(
        "vim.vm.BootOptions.BootableDevice", _boot_order(vm)
    ),
    "config.extraConfig": lambda world, vm: array("vim.option.OptionValue", _extra_config(vm)),
    "config.hardware": hardware,
    "config.hardware.numCPU": lambda world, vm: vm.cpus,
    "config.hardware.memoryMB": lambda world, vm: vm.memory_mb,
    "config.hardware.device": lambda world, vm: array("vim.vm.device.VirtualDevice", device_list(world, vm)),
    "runtime": runtime,
    "runtime.powerState": lambda world, vm: vim.VirtualMachine.PowerState(vm.power),
    "runtime.host": lambda world, vm: vim.HostSystem(vm.host),
    "runtime.consolidationNeeded": lambda world, vm: vm.consolidation_needed,
    "runtime.connectionState": lambda world, vm: vim.VirtualMachine.ConnectionState("connected"),
    "guest": guest,
    "guest.toolsStatus": lambda world, vm: vim.vm.GuestInfo.ToolsStatus(tools_status(vm)),
    "guest.toolsRunningStatus": lambda world, vm: running_status(vm),
    "guest.hostName": lambda world, vm: host_name(vm) if tools_run(vm) else None,
    "guest.ipAddress": lambda world, vm: ip_address(vm) if tools_run(vm) else None,
    "guest.net": lambda world, vm: array("vim.vm.GuestInfo.NicInfo", _guest_nets(vm) if tools_run(vm) else []),
    "snapshot": snapshot_info,
    "rootSnapshot": lambda world, vm: _references(
        "VirtualMachineSnapshot", "vim.vm.Snapshot", [entry.moid for entry in vm.snapshots[:1]]
    ),
    "summary": summary,
    "summary.storage": storage_summary,
    "layoutEx": layout,
    "capability": capability,
    "capability.changeTrackingSupported": lambda world, vm: can_be_tracked(vm),
    "datastore": _datastores,
    "network": _networks,
    "resourcePool": _pool,
    "recentTask": lambda world, vm: _references("Task", "vim.Task", [vm.task.moid] if vm.task else []),
    "overallStatus": lambda world, vm: vim.ManagedEntity.Status("green"),
    "guestHeartbeatStatus": lambda world, vm: vim.ManagedEntity.Status("green"),
    "configStatus": lambda world, vm: vim.ManagedEntity.Status("green"),
    "effectiveRole": lambda world, vm: array("int", [-1]),
}

VOLATILE = ("layoutEx", "summary", "summary.storage", "recentTask")
"""Paths whose values change without the VM being touched: never cached."""


def snapshot_property(world: World, snapshot: Snapshot, path: str) -> Any:
    """A property of vim.vm.Snapshot; KeyError when this snapshot has none of that name."""
    vm = world.objects[snapshot.vm]
    if not isinstance(vm, Vm):
        raise KeyError(path)
    match path:
        case "config":
            return config(world, vm, snapshot)
        case "config.hardware":
            return hardware(world, vm, snapshot)
        case "config.hardware.device":
            return array("vim.vm.device.VirtualDevice", device_list(world, vm, snapshot))
        case "vm":
            return vim.VirtualMachine(vm.moid)
        case "childSnapshot":
            below = [entry.moid for entry in vm.snapshots if entry.parent == snapshot.moid]
            return _references("VirtualMachineSnapshot", "vim.vm.Snapshot", below)
        case _:
            raise KeyError(path)
