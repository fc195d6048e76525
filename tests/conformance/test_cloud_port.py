"""`Cloud`: one suite for the fake of the engine's tests and for the lab's Azure; the rest is in tests/azure."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from providers.azure.cloud import AzureCloud
from replication.model.errors import Permanent, PortError
from replication.model.extents import MIB
from replication.model.item import VmOrder
from replication.ports import Cloud, ReplicaStore
from tests.azure.orders import TAGS, vm_order
from tests.azure.support import OWNER, world
from tests.fakes.cloud import FakeCloud
from tests.fakes.stores import FakeReplicas


@dataclass(frozen=True, slots=True)
class Target:
    cloud: Cloud
    replicas: ReplicaStore


def _fake() -> Target:
    replicas = FakeReplicas()
    return Target(FakeCloud(replicas), replicas)


def _azure() -> Target:
    here = world()
    cloud = AzureCloud(here.session, here.lab.subscription, OWNER)
    return Target(cloud, here.stores.replicas(here.endpoint("seed_store"), "seeds"))


MAKERS: dict[str, Callable[[], Target]] = {"fake": _fake, "azure": _azure}


@pytest.fixture(params=MAKERS)
def target(request: pytest.FixtureRequest) -> Target:
    return MAKERS[request.param]()


def source(target: Target, size: int = 24 * MIB) -> str:
    """The copy url of a checkpoint of a replica with content."""
    name = f"{uuid.uuid4()}.vhd"
    target.replicas.ensure(name, size)
    target.replicas.write(name, 0, os.urandom(MIB), 0)
    return target.replicas.copy_url(name, target.replicas.checkpoint(name))


def made(target: Target, vm: VmOrder) -> tuple[str, dict[int, str], dict[int, str]]:
    disks = {}
    for disk in vm.disks:
        upload = target.cloud.begin_disk(vm, disk, TAGS)
        target.cloud.finish_disk(upload, disk.size)
        disks[disk.key] = upload.disk_id
    nics = {nic.key: target.cloud.create_nic(vm, nic, TAGS) for nic in vm.nics}
    return target.cloud.create_vm(vm, vm.sizes[0], disks, nics, TAGS), disks, nics


def test_an_unfinished_disk_gives_way(target: Target) -> None:
    vm, url = vm_order(1), source(target)
    first = target.cloud.begin_disk(vm, vm.disks[0], TAGS)
    target.cloud.copy_range(first, url, 0, MIB)
    second = target.cloud.begin_disk(vm, vm.disks[0], TAGS)
    assert second.disk_id.lower() == first.disk_id.lower()
    with pytest.raises(PortError):
        target.cloud.copy_range(first, url, 0, MIB)
    target.cloud.copy_range(second, url, 0, MIB)


def test_a_finished_disk_does_not(target: Target) -> None:
    vm = vm_order(1)
    upload = target.cloud.begin_disk(vm, vm.disks[0], TAGS)
    target.cloud.finish_disk(upload, vm.disks[0].size)
    with pytest.raises(Permanent):
        target.cloud.begin_disk(vm, vm.disks[0], TAGS)
    target.cloud.delete(upload.disk_id)
    target.cloud.begin_disk(vm, vm.disks[0], TAGS)


def test_a_closed_disk_takes_nothing_more(target: Target) -> None:
    vm, url = vm_order(1), source(target)
    upload = target.cloud.begin_disk(vm, vm.disks[0], TAGS)
    target.cloud.finish_disk(upload, vm.disks[0].size)
    with pytest.raises(PortError):
        target.cloud.copy_range(upload, url, 0, MIB)


def test_a_copy_is_at_most_four_mib(target: Target) -> None:
    vm, url = vm_order(1), source(target)
    upload = target.cloud.begin_disk(vm, vm.disks[0], TAGS)
    with pytest.raises(Permanent):
        target.cloud.copy_range(upload, url, 0, 4 * MIB + 512)


def test_a_vm_is_one_however_often_it_is_asked_for(target: Target) -> None:
    vm = vm_order(2)
    vm_id, disks, nics = made(target, vm)
    assert target.cloud.create_vm(vm, vm.sizes[0], disks, nics, TAGS).lower() == vm_id.lower()
    target.cloud.start_vm(vm_id)
    target.cloud.start_vm(vm_id)
    assert target.cloud.exists(vm_id)


def test_a_disk_in_use_is_kept_and_goes_after_its_vm(target: Target) -> None:
    vm = vm_order(1)
    vm_id, disks, nics = made(target, vm)
    with pytest.raises(Permanent):
        target.cloud.delete(disks[2000])
    for gone in (vm_id, *nics.values(), *disks.values()):
        target.cloud.delete(gone)
        target.cloud.delete(gone)
        assert not target.cloud.exists(gone)
