"""Policies in a running engine: windows of appliance, wave and machine, rates, and changes of either in mid-cycle."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from replication.model.documents import dumps, item_name, load_order, load_status, order_name, status_name
from replication.model.item import ItemBlackout, OrderKind, Shutdown
from replication.model.record import Life, StepState
from replication.schedule import Policy
from replication.throttle import Except, Throttle
from replication.windows import Blackout
from replication.windowtext import parse
from tests.engine.harness import Run, cycles, outcome, replicated
from tests.engine.setups import once
from tests.fakes.world import APPLIANCE, World

ALWAYS = Blackout(parse("Monday;0:00;7d"), "UTC", "freeze")
CLOSED = Policy(blackout=ALWAYS)
RELEASES = Policy(blackout=ALWAYS, initial_in_blackout="release-and-resume")
OPEN: dict[str, Any] = {}


def now_in(world: World, hours: float) -> Blackout:
    """A window that is open for so many hours from now on."""
    begin = datetime.fromtimestamp(world.clock.now(), UTC)
    end = datetime.fromtimestamp(world.clock.now() + hours * 3600, UTC)
    return Blackout(parse(f"{begin:%Y-%m-%d %H:%M:%S}/{end:%Y-%m-%d %H:%M:%S}"), "UTC")


def order(world: World, in_blackout: str) -> None:
    world.order("m1", 1, OrderKind.MIGRATE, Shutdown(wait=30.0))
    name = order_name("m1", 1)
    asked = replace(load_order(world.documents.docs[name][0]), in_blackout=in_blackout)
    world.documents.put_any(name, dumps(asked))


def test_other_policies_in_mid_cycle_lose_no_cycle() -> None:
    """S13, S14: changes take effect without losing a cycle. The one under way ends in its first attempt; none starts after."""
    world = World()
    world.add(size=512 * 1024)
    one: Run
    process = once("replicas.write", 5, lambda: one.engine.configure({APPLIANCE: CLOSED}, {APPLIANCE: 8e6}))
    one = Run(world, process)
    one.step()
    record = world.record()
    assert record.cycle == 1 and record.life is Life.DELTA and record.evidence[0].attempts == 1
    world.assert_replica_is_source()
    for _ in range(5):
        world.clock.advance(3600)
        one.step()
    assert world.record().cycle == 1
    one.engine.configure({APPLIANCE: Policy()}, {})
    one.step()
    assert world.record().cycle == 2
    one.end()


def test_a_new_rate_holds_in_the_middle_of_a_cycle() -> None:
    """S13: raised or lowered while data moves; everything read, logged, fetched and written counts."""
    world = World()
    world.add(size=512 * 1024, fill=1.0)
    one: Run
    marks: list[float] = []

    def slower() -> None:
        marks.append(world.clock.now())
        one.engine.configure({APPLIANCE: Policy()}, {APPLIANCE: 1e6})

    one = Run(world, once("replicas.write", 8, slower))
    began = world.clock.now()
    one.step()
    one.end()
    assert marks and marks[0] - began < 1.0, "no limit at first"
    # 1 MiB of random content is read, put, got and written: 4 MiB on the line, half a dozen writes of it before the change.
    assert 4 * 8.4 * 0.6 < world.clock.now() - marks[0] < 4 * 8.4 * 1.1
    world.assert_replica_is_source()


def test_every_byte_is_on_the_line() -> None:
    """S13: source reads, log puts, log gets and page writes: what the evidence says was read and sent, and no less."""
    world = World()
    world.add(size=512 * 1024, fill=1.0)
    one = Run(world)
    rate = 4e6
    one.engine.configure({APPLIANCE: Policy()}, {APPLIANCE: rate})
    began = world.clock.now()
    one.step()
    one.end()
    disks = world.record().evidence[0].disks
    read, sent = sum(d.read_bytes for d in disks), sum(d.sent_bytes for d in disks)
    expected = (read + 2 * sent + read) * 8 / rate
    assert expected * 0.95 < world.clock.now() - began < expected * 1.25  # documents are on the line too


@pytest.mark.parametrize("rate", [4e6, None])
def test_what_is_on_the_line_is_told(rate: float | None) -> None:
    """users.md screen 2: "WAN 196 of 200 Mbps": bytes on the line, of all machines of an appliance, limited or not."""
    world = World()
    world.add("m1", size=512 * 1024, fill=1.0)
    world.add("m2", size=512 * 1024, fill=1.0)
    one = Run(world)
    one.engine.configure({APPLIANCE: Policy()}, {APPLIANCE: rate})
    began = world.clock.now()
    one.step()
    seconds = world.clock.now() - began
    world.clock.advance(1.5)
    one.engine.tick()
    status = load_status(world.documents.docs[status_name("m1")][0])
    one.end()
    moved = sum(2 * (d.read_bytes + d.sent_bytes) for m in ("m1", "m2") for d in world.record(m).evidence[0].disks)
    assert status.line is not None and status.line_limit == rate
    if rate is None:
        assert moved * 8 <= status.line * (seconds + 2.5)
    else:
        assert seconds > 10 and rate * 0.8 < status.line < rate * 1.1


def test_a_boundary_of_the_schedule_in_the_middle_of_a_transfer() -> None:
    """S13, on a schedule: the rate changes when its time comes, not when a cycle ends."""
    world = World()
    world.add(size=512 * 1024, fill=1.0)
    office = now_in(world, 10 / 3600)  # the next ten seconds
    throttle = Throttle(None, (Except(office.windows, 1e6),), "UTC")
    one = Run(world)
    one.engine.configure({APPLIANCE: Policy()}, {APPLIANCE: throttle})
    began = world.clock.now()
    one.step()
    one.end()
    assert 9.0 < world.clock.now() - began < 12.0, "at 1 Mbit/s all of it would take 33 s"
    world.assert_replica_is_source()


def test_a_window_of_the_wave_holds_its_machines_only() -> None:
    """S14, the estate 4: per wave and machine, and the status names whose window it is."""
    world = World()
    world.add("m1", size=64 * 1024)
    world.add("m2", size=64 * 1024)
    windows = "Monday;0:00;7d"
    item = replace(world.item("m1"), blackouts=(ItemBlackout("wave shop", "db_hours", windows),))
    world.documents.put_any(item_name("m1"), dumps(item))
    one = Run(world)
    one.step()
    assert world.record("m2").cycle == 1 and world.record("m1").cycle == 0
    (held,) = [h for r in one.engine._coordinator.regions for h in r.machines.values() if h.item.machine == "m1"]
    assert held.held == "wave shop: blackout window db_hours until further notice"
    one.end()


def test_an_initial_cycle_goes_on_in_a_window_by_default() -> None:
    """S14: a cycle that runs when a window opens finishes first, also the long initial one (`continue`)."""
    world = World()
    world.add(size=512 * 1024)
    one: Run
    one = Run(world, once("replicas.write", 5, lambda: one.engine.configure({APPLIANCE: CLOSED}, {})))
    one.step()
    assert world.record().cycle == 1 and world.record().evidence[0].attempts == 1
    one.end()


def test_an_initial_cycle_is_released_and_resumed_by_policy() -> None:
    """The weeks 14: `release-and-resume` closes the snapshot when the window opens and goes on in mid-disk after it."""
    world = World()
    world.add(size=512 * 1024, fill=1.0, disks=1)
    one: Run
    process = once("replicas.write", 9, lambda: one.engine.configure({APPLIANCE: RELEASES}, {}))
    one = Run(world, process)
    one.step()
    assert world.record().life is Life.INITIAL and world.record().attempt is None
    assert world.own_snapshots() == []
    assert any("blackout window freeze until further notice" in line for line in one.said.lines), one.said.lines
    world.clock.advance(3600)
    one.step()
    assert world.record().cycle == 0, "it started inside the window"
    read = process.names["reader.read"]
    one.engine.configure({APPLIANCE: Policy()}, {})
    one.until(cycles(world, 1))
    assert process.names["reader.read"] - read < 30, "what was copied is not copied again"
    assert world.record().evidence[0].attempts == 2
    one.end()
    world.assert_replica_is_source()


def test_what_a_migration_does_inside_a_window() -> None:
    """The cut-over policy's in_blackout: wait for its end, start all the same, or be refused with nothing done."""
    for in_blackout in ("wait", "override", "refuse"):
        world = World()
        world.add(size=64 * 1024)
        replicated(world)
        order(world, in_blackout)
        one = Run(world)
        one.engine.configure({APPLIANCE: CLOSED}, {})
        one.step()
        one.step()
        record = world.record()
        match in_blackout:
            case "wait":
                assert record.orders_done == 0 and all(s.state is StepState.WAITING for s in record.order.steps)
                (held,) = [h for r in one.engine._coordinator.regions for h in r.machines.values()]
                assert "blackout window freeze" in held.held and "in_blackout: wait" in held.held
                one.engine.configure({APPLIANCE: Policy()}, {})
                one.until(outcome(world, 1))
                assert world.record().life is Life.MIGRATED
            case "override":
                assert record.life is Life.MIGRATED
            case "refuse":
                assert record.order.outcome == "aborted" and record.orders_done == 1
                assert record.order.problem.startswith(f"{APPLIANCE}: blackout window freeze until further notice")
                assert world.vcenter.vms["m1"].powered == []
        one.end()


def test_a_machine_alone_on_its_datastore_makes_way_for_a_migration() -> None:
    """S9.3 with S8.5: more disks than a datastore takes snapshots; its initial replication releases, keeps what it has copied,
    and goes on when the migration is done."""
    world = World()
    world.add("m1", disks=1, size=64 * 1024)
    replicated(world)
    world.add("big", disks=4, size=256 * 1024)
    policy = Policy(snapshots_per_datastore=3)
    one: Run

    def asked() -> None:
        world.order("m1", 1, OrderKind.MIGRATE)
        world.clock.advance(30)
        one.engine.tick()

    process = once("reader.read", 6, asked)
    one = Run(world, process, policy=policy)
    one.until(lambda: world.record("m1").life is Life.MIGRATED and world.record("big").life is Life.DELTA)
    one.end()
    assert any("is wanted for the on-demand cycle" in line for line in one.said.lines), one.said.lines
    names = list(process.names)
    assert world.record("big").evidence[0].attempts == 2 and names
    world.assert_replica_is_source("big")
