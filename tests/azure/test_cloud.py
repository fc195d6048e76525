"""The target subscription: disks filled by the cloud's own copying, NICs, VMs (S1.4, S3), and what stops them."""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from providers.azure.catalogue import Catalogue
from providers.azure.cloud import AzureCloud
from providers.azure.tags import Owner
from replication.model.errors import Denied, Permanent, PortError, Temporary, UnknownFate
from replication.model.extents import MIB
from replication.model.item import DiskOrder, VmOrder
from replication.ports import DiskUpload
from tests.azure.orders import TAGS, vm_order
from tests.azure.support import OWNER, REGION, World, subnet


@pytest.fixture(scope="module")
def cloud(azure_world: World) -> AzureCloud:
    return AzureCloud(azure_world.session, azure_world.lab.subscription, OWNER)


def filled(world: World, cloud: AzureCloud, vm: VmOrder, disk: DiskOrder, content: bytes) -> DiskUpload:
    """A disk with `content`, by way of a replica, a checkpoint and server-side copies."""
    replicas = world.stores.replicas(world.endpoint("seed_store"), "seeds")
    name = f"{uuid.uuid4()}.vhd"
    replicas.ensure(name, len(content))
    replicas.write(name, 0, content, 0)
    point = replicas.checkpoint(name)
    source = replicas.copy_url(name, point)
    upload = cloud.begin_disk(vm, disk, TAGS)
    for extent in replicas.allocated(name, point, len(content)):
        for offset in range(extent.offset, extent.end, 4 * MIB):
            cloud.copy_range(upload, source, offset, min(4 * MIB, extent.end - offset))
    cloud.finish_disk(upload, disk.size)
    return upload


def managed(world: World, disk_id: str) -> dict[str, Any]:
    """What the lab knows of a disk: path, size, state."""
    disks: dict[str, dict[str, Any]] = world.lab.control("GET", "status")["disks"]
    return next(value for key, value in disks.items() if key.lower() == disk_id.lower())


def built(world: World, cloud: AzureCloud, vm: VmOrder) -> str:
    """The VM of the order with empty disks."""
    disks = {}
    for disk in vm.disks:
        upload = cloud.begin_disk(vm, disk, TAGS)
        cloud.finish_disk(upload, disk.size)
        disks[disk.key] = upload.disk_id
    nics = {nic.key: cloud.create_nic(vm, nic, TAGS) for nic in vm.nics}
    return cloud.create_vm(vm, vm.sizes[0], disks, nics, TAGS)


def test_a_disk_is_its_replica_to_the_byte(azure_world: World, cloud: AzureCloud) -> None:
    """S1.4: the managed disk holds what the recovery point held, and Azure takes its footer."""
    vm = vm_order(1)
    content = bytearray(24 * MIB)
    content[MIB : 7 * MIB] = os.urandom(6 * MIB)
    content[-512:] = os.urandom(512)
    upload = filled(azure_world, cloud, vm, vm.disks[0], bytes(content))
    found = managed(azure_world, upload.disk_id)
    assert found["state"] == "Unattached"
    assert Path(found["path"]).read_bytes()[: len(content)] == content


def test_a_disk_is_finished_once(azure_world: World, cloud: AzureCloud) -> None:
    """A crash after the end of access: finishing again says that it is finished."""
    vm = vm_order(1)
    upload = filled(azure_world, cloud, vm, vm.disks[0], bytes(24 * MIB))
    cloud.finish_disk(upload, vm.disks[0].size)
    with pytest.raises(Permanent) as caught:
        cloud.begin_disk(vm, vm.disks[0], TAGS)
    assert caught.value.code == "Finished"
    cloud.delete(upload.disk_id)
    cloud.begin_disk(vm, vm.disks[0], TAGS)


def test_an_unfinished_disk_is_begun_anew(azure_world: World, cloud: AzureCloud) -> None:
    """Issue: kill -9 in the middle of a fill; nothing of the first try is in the second."""
    vm = vm_order(1)
    replicas = azure_world.stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    replicas.ensure(name := f"{uuid.uuid4()}.vhd", MIB)
    replicas.write(name, 0, b"x" * MIB, 0)
    source = replicas.copy_url(name, replicas.checkpoint(name))
    first = cloud.begin_disk(vm, vm.disks[0], TAGS)
    cloud.copy_range(first, source, 0, MIB)
    second = cloud.begin_disk(vm, vm.disks[0], TAGS)
    with pytest.raises(PortError):
        cloud.copy_range(first, source, 0, MIB)
    cloud.finish_disk(second, vm.disks[0].size)
    assert not any(Path(managed(azure_world, second.disk_id)["path"]).read_bytes()[:MIB])


def test_a_copy_without_an_answer_is_of_unknown_fate(azure_world: World, cloud: AzureCloud) -> None:
    """Design: a range is never copied again while an earlier copy may still land."""
    vm = vm_order(1)
    replicas = azure_world.stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    replicas.ensure(name := f"{uuid.uuid4()}.vhd", MIB)
    source = replicas.copy_url(name, replicas.checkpoint(name))
    upload = cloud.begin_disk(vm, vm.disks[0], TAGS)
    with azure_world.lab.fault("PutPageFromURL|PutPage", "hold"), pytest.raises(UnknownFate) as caught:
        cloud.copy_range(upload, source, 0, MIB)
    assert "sig=" not in str(caught.value) + str(caught.value.__cause__)


def test_a_bad_signature_shows_no_secret(azure_world: World, cloud: AzureCloud) -> None:
    vm = vm_order(1)
    upload = cloud.begin_disk(vm, vm.disks[0], TAGS)
    with pytest.raises(Denied) as caught:
        cloud.copy_range(upload, azure_world.endpoint("seed_store") + "seeds/nothing?sig=c2VjcmV0", 0, MIB)
    assert "c2VjcmV0" not in str(caught.value)


@pytest.mark.parametrize("size", [MIB, 24 * MIB + 512, 33 * 1024 * 1024 * MIB])
def test_impossible_sizes(cloud: AzureCloud, size: int) -> None:
    vm = vm_order(1)
    with pytest.raises(Permanent, match="whole MiB"):
        cloud.begin_disk(vm, replace(vm.disks[0], size=size), TAGS)


def test_a_vm_is_made_once_started_and_taken_down(azure_world: World, cloud: AzureCloud) -> None:
    """S7: create the Azure VM, start the Azure VM; asked twice it is one VM. Its parts stay when it goes."""
    vm = vm_order(3)
    made = built(azure_world, cloud, vm)
    disks = {disk.key: f"{azure_world.group}/providers/Microsoft.Compute/disks/{disk.name}" for disk in vm.disks}
    nics = {nic.key: cloud.create_nic(vm, nic, TAGS) for nic in vm.nics}
    assert cloud.create_vm(vm, vm.sizes[0], disks, nics, TAGS).lower() == made.lower()
    cloud.start_vm(made)
    cloud.start_vm(made)
    found = azure_world.session.compute(vm.subscription).virtual_machines.get(vm.resource_group, vm.name)
    storage: Any = found.properties.storage_profile if found.properties else None
    assert [disk.lun for disk in storage.data_disks] == [0, 1]
    assert found.tags is not None and found.tags["cost"] == "4711" and found.tags["wavelift-estate"] == "shop"
    for used in (disks[2000], nics[4000]):
        with pytest.raises(Permanent):
            cloud.delete(used)
    for gone in (made, nics[4000], *disks.values()):
        assert cloud.exists(gone)
        cloud.delete(gone)
        assert not cloud.exists(gone)
        cloud.delete(gone)


def test_a_vm_is_ready_stopped_and_kept(azure_world: World, cloud: AzureCloud) -> None:
    """Weeks, 19 and 31: the agent's word in the instance view; a rollback stops the VM and keeps it."""
    vm = vm_order(1)
    made = built(azure_world, cloud, vm)
    cloud.start_vm(made)
    assert cloud.agent_ready(made)
    for _ in range(2):
        cloud.stop_vm(made)
        assert cloud.exists(made) and not cloud.agent_ready(made)
    cloud.delete(made)
    cloud.stop_vm(made)


def test_where_a_network_leads(cloud: AzureCloud) -> None:
    """Weeks, 18: what isolation asserts are facts about the networks; the landing zone's is joined with nothing."""
    found = cloud.exposure(vm_order(1))
    assert (found.peerings, found.routes, found.public, found.dns, found.gateways) == ((), (), (), (), ())


def test_no_capacity_is_temporary_and_the_next_size_works(azure_world: World, cloud: AzureCloud) -> None:
    """Sizes are tried in order: the code says that another one may work, and what failed is cleared away."""
    vm = vm_order(1, sizes=("Standard_D2s_v5", "Standard_D4s_v5"))
    disks = {}
    for disk in vm.disks:
        upload = cloud.begin_disk(vm, disk, TAGS)
        cloud.finish_disk(upload, disk.size)
        disks[disk.key] = upload.disk_id
    nics = {nic.key: cloud.create_nic(vm, nic, TAGS) for nic in vm.nics}
    for code in ("AllocationFailed", "SkuNotAvailable"):
        azure_world.lab.control("POST", "azure/sizes", {"size": "Standard_D2s_v5", "code": code})
        try:
            with pytest.raises(Temporary) as caught:
                cloud.create_vm(vm, "Standard_D2s_v5", disks, nics, TAGS)
        finally:
            azure_world.lab.control("POST", "azure/sizes", {"size": "Standard_D2s_v5", "code": None})
        assert caught.value.code == code
    assert cloud.create_vm(vm, "Standard_D4s_v5", disks, nics, TAGS)


def test_what_is_not_ours_is_left_alone(azure_world: World, cloud: AzureCloud) -> None:
    """Only what carries our tags is changed or deleted."""
    others = AzureCloud(azure_world.session, azure_world.lab.subscription, Owner("another"))
    vm = vm_order(1)
    made = built(azure_world, others, vm)
    nic = f"{azure_world.group}/providers/Microsoft.Network/networkInterfaces/{vm.nics[0].name}"
    for thing in (made, nic):
        with pytest.raises(Permanent, match="not ours"):
            cloud.delete(thing)
        assert cloud.exists(thing)
    with pytest.raises(Permanent, match="not ours"):
        cloud.begin_disk(vm, vm.disks[0], TAGS)
    with pytest.raises(Permanent, match="not ours"):
        cloud.create_nic(vm, vm.nics[0], TAGS)
    problems = cloud.check(vm)
    assert len(problems) == 3 and all("not ours" in problem for problem in problems)


def test_nothing_stops_a_good_order(cloud: AzureCloud) -> None:
    assert cloud.check(vm_order(2, address="10.20.1.77")) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sizes": ("Standard_Nonsense_v9",)}, "is no VM size of koreacentral"),
        ({"zone": "9"}, "zone 9"),
        ({"resource_group": "rg-not-there"}, "rg-not-there does not exist"),
    ],
)
def test_what_stops_an_order_is_said(cloud: AzureCloud, changes: dict[str, Any], said: str) -> None:
    """Issue: an unknown VM size, and the rest of `check prerequisites` (S7)."""
    found = cloud.check(vm_order(1, **changes))
    assert any(said in problem for problem in found), found


def test_one_good_size_is_enough(cloud: AzureCloud) -> None:
    assert cloud.check(vm_order(1, sizes=("Standard_Nonsense_v9", "Standard_D2s_v5"))) == []


def test_too_small_a_quota(azure_world: World, cloud: AzureCloud) -> None:
    size = Catalogue.of(azure_world.session).sizes(azure_world.lab.subscription, REGION)["standard_d2s_v5"]
    azure_world.lab.control("POST", "azure/quota", {"family": size.family, "limit": 1, "region": REGION})
    try:
        found = cloud.check(vm_order(1))
    finally:
        azure_world.lab.control("POST", "azure/quota", {"family": size.family, "limit": 1000, "region": REGION})
    assert len(found) == 1 and "ask Azure for more quota" in found[0]


@pytest.mark.parametrize(
    ("address", "said"),
    [("10.99.0.4", "outside of subnet"), ("10.20.1.2", "kept by Azure"), ("10.20.1.255", "kept by Azure")],
)
def test_addresses_that_cannot_be(cloud: AzureCloud, address: str, said: str) -> None:
    found = cloud.check(vm_order(1, address=address))
    assert len(found) == 1 and said in found[0]


def test_an_address_that_is_taken(azure_world: World, cloud: AzureCloud) -> None:
    """Taken by others it stops the order; held by its own NIC (an order carried on) it does not."""
    first, second = vm_order(1, address="10.20.1.50"), vm_order(1, address="10.20.1.50")
    cloud.create_nic(first, first.nics[0], TAGS)
    found = cloud.check(second)
    assert len(found) == 1 and "10.20.1.50" in found[0] and "taken" in found[0]
    assert cloud.check(first) == []
    with pytest.raises(Permanent) as caught:
        cloud.create_nic(second, second.nics[0], TAGS)
    assert caught.value.code


def test_a_subnet_that_is_not_there(cloud: AzureCloud) -> None:
    vm = vm_order(1)
    nowhere = replace(vm.nics[0], subnet=subnet().replace("snet-web", "snet-none"))
    found = cloud.check(replace(vm, nics=(nowhere,)))
    assert len(found) == 1 and "no subnet snet-none" in found[0] and "snet-web" in found[0]
