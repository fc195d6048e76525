"""The integrity report that the engine writes when a machine was migrated."""

from __future__ import annotations

import itertools
from functools import partial

import zstandard

from replication import blocks, reporting, verify
from replication.model.documents import evidence_name
from replication.model.errors import Denied, Temporary
from replication.model.item import OrderKind
from replication.model.record import CycleKind, Life
from replication.model.report import Signed
from tests.engine.harness import Process, outcome, replicated, run
from tests.engine.setups import migrate
from tests.fakes.world import World


def written(world: World) -> Signed:
    found = world.documents.get("reports/m1/000001/report.json")
    assert found is not None, sorted(n for n in world.documents.docs if n.startswith("reports/"))
    return reporting.loads(found[0])


def quiet(world: World) -> bool:
    record = world.record()
    return record.life in (Life.MIGRATED, Life.STOPPED) and not record.report


def dies_after_migration(world: World, nth: int) -> Process:
    """Killed at the nth port call after the journal said that the machine is migrated."""
    seen = itertools.count(1)
    return Process(kill_when=lambda target, _: world.record().life is Life.MIGRATED and next(seen) == nth)


def leaves(world: World, disk: int) -> bytes:
    names = sorted(n for n in world.documents.docs if n.startswith(f"reports/m1/000001/leaves/{disk}/"))
    return b"".join(zstandard.ZstdDecompressor().decompress(world.documents.docs[n][0]) for n in names)


def assert_report_is_the_source(world: World) -> None:
    """Signed, and its block hashes are those of the source's disks."""
    signed = written(world)
    assert reporting.genuine(signed) and reporting.changed(signed) == []
    for disk in signed.report.disks:
        content = world.vcenter.content("m1", disk.key)
        wanted = [value for _, value in blocks.hashes(0, content, disk.block)]
        assert (disk.unknown, disk.capacity, disk.blocks) == (0, len(content), len(wanted))
        assert blocks.root(wanted) == disk.root and b"".join(wanted) == leaves(world, disk.key)


def test_a_migrated_machine_has_a_signed_report(world: World) -> None:
    """Issue 3, integrity report: what, evidence of every cycle, roots, recovery point, plan, orders."""
    migrate(world)
    run(world, lambda: world.record().orders_done >= 1 and quiet(world))
    assert_report_is_the_source(world)
    signed = written(world)
    report, record = signed.report, world.record()
    assert [c.cycle for c in report.cycles] == list(range(1, record.cycle + 1))
    assert all(d.requested_sectors == d.applied_sectors for c in report.cycles for d in c.disks)
    assert report.point.cycle == record.cycle and report.point.kind == "final"
    assert report.cutover.plan == "plan-1" and report.cutover.powered_off is not None
    assert [(o.number, o.kind) for o in report.orders] == [(1, "migrate")]
    assert report.cutover.vm in world.cloud.vms and all(d.azure for d in report.disks)
    assert next(iter(verify.evidence(signed))).result == "ok"
    assert "reports/m1/000001/draft.json" not in world.documents.docs
    assert signed.signature is not None
    assert reporting.key_name(signed.signature.fingerprint) in world.documents.docs


def test_a_kill_at_every_write_of_the_report_leaves_it_to_the_next_engine() -> None:
    """Issue 3: a crash between the migration and its report; the report comes, once, and is right."""
    for nth in range(1, 200):
        world = World()
        world.add(disks=1, size=64 * 1024)
        replicated(world)
        world.guest_writes("m1")
        migrate(world)
        alive = run(world, partial(quiet, world), dies_after_migration(world, nth))
        run(world, partial(quiet, world))
        assert_report_is_the_source(world)
        if alive:
            assert nth > 10, f"only {nth} places were killed"
            return
    raise AssertionError("never came through")


def test_without_its_key_the_report_waits_and_a_stop_goes_on(world: World) -> None:
    """A draft needs no key: `complete` deletes hashes and seeds, the report is signed when the key is there."""
    key = world.keys.versions.pop("report-key")
    migrate(world)
    run(world, outcome(world, 1))
    assert world.record().report == "1" and world.record().life is Life.MIGRATED
    world.order("m1", 2, OrderKind.STOP)
    run(world, outcome(world, 2))
    assert world.record().life is Life.STOPPED and not [n for n in world.documents.docs if n.startswith("hashes/")]
    world.keys.versions["report-key"] = key
    run(world, lambda: quiet(world), policy=None)
    assert_report_is_the_source(world)


def test_blocks_without_a_kept_hash_are_read_from_the_recovery_point(world: World) -> None:
    """What had no room or died with its process is not left out."""
    migrate(world)

    def forget(_: object) -> None:
        for name in [n for n in world.documents.docs if n.startswith("hashes/m1/") and n.endswith("000000.bin")]:
            del world.documents.docs[name]

    process = Process()
    process.hooks["cloud.start_vm"] = forget
    run(world, lambda: world.record().orders_done >= 1 and quiet(world), process)
    assert_report_is_the_source(world)
    assert sum(disk.read_back for disk in written(world).report.disks) > 0


def test_a_rotated_key_signs_what_comes_later_and_the_older_stay_good(world: World) -> None:
    migrate(world)
    run(world, lambda: world.record().orders_done >= 1 and quiet(world))
    old = written(world)
    world.keys.versions["report-key"]["v2"] = bytes(range(64, 96))
    new = reporting.sign(old.report, bytes(range(64, 96)), "v2", 1.0)
    assert old.signature is not None and new.signature is not None
    assert old.signature.fingerprint != new.signature.fingerprint
    assert reporting.genuine(old) and reporting.genuine(new)


def test_a_cycle_that_was_cleaned_up_after_the_next_one_keeps_its_evidence(world: World) -> None:
    """S5.1: a cut-over does not wait for the cleaning up of its on-demand cycle; `verify` calls a gap in the cycles a failure."""
    left = 5  # as often as a call is repeated
    process = Process()

    def fail(_: object) -> None:
        nonlocal left
        newest = world.record().committed
        if newest is not None and newest.kind is CycleKind.ON_DEMAND and left:
            left -= 1
            raise Temporary("ordered fault")

    process.hooks["log.delete_prefix"] = fail
    migrate(world)
    run(world, lambda: world.record().orders_done >= 1 and quiet(world) and not world.record().unclean, process)
    assert not left
    kept = {name for name in world.documents.docs if name.startswith("evidence/m1/")}
    assert kept == {evidence_name("m1", "m1-r1", number) for number in range(1, world.record().cycle + 1)}


def test_a_report_that_could_not_be_signed_needs_nobody_once_it_is(world: World) -> None:
    """A machine that is migrated has no cycle any more that would take the trouble back."""
    migrate(world)
    process = Process()

    def refuse(_: object) -> None:
        if world.record().life is Life.MIGRATED:
            raise Denied("ordered fault")

    process.hooks["keys.current"] = refuse
    run(world, lambda: world.record().stuck, process)
    run(world, lambda: quiet(world))
    written(world)
    assert (world.record().problem, world.record().stuck) == ("", False)
