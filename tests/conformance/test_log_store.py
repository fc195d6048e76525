"""`LogStore`: one suite for the fake of the engine's tests and for Azure's blobs in the lab."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from replication.model.errors import Conflict, NotFound
from replication.ports import LogStore
from tests.azure.support import world
from tests.fakes.stores import FakeLog

MAKERS: dict[str, Callable[[], LogStore]] = {
    "fake": FakeLog,
    "azure": lambda: world().stores.log(world().endpoint("log_store"), "log"),
}


@pytest.fixture(params=MAKERS)
def log(request: pytest.FixtureRequest) -> LogStore:
    return MAKERS[request.param]()


@pytest.fixture
def prefix() -> str:
    return f"attempts/{uuid.uuid4()}/"


def test_what_is_put_is_got_with_its_checksum(log: LogStore, prefix: str) -> None:
    """S5.2: the checksum travels beside the block as metadata."""
    data = bytes(range(256)) * 4096
    log.put(f"{prefix}0001", data, {"blake3": "ab" * 32, "length": "1048576"})
    assert log.get(f"{prefix}0001") == (data, {"blake3": "ab" * 32, "length": "1048576"})


def test_nothing_is_overwritten(log: LogStore, prefix: str) -> None:
    log.put(f"{prefix}a", b"first", {"n": "1"})
    for again in (b"first", b"second"):
        with pytest.raises(Conflict):
            log.put(f"{prefix}a", again, {"n": "1"})
    assert log.get(f"{prefix}a")[0] == b"first"


def test_empty_blobs_are_blobs(log: LogStore, prefix: str) -> None:
    log.put(f"{prefix}empty", b"", {})
    assert log.get(f"{prefix}empty") == (b"", {})


def test_a_blob_that_is_not_there(log: LogStore, prefix: str) -> None:
    with pytest.raises(NotFound):
        log.get(f"{prefix}nothing")


def test_list_and_delete_by_prefix(log: LogStore, prefix: str) -> None:
    """S2: the log of an attempt goes by its prefix, and nothing else does."""
    for name in ("x/1", "x/2", "y/1"):
        log.put(prefix + name, b"-", {})
    assert sorted(log.list(f"{prefix}x/")) == [f"{prefix}x/1", f"{prefix}x/2"]
    assert log.delete_prefix(f"{prefix}x/") == 2
    assert list(log.list(prefix)) == [f"{prefix}y/1"]
    assert log.delete_prefix(f"{prefix}x/") == 0
