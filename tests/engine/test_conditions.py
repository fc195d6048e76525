"""What the source forbids: too little room, a snapshot that gets too old, another's snapshot, disks that come and go."""

from __future__ import annotations

import threading
import time

from replication.model.documents import load_status, status_name
from replication.model.errors import Denied, Permanent
from replication.model.extents import MIB
from replication.model.item import OrderKind
from replication.model.status import Status
from replication.schedule import Policy
from tests.engine.harness import Process, Run, cycles, outcome, replicated, run
from tests.engine.setups import LATER, once, pair
from tests.fakes.world import World

GIB = 1024**3


def status(world: World, machine: str = "m1") -> Status:
    return load_status(world.documents.docs[status_name(machine)][0])


def test_no_snapshot_is_taken_where_too_little_is_free() -> None:
    """Pitfall 15, moment 15: never fill a datastore. Said with numbers; replication goes on by itself."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.guest_writes("m1")
    world.vcenter.free = 9 * GIB
    world.clock.advance(LATER)
    one = Run(world)
    one.step()
    record = world.record()
    assert record.cycle == 2 and "ds-01 has 9.0 GiB free" in record.problem and world.vcenter.vms["m1"].most_snapshots == 1
    assert record.retry_at is not None and not record.unclean
    world.vcenter.free = 11 * GIB
    one.until(cycles(world, 3))
    one.end()
    world.assert_replica_is_source()


def test_what_holds_is_seen_as_often_as_cycles_are_wanted() -> None:
    """Moment 7: facts are some seconds old at most, and no older than the interval that the files ask for."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.put_item("m1", delta_minimum=2.0)
    world.clock.advance(LATER)
    for minimum, seen in ((3600.0, False), (2.0, True)):
        world.guest_writes("m1")
        one = Run(world, policy=Policy(delta_minimum=minimum))
        one.until(cycles(world, world.record().cycle + 1))
        ref = world.vcenter.create_snapshot("m1", "nightly backup", "", False)
        world.clock.advance(2.5)
        one.step()
        assert ("nightly backup" in str(status(world).held)) is seen
        world.vcenter.remove_snapshot("m1", ref)
        one.end()


def test_a_login_that_is_refused_holds_its_own_machine_and_no_other() -> None:
    """Users, The weeks 1: a password that changed in mid-run. Said in the record; others go on; tried again within minutes."""
    world = pair()
    world.clock.advance(LATER)
    refused = True

    def refuse(arguments: tuple[object, ...]) -> None:
        if refused and arguments[0] == "m1":
            raise Denied("the user name or password of svc was refused", subject="vCenter vc01")

    process = Process()
    process.hooks["source.create_snapshot"] = refuse
    one = Run(world, process)
    one.until(cycles(world, 3, "m2"))
    record, now = world.record(), world.clock.now()
    assert record.cycle == 2 and "the user name or password of svc was refused" in record.problem
    assert record.stuck and record.retry_at is not None and now < record.retry_at <= now + 120
    refused = False
    one.until(cycles(world, 3))
    assert world.clock.now() < now + 600
    one.end()


def test_a_datastore_that_fills_ends_a_delta_before_its_seal() -> None:
    """Moment 15: release our snapshot; the next delta covers the same changes."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.vcenter.write("m1", 2000, 0, b"\x01" * 200 * 1024)
    world.clock.advance(LATER)

    def fill() -> None:
        world.vcenter.free = GIB
        world.clock.advance(25)

    one = Run(world, once("reader.read", 3, fill))
    one.step()
    assert world.own_snapshots() == [] and world.record().cycle == 2 and "1.0 GiB free" in world.record().problem
    world.vcenter.free = 100 * GIB
    one.until(cycles(world, 3))
    one.end()
    world.assert_replica_is_source()


def test_a_datastore_that_fills_ends_an_initial_attempt_and_what_was_copied_is_kept() -> None:
    """Moment 15, pitfall 15: release our snapshot, keep what was copied, resume."""
    world = World()
    world.add(size=512 * 1024, fill=1.0, disks=1)

    def fill() -> None:
        world.vcenter.free = GIB
        world.clock.advance(25)

    first = once("reader.read", 17, fill)
    one = Run(world, first)
    one.step()
    assert world.own_snapshots() == [] and world.record().cycle == 0
    one.step()
    assert "1.0 GiB free" in world.record().problem
    before = first.names["reader.read"]
    assert before < 32
    world.vcenter.free = 100 * GIB
    one.until(cycles(world, 1))
    one.end()
    assert first.names["reader.read"] <= 32 + 4, "what was copied is copied again"
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()


def test_an_initial_attempt_ends_when_its_snapshot_gets_too_old() -> None:
    """Design, initial in mid-disk: no initial replication holds a snapshot for days; each attempt goes on where the last was."""
    world = World()
    world.add(size=512 * 1024, fill=1.0, disks=1)
    slow = once("reader.read", 0, lambda: None)
    slow.hooks["reader.read"] = lambda _: world.clock.advance(3)
    run(world, cycles(world, 1), slow, policy=Policy(snapshot_hours=9 / 3600))
    evidence = world.record().evidence[0]
    assert evidence.attempts >= 4 and evidence.snapshot_seconds < 60
    assert slow.names["reader.read"] <= 32 + 4 * evidence.attempts
    assert slow.names["source.create_snapshot"] == evidence.attempts
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()
    world.assert_tidy()


def test_a_final_cycle_needs_no_room() -> None:
    """A machine that is off writes nothing: its snapshot does not grow, and it must not stay off for want of space."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.order("m1", 1, OrderKind.MIGRATE)

    def fill() -> None:
        world.vcenter.free = GIB

    run(world, outcome(world, 1), once("source.shutdown_guest", 1, fill))
    order = world.record().order
    assert order is not None and order.outcome == "done"


def test_another_s_snapshot_holds_and_is_never_touched() -> None:
    """Moment 7, pitfalls 6, 8 and 19: held, with its name and since when; after the policy's hours it is a problem."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.guest_writes("m1")
    world.vcenter.create_snapshot("m1", "nightly backup", "", False)
    world.clock.advance(LATER)
    one = Run(world, policy=Policy(foreign_snapshot_hours=4))
    one.step()
    held = status(world).held
    assert held is not None and held.startswith("foreign snapshot 'nightly backup' since ") and status(world).problem == ""
    world.clock.advance(3 * 3600)
    one.step()
    one.step()
    assert "foreign_snapshot_hours" in status(world).problem and "5 h now" in status(world).problem
    assert [s.name for s in world.vcenter.vms["m1"].snapshots.values()] == ["nightly backup"] and world.record().cycle == 2
    world.order("m1", 1, OrderKind.MIGRATE)
    one.step()
    assert status(world).held == held or "nightly backup" in str(status(world).held)
    world.vcenter.vms["m1"].snapshots.clear()
    one.until(outcome(world, 1))
    one.end()
    order = world.record().order
    assert order is not None and order.outcome == "done"


def test_a_disk_that_is_being_moved_gets_a_grace_and_one_that_is_gone_is_said_so() -> None:
    """Pitfall 14: storage vMotion hides a disk for a moment; a disk that stays away is named, with what to do."""
    world = World()
    vm = world.add(size=256 * 1024)
    replicated(world)
    world.guest_writes("m1")
    away = vm.disks.pop(2001)
    world.clock.advance(LATER)
    one = Run(world)
    one.step()
    record = world.record()
    assert "being moved" in record.problem and record.retry_at is not None and record.retry_at < world.clock.now() + 600
    vm.disks[2001] = away
    away.epoch = "moved"  # tracking begins anew on the other datastore
    one.until(cycles(world, 3))
    assert "compared whole" in world.record().evidence[0].disks[1].note
    world.assert_replica_is_source()
    del vm.disks[2001]
    world.clock.advance(LATER)
    one.until(lambda: "not attached any more" in world.record().problem)
    one.end()
    assert world.record().cycle == 3 and world.own_snapshots() == []


def test_a_disk_that_was_added_is_told_and_the_next_apply_adds_it() -> None:
    """Pitfall 14; screen 5: "disk added, not replicated: next apply adds it (or skip)". The others go on."""
    world = World()
    vm = world.add(size=256 * 1024)
    replicated(world)
    item = world.item("m1")
    world.vcenter.attach("m1", 2002, world.content(128 * 1024, 0.7))
    world.clock.advance(LATER)
    one = Run(world)
    one.until(cycles(world, 3))
    world.clock.advance(2)
    one.step()
    assert "Hard disk 2002" in status(world).notice and "next apply adds it" in status(world).notice
    assert len(world.record().evidence[0].disks) == len(item.disks) == 2
    world.put_item("m1")
    world.clock.advance(LATER)
    one.until(cycles(world, 4))
    world.clock.advance(2)
    one.step()
    one.end()
    assert status(world).notice == "" and set(vm.disks) == {2000, 2001, 2002}
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()


def test_a_disk_that_grew_is_compared_and_only_the_new_area_is_sent() -> None:
    """Pitfall 14: the seed grows with it; what was there is proven by its hashes, not sent again."""
    world = World()
    vm = world.add(size=256 * 1024)
    replicated(world)
    vm.disks[2000].content.extend(bytes(64 * 1024))
    world.vcenter.write("m1", 2000, 300 * 1024, b"\x05" * 8192)
    world.put_item("m1")
    world.clock.advance(LATER)
    run(world, cycles(world, 3))
    found = world.record().evidence[0].disks[0]
    assert found.note == "compared whole: its size has changed" and found.requested_sectors == found.applied_sectors == 640
    assert found.altered_bytes == 64 * 1024, "the new area: its blocks were never known"
    world.assert_replica_is_source()
    world.assert_points_are_snapshots()


def test_a_disk_that_an_apply_leaves_out_goes_with_its_points() -> None:
    """Pitfall 14, removed on purpose: the item names it no more, the others go on."""
    world = World()
    vm = world.add(size=256 * 1024)
    replicated(world)
    del vm.disks[2001]
    world.put_item("m1")
    world.clock.advance(LATER)
    run(world, cycles(world, 3))
    record = world.record()
    assert record.problem == "" and record.committed is not None and set(record.committed.points) == {2000}
    world.assert_replica_is_source()


def test_a_disk_that_cannot_go_on_ends_the_other_s_copying() -> None:
    """S1: it was told when the other disks had been copied to their ends, and their snapshot was open for all that time."""
    world = World()
    world.add(size=MIB, fill=1.0)
    process = Process()

    begun, refused = threading.Event(), threading.Event()

    def refuse(args: tuple[object, ...]) -> None:
        if args[0] == "m1-r1-2000.vhd":
            begun.wait(10)
            refused.set()
            raise Permanent("ordered fault")
        if begun.is_set():
            refused.wait(10)
            time.sleep(0.05)  # so that the one's end is known before the other's next write, on a busy machine too
        begun.set()

    process.hooks["replicas.write"] = refuse
    one = Run(world, process)
    one.until(lambda: bool(world.record().problem))
    one.end()
    assert "ordered fault" in world.record().problem and world.own_snapshots() == []
    written = sum(bytes(world.replicas.blobs["m1-r1-2001.vhd"].content[at : at + 512]) != bytes(512) for at in range(0, MIB, 512))
    assert 0 < written < MIB // 512, "the other disk went on to its end"
    run(world, cycles(world, 1))
    world.assert_replica_is_source()
