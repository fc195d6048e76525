"""Networks, NICs and virtual machines with the real network and compute SDKs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute.models import ResourceSku, Usage, VirtualMachine, VirtualMachineInstanceView, VirtualMachineSize
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.network.models import NetworkInterface, NetworkSecurityGroup, VirtualNetwork
from azure.mgmt.resource.resources import ResourceManagementClient

from tests.lab.arm_support import REGION, Azure, check_json, fails, name, refused, running


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("machines")) as made:
        yield made


class Site:
    """A group with a network, and short ways to make disks, NICs and VMs in it."""

    def __init__(self, azure: Azure) -> None:
        self.azure = azure
        self.group = azure.group()
        self.compute: Any = azure.client(ComputeManagementClient)
        self.network: Any = azure.client(NetworkManagementClient)
        subnets = [
            {"name": "web", "properties": {"addressPrefix": "10.20.1.0/24"}},
            {"name": "tiny", "properties": {"addressPrefix": "10.20.2.0/29"}},
        ]
        properties = {"addressSpace": {"addressPrefixes": ["10.20.0.0/16"]}, "subnets": subnets}
        body = {"location": REGION, "properties": properties}
        self.vnet = self.network.virtual_networks.begin_create_or_update(self.group, "vnet", body).result()

    def subnet(self, subnet: str = "web") -> str:
        return f"{self.vnet.id}/subnets/{subnet}"

    def nic(self, nic: str, subnet: str = "web", address: str = "", **more: Any) -> Any:
        properties: dict[str, Any] = {"subnet": {"id": self.subnet(subnet)}}
        if address:
            properties |= {"privateIPAllocationMethod": "Static", "privateIPAddress": address}
        body = {"location": REGION, "properties": {"ipConfigurations": [{"name": "ip", "properties": properties}], **more}}
        return self.network.network_interfaces.begin_create_or_update(self.group, nic, body).result()

    def disk(self, disk: str, **more: Any) -> Any:
        properties = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1, **more.pop("properties", {})}
        body = {"location": REGION, "properties": properties, **more}
        return self.compute.disks.begin_create_or_update(self.group, disk, body).result()

    def body(self, os_disk: Any, *nics: Any, size: str = "Standard_D2s_v5", data: tuple[Any, ...] = (), **more: Any) -> Any:
        disks = [{"lun": lun, "createOption": "Attach", "managedDisk": {"id": one.id}} for lun, one in enumerate(data)]
        os_document = {"createOption": "Attach", "osType": "Linux", "managedDisk": {"id": os_disk.id}}
        interfaces = [{"id": nic.id, "properties": {"primary": number == 0}} for number, nic in enumerate(nics)]
        properties = {
            "hardwareProfile": {"vmSize": size},
            "storageProfile": {"osDisk": os_document, "dataDisks": disks},
            "networkProfile": {"networkInterfaces": interfaces},
            **more.pop("properties", {}),
        }
        return {"location": REGION, "properties": properties, **more}

    def machine(self, machine: str, *arguments: Any, **more: Any) -> Any:
        return self.put(machine, self.body(*arguments, **more))

    def put(self, machine: str, body: Any) -> Any:
        return self.compute.virtual_machines.begin_create_or_update(self.group, machine, body).result()

    def disk_state(self, disk: str) -> str:
        state = self.compute.disks.get(self.group, disk).properties.disk_state
        return str(getattr(state, "value", state))

    def power(self, machine: str) -> str:
        view = self.compute.virtual_machines.instance_view(self.group, machine)
        return next(str(one.code) for one in view.statuses or [] if str(one.code).startswith("PowerState/"))


@pytest.fixture(scope="module")
def site(azure: Azure) -> Site:
    return Site(azure)


def test_networks_and_subnets(azure: Azure, site: Site) -> None:
    """S3: networks with subnets and peerings; ranges are checked, what is in use stays."""
    check_json(VirtualNetwork, azure.arm("GET", site.vnet.id)[1])
    networks, subnets = site.network.virtual_networks, site.network.subnets
    made = subnets.begin_create_or_update(
        site.group, "vnet", "db", {"properties": {"addressPrefix": "10.20.9.0/24"}}
    ).result()
    assert made.id == f"{site.vnet.id}/subnets/db"
    assert [one.name for one in subnets.list(site.group, "vnet")][:3] == ["web", "tiny", "db"]
    with refused(400, "NetcfgInvalidSubnet"):
        subnets.begin_create_or_update(site.group, "vnet", "out", {"properties": {"addressPrefix": "10.99.0.0/24"}})
    with refused(400, "NetcfgSubnetRangesOverlap"):
        subnets.begin_create_or_update(site.group, "vnet", "lap", {"properties": {"addressPrefix": "10.20.1.128/25"}})
    subnets.begin_delete(site.group, "vnet", "db").result()
    nic = site.nic("in-web")
    used = networks.get(site.group, "vnet").subnets[0].ip_configurations
    assert [one.id for one in used] == [f"{nic.id}/ipConfigurations/ip"]
    with refused(400, "InUseSubnetCannotBeDeleted"):
        subnets.begin_delete(site.group, "vnet", "web")
    with refused(400, "InUseSubnetCannotBeDeleted"):
        networks.begin_delete(site.group, "vnet")
    body = {"location": REGION, "properties": {"addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}}}
    bubble = networks.begin_create_or_update(site.group, "bubble", body).result()
    assert list(site.network.virtual_network_peerings.list(site.group, "bubble")) == []
    peerings = site.network.virtual_network_peerings
    for here, there in (("bubble", site.vnet.id), ("vnet", bubble.id)):
        remote = {"properties": {"remoteVirtualNetwork": {"id": there}}}
        peerings.begin_create_or_update(site.group, here, "peer", remote).result()
    assert peerings.get(site.group, "bubble", "peer").peering_state == "Connected"
    with refused(412, "PreconditionFailed"):
        networks.begin_create_or_update(site.group, "bubble", body, headers={"If-None-Match": "*"})


def test_nic_addresses(azure: Azure, site: Site) -> None:
    """S3: dynamic addresses are the lowest free ones, static ones are checked against subnet, reserve and use."""
    nic = site.nic("fixed", address="10.20.1.50")
    check_json(NetworkInterface, azure.arm("GET", nic.id)[1])
    assert nic.ip_configurations[0].private_ip_address == "10.20.1.50"
    for address, code in (
        ("10.20.1.50", "PrivateIPAddressIsAllocated"),
        ("10.20.1.3", "PrivateIPAddressInReservedRange"),
        ("10.20.1.255", "PrivateIPAddressInReservedRange"),
        ("10.21.0.9", "PrivateIPAddressNotInSubnet"),
    ):
        with refused(400, code):
            site.nic("other", address=address)
    found = [site.nic(f"tiny{n}", "tiny").ip_configurations[0].private_ip_address for n in range(3)]
    assert found == ["10.20.2.4", "10.20.2.5", "10.20.2.6"]
    with refused(400, "SubnetIsFull"):
        site.nic("tiny3", "tiny")
    site.network.network_interfaces.begin_delete(site.group, "tiny1").result()
    assert site.nic("tiny4", "tiny").ip_configurations[0].private_ip_address == "10.20.2.5"
    assert site.nic("tiny0", "tiny").ip_configurations[0].private_ip_address == "10.20.2.4"
    with refused(400, "InvalidResourceReference"):
        site.nic("lost", "no-such-subnet")
    check = site.network.virtual_networks.check_ip_address_availability
    assert check(site.group, "vnet", ip_address="10.20.1.60").available
    taken = check(site.group, "vnet", ip_address="10.20.1.50")
    assert (taken.available, len(taken.available_ip_addresses)) == (False, 5)


def test_security_groups(azure: Azure, site: Site) -> None:
    """S3: a group in use cannot be deleted, priorities do not clash."""
    rule = {
        "name": "ssh",
        "properties": {
            "priority": 100,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": "Tcp",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "22",
        },
    }
    groups = site.network.network_security_groups
    body = {"location": REGION, "properties": {"securityRules": [rule]}}
    made = groups.begin_create_or_update(site.group, "nsg", body).result()
    check_json(NetworkSecurityGroup, azure.arm("GET", made.id)[1])
    assert len(made.default_security_rules) == 6
    with refused(400, "SecurityRuleConflict"):
        twice = {**body, "properties": {"securityRules": [rule, {**rule, "name": "again"}]}}
        groups.begin_create_or_update(site.group, "nsg", twice)
    site.nic("guarded", networkSecurityGroup={"id": made.id})
    with refused(400, "InUseNetworkSecurityGroupCannotBeDeleted"):
        groups.begin_delete(site.group, "nsg")
    site.network.network_interfaces.begin_delete(site.group, "guarded").result()
    groups.begin_delete(site.group, "nsg").result()


def test_machine_life(azure: Azure, site: Site) -> None:
    """S7: a VM made from attached disks runs at once; stop, deallocate, start; what it uses cannot be deleted."""
    supported = {"supportedSecurityOption": "TrustedLaunchSupported"}
    properties = {"osType": "Linux", "hyperVGeneration": "V2", "supportedCapabilities": supported}
    os_disk = site.disk("m1-os", properties=properties)
    data, nic = site.disk("m1-data"), site.nic("m1-nic")
    profile = {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": True, "vTpmEnabled": True}}
    made = site.machine("m1", os_disk, nic, data=(data,), tags={"w": "1"}, properties={"securityProfile": profile})
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.security_profile.security_type == "TrustedLaunch"
    check_json(VirtualMachine, azure.arm("GET", made.id)[1])
    check_json(VirtualMachineInstanceView, azure.arm("GET", f"{made.id}/instanceView")[1])
    machines = site.compute.virtual_machines
    assert site.power("m1") == "PowerState/running"
    assert machines.get(site.group, "m1", expand="instanceView").properties.instance_view.statuses
    assert (site.disk_state("m1-os"), site.disk_state("m1-data")) == ("Attached", "Attached")
    assert site.compute.disks.get(site.group, "m1-os").managed_by == made.id
    with refused(409, "OperationNotAllowed"):
        site.compute.disks.begin_delete(site.group, "m1-os")
    with refused(409, "OperationNotAllowed"):
        site.compute.disks.begin_grant_access(site.group, "m1-os", {"access": "Read", "durationInSeconds": 60})
    with refused(409, "OperationNotAllowed"):
        site.compute.disks.begin_update(site.group, "m1-os", {"properties": {"diskSizeGB": 2}})
    with refused(400, "NicInUse"):
        site.network.network_interfaces.begin_delete(site.group, "m1-nic")
    machines.begin_power_off(site.group, "m1").result()
    assert site.power("m1") == "PowerState/stopped"
    with refused(409, "OperationNotAllowed"):
        machines.begin_restart(site.group, "m1")
    machines.begin_deallocate(site.group, "m1").result()
    assert (site.power("m1"), site.disk_state("m1-os")) == ("PowerState/deallocated", "Reserved")
    machines.begin_start(site.group, "m1").result()
    machines.begin_restart(site.group, "m1").result()
    assert (site.power("m1"), site.disk_state("m1-os")) == ("PowerState/running", "Attached")
    status = azure.control("GET", "status")["vms"][made.id]
    assert status == {"power": "running", "provisioning": "Succeeded"}
    assert [one.name for one in machines.list_all(status_only="true")] == ["m1"]
    machines.begin_delete(site.group, "m1").result()
    assert (site.disk_state("m1-os"), site.disk_state("m1-data")) == ("Unattached", "Unattached")
    assert site.network.network_interfaces.get(site.group, "m1-nic").virtual_machine is None


def test_delete_options(site: Site) -> None:
    """S11: disks and NICs go with the VM where their deleteOption says so."""
    body = site.body(site.disk("m2-os"), site.nic("m2-nic"), data=(site.disk("m2-data"),))
    body["properties"]["storageProfile"]["osDisk"]["deleteOption"] = "Delete"
    body["properties"]["networkProfile"]["networkInterfaces"][0]["properties"]["deleteOption"] = "Delete"
    site.put("m2", body)
    site.compute.virtual_machines.begin_delete(site.group, "m2").result()
    assert site.disk_state("m2-data") == "Unattached"
    with refused(404, "ResourceNotFound"):
        site.compute.disks.get(site.group, "m2-os")
    with refused(404, "ResourceNotFound"):
        site.network.network_interfaces.get(site.group, "m2-nic")


def test_what_a_machine_cannot_be_made_of(azure: Azure, site: Site) -> None:
    """S7: missing, foreign, attached, uploading disks; too many disks; unknown sizes: each its own refusal."""
    os_disk, nic = site.disk("m3-os"), site.nic("m3-nic")
    body = site.body(os_disk, nic)
    for change, status, code in (
        ({"hardwareProfile": {"vmSize": "Standard_Nonsense"}}, 400, "InvalidParameter"),
        ({"networkProfile": {"networkInterfaces": []}}, 400, "InvalidParameter"),
        ({"networkProfile": {"networkInterfaces": [{"id": nic.id + "x"}]}}, 400, "InvalidResourceReference"),
        ({"osProfile": {"computerName": "x"}}, 400, "InvalidParameter"),
    ):
        with refused(status, code):
            site.put("m3", {**body, "properties": {**body["properties"], **change}})
    with pytest.raises(HttpResponseError, match="The valid sizes in the current region are"):
        site.machine("m3", os_disk, nic, size="Standard_Nonsense")
    for bad in ({"createOption": "Attach", "managedDisk": {"id": os_disk.id}}, {"createOption": "Grow"}):
        with refused(400, "InvalidParameter"):
            site.put("m3", {**body, "properties": {**body["properties"], "storageProfile": {"osDisk": bad}}})
    missing = {"createOption": "Attach", "osType": "Linux", "managedDisk": {"id": os_disk.id + "x"}}
    with refused(404, "NotFound"):
        site.put("m3", {**body, "properties": {**body["properties"], "storageProfile": {"osDisk": missing}}})
    data = tuple(site.disk(f"m3-d{n}") for n in range(5))
    with refused(409, "OperationNotAllowed"):
        site.machine("m3", os_disk, nic, data=data)
    uploading = site.disk("m3-up", properties={"creationData": {"createOption": "Upload", "uploadSizeBytes": 20972032}})
    with refused(409, "OperationNotAllowed"):
        site.machine("m3", uploading, nic)
    with refused(409, "ConflictingUserInput"):
        site.machine("m3", os_disk, nic, data=(os_disk,))
    with refused(400, "BadRequest"):
        site.machine("m3", os_disk, nic, size="Standard_D2s_v6")
    zonal = site.disk("m3-zonal", zones=["1"])
    with refused(400, "BadRequest"):
        site.machine("m3", zonal, nic)
    site.machine("m3", os_disk, nic)
    with refused(409, "ConflictingUserInput"):
        site.machine("m4", os_disk, site.nic("m4-nic"))
    with refused(400, "NicInUse"):
        site.machine("m4", site.disk("m4-os"), nic)
    elsewhere = {"location": "japaneast", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    foreign = site.compute.disks.begin_create_or_update(site.group, "m4-far", elsewhere).result()
    with refused(409, "BadRequest"):
        site.machine("m4", foreign, site.nic("m4-nic"))
    with refused(400, "InvalidParameter"):
        site.machine("bad-", site.disk("m4-os"), site.nic("m4-nic"))


def test_active_sas_keeps_a_disk_from_its_machine(site: Site) -> None:
    """S7: while a read address is open the disk cannot be attached, nor its deallocated VM started."""
    os_disk, nic = site.disk("m5-os"), site.nic("m5-nic")
    asked = {"access": "Read", "durationInSeconds": 600}
    site.compute.disks.begin_grant_access(site.group, "m5-os", asked).result()
    with refused(409, "OperationNotAllowed"):
        site.machine("m5", os_disk, nic)
    site.compute.disks.begin_revoke_access(site.group, "m5-os").result()
    site.machine("m5", os_disk, nic)
    site.compute.virtual_machines.begin_deallocate(site.group, "m5").result()
    site.compute.disks.begin_grant_access(site.group, "m5-os", asked).result()
    with refused(409, "OperationNotAllowed"):
        site.compute.virtual_machines.begin_start(site.group, "m5")
    site.compute.disks.begin_revoke_access(site.group, "m5-os").result()
    assert site.disk_state("m5-os") == "Reserved"


def test_scarcity(azure: Azure, site: Site) -> None:
    """S7: quota, restricted sizes and zones, and allocation that fails after it was accepted."""
    os_disk, nic = site.disk("m6-os"), site.nic("m6-nic")
    azure.control("POST", "azure/quota", {"family": "standardESv5Family", "limit": 3, "region": REGION})
    with pytest.raises(HttpResponseError, match="exceeding approved standardESv5Family Cores quota"):
        site.machine("m6", os_disk, nic, size="Standard_E4s_v5")
    row = next(one for one in site.compute.usage.list(REGION) if one.name.value == "standardESv5Family")
    assert (row.limit, row.current_value) == (3, 0)
    azure.control("POST", "azure/sizes", {"size": "Standard_E2s_v5", "code": "SkuNotAvailable"})
    with refused(409, "SkuNotAvailable"):
        site.machine("m6", os_disk, nic, size="Standard_E2s_v5")
    sku = next(
        one for one in site.compute.resource_skus.list(filter=f"location eq '{REGION}'") if one.name == "Standard_E2s_v5"
    )
    assert sku.restrictions[0].reason_code == "NotAvailableForSubscription"
    assert "Standard_E2s_v5" not in [one.name for one in site.compute.virtual_machine_sizes.list(REGION)]
    azure.control("POST", "azure/zones", {"size": "Standard_D4s_v5", "zones": ["1"]})
    zonal = site.disk("m6-zonal", zones=["1"])
    with refused(409, "SkuNotAvailable"):
        site.machine("m6", zonal, nic, size="Standard_D4s_v5", zones=["1"])
    azure.control("POST", "azure/sizes", {"size": "Standard_D2s_v5", "region": REGION, "code": "AllocationFailed"})
    with fails("AllocationFailed"):
        site.machine("m6", os_disk, nic)
    assert site.compute.virtual_machines.get(site.group, "m6").properties.provisioning_state == "Failed"
    azure.control("POST", "azure/sizes", {"size": "Standard_D2s_v5", "region": REGION, "code": None})
    site.compute.virtual_machines.begin_delete(site.group, "m6").result()
    base = f"/subscriptions/{azure.subscription}/providers/Microsoft.Compute"
    check_json(ResourceSku, azure.arm("GET", f"{base}/skus?$filter=location%20eq%20'{REGION}'")[1]["value"][0])
    check_json(Usage, azure.arm("GET", f"{base}/locations/{REGION}/usages")[1]["value"][0])
    check_json(VirtualMachineSize, azure.arm("GET", f"{base}/locations/{REGION}/vmSizes")[1]["value"][0])


def test_changes_of_a_machine(site: Site) -> None:
    """S7: size, tags and data disks change; the OS disk and the NICs do not."""
    os_disk, nic, data = site.disk("m7-os"), site.nic("m7-nic"), site.disk("m7-data")
    site.machine("m7", os_disk, nic)
    machines = site.compute.virtual_machines
    more = {"lun": 3, "createOption": "Attach", "managedDisk": {"id": data.id}}
    patch = {"properties": {"hardwareProfile": {"vmSize": "Standard_D4s_v5"}, "storageProfile": {"dataDisks": [more]}}}
    changed = machines.begin_update(site.group, "m7", {**patch, "tags": {"x": "y"}}).result()
    assert changed.properties.hardware_profile.vm_size == "Standard_D4s_v5"
    assert [one.lun for one in changed.properties.storage_profile.data_disks] == [3]
    assert site.disk_state("m7-data") == "Attached"
    machines.begin_update(site.group, "m7", {"properties": {"storageProfile": {"dataDisks": []}}}).result()
    assert site.disk_state("m7-data") == "Unattached"
    with refused(409, "PropertyChangeNotAllowed"):
        site.machine("m7", data, nic, size="Standard_D4s_v5")
    with refused(409, "PropertyChangeNotAllowed"):
        site.machine("m7", os_disk, site.nic("m7-other"), size="Standard_D4s_v5")


def test_group_deletion_with_a_machine(azure: Azure) -> None:
    """S11: a group goes with all that is in it, but not while a VM elsewhere uses one of its disks."""
    site = Site(azure)
    site.machine("vm", site.disk("os"), site.nic("nic"))
    other = Site(azure)
    disk = other.disk("shared")
    other.machine("borrower", disk, other.nic("nic"))
    mover = azure.client(ResourceManagementClient).resource_groups
    mover.begin_delete(site.group).result()
    assert not mover.check_existence(site.group)
    third = Site(azure)
    third.machine("holder", other.disk("lent"), third.nic("nic"))
    with fails("ResourceGroupDeletionBlocked"):
        mover.begin_delete(other.group).result()
    assert mover.get(other.group).properties.provisioning_state == "Succeeded"
    mover.begin_delete(third.group).result()
    mover.begin_delete(other.group).result()


def test_linked_rights(azure: Azure, site: Site) -> None:
    """S4: who may write NICs but not join the subnet is refused with the linked scope."""
    group = azure.group()
    scope = f"/subscriptions/{azure.subscription}/resourceGroups/{group}"
    stranger = azure.credential_of(azure.principal(("Contributor", scope)))
    client = azure.client(NetworkManagementClient, stranger)
    configuration = {"name": "ip", "properties": {"subnet": {"id": site.subnet()}}}
    body = {"location": REGION, "properties": {"ipConfigurations": [configuration]}}
    with refused(403, "LinkedAuthorizationFailed"):
        client.network_interfaces.begin_create_or_update(group, name("nic"), body)
