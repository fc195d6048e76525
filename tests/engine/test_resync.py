"""Stored block hashes: resync by them, what they prove, what they must never be believed about, and the rolling re-check."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replication import blocks
from replication.bitmap import SectorSet
from replication.engine.budget import Budget
from replication.engine.checksums import SEGMENT, Checksums, hashes_prefix
from replication.engine.config import Patience
from replication.engine.retry import Retry
from replication.model.command import Verb
from replication.model.documents import evidence_name, load_evidence
from replication.model.errors import PortError
from replication.model.extents import Extent
from replication.model.item import ItemDisk, OrderKind
from replication.model.record import CycleKind, DiskEvidence, Life, Record
from replication.model.source import Power
from replication.schedule import Policy
from tests.engine.harness import SIZES, Process, Rule, Run, cycles, outcome, replicated, run
from tests.engine.setups import LATER, assert_migrated, once
from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeDocuments
from tests.fakes.world import World

BLOCK = SIZES.limits.block


@pytest.fixture
def world() -> World:
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    return world


def checksums(world: World, key: int, machine: str = "m1") -> Checksums:
    retry = Retry(world.clock, Patience(), lambda: None)
    disk = next(d for d in world.item(machine).disks if d.key == key)
    return Checksums(world.documents, retry, world.record(machine), disk, BLOCK, Budget(1 << 20))


def assert_hashes_are_true(world: World, machine: str = "m1", all_known: bool = False) -> None:
    """Whatever is believed of a block is what the newest recovery point holds there."""
    record = world.record(machine)
    assert record.committed is not None
    for disk in world.item(machine).disks:
        content = world.replicas.blobs[disk.seed].points[record.committed.points[disk.key]][0]
        for at, known in enumerate(checksums(world, disk.key, machine).leaves()):
            assert known is not None or not all_known, f"disk {disk.key}: nobody knows block {at}"
            found = blocks.digest(content[at * BLOCK : (at + 1) * BLOCK])
            assert known in (None, found), f"disk {disk.key}: block {at} is not what its hash says"


def next_cycle(world: World, process: Process | None = None, policy: Policy | None = None) -> dict[int, DiskEvidence]:
    world.clock.advance(LATER)
    number = world.record().cycle + 1
    run(world, cycles(world, number), process, policy=policy)
    return {disk.key: disk for disk in world.record().evidence[0].disks}


def test_every_block_is_known_after_each_cycle(world: World) -> None:
    """S5.2, S12: a hash per block, of the initial cycle and of every delta, true to the recovery point."""
    assert_hashes_are_true(world, all_known=True)
    for _ in range(3):
        world.guest_writes("m1")
        next_cycle(world)
        assert_hashes_are_true(world, all_known=True)


def test_a_resync_sends_only_what_differs(world: World) -> None:
    """Design, resync: the whole disk is read and compared, the blocks that differ are sent, and what was freed is zeroed."""
    world.vcenter.write("m1", 2000, 5 * BLOCK, b"new" * 1000)
    world.vcenter.reset_tracking("m1", 2000)
    world.vcenter.write("m1", 2000, 9 * BLOCK, b"one more")
    found = next_cycle(world)[2000]
    assert "compared whole: its change tracking was reset" in found.note
    assert found.requested_sectors == found.applied_sectors == 512 and found.altered_bytes == 2 * BLOCK
    assert found.sent_bytes < 2 * BLOCK < found.read_bytes and found.same_sectors == 512 - 2 * BLOCK // 512
    world.assert_replica_is_source()
    assert_hashes_are_true(world, all_known=True)


def test_sectors_that_are_not_allocated_any_more_are_zeroed(world: World) -> None:
    """Design, resync; pitfall 11: a hole where data was is written as zero, a hole where zeros were costs nothing."""
    disk = world.vcenter.vms["m1"].disks[2000]
    held = next(at for _, at, _ in disk.writes if any(disk.content[at : at + BLOCK]))
    disk.writes = [w for w in disk.writes if w[1] != held]
    disk.content[held : held + BLOCK] = bytes(BLOCK)
    world.vcenter.reset_tracking("m1", 2000)
    found = next_cycle(world)[2000]
    assert found.altered_bytes == BLOCK and found.blobs == 1 and found.read_bytes < 256 * 1024
    world.assert_replica_is_source()
    assert_hashes_are_true(world, all_known=True)


def test_rewritten_with_the_same_content_is_changed_and_not_altered(world: World) -> None:
    """S12: changed (areas) is more than altered (hashes); what does not differ is not sent."""
    content = world.vcenter.content("m1", 2000)
    world.vcenter.write("m1", 2000, 0, content[: 16 * BLOCK])
    world.vcenter.write("m1", 2000, 20 * BLOCK, bytes(x ^ 1 for x in content[20 * BLOCK : 21 * BLOCK]))
    found = next_cycle(world)[2000]
    assert (found.changed_bytes, found.altered_bytes, found.pattern) == (17 * BLOCK, BLOCK, "rewrite")
    assert found.requested_sectors == found.applied_sectors
    world.assert_replica_is_source()


def test_blocks_of_an_unfinished_attempt_are_not_believed(world: World) -> None:
    """Design, resync: an attempt that died in mid-apply has changed blocks; a resync sends them whatever their old hash says."""
    before = world.vcenter.content("m1", 2000)
    for at in range(0, 64, 2):
        world.vcenter.write("m1", 2000, at * BLOCK, b"\x11" * BLOCK)
    world.clock.advance(LATER)
    flip = once("replicas.write", 3, lambda: [world.logs.flip(name) for name in list(world.logs.blobs)])
    one = Run(world, flip, replace(SIZES, limits=replace(SIZES.limits, verified=0)))
    one.step()
    one.end()
    assert world.record().dirty and checksums(world, 2000).known(0) is None
    world.vcenter.write("m1", 2000, 0, before)  # back to what the recovery point holds
    world.vcenter.reset_tracking("m1", 2000)
    world.assert_points_are_snapshots()
    next_cycle(world)
    world.assert_replica_is_source()
    assert not world.record().dirty
    assert_hashes_are_true(world, all_known=True)


@pytest.mark.parametrize("damage", ["gone", "head", "segment"])
def test_hashes_that_are_lost_or_damaged_are_unknown(world: World, damage: str) -> None:
    """A document that is not whole is not believed: everything is sent."""
    for name, (data, etag) in list(world.documents.docs.items()):
        if name.startswith(hashes_prefix("m1", "m1-r1")):
            if damage == "gone":
                del world.documents.docs[name]
            elif name.endswith("head.bin") == (damage == "head"):
                world.documents.docs[name] = (data[:-1] + bytes([data[-1] ^ 1]), etag)
    world.vcenter.reset_tracking("m1", 2000)
    found = next_cycle(world)[2000]
    assert found.altered_bytes is not None and found.altered_bytes > 100 * 1024 and found.same_sectors == 0
    world.assert_replica_is_source()
    assert_hashes_are_true(world)


def test_without_memory_for_them_hashes_are_unknown_and_nothing_else_suffers(world: World) -> None:
    """Memory for new hashes is bounded; what it has no room for is sent again when it is compared."""
    world.guest_writes("m1")
    world.clock.advance(LATER)
    run(world, cycles(world, 3), sizes=replace(SIZES, limits=replace(SIZES.limits, hashes=256)))
    assert_hashes_are_true(world)
    assert None in [known for key in (2000, 2001) for known in checksums(world, key).leaves()]
    for key in (2000, 2001):
        world.vcenter.reset_tracking("m1", key)
    next_cycle(world)
    world.assert_replica_is_source()
    assert_hashes_are_true(world, all_known=True)


def test_the_query_faults_and_the_disk_is_resynced(world: World) -> None:
    """Pitfall 3: the uuid fits and the query fails all the same: resync, by itself."""
    disk = world.vcenter.vms["m1"].disks[2001]
    world.vcenter.write("m1", 2001, 0, b"x" * 512)
    disk.faults = "FileFault"
    found = next_cycle(world)[2001]
    assert "FileFault" in found.note and found.altered_bytes == BLOCK
    world.assert_replica_is_source()


def test_no_resync_begins_after_the_power_off(world: World) -> None:
    """Design, resync: tracking is lost between shutdown and final cycle: the order aborts, the source is powered on."""
    world.order("m1", 1, OrderKind.MIGRATE)
    lost = once("source.shutdown_guest", 1, lambda: world.vcenter.reset_tracking("m1", 2000))
    run(world, outcome(world, 1), lost)
    order = world.record().order
    assert order is not None and order.outcome == "aborted" and "while the machine is off" in order.problem
    assert world.vcenter.vms["m1"].power is Power.ON and not world.cloud.vms and not world.cloud.disks
    assert "compared whole" in next_cycle(world)[2000].note
    world.assert_replica_is_source()


def test_the_last_recovery_point_stays_usable_during_a_resync(world: World) -> None:
    """Pitfall 3: until the resync commits, the committed point is untouched; a test migration may use it."""
    world.vcenter.reset_tracking("m1", 2000)
    world.guest_writes("m1")
    world.clock.advance(LATER)
    seen: list[int] = []

    def look() -> None:
        world.assert_points_are_snapshots()
        seen.append(world.record().cycle)

    run(world, cycles(world, 3), once("replicas.write", 1, look))
    assert seen == [2]
    world.assert_points_are_snapshots()


# ---- rolling re-check


CHECKED = Policy(recheck=0.25)


def lose(world: World, key: int, at: int) -> None:
    """The guest writes, and tracking does not notice."""
    disk = world.vcenter.vms["m1"].disks[key]
    disk.content[at : at + 100] = b"\x77" * 100


def test_silent_loss_of_tracking_is_found_and_repaired(world: World) -> None:
    """Pitfalls 3 and 21: a share of the blocks each cycle; what tracking did not report is found within one round."""
    lose(world, 2000, 50 * BLOCK)
    for _ in range(4):
        found = next_cycle(world, policy=CHECKED)[2000]
        assert 0 < found.rechecked_bytes <= 64 * 1024
        if "silent loss" in found.note:
            break
    else:
        raise AssertionError("never found")
    assert world.record().cycle == 6, "block 50 of 64 lies in the fourth quarter"
    assert found.altered_bytes == BLOCK
    world.assert_replica_is_source()
    assert_hashes_are_true(world, all_known=True)
    kept = load_evidence(world.documents.docs[evidence_name("m1", "m1-r1", world.record().cycle)][0])
    assert "silent loss" in next(d for d in kept.disks if d.key == 2000).note
    world.vcenter.write("m1", 2001, 0, b"y" * 512)
    assert all("silent" not in d.note for d in next_cycle(world, policy=CHECKED).values())


def test_nothing_is_rechecked_while_a_migration_waits(world: World) -> None:
    """The final cycle and the on-demand cycle carry what changed and nothing else."""
    world.order("m1", 1, OrderKind.MIGRATE)
    run(world, outcome(world, 1), policy=CHECKED)
    for cycle in world.record().evidence[:2]:
        assert [disk.rechecked_bytes for disk in cycle.disks] == [0, 0]


def test_a_recheck_heals_blocks_that_nobody_knew(world: World) -> None:
    for name in [n for n in world.documents.docs if n.startswith("hashes/")]:
        del world.documents.docs[name]
    for _ in range(4):
        next_cycle(world, policy=CHECKED)
    assert_hashes_are_true(world, all_known=True)


# ---- faults


def resyncing() -> World:
    world = World()
    world.add(size=128 * 1024)
    run(world, cycles(world, 1))
    world.guest_writes("m1")
    world.vcenter.reset_tracking("m1", 2000)
    world.clock.advance(LATER)
    return world


def resynced(world: World) -> None:
    world.assert_tidy()
    world.assert_points_are_snapshots()
    assert_hashes_are_true(world)
    world.guest_writes("m1")
    for key in (2000, 2001):
        world.vcenter.reset_tracking("m1", key)
    next_cycle(world)
    world.assert_replica_is_source()
    assert_hashes_are_true(world, all_known=True)


def test_hash_documents_that_land_late_change_nothing() -> None:
    """A write of hashes that was held on the wire fails its condition once somebody else wrote: it is never believed."""
    for nth in range(1, 14):
        world = resyncing()
        process = Process((Rule("documents.put", "held", nth),))
        run(world, cycles(world, 2), process)
        run(world, cycles(world, 2))
        world.guest_writes("m1")
        next_cycle(world)
        process.release()
        assert_hashes_are_true(world)
        resynced(world)


# ---- what must not be believed


def test_a_block_that_was_asked_for_in_part_is_unknown() -> None:
    """Only what was compared or sent as a whole is believed: the rest of the block may hide a change that tracking lost."""
    world = World()
    world.add(size=256 * 1024, disks=1, fill=1.0)
    wide = replace(SIZES, limits=replace(SIZES.limits, block=16 * 1024))
    run(world, cycles(world, 1), sizes=wide)
    lose(world, 2000, 20 * 1024)
    world.vcenter.write("m1", 2000, 16 * 1024, b"z" * 4096)  # the same block of 16 KiB
    world.clock.advance(LATER)
    run(world, cycles(world, 2), sizes=wide)
    with pytest.raises(AssertionError):
        world.assert_replica_is_source()
    world.vcenter.reset_tracking("m1", 2000)
    world.clock.advance(LATER)
    run(world, cycles(world, 3), sizes=wide)
    world.assert_replica_is_source()


def test_an_initial_attempt_leaves_no_hash_of_an_earlier_one() -> None:
    """A block that changed between two attempts has the hash of the second, whatever room there is for hashes."""
    poor = replace(SIZES, limits=replace(SIZES.limits, hashes=128))
    for at in range(4, 40, 5):
        world = World()
        world.add(size=256 * 1024, disks=1, fill=0.7)
        run(world, cycles(world, 1), Process(kill_when=lambda name, n, at=at: name == "replicas.write" and n == at), poor)
        world.guest_writes("m1", 30)
        run(world, cycles(world, 1), sizes=poor)
        assert_hashes_are_true(world)


def test_memory_for_hashes_is_given_back_when_they_cannot_be_written(world: World) -> None:
    budget = Budget(1 << 16)
    disk = world.item("m1").disks[0]
    broken = Process((Rule("documents.put", "permanent", 1, 99),)).port("documents", world.documents)
    mine = Checksums(broken, Retry(world.clock, Patience(), lambda: None), world.record(), disk, BLOCK, budget)
    for index in range(64):
        mine.note(index, blocks.digest(bytes([index])))
    with pytest.raises(PortError):
        mine.settle()
    mine.forget()
    assert budget.take(1 << 16)


def test_hashes_of_a_disk_of_many_segments() -> None:
    """Runs over the ends of segments, a short block at the end of the disk, a budget that holds only a part."""
    clock, capacity = FakeClock(), 3 * SEGMENT * 512 + 700 * 512
    documents = FakeDocuments(clock)
    disk = ItemDisk(2000, "u", "d", capacity, "seed")
    record = Record("m", "r", 1, 1, Life.DELTA, 2)
    size = 1024

    def opened(budget: int = 1 << 30) -> Checksums:
        return Checksums(documents, Retry(clock, Patience(), lambda: None), record, disk, size, Budget(budget))

    made = opened()
    whole = [Extent(0, capacity)]
    made.note_zero(whole)
    made.settle()
    assert opened().zeros(whole) == [Extent(a, b - a) for a, b in _bounds(capacity, size)]
    assert all(value is not None for value in opened().leaves())
    again = opened(1000)
    again.suspect(SectorSet.of([Extent(0, 100 * size)]))
    for index in range(100):
        again.note(index, blocks.digest(bytes([index])))
    again.settle()
    known = [index for index in range(100) if opened().known(index) is not None]
    assert known == list(range(1000 // 128))
    assert opened().known(100) == blocks.zero_digest(size)


def _bounds(capacity: int, size: int) -> list[tuple[int, int]]:
    ends = [*range(SEGMENT * size, capacity, SEGMENT * size), capacity]
    return list(zip([0, *ends], ends, strict=False))


def test_a_resync_asked_for_by_hand_after_the_power_off_does_not_begin_there() -> None:
    """Design: no resync ever begins after the power-off. A person's word that comes then keeps no machine off for hours."""
    world = World()
    world.add(size=256 * 1024)
    replicated(world)
    world.guest_writes("m1")
    world.order("m1", 1, OrderKind.MIGRATE)
    process = Process(kill_when=lambda name, n: name == "source.create_snapshot" and world.vcenter.vms["m1"].power is Power.OFF)
    assert not run(world, outcome(world, 1), process)
    world.command("m1", Verb.RESYNC)
    run(world, outcome(world, 1))
    final = world.record().evidence[0]
    assert final.kind is CycleKind.FINAL and not any("compared whole" in disk.note for disk in final.disks)
    assert_migrated(world)


def test_a_resync_asked_for_while_a_cycle_lies_sealed_is_the_next_one_s(world: World) -> None:
    """`replication resync` says that the next delta compares whole: the cycle that was read before its word cannot have."""
    world.guest_writes("m1")
    world.clock.advance(LATER)
    process = Process(kill_when=lambda name, n: name == "replicas.raise_fence")
    assert not run(world, cycles(world, 3), process)
    world.command("m1", Verb.RESYNC)
    run(world, cycles(world, 3))
    assert not any(disk.note for disk in world.record().evidence[0].disks) and set(world.record().resync) == {2000, 2001}
    assert all("asked for by kim" in disk.note for disk in next_cycle(world).values())
    assert world.record().resync == {}
