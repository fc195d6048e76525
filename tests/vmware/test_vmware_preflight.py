"""What blocks a VM is found in plan, each with its remedy (pitfall 8)."""

from __future__ import annotations

import dataclasses
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest

from planner.inventory import VmFacts
from planner.preflight import GIB, LARGEST, LARGEST_OS, blockers, needs_tracking
from providers.vmware.devices import Controllers, disk_facts
from providers.vmware.source import VSphereSource
from tests.vmware.test_vmware_inventory import vm


def codes(machine: VmFacts, **options: Any) -> list[str]:
    return [blocker.code for blocker in blockers(machine, **options)]


def with_disk(**other: Any) -> VmFacts:
    machine = vm("web-01")
    return dataclasses.replace(machine, disks=(dataclasses.replace(machine.disks[0], **other),))


def test_a_usual_machine_is_not_blocked() -> None:
    """Pitfall 8: neither tracking that is on nor a snapshot beside it blocks."""
    assert blockers(vm("web-01")) == []
    assert blockers(vm("web-01", snapshots=2)) == []
    assert blockers(vm("web-01", tracking=False)) == []
    assert needs_tracking(vm("web-01", tracking=False))


@pytest.mark.parametrize(
    ("machine", "code"),
    [
        (vm("x", disks=()), "no-disks"),
        (vm("x", uuid=""), "no-uuid"),
        (vm("x", hw_version=4), "hardware-version"),
        (vm("x", consolidation_needed=True), "consolidation-needed"),
        (vm("x", tracking=False, snapshots=1), "snapshots-present"),
        (vm("x", shared_bus=("scsi0",)), "shared-disk"),
        (with_disk(mode="independent_persistent"), "independent-disk"),
        (with_disk(backing="RawDiskMapping/physicalMode"), "physical-rdm"),
        (with_disk(backing="LocalPMem"), "unsupported-backing"),
        (with_disk(sharing=True), "shared-disk"),
        (with_disk(controller=""), "unsupported-controller"),
        (with_disk(capacity=0), "bad-capacity"),
        (with_disk(datastore_type="vsan"), "unreadable-datastore"),
        (with_disk(datastore_type="VVOL"), "unreadable-datastore"),
        (with_disk(encrypted=True), "encrypted-disk"),
        (with_disk(linked=True), "linked-clone"),
        (with_disk(backing="RawDiskMapping/virtualMode"), "unreadable-backing"),
        (with_disk(backing="SeSparse"), "unreadable-backing"),
        (with_disk(capacity=5 * 1024 * GIB), "too-large"),
        (dataclasses.replace(with_disk(capacity=33 * 1024 * GIB), os_disk=0), "too-large"),
    ],
)
def test_each_blocker_has_its_code_and_a_remedy(machine: VmFacts, code: str) -> None:
    """Issue 2, bad input: an independent disk, a physical RDM, a snapshot where tracking must be switched on."""
    found = blockers(machine)
    assert [blocker.code for blocker in found] == [code]
    assert found[0].text
    assert found[0].remedy


def test_tracking_can_be_forbidden() -> None:
    """Users 8: switching tracking on can be forbidden; then it must be on already."""
    assert codes(vm("x", tracking=False), tracking="forbid") == ["tracking-forbidden"]
    assert codes(vm("x"), tracking="forbid") == []


def test_a_disk_left_out_blocks_nothing() -> None:
    """Users 8: `disks: {"scsi0:0": skip}` is one of the remedies named, so it has to work."""
    machine = vm("x")
    bad = dataclasses.replace(machine.disks[0], key=2001, controller="scsi0:1", mode="independent_persistent")
    both = dataclasses.replace(machine, disks=(*machine.disks, bad))
    assert codes(both) == ["independent-disk"]
    assert codes(both, skipped={2001}) == []
    assert '{"scsi0:1": skip}' in blockers(both)[0].remedy


def test_another_reader_may_read_vsan() -> None:
    """Design, disk readers: the https reader refuses vSAN and vVol in plan; nbd does not."""
    assert codes(with_disk(datastore_type="vsan"), reader="nbd") == []
    assert codes(with_disk(encrypted=True, backing="RawDiskMapping/virtualMode"), reader="nbd") == []
    assert codes(with_disk(linked=True), reader="nbd") == ["linked-clone"]


def test_the_largest_disks_are_not_blocked() -> None:
    """S1.2: a page blob of 8 TiB, an OS disk of 4,095 GiB."""
    assert codes(with_disk(capacity=LARGEST_OS)) == []
    assert codes(dataclasses.replace(with_disk(capacity=LARGEST), os_disk=0)) == []


BACKING = """<device xmlns="urn:vim25"><key>2000</key><backing><fileName>[ds-01] web/web-000001.vmdk</fileName>{key}
<parent><fileName>[ds-01] {folder}/base.vmdk</fileName></parent></backing></device>"""


@pytest.mark.parametrize(
    ("folder", "key", "expected"),
    [("web", "", (False, False)), ("golden", "", (False, True)), ("web", "<keyId/>", (True, False))],
)
def test_what_a_disk_stands_on_and_whether_it_is_encrypted(folder: str, key: str, expected: tuple[bool, bool]) -> None:
    """issue 4, Reading a plan: a snapshot's base is no linked clone; read from vSphere's own description of a backing."""
    disk = fromstring(BACKING.format(folder=folder, key=key))
    found = disk_facts(disk, Controllers({}, ()), {}, True)
    assert (found.encrypted, found.linked) == expected and found.parent


def test_the_labs_odd_machine(source: VSphereSource) -> None:
    """The same, from real device lists."""
    odd = next(vm for vm in source.inventory().vms if vm.name == "odd-01")
    assert codes(odd) == ["hardware-version", "independent-disk", "physical-rdm", "shared-disk"]
