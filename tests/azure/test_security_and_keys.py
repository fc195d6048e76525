"""E9 against the lab's Azure: what is asked is made, refused as Azure would, and seen again by drift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from planner.compare import outside
from planner.made import specs
from planner.ports import ResourceRef
from planner.state import Kind, Recorded
from providers.azure.cloud import AzureCloud
from replication.model.errors import Permanent
from replication.model.item import Order, OrderKind, Security, VmOrder
from replication.model.record import OrderProgress
from tests.azure.orders import TAGS, vm_order
from tests.azure.support import OWNER, REGION, World
from tests.azure.test_cloud import built


@pytest.fixture(scope="module")
def cloud(azure_world: World) -> AzureCloud:
    return AzureCloud(azure_world.session, azure_world.lab.subscription, OWNER)


def encryption_set(world: World, name: str, region: str = REGION) -> str:
    client = world.session.compute(world.lab.subscription).disk_encryption_sets
    key = {"keyUrl": "https://kv-keys.vault.azure.net/keys/disks/1"}
    body: Any = {"location": region, "properties": {"activeKey": key, "encryptionType": "EncryptionAtRestWithCustomerKey"}}
    return str(client.begin_create_or_update("rg-wavelift", name, body).result().id)


def test_a_vm_is_made_as_asked_and_drift_sees_each_part(azure_world: World, cloud: AzureCloud) -> None:
    """E9: licence, keys on every disk and trusted launch come back as they were asked; each change is seen by its name."""
    keys = encryption_set(azure_world, "des-prod")
    vm = replace(vm_order(2), licence="SLES_BYOS", disk_encryption_set=keys, security=Security("TrustedLaunch", vtpm=False))
    vm_id = built(azure_world, cloud, vm)
    order = Order("5001", 1, "o", OrderKind.MIGRATE, "r", "p", 0.0, vm)
    made = specs(order, OrderProgress(1, "o", OrderKind.MIGRATE, ()), {}, "web-01")

    def changed(kind: Kind, arm_id: str, spec: Any) -> dict[str, Any]:
        seen = azure_world.artifacts.observe([ResourceRef("x", kind, arm_id)])["x"]
        assert seen is not None
        return {c.path[0]: c.new for c in outside(Recorded("x", kind, arm_id, spec), seen)}

    root = vm_id.split("/virtualMachines/")[0]
    assert changed(Kind.VM, vm_id, made["vm"]) == {}
    for disk in vm.disks:
        assert changed(Kind.DISK, f"{root}/disks/{disk.name}", made[f"disk/{disk.key}"]) == {}
    assert made["vm"]["security_type"] == "TrustedLaunch" and made["vm"]["vtpm"] is False
    client = azure_world.session.compute(azure_world.lab.subscription).virtual_machines
    flags = {"secureBootEnabled": False, "vTpmEnabled": True}
    profile = {"securityType": "TrustedLaunch", "uefiSettings": flags}
    patch: Any = {"properties": {"licenseType": "None", "securityProfile": profile}}
    client.begin_update("rg-wavelift", vm.name, patch).result()
    assert changed(Kind.VM, vm_id, made["vm"]) == {"licence": "None", "secure_boot": False, "vtpm": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"licence": "Windows_Server"}, "licenseType"),
        ({"security": Security("TrustedLaunch"), "sizes": ("Standard_M8ms",)}, "Standard_M8ms"),
    ],
)
def test_azure_refuses_what_does_not_fit(azure_world: World, cloud: AzureCloud, changes: dict[str, Any], said: str) -> None:
    """E9: the lab says no as Azure does, and so does the look before the power-off where it is about the size."""
    vm = replace(vm_order(1), **changes)
    if "sizes" in changes:
        assert any("trusted launch" in one for one in cloud.check(vm))
    with pytest.raises(Permanent) as caught:
        built(azure_world, cloud, vm)
    assert said in str(caught.value)


def test_keys_of_another_region_encrypt_nothing(azure_world: World, cloud: AzureCloud) -> None:
    """E9: the disk is refused where it is made ahead, long before anything is powered off."""
    vm: VmOrder = replace(vm_order(1), disk_encryption_set=encryption_set(azure_world, "des-japan", "japaneast"))
    with pytest.raises(Permanent) as caught:
        cloud.begin_disk(vm, vm.disks[0], TAGS)
    assert "same region" in str(caught.value)
