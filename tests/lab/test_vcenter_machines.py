"""Power, reconfiguration, ordered faults and restarts of the lab's vCenter, through the real pyVmomi."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from vcenter_client import MIB, Client, WaitForTask, connected, disks, vim, vmodl

from tests.lab.lab_process import LabProcess, StartLab


@pytest.fixture
def client(vcenter: LabProcess) -> Iterator[Client]:
    with connected(vcenter) as found:
        yield found


def wait_for_power(vm: Any, state: str, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if vm.runtime.powerState == state:
            return True
        time.sleep(0.02)
    return False


def test_power(client: Client) -> None:
    """S1.4: off and on as tasks; doing it twice is InvalidPowerState."""
    vm = client.vm("power-01")
    WaitForTask(vm.PowerOffVM_Task())
    assert vm.runtime.powerState == "poweredOff" and vm.guest.toolsRunningStatus == "guestToolsNotRunning"
    with pytest.raises(vim.fault.InvalidPowerState) as refused:
        WaitForTask(vm.PowerOffVM_Task())
    assert refused.value.existingState == "poweredOff"
    with pytest.raises(vim.fault.InvalidPowerState):
        vm.ShutdownGuest()
    WaitForTask(vm.PowerOnVM_Task())
    assert vm.runtime.powerState == "poweredOn"


def test_guest_shutdown(client: Client) -> None:
    """Domain pitfall 16: it takes a while, needs tools, and a guest may ignore it."""
    name, vm = "power-01", client.vm("power-01")
    client.set(name, tools="notRunning")
    with pytest.raises(vim.fault.ToolsUnavailable):
        vm.ShutdownGuest()
    client.set(name, tools="running", ignore_shutdown=True, shutdown_s=0.2)
    vm.ShutdownGuest()
    assert not wait_for_power(vm, "poweredOff", 0.6)
    client.set(name, ignore_shutdown=False)
    vm.ShutdownGuest()
    assert vm.runtime.powerState == "poweredOn", "it takes its time"
    assert wait_for_power(vm, "poweredOff")
    client.set(name, power="poweredOn")


def test_reconfigure(client: Client) -> None:
    """Annotation, network cards, disks: what cut-over changes, and what tells a planner that a disk changed."""
    name, vm = "web-01", client.vm("web-01")
    nic = next(
        device for device in vm.config.hardware.device if isinstance(device, vim.vm.device.VirtualVmxnet3)
    )
    nic.connectable.connected = nic.connectable.startConnected = False
    change = vim.vm.device.VirtualDeviceSpec(operation="edit", device=nic)
    WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="migrated & gone", deviceChange=[change])))
    assert vm.config.annotation == "migrated & gone"
    same = next(device for device in vm.config.hardware.device if device.key == nic.key)
    assert same.connectable.connected is False
    disk = disks(vm)[1]
    disk.capacityInBytes += MIB
    disk.capacityInKB = disk.capacityInBytes // 1024
    WaitForTask(vm.ReconfigVM_Task(_spec("edit", disk)))
    assert disks(vm)[1].capacityInBytes == 33 * MIB == os.path.getsize(client.status(name)["disks"][1]["path"])
    fresh = vim.vm.device.VirtualDisk(key=-1, controllerKey=1000, unitNumber=5, capacityInKB=1024)
    fresh.backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName="", diskMode="persistent")
    WaitForTask(vm.ReconfigVM_Task(_spec("add", fresh, "create")))
    added = disks(vm)[2]
    assert (added.unitNumber, added.capacityInBytes, added.deviceInfo.label) == (5, MIB, "Hard disk 3")
    snapshot = client.snapshot(vm)
    added.capacityInBytes *= 2
    with pytest.raises(vim.fault.InvalidState):
        WaitForTask(vm.ReconfigVM_Task(_spec("edit", added)))
    client.remove(snapshot)
    WaitForTask(vm.ReconfigVM_Task(_spec("remove", added, "destroy")))
    assert len(disks(vm)) == 2


def _spec(operation: str, device: Any, file_operation: str | None = None) -> Any:
    change = vim.vm.device.VirtualDeviceSpec(operation=operation, device=device, fileOperation=file_operation)
    return vim.vm.ConfigSpec(deviceChange=[change])


def test_rename_and_move(client: Client) -> None:
    """Renaming or moving a machine changes neither its uuid nor its files."""
    vm = client.vm("hard-01")
    before = (vm.config.instanceUuid, disks(vm)[0].backing.fileName)
    WaitForTask(vm.Rename_Task("hard renamed"))
    assert vm.name == vm.config.name == "hard renamed"
    assert (vm.config.instanceUuid, disks(vm)[0].backing.fileName) == before
    with pytest.raises(vim.fault.DuplicateName):
        WaitForTask(vm.Rename_Task("cbt-01"))
    WaitForTask(vm.Rename_Task("hard-01"))
    there = client.content.searchIndex.FindByInventoryPath("Lab/host/Lab-cluster/esx-02")
    WaitForTask(vm.RelocateVM_Task(vim.vm.RelocateSpec(host=there)))
    assert vm.runtime.host.name == "esx-02" and vm._moId in [other._moId for other in there.vm]


def test_into_another_folder(client: Client) -> None:
    """Its path is another one, it is listed once, its uuid is the same; only folders of machines take one."""
    vm, root = client.vm("hard-01"), client.content.searchIndex.FindByInventoryPath("Lab/vm")
    folder = next(one for one in root.childEntity if isinstance(one, vim.Folder))
    before = (vm.parent, vm.config.instanceUuid)
    WaitForTask(folder.MoveIntoFolder_Task([vm]))
    assert vm.parent == folder and vm in folder.childEntity and vm not in before[0].childEntity
    assert client.content.searchIndex.FindByInventoryPath(f"Lab/vm/{folder.name}/hard-01") == vm
    WaitForTask(before[0].MoveIntoFolder_Task([vm]))
    assert (vm.parent, vm.config.instanceUuid) == before
    with pytest.raises(vmodl.fault.NotSupported):
        client.content.searchIndex.FindByInventoryPath("Lab/host").MoveIntoFolder_Task([vm])


def test_faults_on_order(client: Client) -> None:
    """The Nth matching call fails with a vSphere fault, before or after it was carried out."""
    vm = client.vm("power-01")
    client.lab.control(
        "POST",
        "faults",
        {"match": "CreateSnapshot_Task power-01", "action": "fail", "status": 500, "code": "FileLocked"},
    )
    with pytest.raises(vim.fault.FileLocked):
        client.snapshot(vm)
    assert vm.snapshot is None
    client.lab.control("POST", "faults", {"match": "CreateSnapshot_Task", "action": "break", "when": "after"})
    with pytest.raises(Exception, match=r"IncompleteRead|element|closed"):
        client.snapshot(vm, "answer lost")
    end = time.monotonic() + 5
    while vm.snapshot is None and time.monotonic() < end:
        time.sleep(0.02)
    names = [node.name for node in vm.snapshot.rootSnapshotList]
    assert names == ["answer lost"], "the call was carried out, its answer lost"
    WaitForTask(vm.RemoveAllSnapshots_Task())
    client.lab.control("DELETE", "faults")


def test_guest_patterns_are_repeatable(client: Client, tmp_path: Path) -> None:
    """S12: same seed, same bytes at the same places; the four patterns do what their names say."""
    name = "model-01"
    written: dict[str, dict[str, int]] = {}
    for pattern in ("sequential", "random", "every-other-sector", "rewrite"):
        contents = []
        for seed in (1, 1, 2):
            order = {"vm": name, "pattern": pattern, "mib": 0.5, "seed": seed}
            written[pattern] = client.lab.control("POST", "write", order)
            contents.append(client.flatten(name, tmp_path / "x").read_bytes())
        assert contents[0] == contents[1] != contents[2]
        assert written[pattern]["bytes"] == MIB // 2
    assert written["every-other-sector"]["writes"] == 1024 and written["random"]["writes"] == 128
    assert client.lab.try_control("POST", "write", {"vm": name, "pattern": "loud"})[0] == 400
    assert client.lab.try_control("POST", "write", {"vm": "nobody"})[0] == 404
    assert client.lab.try_control("POST", "write", {"vm": "twin"})[0] == 409


def test_state_survives_a_kill(start_lab: StartLab, tmp_path: Path) -> None:
    """Issue 2, lab: kill -9 and start again: same port, uuids, snapshots, change ids, deltas and content."""
    lab = start_lab("vcenter", tmp_path, "--vms", "3", "--disk-gib", "0.0625")
    port = lab.section()["port"]
    client = Client(lab)
    vm = client.vm("vm-02")
    client.track(vm)
    client.write("vm-02", MIB, b"a" * 4096)
    snapshot = client.snapshot(vm, "kept")
    since = disks(snapshot)[0].backing.changeId
    client.write("vm-02", 2 * MIB, b"b" * 4096)
    uuid, moid = vm.config.instanceUuid, vm._moId
    gone = client.vm("vm-03")
    with pytest.raises(vim.fault.InvalidPowerState):
        gone.UnregisterVM()
    WaitForTask(gone.PowerOffVM_Task())
    gone.UnregisterVM()
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        _ = gone.name
    lab.stop(signal.SIGKILL)
    lab.arguments = ()
    lab.start()
    with connected(lab) as again:
        vm = again.vm("vm-02")
        assert (lab.section()["port"], vm.config.instanceUuid, vm._moId) == (port, uuid, moid)
        assert sorted(one.name for one in again.content.rootFolder.childEntity[0].vmFolder.childEntity) == ["vm-01", "vm-02"]
        kept = vm.snapshot.currentSnapshot
        assert kept._moId == snapshot._moId and disks(kept)[0].backing.changeId == since
        content = again.flatten("vm-02", tmp_path / "now").read_bytes()
        assert content[MIB : MIB + 4096] == b"a" * 4096 and content[2 * MIB : 2 * MIB + 4096] == b"b" * 4096
        later = again.snapshot(vm, "later")
        assert again.areas(vm, later, 2000, since) == [(2 * MIB, 2 * MIB + 65536)]
        again.remove(kept)
        assert again.flatten("vm-02", tmp_path / "now").read_bytes() == content
        with pytest.raises(vmodl.fault.ManagedObjectNotFound):
            again.remove(kept)
    lab.stop()
