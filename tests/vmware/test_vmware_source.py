"""What `VSphereSource` must survive on top of the conformance suite: other people's tasks, snapshots and storage."""

from __future__ import annotations

import threading
import time

import pytest

from planner.store import LockLost
from providers.vmware.source import VSphereSource
from providers.vmware.tracking import STUN_PREFIX
from replication.model.errors import NotFound, Permanent, Temporary
from replication.model.extents import Extent, total
from replication.model.source import Power
from tests.vmware.support import Lab


def test_another_task_is_waited_for(lab: Lab, source: VSphereSource) -> None:
    """Pitfall 6: one task at a time per VM; ours is tried again until the other one is done."""
    machine = lab.uuid("busy-01")
    lab.set("busy-01", latency_s=0.6)
    other = threading.Thread(target=lambda: lab.set("busy-01", foreign_snapshot=True))
    first = threading.Thread(target=lambda: source.create_snapshot(machine, "wavelift/first", "", False))
    try:
        first.start()
        time.sleep(0.15)
        ref = source.create_snapshot(machine, "wavelift/second", "", False)
        first.join()
        assert set(source.find_snapshots(machine, "wavelift/").values()) == {"wavelift/first", "wavelift/second"}
        lab.set("busy-01", latency_s=0.0)
        other.start()
        other.join()
        for found in [ref, *source.find_snapshots(machine, "wavelift/")]:
            source.remove_snapshot(machine, found)
        names = [name for _, name in source.facts((machine,))[machine].snapshots]
        assert names == ["VEEAM BACKUP TEMPORARY SNAPSHOT"], "another's snapshot is never touched"
    finally:
        lab.set("busy-01", latency_s=0.0, foreign_snapshot=False)


def test_a_vm_that_stays_busy_is_temporary(lab: Lab) -> None:
    """Pitfall 6: patience has an end, and the error says what is in the way."""
    source = lab.source(busy=0.2)
    machine = lab.uuid("busy-01")
    source.facts((machine,))
    lab.set("busy-01", latency_s=2.0)
    first = threading.Thread(target=lambda: source.create_snapshot(machine, "wavelift/long", "", False))
    first.start()
    time.sleep(0.3)
    begin = time.monotonic()
    with pytest.raises(Temporary, match=r"busy-01.*another task runs on this VM"):
        source.create_snapshot(machine, "wavelift/x", "", False)
    assert time.monotonic() - begin < 1.5
    first.join()
    lab.set("busy-01", latency_s=0.0)
    for ref in source.find_snapshots(machine, "wavelift/"):
        source.remove_snapshot(machine, ref)
    source.close()


def test_removing_keeps_what_others_stacked_on_top(lab: Lab, source: VSphereSource) -> None:
    """Pitfall 6: never RemoveChildren. A backup's snapshot made on ours survives the removal of ours."""
    machine = lab.uuid("busy-01")
    ref = source.create_snapshot(machine, "wavelift/under", "", False)
    lab.set("busy-01", foreign_snapshot=True)
    try:
        source.remove_snapshot(machine, ref)
        names = [name for _, name in source.facts((machine,))[machine].snapshots]
        assert names == ["VEEAM BACKUP TEMPORARY SNAPSHOT"]
    finally:
        lab.set("busy-01", foreign_snapshot=False)


def test_a_consolidation_that_fails_is_done_later(lab: Lab, source: VSphereSource) -> None:
    """S2 and pitfall 7: the snapshot is gone but a chain stays; `consolidated` asks until it is merged."""
    machine = lab.uuid("busy-01")
    ref = source.create_snapshot(machine, "wavelift/chain", "", False)
    lab.set("busy-01", fail_consolidate=2)
    source.remove_snapshot(machine, ref)
    assert source.find_snapshots(machine, "wavelift/") == {}
    assert source.facts((machine,))[machine].consolidation_needed
    assert source.consolidated(machine) is False
    assert source.consolidated(machine) is True
    assert not source.facts((machine,))[machine].consolidation_needed


def test_two_thousand_areas_a_page(lab: Lab, source: VSphereSource) -> None:
    """Pitfall 1: pages of 2000 areas are followed to the capacity; nothing is lost and nothing asked past the end."""
    machine = lab.uuid("areas-01")
    lab.set("areas-01", cbt_granularity=512, reset_cbt=True)
    before = source.create_snapshot(machine, "wavelift/a", "", False)
    disk = source.snapshot(machine, before).disks[0]
    source.remove_snapshot(machine, before)
    lab.pattern("areas-01", "every-other-sector", 4)
    after = source.create_snapshot(machine, "wavelift/b", "", False)
    areas = source.changed_areas(machine, after, disk.key, disk.change_id, disk.capacity)
    source.remove_snapshot(machine, after)
    assert len(areas) > 2 * 2000
    assert all(area.length == 512 for area in areas)
    assert total(areas) == 512 * len(areas)


def test_empty_pages_in_the_middle(lab: Lab, source: VSphereSource) -> None:
    """Pitfall 1: a page without areas is not the end."""
    machine = lab.uuid("areas-01")
    lab.set("areas-01", cbt_granularity=65536, reset_cbt=True, areas_span=1 << 20)
    before = source.create_snapshot(machine, "wavelift/a", "", False)
    disk = source.snapshot(machine, before).disks[0]
    source.remove_snapshot(machine, before)
    for offset in (0, 40 << 20, disk.capacity - 512):
        lab.write("areas-01", disk.label, offset, b"\x01" * 512)
    after = source.create_snapshot(machine, "wavelift/b", "", False)
    areas = source.changed_areas(machine, after, disk.key, disk.change_id, disk.capacity)
    source.remove_snapshot(machine, after)
    lab.set("areas-01", areas_span=0)
    assert areas == [Extent(0, 65536), Extent(40 << 20, 65536), Extent(disk.capacity - 65536, 65536)]


def test_a_datastore_that_cannot_say_what_is_allocated(faults: Lab, source: VSphereSource) -> None:
    """vmware.md: "*" may fail on NFS, vSAN, vVol; then the whole disk is the answer."""
    machine = faults.uuid("areas-01")
    ref = source.create_snapshot(machine, "wavelift/nfs", "", False)
    disk = source.snapshot(machine, ref).disks[0]
    faults.fault("vcenter QueryChangedDiskAreas", "fail", status=500, code="FileFault", count=0)
    assert source.changed_areas(machine, ref, disk.key, None, disk.capacity) == [Extent(0, disk.capacity)]
    faults.healthy()
    source.remove_snapshot(machine, ref)


def test_facts_of_many_machines_at_once(lab: Lab, source: VSphereSource) -> None:
    """S9: one call for all machines, whichever of them vCenter still knows."""
    machines = tuple(vm.uuid for vm in source.inventory().vms)
    fresh = lab.source()
    found = fresh.facts((*machines, "gone"))
    assert set(found) == set(machines)
    assert {facts.name for facts in found.values()} >= {"web-01", "odd-01", "twin"}
    assert found[lab.uuid("web-01")].datastores == {"ds-01": 2}
    assert fresh.facts(()) == {}
    fresh.close()


def test_a_guest_is_asked_and_obeys(lab: Lab, source: VSphereSource) -> None:
    """S1.4: the guest shuts itself down; asking one that is off is success."""
    machine = lab.uuid("power-01")
    lab.set("power-01", shutdown_s=0.05)
    source.shutdown_guest(machine)
    until = time.monotonic() + 10
    while source.facts((machine,))[machine].power is not Power.OFF and time.monotonic() < until:
        time.sleep(0.05)
    assert source.facts((machine,))[machine].power is Power.OFF
    source.shutdown_guest(machine)
    source.power_on(machine)


def test_a_guest_without_tools_cannot_be_asked(lab: Lab, source: VSphereSource) -> None:
    """Pitfall 16: Permanent, with both ways out."""
    with pytest.raises(Permanent, match=r"no-tools.*ToolsUnavailable.*shutdown to force"):
        source.facts((lab.uuid("no-tools"),))
        source.shutdown_guest(lab.uuid("no-tools"))


def test_tracking_is_switched_on_and_works_at_once(lab: Lab, source: VSphereSource) -> None:
    """vmware.md: CBT starts at the next stun, so the step makes one; doing it again changes nothing."""
    machine = lab.uuid("untracked-01")
    ref = source.create_snapshot(machine, "wavelift/before", "", False)
    assert [disk.change_id for disk in source.snapshot(machine, ref).disks] == [None, None]
    source.remove_snapshot(machine, ref)
    assert not source.facts((machine,))[machine].tracking
    source.enable_tracking(machine)
    source.enable_tracking(machine)
    facts = source.facts((machine,))[machine]
    assert facts.tracking
    assert facts.snapshots == ()
    ref = source.create_snapshot(machine, "wavelift/after", "", False)
    assert all(disk.change_id for disk in source.snapshot(machine, ref).disks)
    source.remove_snapshot(machine, ref)


def test_tracking_is_not_switched_on_under_a_snapshot(lab: Lab, source: VSphereSource) -> None:
    """vmware.md: under a snapshot it gives wrong data without an error. Ours are cleared away, others' refuse.
    Issue 4, State for a team: whoever lost the state's lock switches nothing on."""

    def lock_lost() -> None:
        raise LockLost("the lock was lost")

    machine = lab.uuid("untracked-02")
    lab.set("untracked-02", foreign_snapshot=True)
    with pytest.raises(Permanent, match=r"untracked-02.*VEEAM BACKUP.*delete or commit"):
        source.enable_tracking(machine)
    assert not source.facts((machine,))[machine].tracking
    lab.set("untracked-02", foreign_snapshot=False)
    with pytest.raises(LockLost):
        source.enable_tracking(machine, lock_lost)
    assert not source.facts((machine,))[machine].tracking
    source.create_snapshot(machine, STUN_PREFIX + "crashed", "", False)
    source.enable_tracking(machine)
    assert source.facts((machine,))[machine].tracking
    assert source.facts((machine,))[machine].snapshots == ()


def test_tracking_needs_newer_hardware(lab: Lab, source: VSphereSource) -> None:
    """vmware.md: hardware version 7."""
    with pytest.raises(Permanent, match=r"old-01.*version 4.*upgrade"):
        source.enable_tracking(lab.uuid("old-01"))


def test_a_disk_that_the_snapshot_does_not_have(lab: Lab, source: VSphereSource) -> None:
    """Pitfall 14: a disk that is not in the snapshot is named, not guessed."""
    machine = lab.uuid("busy-01")
    ref = source.create_snapshot(machine, "wavelift/x", "", False)
    with pytest.raises(NotFound, match="has no disk 2999"):
        source.changed_areas(machine, ref, 2999, None, 1 << 20)
    source.remove_snapshot(machine, ref)
