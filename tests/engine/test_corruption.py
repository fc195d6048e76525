"""Issue 3, proof; S5.2, S6: whatever is done to the log between seal and apply, it is refused, and nothing of it is written."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from replication.manifest import log_prefix
from replication.model.item import OrderKind
from replication.model.record import Stage
from replication.sealing import METADATA_CHECKSUM
from tests.engine.harness import Process, Run, cycles, outcome, replicated, run
from tests.fakes.world import World
from tests.full import size

pytestmark = pytest.mark.faults
Blob = tuple[bytes, dict[str, str]]
KIB = 1024
LATER = 7200.0
CASES = size(10_000, 150)


@dataclass
class Sealed:
    """A delta that is sealed and not applied, and every log blob that ever was."""

    world: World
    log: dict[str, Blob]
    documents: dict[str, tuple[bytes, str]]
    replicas: dict[str, bytes]
    attempts: dict[str, Blob]
    """Blobs of earlier attempts of this replication."""
    replications: dict[str, Blob]
    """Blobs of an earlier replication of this machine."""

    def again(self) -> None:
        """As it was when the process died: nothing but its log was touched since."""
        self.world.documents.docs = dict(self.documents)
        self.world.documents.leases.clear()
        self.world.logs.blobs = dict(self.log)

    @property
    def names(self) -> list[str]:
        return [name for name in self.log if not name.endswith("manifest.json")]


@pytest.fixture(scope="module")
def sealed() -> Sealed:
    world = World()
    world.add(size=256 * KIB)
    put, every = world.logs.put, {}

    def kept(name: str, data: bytes, metadata: dict[str, str]) -> None:
        every[name] = (bytes(data), dict(metadata))
        put(name, data, metadata)

    world.logs.put = kept  # type: ignore[method-assign, assignment]  # the test keeps what was ever logged
    world.put_item("m1", "r0")
    replicated(world)
    world.order("m1", 1, OrderKind.STOP)
    run(world, outcome(world, 1))
    world.put_item("m1")
    run(world, lambda: world.record().replication == "m1-r1" and cycles(world, 2)())
    for _ in range(2):
        world.guest_writes("m1", 30)
        world.clock.advance(LATER)
        run(world, cycles(world, world.record().cycle + 1))
    world.guest_writes("m1", 40)
    world.clock.advance(LATER)
    assert not run(world, cycles(world, 5), Process(kill_when=lambda name, n: name == "log.get"))
    attempt = world.record().attempt
    assert attempt is not None and attempt.stage is Stage.SEALED
    current = log_prefix("m1-r1", attempt.uuid)
    return Sealed(
        world=world,
        log=dict(world.logs.blobs),
        documents=dict(world.documents.docs),
        replicas=contents(world),
        attempts={n: b for n, b in every.items() if n.startswith("m1-r1/") and not n.startswith(current)},
        replications={n: b for n, b in every.items() if n.startswith("m1-r0/")},
    )


def contents(world: World) -> dict[str, bytes]:
    return {name: bytes(blob.content) for name, blob in world.replicas.blobs.items()}


# ---- what can be done to a log


def flipped(chance: random.Random, data: bytes) -> bytes:
    bad = bytearray(data)
    bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
    return bytes(bad)


def a_bit_of_a_blob(chance: random.Random, at: Sealed) -> None:
    name = chance.choice(list(at.log))
    data, metadata = at.log[name]
    at.world.logs.blobs[name] = (flipped(chance, data), metadata)


def a_bit_of_its_metadata(chance: random.Random, at: Sealed) -> None:
    name = chance.choice(at.names)
    data, metadata = at.log[name]
    ((key, value),) = metadata.items()
    text = list(key + value)
    where = chance.randrange(len(text))
    text[where] = chr(ord(text[where]) ^ 1 << chance.randrange(7))
    at.world.logs.blobs[name] = (data, {"".join(text[: len(key)]): "".join(text[len(key) :])})


def a_blob_cut_short(chance: random.Random, at: Sealed) -> None:
    name = chance.choice(list(at.log))
    data, metadata = at.log[name]
    at.world.logs.blobs[name] = (data[: chance.randrange(len(data))], metadata)


def a_blob_made_longer(chance: random.Random, at: Sealed) -> None:
    name = chance.choice(list(at.log))
    data, metadata = at.log[name]
    at.world.logs.blobs[name] = (data + chance.randbytes(chance.randint(1, 600)), metadata)


def a_blob_that_is_gone(chance: random.Random, at: Sealed) -> None:
    del at.world.logs.blobs[chance.choice(list(at.log))]


def two_blobs_swapped(chance: random.Random, at: Sealed) -> None:
    one, other = chance.sample(list(at.log), 2)
    first, second = at.log[one], at.log[other]
    if chance.random() < 0.5:  # their bytes alone
        first, second = (first[0], second[1]), (second[0], first[1])
    at.world.logs.blobs |= {one: second, other: first}


def a_blob_of_an_earlier_attempt(chance: random.Random, at: Sealed) -> None:
    replay(chance, at, at.attempts)


def a_blob_of_an_earlier_replication(chance: random.Random, at: Sealed) -> None:
    replay(chance, at, at.replications)


def replay(chance: random.Random, at: Sealed, earlier: dict[str, Blob]) -> None:
    """In the place of a blob: one of the same kind, of the same disk and chunk when there is one; its metadata or ours."""
    name = chance.choice(list(at.log))
    end = "/".join(name.split("/")[2:])
    same = [blob for other, blob in earlier.items() if other.endswith(end)]
    data, metadata = chance.choice(same or list(earlier.values()))
    at.world.logs.blobs[name] = (data, chance.choice((metadata, at.log[name][1])))


def a_whole_earlier_log(chance: random.Random, at: Sealed) -> None:
    """Every blob of the log, the manifest too, is the one of an earlier attempt."""
    roots = sorted({"/".join(name.split("/")[:2]) for name in (*at.attempts, *at.replications)})
    root = chance.choice(roots)
    own = "/".join(next(iter(at.log)).split("/")[:2])
    every = at.attempts | at.replications
    at.world.logs.blobs = {own + name.removeprefix(root): blob for name, blob in every.items() if name.startswith(root)}


DAMAGES: tuple[Callable[[random.Random, Sealed], None], ...] = (
    *(a_bit_of_a_blob, a_bit_of_its_metadata, a_blob_cut_short, a_blob_made_longer, a_blob_that_is_gone, two_blobs_swapped),
    *(a_blob_of_an_earlier_attempt, a_blob_of_an_earlier_replication, a_whole_earlier_log),
)


def step(world: World) -> Process:
    process = Process()
    one = Run(world, process)
    one.step()
    one.end()
    return process


def test_any_damage_to_a_sealed_log_is_refused_and_nothing_is_written(
    sealed: Sealed, record_property: Callable[[str, object], None]
) -> None:
    """10,000 random cases at full size: the cycle has failed, no call that writes has reached the replica store."""
    assert len(sealed.names) > 6 and sealed.attempts and sealed.replications
    tried: Counter[str] = Counter()
    for case in range(CASES):
        chance = random.Random(case)
        damage = DAMAGES[case % len(DAMAGES)]
        tried[damage.__name__] += 1
        sealed.again()
        damage(chance, sealed)
        try:
            refused(sealed)
        except BaseException as error:
            error.add_note(f"case {case}: {damage.__name__}")
            raise
    assert set(tried) == {damage.__name__ for damage in DAMAGES}
    record_property("cases", CASES)
    sealed.again()  # and undamaged, the very same log is applied: what was refused was the damage
    assert step(sealed.world).names["replicas.write"] > 0
    assert sealed.world.record().cycle == 5
    sealed.world.assert_points_are_snapshots()


def refused(sealed: Sealed) -> None:
    world = sealed.world
    process = step(world)
    record = world.record()
    assert record.attempt is None and record.cycle == 4 and not record.dirty and record.problem, record
    asked = [n for n in ("write", "clear", "ensure", "raise_fence", "checkpoint", "delete") if process.names[f"replicas.{n}"]]
    assert asked == [], "the replica store was asked to change something"
    assert contents(world) == sealed.replicas


def test_nothing_but_the_source_s_bytes_ever_reaches_a_replica(record_property: Callable[[str, object], None]) -> None:
    """Damage on the wire, at any one read of the log, in an initial cycle (which streams) and in a delta (which fetches again
    what it could not keep): whatever was written is what the snapshot holds there, and in the end all is well."""
    cases, hits = size(1_000, 12), 0
    for case in range(cases):
        chance = random.Random(case)
        world = World(seed=case)
        world.add(size=128 * KIB)
        if case % 2:
            replicated(world, deltas=0)
            world.guest_writes("m1", 30)
            world.clock.advance(LATER)
        hit = watched(world, chance)
        run(world, cycles(world, world.record().cycle + 1 if case % 2 else 1))
        hits += len(hit)
        world.assert_replica_is_source()
        world.assert_tidy()
    assert hits > cases // 2, "hardly anything was damaged"
    record_property("cases", hits)


def watched(world: World, chance: random.Random) -> list[str]:
    """One read of the log, chosen at random, gives something else; every write is held against the newest snapshot."""
    get, nth, hit = world.logs.get, chance.randint(1, 6), []
    count = 0

    def damaged(name: str) -> Blob:
        nonlocal count
        data, metadata = get(name)
        count += 1
        if count != nth:
            return data, metadata
        hit.append(name)
        match chance.randrange(4):
            case 0:
                return flipped(chance, data), metadata
            case 1:
                return data[: chance.randrange(len(data))], metadata
            case 2:
                return data, {METADATA_CHECKSUM: "0" * 64}
            case _:
                others = [n for n in world.logs.blobs if n != name] or [name]
                other = get(chance.choice(others))
                return (other[0], metadata) if other[0] != data else (b"", metadata)

    def held(name: str, offset: int, length: int) -> None:
        key = int(name.removesuffix(".vhd").rpartition("-")[2])
        frozen = list(world.vcenter.history.values())[-1][key]
        found = world.replicas.blobs[name].content[offset : offset + length]
        assert found == frozen[offset : offset + length], f"{name}: bytes at {offset} are not the source's"

    world.logs.get = damaged  # type: ignore[method-assign]  # damage on the wire
    world.replicas.watch = held
    return hit
