"""The lab's vCenter as an inventory tool sees it, through the real pyVmomi."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
from vcenter_client import PC, Client, SmartConnect, connected, disks, vim, vmodl

from tests.lab.lab_process import LabProcess

PATHS = [
    "name", "parent", "config.instanceUuid", "config.version", "config.hardware.device", "config.extraConfig",
    "config.bootOptions", "config.changeTrackingEnabled", "runtime.powerState", "runtime.host", "guest.net",
    "guest.toolsStatus", "snapshot", "datastore", "network", "layoutEx", "summary.storage",
    "capability.changeTrackingSupported",
]  # fmt: skip


@pytest.fixture
def client(vcenter: LabProcess) -> Iterator[Client]:
    with connected(vcenter) as found:
        yield found


def all_vms(client: Client, paths: list[str], page: int | None = None) -> dict[str, dict[str, Any]]:
    view = client.content.viewManager.CreateContainerView(client.content.rootFolder, [vim.VirtualMachine], True)
    walk = PC.TraversalSpec(name="all", type=vim.view.ContainerView, path="view", skip=False)
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
        propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=paths)],
    )
    collector = client.content.propertyCollector
    answer = collector.RetrievePropertiesEx([spec], PC.RetrieveOptions(maxObjects=page))
    objects = list(answer.objects)
    while answer.token:
        assert page is not None and len(answer.objects) == page
        answer = collector.ContinueRetrievePropertiesEx(answer.token)
        objects += answer.objects
    view.DestroyView()
    return {entry.obj._moId: {prop.name: prop.val for prop in entry.propSet} for entry in objects}


def test_wrong_password_is_refused(vcenter: LabProcess) -> None:
    """Bad input of issue 2: InvalidLogin, typed, with vCenter's words."""
    with pytest.raises(vim.fault.InvalidLogin, match="incorrect user name or password"):
        Client(vcenter, "wrong")


def test_unknown_ca_is_refused(vcenter: LabProcess) -> None:
    """S6: a client that does not trust the lab's CA does not get in."""
    with pytest.raises(OSError, match="certificate"):
        SmartConnect(
            host="127.0.0.1",
            port=vcenter.section()["port"],
            user="x",
            pwd="y",
            sslContext=ssl.create_default_context(),
        )


def test_about_and_clock(client: Client) -> None:
    """S3: the source has an identity of its own and a clock."""
    about = client.content.about
    assert about.apiType == "VirtualCenter" and len(about.instanceUuid) == 36
    assert abs(client.si.CurrentTime().timestamp() - time.time()) < 5
    assert client.content.sessionManager.currentSession.userName == client.section["user"]


def test_everything_of_one_machine(client: Client) -> None:
    """D2: what the planner observes of a VM is there, with vSphere's names and types."""
    vm = client.vm("web-01")
    config = vm.config
    assert (config.name, config.guestId, config.firmware, config.version) == (
        "web-01", "windows2019srv_64Guest", "efi", "vmx-19",
    )  # fmt: skip
    assert (config.hardware.numCPU, config.hardware.memoryMB) == (4, 8192)
    assert vm.runtime.powerState == "poweredOn" and vm.runtime.host.name == "esx-01"
    assert vm.runtime.consolidationNeeded is False and vm.snapshot is None and vm.rootSnapshot == []
    assert vm.guest.toolsRunningStatus == "guestToolsRunning" and vm.guest.ipAddress == "10.20.1.11"
    first, second = disks(vm)
    assert (first.deviceInfo.label, first.key, first.unitNumber, first.capacityInBytes) == (
        "Hard disk 1", 2000, 0, 64 << 20,
    )  # fmt: skip
    assert first.backing.fileName == "[ds-01] web-01/web-01.vmdk" and first.backing.parent is None
    assert first.backing.changeId is None and first.backing.diskMode == "persistent"
    assert second.key == 2018 and second.controllerKey == 1001
    nics = [device for device in config.hardware.device if isinstance(device, vim.vm.device.VirtualVmxnet3)]
    assert nics[0].macAddress == "00:50:56:00:00:01" and nics[0].backing.network.name == "VLAN110-web"
    assert nics[0].connectable.connected is True
    assert [store.name for store in vm.datastore] == ["ds-01"]
    assert {network.name for network in vm.network} == {"VLAN110-web", "VLAN120-db"}
    assert {entry.key: entry.value for entry in config.extraConfig}["svga.present"] == "TRUE"
    assert len(vm.layoutEx.disk) == 2 and vm.summary.storage.uncommitted > 0
    assert config.bootOptions.bootOrder[0].deviceKey == 2000


def test_what_hinders_replication_shows(client: Client) -> None:
    """Domain pitfall 8: independent, physical RDM, shared bus and old hardware can be told from the properties."""
    vm = client.vm("odd-01")
    independent, mapped, shared = disks(vm)
    assert independent.backing.diskMode == "independent_persistent"
    assert isinstance(mapped.backing, vim.vm.device.VirtualDisk.RawDiskMappingVer1BackingInfo)
    assert mapped.backing.compatibilityMode == "physicalMode"
    controller = next(device for device in vm.config.hardware.device if device.key == shared.controllerKey)
    assert isinstance(controller, vim.vm.device.ParaVirtualSCSIController)
    assert controller.sharedBus == "physicalSharing"
    assert vm.config.version == "vmx-4" and vm.capability.changeTrackingSupported is False


def test_pages_give_every_machine_once(client: Client) -> None:
    """D2: paging with maxObjects loses and repeats nothing, and unset properties are left out."""
    whole = all_vms(client, PATHS)
    paged = all_vms(client, PATHS, page=4)
    assert len(whole) == 15 and list(paged) == list(whole)
    for moid, properties in whole.items():
        assert "snapshot" not in properties, "unset is left out, not null"
        assert set(PATHS) - {"snapshot", "guest.net"} <= set(properties), moid
        assert len(paged[moid]["config.hardware.device"]) == len(properties["config.hardware.device"])


def test_quick_device_lists_are_the_same_as_typed_ones(client: Client) -> None:
    """The templates behind big inventories say exactly what pyVmomi's own serialiser says."""
    vms = all_vms(client, ["config.hardware.device", "config.hardware"])
    assert vms
    for properties in vms.values():
        assert str(properties["config.hardware.device"]) == str(properties["config.hardware"].device)


def test_bad_paths_and_dead_objects_are_typed_faults(client: Client) -> None:
    """Errors are part of the interface: InvalidProperty names the path, ManagedObjectNotFound the object."""
    with pytest.raises(vmodl.query.InvalidProperty) as invalid:
        all_vms(client, ["name", "config.noSuchThing"])
    assert invalid.value.name == "config.noSuchThing"
    gone = vim.VirtualMachine("vm-1", client.si._stub)
    with pytest.raises(vmodl.fault.ManagedObjectNotFound) as missing:
        _ = gone.name
    assert missing.value.obj._moId == "vm-1"
    with pytest.raises(vmodl.fault.MethodNotFound):
        client.content.rootFolder.CreateFolder("x")


def test_folders_and_search(client: Client) -> None:
    """D1: a VM is found by inventory path or uuid; VMs that share a name differ by folder and uuid."""
    search = client.content.searchIndex
    assert search.FindByInventoryPath("Lab/vm/shop/front/web-01")._moId == client.vm("web-01")._moId
    assert search.FindByInventoryPath("Lab/vm/nowhere") is None
    twins = [search.FindByInventoryPath(f"Lab/vm/{folder}/twin") for folder in "ab"]
    uuids = [vm.config.instanceUuid for vm in twins]
    assert len(set(uuids)) == 2 and len({disks(vm)[0].backing.fileName for vm in twins}) == 2
    assert search.FindByUuid(None, uuids[1], True, True)._moId == twins[1]._moId
    assert search.FindByUuid(None, twins[0].config.uuid, True, False)._moId == twins[0]._moId
    assert search.FindByUuid(None, "00000000-0000-0000-0000-000000000000", True, True) is None
    vm, names = client.vm("web-01"), []
    while vm is not None:
        names.append(vm.name)
        vm = vm.parent
    assert names == ["web-01", "front", "shop", "vm", "Lab", "Datacenters"]


def test_hosts_datastores_and_networks(client: Client) -> None:
    """S9: hosts and datastores with their types and space, as limits are counted by."""
    centre = client.content.searchIndex.FindByInventoryPath("Lab")
    cluster = centre.hostFolder.childEntity[0]
    assert isinstance(cluster, vim.ClusterComputeResource)
    assert [host.name for host in cluster.host] == ["esx-01", "esx-02"]
    stores = {store.name: store.summary for store in centre.datastore}
    assert {name: store.type for name, store in stores.items()} == {
        "ds-01": "VMFS",
        "nfs-01": "NFS",
        "vsan-01": "vsan",
    }
    assert 0 < stores["ds-01"].freeSpace <= stores["ds-01"].capacity == 1024 << 30
    assert stores["ds-01"].url.startswith("ds:///vmfs/volumes/")
    client.lab.control("POST", "datastore/nfs-01", {"free": 12345})
    assert next(store for store in centre.datastore if store.name == "nfs-01").summary.freeSpace == 12345
    client.lab.control("POST", "datastore/nfs-01", {"free": None})
    assert {network.name for network in centre.network} == {"VLAN110-web", "VLAN120-db"}
    assert client.vm("web-01")._moId in [vm._moId for vm in cluster.host[0].vm]


def test_traversal_from_the_root_folder(client: Client) -> None:
    """A classic traversal (folders, then VMs), with selection specs that name one another."""
    by_name = PC.SelectionSpec(name="folders")
    folders = PC.TraversalSpec(
        name="folders", type=vim.Folder, path="childEntity", skip=False,
        selectSet=[by_name, PC.SelectionSpec(name="centre")],
    )  # fmt: skip
    centre = PC.TraversalSpec(
        name="centre", type=vim.Datacenter, path="vmFolder", skip=False, selectSet=[by_name]
    )
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=client.content.rootFolder, skip=True, selectSet=[folders, centre])],
        propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name"])],
    )
    found = client.content.propertyCollector.RetrieveProperties([spec])
    assert sorted(entry.propSet[0].val for entry in found).count("twin") == 2 and len(found) == 15


def test_privileges(client: Client) -> None:
    """S4 on the source's side: privileges are held unless the lab was told to deny one."""
    wanted = ["VirtualMachine.State.CreateSnapshot", "VirtualMachine.State.RemoveSnapshot"]
    manager, key = client.content.authorizationManager, client.content.sessionManager.currentSession.key
    vm = client.vm("web-01")
    assert manager.HasPrivilegeOnEntity(vm, key, wanted) == [True, True]
    client.lab.control("POST", "settings", {"denied": [wanted[0]]})
    try:
        assert manager.HasPrivilegeOnEntity(vm, key, wanted) == [False, True]
        result = manager.FetchUserPrivilegeOnEntities([vm], client.section["user"])[0]
        assert wanted[1] in result.privileges and wanted[0] not in result.privileges
    finally:
        client.lab.control("POST", "settings", {"denied": []})


def test_sessions_end(vcenter: LabProcess) -> None:
    """Domain pitfall 18: an ended session gives NotAuthenticated; logging in again on the same stub goes on."""
    client = Client(vcenter)
    vm = client.vm("web-01")
    assert vm.name == "web-01"
    assert vcenter.control("POST", "sessions/expire")["expired"] >= 1
    with pytest.raises(vim.fault.NotAuthenticated):
        _ = vm.name
    assert client.content.sessionManager.currentSession is None
    client.content.sessionManager.Login(client.section["user"], client.section["password"])
    assert vm.name == "web-01"
    vcenter.control("POST", "settings", {"session_idle_s": 0.05})
    try:
        time.sleep(0.2)
        with pytest.raises(vim.fault.NotAuthenticated):
            _ = vm.name
    finally:
        vcenter.control("POST", "settings", {"session_idle_s": 1800})


def test_filters_report_changes(client: Client) -> None:
    """WaitForUpdatesEx: everything first, then only what changed, then nothing."""
    vm = client.vm("power-01")
    collector = client.content.propertyCollector.CreatePropertyCollector()
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=vm)],
        propSet=[PC.PropertySpec(type=vim.VirtualMachine, pathSet=["name", "config.annotation", "snapshot"])],
    )
    collector.CreateFilter(spec, True)
    first = collector.WaitForUpdatesEx("", PC.WaitOptions(maxWaitSeconds=5))
    update = first.filterSet[0].objectSet[0]
    assert update.kind == "enter" and update.obj._moId == vm._moId
    assert {change.name for change in update.changeSet} == {"name", "config.annotation"}
    assert collector.WaitForUpdatesEx(first.version, PC.WaitOptions(maxWaitSeconds=0)) is None
    vm.ReconfigVM_Task(vim.vm.ConfigSpec(annotation="changed"))
    second = collector.WaitForUpdatesEx(first.version, PC.WaitOptions(maxWaitSeconds=5))
    update = second.filterSet[0].objectSet[0]
    assert update.kind == "modify"
    assert [(change.name, change.val) for change in update.changeSet] == [("config.annotation", "changed")]
    collector.DestroyPropertyCollector()


def test_every_property_of_every_kind_of_object_can_be_read(client: Client) -> None:
    """`all=True` answers with values that pyVmomi itself accepts, for each managed object type."""
    kinds = [
        vim.VirtualMachine, vim.HostSystem, vim.ClusterComputeResource, vim.Datastore, vim.Network, vim.Folder,
        vim.Datacenter, vim.ResourcePool,
    ]  # fmt: skip
    view = client.content.viewManager.CreateContainerView(client.content.rootFolder, kinds, True)
    walk = PC.TraversalSpec(name="all", type=vim.view.ContainerView, path="view", skip=False)
    spec = PC.FilterSpec(
        objectSet=[PC.ObjectSpec(obj=view, skip=True, selectSet=[walk])],
        propSet=[PC.PropertySpec(type=kind, all=True) for kind in kinds],
    )
    found = client.content.propertyCollector.RetrieveProperties([spec])
    assert {type(entry.obj) for entry in found} == set(kinds)
    for entry in found:
        assert "name" in {prop.name for prop in entry.propSet}
