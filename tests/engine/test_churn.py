"""Churn (S12): folding, patterns, amplification, gaps that are bridged as far as it was measured to be cheaper, forecasts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from replication import churn
from replication.engine.reading import ReadTimes, gap
from replication.forecast import next_cycle
from replication.model.documents import load_status, status_name
from replication.model.extents import MIB, Extent, normal
from replication.model.record import CycleKind, DiskEvidence, Evidence, Reading
from tests.engine.harness import SIZES, Process, Run, cycles, replicated, run
from tests.engine.setups import LATER
from tests.fakes.world import World

KIB = 1024


def machine(size: int = 256 * KIB, fill: float = 1.0) -> World:
    world = World()
    world.add(size=size, disks=1, fill=fill)
    replicated(world)
    return world


def carried(world: World, process: Process | None = None) -> DiskEvidence:
    world.clock.advance(LATER)
    run(world, cycles(world, world.record().cycle + 1), process)
    return world.record().evidence[0].disks[0]


def test_what_the_guest_wrote_folds_into_what_is_sent() -> None:
    """S12: fifty overwrites of the same 32 KiB between two cycles are 1.6 MiB written and 32 KiB sent."""
    world, written = machine(), 0
    for at in range(50):
        data = bytes([at + 1]) + world.random.randbytes(32 * KIB - 1)
        world.vcenter.write("m1", 2000, 64 * KIB, data)
        written += len(data)
    found = carried(world)
    assert written == 50 * 32 * KIB and found.changed_bytes == found.altered_bytes == found.read_bytes == 32 * KIB
    assert 32 * KIB <= found.sent_bytes < 33 * KIB
    world.assert_replica_is_source()


PATTERNS = {
    churn.SEQUENTIAL: [Extent(at, 4 * KIB) for at in range(0, 128 * KIB, 4 * KIB)],
    churn.COMB: [Extent(at, 512) for at in range(0, 256 * KIB, 8 * KIB)],
    churn.RANDOM: [Extent(at * KIB, 4 * KIB) for at in (0, 8, 40, 48, 100, 124, 132, 180, 220, 248)],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_are_told_apart(pattern: str) -> None:
    """S12: the pattern matters more than the volume; each cycle says which it was and what it cost."""
    world = machine()
    for extent in PATTERNS[pattern]:
        world.vcenter.write("m1", 2000, extent.offset, world.random.randbytes(extent.length))
    found = carried(world)
    assert found.pattern == pattern and found.areas == len(
        normal(Extent(e.offset // 4096 * 4096, 4096) for e in PATTERNS[pattern])
    )
    read, sent = churn.amplification(found.sent_bytes, found.read_bytes, found.altered_bytes)
    assert read is not None and sent is not None and read >= 1.0
    for extent in PATTERNS[pattern]:
        world.vcenter.write("m1", 2000, extent.offset, world.random.randbytes(extent.length))
    assert carried(world).pattern == churn.REWRITE, "the same places as the cycle before"


def test_patterns_of_large_disks() -> None:
    """The same words at real sizes: runs of megabytes, every other 64 KiB, 2,000 places at random, nothing."""
    capacity = 1 << 40
    assert churn.pattern([Extent(at * 8 * MIB, 3 * MIB) for at in range(40)], capacity, [], 0) == churn.SEQUENTIAL
    assert churn.pattern([Extent(at * 128 * KIB, 64 * KIB) for at in range(5000)], capacity, [], 0) == churn.COMB
    places = sorted({(at * 7919 % 1_000_003) * 64 * KIB for at in range(2000)})
    assert churn.pattern(normal(Extent(at, 64 * KIB) for at in places), capacity, [], 0) == churn.RANDOM
    assert churn.pattern([], capacity, [], 0) == churn.NONE


def test_gaps_are_bridged_as_far_as_reading_them_is_cheaper() -> None:
    """S12: gap = latency x throughput of this machine's own reads; the next cycle uses what this one measured."""
    world = machine()
    process = Process()

    def slow(args: tuple[object, ...]) -> None:
        world.clock.advance(0.010 + int(str(args[1])) / (1.2 * MIB))  # 10 ms before the first byte, 1.2 MiB/s after it

    process.hooks["reader.read"] = slow
    sizes = replace(SIZES, workers=replace(SIZES.workers, chunks=1))

    def comb() -> DiskEvidence:
        for at in range(0, 256 * KIB, 16 * KIB):
            world.vcenter.write("m1", 2000, at, world.random.randbytes(4 * KIB if at % (32 * KIB) else 8 * KIB))
        world.clock.advance(LATER)
        one = Run(world, process, sizes)
        one.until(cycles(world, world.record().cycle + 1))
        one.end()
        return world.record().evidence[0].disks[0]

    first = comb()
    reading = world.record().reading
    assert reading is not None and reading.latency == pytest.approx(0.010, rel=0.2)
    assert reading.throughput == pytest.approx(1.2 * MIB, rel=0.2)
    assert first.read_bytes == first.changed_bytes, "gaps of 8 KiB and more are not bridged by the default of these tests"
    second = comb()
    assert world.record().evidence[0].bridge == pytest.approx(0.010 * 1.2 * MIB, rel=0.25)
    assert second.read_bytes > second.changed_bytes and second.applied_sectors == second.requested_sectors
    world.assert_replica_is_source()


def test_what_a_read_costs_is_only_believed_where_it_was_seen() -> None:
    times = ReadTimes()
    for at in range(40):
        times.add(64 * KIB * (1 + at % 8), 0.002 + 64 * KIB * (1 + at % 8) / (200 * MIB))
    reading = times.reading()
    assert reading is not None and reading.latency == pytest.approx(0.002) and reading.throughput == pytest.approx(200 * MIB)
    assert gap(reading, 64 * KIB, MIB) == pytest.approx(0.002 * 200 * MIB, abs=512)
    assert gap(Reading(0.1, 1e9), 64 * KIB, MIB) == MIB and gap(None, 64 * KIB, MIB) == 64 * KIB
    alike = ReadTimes()
    for _ in range(40):
        alike.add(MIB, 0.01)
    assert alike.reading() is None, "reads of one size say nothing about latency"


def cycle(number: int, started: float, took: float, altered: int, note: str = "") -> Evidence:
    disk = DiskEvidence(2000, 8, 8, 0, altered, altered, altered, altered, 1, note=note)
    kind = CycleKind.DELTA if number > 1 else CycleKind.INITIAL
    return Evidence(number, kind, f"a{number}", 1, started, started + took, 1.0, (disk,))


def test_a_forecast_from_the_last_cycles() -> None:
    """S12: p50 and p90 of the next cycle's bytes and time; whole comparisons say nothing about churn."""
    past = [cycle(1, 0, 600, 1 << 30)] + [
        cycle(n, n * 3600.0, 20 + n % 3 * 10, MIB * (36 + n % 3 * 36), "compared whole: x" if n == 6 else "") for n in range(2, 9)
    ]
    told = next_cycle(past[::-1], 3600.0)
    assert told is not None and told.cycles == 6
    assert told.bytes50 == pytest.approx(72 * MIB, rel=0.3) and told.bytes90 == pytest.approx(108 * MIB, rel=0.01)
    assert 20 <= told.seconds50 <= told.seconds90 <= 45
    assert next_cycle(past[:1], 3600.0) is None


def test_status_shows_the_forecast() -> None:
    """Issue 3, churn: next cycle and cut-over downtime, p50 and p90, for `wavelift status --json`."""
    world = machine()
    one = Run(world)
    for _ in range(3):
        world.guest_writes("m1", 6)
        world.clock.advance(LATER)
        one.until(cycles(world, world.record().cycle + 1))
    world.clock.advance(2)
    one.step()
    one.end()
    told = load_status(world.documents.docs[status_name("m1")][0]).forecast
    assert 0 < told["bytes_p50"] <= told["bytes_p90"] and 0 < told["downtime_p50"] <= told["downtime_p90"]
