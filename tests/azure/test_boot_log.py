"""W19 against the lab's Azure: the serial log of a VM by way of boot diagnostics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.azure.cloud import AzureCloud
from replication.bootlog import PATTERNS, says_started, wanted_pattern
from replication.model.errors import PortError
from replication.model.extents import MIB
from tests.azure.orders import TAGS, vm_order
from tests.azure.support import OWNER, World
from tests.azure.test_cloud import built, filled


@pytest.fixture(scope="module")
def cloud(azure_world: World) -> AzureCloud:
    return AzureCloud(azure_world.session, azure_world.lab.subscription, OWNER)


@pytest.mark.parametrize("os_type", ["Linux", "Windows"])
def test_a_guest_that_starts_says_so(azure_world: World, cloud: AzureCloud, os_type: str) -> None:
    """W19: made with boot diagnostics on; what the lab's guest writes fits the pattern for its OS type, and only that one."""
    vm = vm_order(1)
    disks = tuple(replace(disk, os_type=os_type) for disk in vm.disks)
    vm = replace(vm, boot_log=True, disks=disks)
    upload = filled(azure_world, cloud, vm, vm.disks[0], b"boot" + bytes(24 * MIB - 4))
    nics = {nic.key: cloud.create_nic(vm, nic, TAGS) for nic in vm.nics}
    vm_id = cloud.create_vm(vm, vm.sizes[0], {vm.disks[0].key: upload.disk_id}, nics, TAGS)
    cloud.start_vm(vm_id)
    log = cloud.boot_log(vm_id)
    assert [name for name, pattern in PATTERNS.items() if says_started(log, pattern)] == [os_type]
    azure_world.lab.control("POST", "azure/hanging", {"names": [vm.name]})
    assert not says_started(cloud.boot_log(vm_id), PATTERNS[os_type])
    azure_world.lab.control("POST", "azure/hanging", {"names": []})


def test_an_empty_disk_starts_nothing(azure_world: World, cloud: AzureCloud) -> None:
    """W19: a VM whose OS disk holds nothing runs, and is never ready."""
    vm = replace(vm_order(1), boot_log=True)
    log = cloud.boot_log(built(azure_world, cloud, vm))
    assert "No bootable device" in log and not says_started(log, PATTERNS["Linux"])


def test_without_boot_diagnostics_there_is_nothing_to_read(azure_world: World, cloud: AzureCloud) -> None:
    """W19: a VM that was made before `boot-log` was asked for says why, and no address gets into the text."""
    with pytest.raises(PortError) as caught:
        cloud.boot_log(built(azure_world, cloud, vm_order(1)))
    assert "not enabled" in str(caught.value) and "sig=" not in str(caught.value)


def test_a_pattern_of_the_owner_s_counts_instead() -> None:
    """W19: `ready: {boot_log: REGEX}`; a colon in it is its own."""
    assert wanted_pattern("boot-log:up: [0-9]+", "Linux") == "up: [0-9]+"
    assert says_started("a\nshop up: 12\n", "up: [0-9]+") and not says_started("shop up: no", "up: [0-9]+")
