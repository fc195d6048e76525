"""`ReplicaStore`: one suite for the fake of the engine's tests and for page blobs in the lab's Azure."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable

import pytest

from replication.model.errors import Conflict, NotFound, Permanent, PortError
from replication.model.extents import MIB, Extent
from replication.ports import ReplicaStore
from tests.azure.support import world
from tests.fakes.stores import FakeReplicas

MAKERS: dict[str, Callable[[], ReplicaStore]] = {
    "fake": FakeReplicas,
    "azure": lambda: world().stores.replicas(world().endpoint("seed_store"), "seeds"),
}
SIZE = 16 * MIB


@pytest.fixture(params=MAKERS)
def replicas(request: pytest.FixtureRequest) -> ReplicaStore:
    return MAKERS[request.param]()


@pytest.fixture
def name(replicas: ReplicaStore) -> str:
    """A disk with fence 3."""
    made = f"{uuid.uuid4()}/r/2000.vhd"
    replicas.ensure(made, SIZE)
    replicas.raise_fence(made, 3)
    return made


def test_a_new_disk_is_zero(replicas: ReplicaStore, name: str) -> None:
    assert replicas.read(name, None, 0, SIZE) == bytes(SIZE)


def test_write_and_read_across_pieces(replicas: ReplicaStore, name: str) -> None:
    """S5.1: every byte arrives, also where a write is longer than Azure's 4 MiB."""
    data = os.urandom(9 * MIB + 512)
    replicas.write(name, 512 * 3, data, 3)
    assert replicas.read(name, None, 512 * 3, len(data)) == data
    assert replicas.read(name, None, 0, 512 * 3) == bytes(512 * 3)


def test_clear_makes_zero(replicas: ReplicaStore, name: str) -> None:
    replicas.write(name, 0, b"\xff" * MIB, 3)
    replicas.clear(name, 4096, 8192, 3)
    expected = b"\xff" * 4096 + bytes(8192) + b"\xff" * (MIB - 4096 - 8192)
    assert replicas.read(name, None, 0, MIB) == expected


def test_ensure_again_keeps_content_and_grows(replicas: ReplicaStore, name: str) -> None:
    replicas.write(name, 0, b"a" * 512, 3)
    replicas.ensure(name, SIZE)
    replicas.ensure(name, SIZE + MIB)
    replicas.ensure(name, SIZE)
    assert replicas.read(name, None, 0, 512) == b"a" * 512
    replicas.write(name, SIZE, b"b" * 512, 3)
    assert replicas.read(name, None, SIZE, 512) == b"b" * 512


@pytest.mark.parametrize("fence", [2, 4])
def test_another_fence_is_refused(replicas: ReplicaStore, name: str, fence: int) -> None:
    """A late write of an older epoch, or one of an epoch that is not in force, never lands."""
    with pytest.raises(Conflict):
        replicas.write(name, 0, b"x" * 512, fence)
    with pytest.raises(Conflict):
        replicas.clear(name, 0, 512, fence)
    assert replicas.read(name, None, 0, 512) == bytes(512)


def test_the_fence_only_rises(replicas: ReplicaStore, name: str) -> None:
    replicas.raise_fence(name, 7)
    replicas.raise_fence(name, 7)
    with pytest.raises(Conflict):
        replicas.raise_fence(name, 5)
    with pytest.raises(Conflict):
        replicas.write(name, 0, b"x" * 512, 3)
    replicas.write(name, 0, b"y" * 512, 7)


def test_a_checkpoint_stays_as_it_was(replicas: ReplicaStore, name: str) -> None:
    replicas.write(name, 0, b"1" * 512, 3)
    first = replicas.checkpoint(name)
    replicas.write(name, 0, b"2" * 512, 3)
    second = replicas.checkpoint(name)
    replicas.write(name, 0, b"3" * 512, 3)
    assert replicas.checkpoints(name) == sorted([first, second])
    read = [replicas.read(name, point, 0, 512)[:1] for point in (first, second, None)]
    assert read == [b"1", b"2", b"3"]
    replicas.drop_checkpoint(name, first)
    replicas.drop_checkpoint(name, first)
    assert replicas.checkpoints(name) == [second]
    with pytest.raises(NotFound):
        replicas.read(name, first, 0, 512)


def test_allocated_ranges_of_a_checkpoint(replicas: ReplicaStore, name: str) -> None:
    replicas.write(name, MIB, b"a" * 8192, 3)
    replicas.write(name, 5 * MIB, b"b" * 512, 3)
    replicas.clear(name, MIB, 4096, 3)
    point = replicas.checkpoint(name)
    replicas.write(name, 7 * MIB, b"c" * 512, 3)
    # A store may call more allocated than was written, never less, and never what it was not asked about.
    found = replicas.allocated(name, point, SIZE)
    assert found == sorted(found)
    for extent in (Extent(MIB + 4096, 4096), Extent(5 * MIB, 512)):
        assert any(one.offset <= extent.offset and extent.end <= one.end for one in found)
    assert not any(one.offset <= 7 * MIB < one.end for one in found)
    assert all(one.end <= SIZE for one in found)


def test_ranges_that_differ_between_two_checkpoints(replicas: ReplicaStore, name: str) -> None:
    """Design, migration order: later areas follow into a disk that was filled from an earlier point; cleared ones too."""
    replicas.write(name, MIB, b"a" * 8192, 3)
    replicas.write(name, 5 * MIB, b"b" * 512, 3)
    first = replicas.checkpoint(name)
    replicas.write(name, 2 * MIB, b"c" * 1024, 3)
    replicas.clear(name, 5 * MIB, 512, 3)
    second = replicas.checkpoint(name)
    replicas.write(name, 7 * MIB, b"d" * 512, 3)
    found = replicas.changed(name, first, second, SIZE)
    for extent in (Extent(2 * MIB, 1024), Extent(5 * MIB, 512)):
        assert any(one.offset <= extent.offset and extent.end <= one.end for one in found)
    for untouched in (MIB, 7 * MIB):
        assert not any(one.offset <= untouched < one.end for one in found)
    assert replicas.changed(name, first, first, SIZE) == []


def test_outside_of_the_disk(replicas: ReplicaStore, name: str) -> None:
    with pytest.raises(Permanent):
        replicas.write(name, SIZE, b"x" * 512, 3)
    with pytest.raises(Permanent):
        replicas.write(name, 100, b"x" * 512, 3)


def test_deleting_takes_the_checkpoints_along(replicas: ReplicaStore, name: str) -> None:
    """S11: stopping ends the cost."""
    replicas.checkpoint(name)
    replicas.delete(name)
    replicas.delete(name)
    assert replicas.checkpoints(name) == []
    with pytest.raises(NotFound):
        replicas.read(name, None, 0, 512)


def test_several_threads_write_at_once(replicas: ReplicaStore, name: str) -> None:
    data = os.urandom(SIZE)
    failed: list[PortError] = []

    def work(first: int) -> None:
        try:
            for offset in range(first * 256 * 1024, SIZE, 4 * 256 * 1024):
                replicas.write(name, offset, data[offset : offset + 256 * 1024], 3)
        except PortError as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert replicas.read(name, None, 0, SIZE) == data
