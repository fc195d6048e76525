"""Snapshots, tracking and consolidation with VMware's awkward truths, through the real pyVmomi."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from vcenter_client import MIB, Client, WaitForTask, connected, covers, disk, disks, vim, vmodl

from tests.lab.lab_process import LabProcess


@pytest.fixture
def client(vcenter: LabProcess) -> Iterator[Client]:
    with connected(vcenter) as found:
        yield found


def test_snapshot_freezes_the_base_and_consolidation_merges(client: Client, tmp_path: Path) -> None:
    """S2: guest writes go to a delta while a snapshot exists; removing it merges them into the base."""
    name, vm = "snap-01", client.vm("snap-01")
    old, new = os.urandom(MIB), os.urandom(MIB)
    client.write(name, 4 * MIB, old)
    snapshot = client.snapshot(vm, "first")
    assert (vm.snapshot.currentSnapshot, vm.snapshot.rootSnapshotList[0].name) == (snapshot, "first")
    client.write(name, 4 * MIB + 512, new)
    status = client.status(name)["disks"][0]
    assert len(status["chain"]) == 2 and status["chain"][0] == status["path"]
    assert Path(status["path"]).read_bytes()[4 * MIB : 5 * MIB] == old, "the base is frozen"
    assert client.flatten(name, tmp_path / "now").read_bytes()[4 * MIB + 512 : 5 * MIB + 512] == new
    assert client.flatten(name, tmp_path / "then", snapshot="first").read_bytes()[4 * MIB : 5 * MIB] == old
    live = disks(vm)[0].backing
    assert live.fileName.endswith("snap-01-000001.vmdk") and live.parent.fileName.endswith("snap-01.vmdk")
    assert (
        disks(snapshot)[0].backing.fileName == live.parent.fileName
        and disks(snapshot)[0].backing.parent is None
    )
    client.remove(snapshot)
    assert vm.snapshot is None and vm.runtime.consolidationNeeded is False
    after = client.status(name)["disks"][0]
    assert after["chain"] == [status["path"]] and after["capacity"] == os.path.getsize(status["path"])
    assert Path(status["path"]).read_bytes()[4 * MIB : 5 * MIB + 512] == old[:512] + new


def test_failed_consolidation_leaves_a_chain(client: Client) -> None:
    """Domain pitfall 6: the snapshot is gone, the chain and consolidationNeeded stay, the next consolidation mends it."""
    name, vm = "snap-01", client.vm("snap-01")
    snapshot = client.snapshot(vm)
    data = os.urandom(4096)
    client.write(name, 0, data)
    client.set(name, fail_consolidate=2)
    with pytest.raises(vim.fault.FileLocked):
        client.remove(snapshot)
    assert vm.snapshot is None and vm.runtime.consolidationNeeded is True
    assert len(client.status(name)["disks"][0]["chain"]) == 2
    with pytest.raises(vim.fault.FileLocked):
        WaitForTask(vm.ConsolidateVMDisks_Task())
    WaitForTask(vm.ConsolidateVMDisks_Task())
    assert vm.runtime.consolidationNeeded is False
    chain = client.status(name)["disks"][0]["chain"]
    assert len(chain) == 1 and Path(chain[0]).read_bytes()[:4096] == data


def test_snapshots_in_any_order(client: Client, tmp_path: Path) -> None:
    """Removing one of several snapshots merges just its layer; children go with it only when told."""
    name, vm = "snap-02", client.vm("snap-02")
    made = []
    for number in range(4):
        client.write(name, number * 4096, bytes([number + 1]) * 4096)
        client.write(name, 64 * 1024, bytes([number + 1]) * 512)
        made.append(client.snapshot(vm, f"s{number}"))
    client.remove(made[1])
    assert len(client.status(name)["disks"][0]["chain"]) == 4
    then = client.flatten(name, tmp_path / "s2", snapshot="s2").read_bytes()
    assert then[: 4 * 4096] == b"".join(bytes([n + 1]) * 4096 for n in range(3)) + bytes(4096)
    assert then[64 * 1024] == 3
    client.remove(made[0])
    assert client.flatten(name, tmp_path / "s2", snapshot="s2").read_bytes() == then
    tree = vm.snapshot.rootSnapshotList[0]
    assert (tree.name, tree.childSnapshotList[0].name) == ("s2", "s3")
    client.remove(made[2], children=True)
    assert vm.snapshot is None and len(client.status(name)["disks"][0]["chain"]) == 1
    client.snapshot(vm)
    WaitForTask(vm.RemoveAllSnapshots_Task())
    assert vm.snapshot is None
    with pytest.raises(vmodl.fault.ManagedObjectNotFound):
        client.remove(made[3])


def test_without_consolidation_the_chain_stays(client: Client) -> None:
    """`consolidate=False` removes the snapshot only."""
    vm = client.vm("snap-02")
    client.remove(client.snapshot(vm), consolidate=False)
    assert vm.snapshot is None and vm.runtime.consolidationNeeded is True
    WaitForTask(vm.ConsolidateVMDisks_Task())
    assert vm.runtime.consolidationNeeded is False


def test_guest_goes_on_writing_during_consolidation(client: Client, tmp_path: Path) -> None:
    """S2, fourth step: nothing that the guest writes while layers are merged is lost."""
    name, vm = "snap-02", client.vm("snap-02")
    snapshot = client.snapshot(vm)
    client.lab.control("POST", "write", {"vm": name, "pattern": "random", "mib": 8, "seed": 1})
    client.lab.control("POST", "write", {"vm": name, "pattern": "sequential", "mib": 1, "rate": 200, "seed": 5})
    time.sleep(0.05)
    client.remove(snapshot)
    assert client.lab.control("DELETE", "write")["stopped"][name] > 0
    time.sleep(0.1)
    status = client.status(name)["disks"][0]
    assert status["chain"] == [status["path"]]
    assert client.flatten(name, tmp_path / "now").read_bytes() == Path(status["path"]).read_bytes()


def test_one_task_at_a_time(client: Client) -> None:
    """Domain: a second task on the same VM is refused with TaskInProgress, which names the first."""
    name, vm = "snap-01", client.vm("snap-01")
    client.set(name, latency_s=0.4)
    try:
        task = vm.CreateSnapshot_Task("slow", "", False, False)
        assert task.info.state == "running" and task.info.entityName == name
        with pytest.raises(vim.fault.TaskInProgress) as busy:
            vm.CreateSnapshot_Task("other", "", False, False)
        assert busy.value.task._moId == task._moId
        WaitForTask(task)
        assert task.info.completeTime >= task.info.startTime
    finally:
        client.set(name, latency_s=None)
    client.remove(task.info.result)


def test_tracking_starts_at_the_next_stun(client: Client) -> None:
    """Domain: switched on it does nothing until a snapshot, migration or power cycle; then change ids exist."""
    name, vm = "cbt-02", client.vm("cbt-02")
    WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
    assert vm.config.changeTrackingEnabled is True and disks(vm)[0].backing.changeId is None
    assert {entry.key: entry.value for entry in vm.config.extraConfig}["ctkEnabled"] == "TRUE"
    with pytest.raises(vim.fault.FileFault):
        vm.QueryChangedDiskAreas(None, 2000, 0, "*")
    snapshot = client.snapshot(vm)
    first = disks(snapshot)[0].backing.changeId
    assert first.count("/") == 1 and disks(vm)[0].backing.changeId != first
    client.remove(snapshot)
    client.write(name, 0, bytes(512))
    second = client.snapshot(vm)
    assert client.areas(vm, second, 2000, first) == [(0, 65536)]
    client.remove(second)


def test_tracking_is_refused_under_a_snapshot(client: Client) -> None:
    """Domain pitfall 8: with somebody's snapshot present it cannot be switched on."""
    vm = client.vm("hard-01")
    client.set("hard-01", foreign_snapshot="Nightly backup")
    with pytest.raises(vim.fault.InvalidState, match="snapshots"):
        WaitForTask(vm.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))
    assert vm.snapshot.rootSnapshotList[0].name == "Nightly backup"
    client.set("hard-01", foreign_snapshot=False)
    assert vm.snapshot is None
    old = client.vm("odd-01")
    with pytest.raises(vmodl.fault.NotSupported):
        WaitForTask(old.ReconfigVM_Task(vim.vm.ConfigSpec(changeTrackingEnabled=True)))


def test_changed_areas_page_at_two_thousand(client: Client) -> None:
    """Domain pitfall 1: at most 2000 areas an answer, none past the end, empty answers in the middle possible."""
    name, vm = "cbt-01", client.vm("cbt-01")
    client.track(vm)
    client.set(name, cbt_granularity=4096, reset_cbt=True)
    base = client.snapshot(vm)
    since = disk(base, 2000).backing.changeId
    client.remove(base)
    for number in range(2100):
        if number % 30 == 0:
            client.write(name, number * 8192, b"".join(bytes(4096) for _ in range(1)))
    client.lab.control("POST", "write", {"vm": name, "pattern": "every-other-sector", "mib": 1, "offset": 0})
    client.lab.control("POST", "write", {"vm": name, "pattern": "random", "mib": 24, "seed": 3})
    snapshot = client.snapshot(vm)
    page = vm.QueryChangedDiskAreas(snapshot, 2000, 0, since)
    last = page.changedArea[-1]
    assert len(page.changedArea) == 2000 and page.length == last.start + last.length < 256 * MIB
    areas = client.areas(vm, snapshot, 2000, since)
    assert len(areas) > 2000 and areas == sorted(areas) and all(end <= 256 * MIB for _, end in areas)
    client.set(name, areas_span=MIB)
    assert vm.QueryChangedDiskAreas(snapshot, 2000, 200 * MIB, since).length == MIB
    spanned = client.areas(vm, snapshot, 2000, since)
    assert sum(end - start for start, end in spanned) == sum(end - start for start, end in areas)
    client.set(name, areas_span=0, cbt_granularity=65536)
    client.remove(snapshot)


def test_what_change_queries_refuse(client: Client) -> None:
    """Domain: offsets at the end, unknown disks, malformed, future and foreign change ids, and a reset."""
    name, vm = "cbt-02", client.vm("cbt-02")
    client.track(vm)
    snapshot = client.snapshot(vm)
    since = disks(snapshot)[0].backing.changeId
    identity, number = since.split("/")
    capacity = disks(vm)[0].capacityInBytes
    for arguments, wrong in (
        ((2000, capacity, since), "startOffset"),
        ((2999, 0, since), "deviceKey"),
        ((2000, 0, "nonsense"), "changeId"),
        ((2000, 0, f"{identity}/{int(number) + 5}"), "changeId"),
    ):
        with pytest.raises(vmodl.fault.InvalidArgument) as refused:
            vm.QueryChangedDiskAreas(snapshot, *arguments)
        assert refused.value.invalidProperty == wrong and f"not correct: {wrong}" in refused.value.msg
    with pytest.raises(vim.fault.FileFault):
        vm.QueryChangedDiskAreas(snapshot, 2000, 0, f"11111111-2222-3333-4444-555555555555/{number}")
    client.set(name, reset_cbt=True)
    with pytest.raises(vim.fault.FileFault):
        vm.QueryChangedDiskAreas(snapshot, 2000, 0, since)
    client.remove(snapshot)
    fresh = client.snapshot(vm)
    assert disks(fresh)[0].backing.changeId.split("/")[0] != identity
    client.remove(fresh)


def test_star_means_allocated_areas_where_files_are_ours(client: Client) -> None:
    """S1.2: "*" gives what was ever written; on NFS and vSAN it gives the whole disk as one extent."""
    vm = client.vm("cbt-01")
    client.track(vm)
    client.write("cbt-01", 10 * MIB, os.urandom(4096), 2001)
    snapshot = client.snapshot(vm)
    client.write("cbt-01", 40 * MIB, os.urandom(4096), 2001)
    areas = client.areas(vm, snapshot, 2001, "*")
    assert covers(areas, 10 * MIB, 4096) and not covers(areas, 40 * MIB, 4096)
    assert sum(end - start for start, end in areas) < MIB
    client.remove(snapshot)
    other = client.vm("nfs-vm")
    client.track(other)
    snapshot = client.snapshot(other)
    assert client.areas(other, snapshot, 2000, "*") == [(0, 64 * MIB)]
    client.remove(snapshot)


def test_a_snapshot_covers_all_disks_at_one_moment(client: Client) -> None:
    """Domain pitfall 5: two disks written in turn are never frozen more than one write apart."""
    name, vm = "cbt-01", client.vm("cbt-01")
    stop = threading.Event()
    writer = threading.Thread(target=_count_up, args=(client, name, stop))
    writer.start()
    try:
        time.sleep(0.1)
        for _ in range(3):
            snapshot = client.snapshot(vm)
            first, second = (_counter(entry["path"]) for entry in client.status(name)["disks"])
            assert first - second in (0, 1)
            client.remove(snapshot)
    finally:
        stop.set()
        writer.join()


def _count_up(client: Client, name: str, stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        for key in (2000, 2001):
            client.write(name, 512, number.to_bytes(8, "big") * 64, key)


def _counter(path: str) -> int:
    with open(path, "rb") as stream:
        stream.seek(512)
        return int.from_bytes(stream.read(8), "big")


def test_disks_outside_snapshots(client: Client) -> None:
    """Domain: independent disks and raw mappings are in no snapshot and never tracked."""
    vm = client.vm("odd-01")
    snapshot = client.snapshot(vm)
    chains = [len(entry["chain"]) for entry in client.status("odd-01")["disks"]]
    assert chains == [1, 1, 2]
    client.remove(snapshot)
