"""Cycles on the ports in memory: what they carry, what they leave, what a fault does to them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from replication import manifest
from replication.bitmap import SectorSet
from replication.model.documents import evidence_name, item_name, load_evidence
from replication.model.record import CycleKind, Life
from tests.engine.harness import Process, Rule, Run, cycles, replicated, run
from tests.engine.setups import LATER, contents, due, once
from tests.fakes.stores import PageBlob
from tests.fakes.world import World


@pytest.fixture
def world() -> World:
    return due()


def test_initial_then_first_delta_at_once() -> None:
    """S1.2, S1.3, S8.1, S8.2: the initial cycle begins with its item, nothing else is asked for; the replica is the source;
    the first delta follows the initial cycle without a pause."""
    world = World()
    world.add()
    one = Run(world)
    one.until(cycles(world, 1))
    world.assert_replica_is_source()
    world.guest_writes("m1")
    one.until(cycles(world, 2), steps=3, pause=1.0)
    one.end()
    world.assert_replica_is_source()
    world.assert_tidy()
    record = world.record()
    assert record.life is Life.DELTA and record.committed is not None and record.committed.kind is CycleKind.DELTA


def test_initial_reads_only_what_is_allocated_and_says_so() -> None:
    """S12, S5.1: what the source reports as not allocated is not read, counts as zero, and stands apart in the evidence."""
    world = World()
    world.add(size=1024 * 1024, fill=0.25)
    run(world, cycles(world, 1))
    world.assert_replica_is_source()
    name = evidence_name("m1", "m1-r1", 1)
    evidence = load_evidence(world.documents.docs[name][0])
    for disk in evidence.disks:
        assert disk.requested_sectors == disk.applied_sectors == 2048
        assert 1000 < disk.zero_sectors < 2048
        assert disk.read_bytes == 1024 * 1024 - disk.zero_sectors * 512
    assert world.replicas.blobs["m1-r1-2000.vhd"].written, "nothing was written"
    assert len(world.replicas.blobs["m1-r1-2000.vhd"].written) * 512 == evidence.disks[0].read_bytes


def test_a_replica_blob_with_old_content_is_not_taken_for_new() -> None:
    """Design: only sectors never touched on a *new* blob may be left out as zero."""
    world = World()
    world.add(size=256 * 1024)
    old = PageBlob(bytearray(b"\xaa" * 256 * 1024), written=set(range(512)))
    world.replicas.blobs["m1-r1-2000.vhd"] = old
    run(world, cycles(world, 1))
    world.assert_replica_is_source()


def test_a_replica_blob_that_was_replaced_in_mid_disk_is_filled_anew() -> None:
    """What a progress document says is about one blob: when that one is gone, nothing of it is believed."""
    world = World()
    world.add(size=256 * 1024)
    run(world, cycles(world, 1), Process(kill_when=lambda name, n: name == "replicas.write" and n == 9))
    world.replicas.blobs["m1-r1-2000.vhd"] = PageBlob(bytearray(256 * 1024))
    run(world, cycles(world, 1))
    world.assert_replica_is_source()


def test_initial_goes_on_where_it_was() -> None:
    """Design: attempt k copies what is not done and what changed since c1, not everything again."""
    world = World()
    world.add(size=512 * 1024, fill=1.0, disks=1)
    run(world, cycles(world, 1), Process(kill_when=lambda name, n: name == "replicas.write" and n == 14))
    second = Process()
    run(world, cycles(world, 1), second)
    world.assert_replica_is_source()
    assert second.names["reader.read"] < 26, "more than the undone part was read"
    assert world.record().evidence[0].attempts == 2


def test_tracking_reset_in_mid_initial_begins_the_disk_anew() -> None:
    """Design: when c1's uuid does not fit any more, that disk starts over."""
    world = World()
    world.add(size=256 * 1024)
    run(world, cycles(world, 1), Process(kill_when=lambda name, n: name == "replicas.write" and n == 12))
    world.guest_writes("m1")
    world.vcenter.reset_tracking("m1", 2000)
    run(world, cycles(world, 1))
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()


def test_a_snapshot_that_did_not_last_marks_nothing_done() -> None:
    """Design, step 4: what was read under a changed chain is not done, even where the guest never wrote since."""
    for nth in range(2, 30, 3):
        world = World()
        world.add(size=256 * 1024)
        gone = once("reader.read", nth, lambda world=world: world.vcenter.vms["m1"].snapshots.clear())
        run(world, cycles(world, 1), gone)
        world.assert_replica_is_source()
        world.assert_points_are_snapshots()


def test_overwrites_fold_into_one() -> None:
    """S12: a sector that is written ten times between two cycles is sent once."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    for at in range(10):
        world.vcenter.write("m1", 2000, 8192, bytes([at + 1]) * 4096)
    world.clock.advance(LATER)
    run(world, cycles(world, 3))
    disk = world.record().evidence[0].disks[0]
    assert (disk.changed_bytes, disk.read_bytes, disk.blobs) == (4096, 4096, 1)
    world.assert_replica_is_source()


def test_bridged_bytes_are_read_and_not_sent() -> None:
    """Design, step 2: a gap that is read through is dropped before sealing, so logged = requested."""
    world = World()
    world.add(size=256 * 1024, fill=1.0)
    replicated(world)
    for at in (0, 8192, 16384):
        world.vcenter.write("m1", 2000, at, b"x" * 512)
    world.clock.advance(LATER)
    run(world, cycles(world, 3))
    disk = world.record().evidence[0].disks[0]
    assert disk.changed_bytes == 3 * 4096 and disk.read_bytes == 12288 + 4096
    assert disk.requested_sectors == disk.applied_sectors == 24
    world.assert_replica_is_source()


def test_bit_flip_in_the_log_fails_the_cycle_and_writes_nothing(world: World) -> None:
    """S5.2: the data is not written, the cycle has failed, the next one repairs it."""
    before = contents(world)
    flip = once("log.get", 3, lambda: [world.logs.flip(name) for name in list(world.logs.blobs) if "manifest" not in name])
    one = Run(world, flip)
    one.step()
    record = world.record()
    assert record.cycle == 2 and record.attempt is None and not record.dirty
    assert "log blob" in record.problem and contents(world) == before
    world.assert_tidy()
    one.until(cycles(world, 3))
    one.end()
    world.assert_replica_is_source()
    assert world.record().problem == ""


def test_flipped_manifest_and_missing_blob_fail_the_cycle(world: World) -> None:
    """Design: only what the manifest lists is read, and only the manifest whose digest the journal knows."""
    before = contents(world)

    def replace_manifest() -> None:
        name = next(n for n in world.logs.blobs if "manifest" in n)
        sealed = manifest.loads(world.logs.blobs[name][0])
        nothing = SectorSet().digest()
        less = [
            dataclasses.replace(d, blobs=(), requested_digest=nothing, requested_sectors=0, logged_sectors=0)
            for d in sealed.disks
        ]
        world.logs.blobs[name] = (manifest.dumps(dataclasses.replace(sealed, disks=tuple(less))), {})

    spoil: list[Any] = [
        replace_manifest,
        lambda: [world.logs.flip(name) for name in world.logs.blobs if "manifest" in name],
        lambda: [world.logs.blobs.pop(name) for name in list(world.logs.blobs) if name.endswith("00000000")],
    ]
    for damage in spoil:
        one = Run(world, once("log.get", 1, damage))
        one.step()
        one.end()
        assert world.record().attempt is None and world.record().problem and not world.record().dirty
        assert contents(world) == before
        world.clock.advance(LATER)
    run(world, cycles(world, 3))
    world.assert_replica_is_source()


def test_bit_flip_after_writing_began_leaves_it_dirty_until_repaired() -> None:
    """Design: a log that turns unreadable in mid-apply marks the replica dirty; its last recovery point is whole."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    for key in (2000, 2001):  # more than is kept in memory between check and write, so that some is fetched again
        world.vcenter.write("m1", key, 0, world.random.randbytes(200 * 1024))
    world.clock.advance(LATER)
    flip = once("replicas.write", 1, lambda: [world.logs.flip(name) for name in list(world.logs.blobs)])
    one = Run(world, flip)
    one.step()
    assert world.record().dirty and world.record().cycle == 2 and world.record().attempt is None
    world.assert_points_are_snapshots()
    one.until(cycles(world, 3))
    one.end()
    assert not world.record().dirty
    world.assert_replica_is_source()


def test_a_snapshot_that_did_not_last_fails_the_attempt(world: World) -> None:
    """Design, step 4: the reader confirms the snapshot before the seal; nothing of a broken attempt is applied."""
    before = contents(world)
    one = Run(world, once("reader.confirm", 1, lambda: world.vcenter.vms["m1"].snapshots.clear()))
    one.step()
    assert world.record().cycle == 2 and "snapshot" in world.record().problem and contents(world) == before
    one.until(cycles(world, 3))
    one.end()
    world.assert_replica_is_source()


def test_tracking_reset_copies_the_disk_whole(world: World) -> None:
    """Design, resync: automatic, the last recovery point stays; sectors that are zero now become zero."""
    world.vcenter.reset_tracking("m1", 2001)
    world.guest_writes("m1")
    run(world, cycles(world, 3))
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()
    sizes = {disk.key: disk.requested_sectors for disk in world.record().evidence[0].disks}
    assert sizes[2001] == 512 and sizes[2000] < 512


def test_own_orphans_are_swept_and_foreign_snapshots_left_alone(world: World) -> None:
    """Pitfalls 6 and 7: own snapshots by prefix and run; a user's snapshot, taken just before ours, is never touched."""

    def taken() -> None:
        for name in ("before the upgrade", "wavelift-lab-m1-0000", "wavelift-lab-m12-0000"):
            world.vcenter.create_snapshot("m1", name, "", False)

    world.logs.blobs["m1-r1/dead-attempt/2000/00000001"] = (b"", {})
    process, own = once("source.consolidated", 1, taken), []
    process.hooks["source.create_snapshot"] = lambda _: own.append(world.vcenter.find_snapshots("m1", "wavelift-lab-m1-"))
    run(world, cycles(world, 3), process)
    assert own == [{}], "a snapshot was taken on top of an orphan"
    assert {s.name for s in world.vcenter.vms["m1"].snapshots.values()} == {"before the upgrade", "wavelift-lab-m12-0000"}
    assert world.logs.blobs == {}


def test_a_snapshot_that_cannot_be_removed_is_a_warning(world: World) -> None:
    """Pitfall 7: after the seal the data is safe: committed first, removed later, complete only then (S2)."""
    process = Process((Rule("source.remove_snapshot", "before", 1, 7),))
    one = Run(world, process)
    one.step()
    record = world.record()
    assert record.cycle == 3 and record.unclean and record.last_completed is not None and record.committed is not None
    assert record.last_completed < record.committed.committed and "remove_snapshot" in record.problem
    one.until(cycles(world, 3))
    one.end()
    world.assert_tidy()
    record = world.record()
    assert record.committed is not None and record.last_completed is not None
    assert record.last_completed > record.committed.committed


def test_a_cycle_is_complete_only_after_consolidation(world: World) -> None:
    """S2: the schedule counts from the consolidation, and no snapshot is taken before it."""

    def lag() -> None:
        world.vcenter.vms["m1"].needs_consolidation = 30

    run(world, cycles(world, 3), once("source.remove_snapshot", 1, lag))
    record = world.record()
    assert record.committed is not None and record.last_completed is not None
    assert record.last_completed >= record.committed.committed + 30
    assert load_evidence(world.documents.docs[evidence_name("m1", "m1-r1", 3)][0]).completed == record.last_completed


def test_a_disk_of_another_size_is_a_clear_problem(world: World) -> None:
    """Pitfall 14: named with its remedy; nothing is sent, the recovery point stays."""
    world.vcenter.vms["m1"].disks[2000].content.extend(bytes(4096))
    one = Run(world)
    one.step()
    record = world.record()
    assert "disk-2000" in record.problem and "plan and apply again" in record.problem and record.cycle == 2
    assert world.own_snapshots() == [] and record.retry_at is not None
    world.put_item("m1")  # what the next apply writes: it is looked at again at once, and copied whole
    one.step()
    one.end()
    record = world.record()
    assert record.cycle == 3 and record.problem == ""
    world.assert_replica_is_source()


def test_a_replica_that_is_gone_is_a_clear_problem(world: World) -> None:
    """A delta never lands on a blank disk: that would make a recovery point of holes."""
    world.replicas.delete("m1-r1-2000.vhd")
    run_once = Run(world)
    run_once.step()
    run_once.end()
    assert "recovery point 2" in world.record().problem and world.record().cycle == 2
    assert "m1-r1-2000.vhd" not in world.replicas.blobs


def test_a_replica_that_vanishes_between_seal_and_apply_is_not_made_anew(world: World) -> None:
    one = Run(world, once("log.get", 1, lambda: world.replicas.delete("m1-r1-2001.vhd")))
    one.step()
    one.end()
    assert "does not hold recovery point" in world.record().problem and not world.record().dirty
    assert "m1-r1-2001.vhd" not in world.replicas.blobs and world.record().cycle == 2


def test_a_machine_that_vanished_is_said_so(world: World) -> None:
    """Bad input of issue 2: a VM that does not exist."""
    del world.vcenter.vms["m1"]
    one = Run(world)
    one.step()
    one.end()
    from replication.model.documents import load_status, status_name

    assert load_status(world.documents.docs[status_name("m1")][0]).held == "vm-m1 is not in vc"


def test_key_is_rotated_between_seal_and_apply(world: World) -> None:
    """S6: each blob names its key's version, so a log that was sealed before a rotation is still read."""

    def rotate() -> None:
        world.keys.versions["log-key"]["v2"] = b"\x07" * 32

    run(world, cycles(world, 3), once("documents.put", 3, rotate))
    run(world, cycles(world, 3))
    world.clock.advance(LATER)
    world.guest_writes("m1")
    run(world, cycles(world, 4))
    world.assert_replica_is_source()


def test_held_and_hold_in_the_item(world: World) -> None:
    """A hold keeps new cycles from starting, with its reason; taking it away lets them go."""
    world.put_item("m1", hold="change freeze until Monday")
    one = Run(world)
    one.step()
    assert world.record().cycle == 2
    world.put_item("m1")
    one.until(cycles(world, 3))
    one.end()
    assert item_name("m1") in world.documents.docs
