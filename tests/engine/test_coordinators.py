"""Who may work: leases, epochs, two coordinators, statuses, stopping."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from replication.engine import lease
from replication.engine.config import EngineConfig, Patience
from replication.engine.fleet import Engine
from replication.engine.lease import begin
from replication.engine.pace import Pace
from replication.engine.retry import Retry
from replication.model.documents import command_name, load_status, status_name
from replication.model.item import OrderKind
from replication.model.status import State, Status
from replication.schedule import Policy
from tests.engine.harness import SIZES, Process, Rule, Run, Said, cycles, outcome, replicated, run
from tests.engine.setups import once
from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeDocuments
from tests.fakes.world import APPLIANCE, REGION, World

WRITES = (
    *("replicas.write", "replicas.clear", "replicas.raise_fence", "replicas.checkpoint", "replicas.drop_checkpoint"),
    *("log.put", "log.delete_prefix", "source.create_snapshot", "source.remove_snapshot"),
)


def status(world: World, machine: str = "m1") -> Status:
    return load_status(world.documents.docs[status_name(machine)][0])


def test_one_coordinator_at_a_time() -> None:
    """Roles: a second one waits, and takes over with a higher epoch when the first is gone."""
    world = World()
    world.add(size=128 * 1024)
    first, second = Run(world), Run(world)
    first.step()
    second.step()
    assert second.process.names["documents.list"] == 0, "the second one worked without the lease"
    epoch = json.loads(world.documents.docs[lease.DOCUMENT][0])["epoch"]
    first.end()
    second.until(cycles(world, 1))
    second.end()
    assert json.loads(world.documents.docs[lease.DOCUMENT][0])["epoch"] == epoch + 1
    assert world.record().epoch == epoch + 1


def superseded(world: World, target: str, nth: int) -> None:
    """The first engine freezes at `target` for so long that a second one takes over and finishes; then it wakes."""
    target_cycle = 1 if "records/m1.json" not in world.documents.docs else world.record().cycle + 1

    awake: list[int] = []

    def writes() -> int:
        return sum(process.names[name] for name in WRITES)

    def freeze() -> None:
        world.clock.advance(120.0)
        run(world, cycles(world, target_cycle))
        awake.append(writes())

    process = once(target, nth, freeze)
    one = Run(world, process)
    one.step()
    assert writes() - awake[0] <= 1, "it began writes after its lease had run out"
    written = [entry for entry in world.documents.history if entry[0] == "records/m1.json"]
    epochs = [json.loads(data)["body"]["epoch"] for _, data in written]
    assert epochs == sorted(epochs), "an earlier coordinator wrote after a later one"
    one.end()
    world.assert_points_are_snapshots()
    world.guest_writes("m1")
    world.clock.advance(7200)
    run(world, cycles(world, world.record().cycle + 1))
    world.assert_replica_is_source()
    world.assert_tidy()


def test_a_coordinator_that_was_superseded_touches_nothing() -> None:
    """Design: whoever lost the lease cannot write any more: frozen in mid-cycle at every kind of call, then awake again."""
    for target, nth in [
        *(("replicas.write", 1), ("replicas.write", 5), ("log.put", 3), ("log.get", 4), ("documents.put", 4)),
        *(("documents.put", 6), ("replicas.checkpoint", 3), ("source.create_snapshot", 1), ("log.delete_prefix", 2)),
        *(("source.remove_snapshot", 1), ("reader.read", 7), ("replicas.raise_fence", 1)),
    ]:
        world = World()
        world.add(size=256 * 1024)
        superseded(world, target, nth)


def test_a_superseded_coordinator_in_a_delta() -> None:
    for target, nth in [
        *(("replicas.write", 1), ("log.put", 1), ("log.get", 1), ("documents.put", 3), ("documents.put", 5)),
        *(
            ("replicas.checkpoint", 1),
            ("replicas.checkpoint", 2),
            ("replicas.raise_fence", 1),
            ("replicas.drop_checkpoint", 1),
        ),
    ]:
        world = World()
        world.add(size=256 * 1024)
        replicated(world)
        world.guest_writes("m1")
        world.clock.advance(7200)
        superseded(world, target, nth)
        if target == "replicas.write":
            assert world.replicas.refused, "a write of the earlier coordinator landed after the takeover"


def test_the_lease_is_not_believed_longer_than_it_was_confirmed() -> None:
    """When a renewal is not confirmed in time, nothing is started or written before it runs out."""
    clock = FakeClock()
    documents = FakeDocuments(clock)
    process = Process((Rule("documents.renew_lease", "before", 2, 99),))
    reign = begin(process.port("documents", documents), clock, Retry(clock, Patience(), lambda: None), "a", "")
    assert reign is not None and reign.valid
    clock.advance(20)
    reign.renew()
    clock.advance(45)
    assert reign.valid
    reign.renew()
    clock.advance(6)
    assert not reign.valid and documents.leases[lease.LEASE][1] > clock.now(), "it stopped only after the lease ran out"


def test_a_lease_that_was_lost_and_won_again_is_a_new_reign() -> None:
    """Every record is claimed for the new epoch before it is touched."""
    world = World()
    world.add(size=128 * 1024)
    one = Run(world)
    one.until(cycles(world, 1))
    world.clock.advance(300.0)
    one.step()
    one.end()
    epoch = json.loads(world.documents.docs[lease.DOCUMENT][0])["epoch"]
    assert epoch == 2 and world.record().epoch == 2


def test_a_store_that_does_not_answer_is_survived() -> None:
    """Temporary trouble with the gateway store: the next pass goes on."""
    world = World()
    world.add(size=128 * 1024)
    one = Run(world, Process((Rule("documents.list", "before", 1, 12),)))
    one.until(cycles(world, 1))
    one.end()
    assert any("documents.list" in line for line in one.said.lines)


def test_status_in_the_words_of_s7() -> None:
    """S7: queued, initial replication, test migration pending, migration in progress, not applicable; with reasons."""
    world = World()
    world.add(size=256 * 1024)
    seen: list[State] = []

    def look(_: tuple[Any, ...]) -> None:
        seen.append(status(world).state) if status_name("m1") in world.documents.docs else None

    process = Process()
    process.hooks["documents.list"] = look
    one = Run(world, process)
    one.until(cycles(world, 2))
    world.clock.advance(2)
    one.step()
    shown = status(world)
    record = world.record()
    assert record.committed is not None and record.last_completed is not None
    assert shown.state is State.TEST_PENDING and shown.recovery_point == record.committed.snapshot_time
    assert shown.held is not None and "next delta cycle at" in shown.held and shown.next_cycle is not None
    assert shown.next_cycle == record.last_completed + 3600.0
    world.order("m1", 1, OrderKind.MIGRATE)
    one.until(outcome(world, 1))
    world.clock.advance(2)
    one.step()
    assert status(world).state is State.NOT_APPLICABLE
    one.end()
    assert seen[0] is State.INITIAL_QUEUED or seen[0] is State.INITIAL


def test_the_schedule_counts_from_completion_and_holds_with_a_reason() -> None:
    """S8.3, S9: no delta before its hour; a machine without room says whose room it is."""
    world = World()
    for machine in ("m1", "m2"):
        world.add(machine, size=128 * 1024, disks=1)
    replicated(world)
    run(world, cycles(world, 2, "m2"))
    cycle = world.record().cycle
    world.clock.advance(3000)
    one = Run(world)
    one.step()
    assert world.record().cycle == cycle
    world.clock.advance(700)
    one.step()
    assert world.record().cycle == cycle + 1
    one.end()


def test_machines_do_not_wait_for_each_others_trouble() -> None:
    world = World()
    for machine in ("m1", "m2", "m3"):
        world.add(machine, size=128 * 1024)
    del world.vcenter.vms["m2"]
    one = Run(world)
    one.until(lambda: cycles(world, 1, "m1")() and cycles(world, 1, "m3")())
    one.end()
    assert status(world, "m2").held == "vm-m2 is not in vc"
    for machine in ("m1", "m3"):
        world.assert_replica_is_source(machine)


def test_the_engine_runs_by_itself_and_stops_when_asked() -> None:
    """Embedded fleet: run_forever in a thread, stop in mid-cycle, the lease given back, the next one goes on at once."""

    class Real(FakeClock):
        def now(self) -> float:
            return time.time()

        def sleep(self, seconds: float) -> None:
            time.sleep(min(seconds, 0.05))

    world = World()
    world.clock = world.documents._clock = Real()
    world.add(size=512 * 1024)
    begun = threading.Event()
    process = Process()
    process.hooks["replicas.write"] = lambda _: begun.set()
    config = EngineConfig(
        holder="one", regions=(REGION,), appliances={APPLIANCE: Policy()}, poll=0.05, sizes=SIZES, rates={APPLIANCE: 4e6}
    )
    engine = Engine(world.outside(process), config, Said())
    thread = threading.Thread(target=engine.run_forever)
    thread.start()
    assert begun.wait(10)
    engine.stop()
    thread.join(10)
    assert not thread.is_alive() and lease.LEASE not in world.documents.leases
    assert world.record().cycle == 0 and world.own_snapshots() == [], "a snapshot was left open"
    assert [name for name in world.documents.docs if name.startswith("progress/")] != []
    other = Engine(world.outside(Process()), config, Said())
    other.set_rate(APPLIANCE, None)
    thread = threading.Thread(target=other.run_forever)
    thread.start()
    until = time.time() + 20
    while not cycles(world, 2)() and time.time() < until:
        time.sleep(0.05)
    other.stop()
    thread.join(10)
    world.assert_replica_is_source()
    world.assert_tidy()


def test_the_throttle_holds_its_rate() -> None:
    """S13: bits a second, over everything that passes."""
    clock = FakeClock()
    pace, began = Pace(clock, 8e6), clock.now()
    for _ in range(10):
        pace.wait(1_000_000, lambda: None, urgent=False)
    assert 9.0 < clock.now() - began < 11.0
    pace.set(None)
    at = clock.now()
    pace.wait(10**12, lambda: None, urgent=False)
    assert clock.now() == at


def test_a_second_engine_says_whom_it_waits_for_and_since_when() -> None:
    """Moment 29: not a silent wait: who coordinates, on which host, since when; said once."""
    world = World()
    world.add(size=128 * 1024)
    first, second = Run(world), Run(world)
    first.step()
    for _ in range(3):
        second.step()
        world.clock.advance(5)
    told = [line for line in second.said.lines if "coordinates" in line]
    assert len(told) == 1 and "engine-" in told[0] and "since 20" in told[0] and "60 s after it has died" in told[0], told
    first.end()
    second.end()


def test_the_snapshot_of_a_delta_is_open_until_its_release() -> None:
    """S12 and S2: what is written after the release counts no more: checking and applying take an hour here."""
    world = World()
    world.add(size=128 * 1024)
    process = Process()
    process.hooks["reader.read"] = lambda _: world.clock.advance(0.5)
    process.hooks["log.get"] = lambda _: world.clock.advance(4)
    replicated(world)
    world.guest_writes("m1")
    world.clock.advance(7200)
    run(world, cycles(world, world.record().cycle + 1), process)
    evidence = world.record().evidence[0]
    read, checked = 0.5 * process.names["reader.read"], 4 * process.names["log.get"]
    assert 0 < read <= evidence.snapshot_seconds <= read + 1 and evidence.completed - evidence.started >= read + checked > read


def test_a_command_that_cannot_be_read_is_told_once() -> None:
    """Another release's word, or damaged: its machine waits for somebody, and the log says so once, not every second."""
    world = World()
    world.add(disks=1, size=64 * 1024)
    world.documents.put_any(command_name("m1", 1), b"{}")
    one = Run(world)
    for _ in range(5):
        one.step()
    one.end()
    assert sum("cannot be read" in line for line in one.said.lines) == 1
