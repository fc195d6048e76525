"""`DocumentStore`: one suite for the fake of the engine's tests and for Azure's blobs in the lab."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from replication.model.errors import Conflict
from replication.ports import DocumentStore
from tests.azure.support import world
from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeDocuments

MAKERS: dict[str, Callable[[], DocumentStore]] = {
    "fake": lambda: FakeDocuments(FakeClock()),
    "azure": lambda: world().stores.documents(world().endpoint("gateway_store"), "gateway"),
}


@pytest.fixture(params=MAKERS)
def documents(request: pytest.FixtureRequest) -> DocumentStore:
    return MAKERS[request.param]()


@pytest.fixture
def name() -> str:
    return f"items/{uuid.uuid4()}.json"


def test_a_document_that_is_not_there_is_none(documents: DocumentStore, name: str) -> None:
    assert documents.get(name) is None
    assert documents.list(name) == {}


def test_create_read_replace(documents: DocumentStore, name: str) -> None:
    first = documents.put(name, b"one", None)
    assert documents.get(name) == (b"one", first)
    second = documents.put(name, b"two", first)
    assert second != first
    assert documents.get(name) == (b"two", second)


def test_creating_what_is_there_is_a_conflict(documents: DocumentStore, name: str) -> None:
    documents.put(name, b"one", None)
    for content in (b"one", b"other"):
        with pytest.raises(Conflict):
            documents.put(name, content, None)


def test_replacing_an_old_version_is_a_conflict(documents: DocumentStore, name: str) -> None:
    old = documents.put(name, b"one", None)
    documents.put(name, b"two", old)
    with pytest.raises(Conflict):
        documents.put(name, b"three", old)
    found = documents.get(name)
    assert found is not None and found[0] == b"two"


def test_replacing_what_is_gone_is_a_conflict(documents: DocumentStore, name: str) -> None:
    etag = documents.put(name, b"one", None)
    documents.delete(name)
    with pytest.raises(Conflict):
        documents.put(name, b"two", etag)


def test_put_any_needs_no_version(documents: DocumentStore, name: str) -> None:
    documents.put_any(name, b"10 %")
    documents.put_any(name, b"20 %")
    found = documents.get(name)
    assert found is not None and found[0] == b"20 %"


def test_list_gives_etags_below_a_prefix(documents: DocumentStore) -> None:
    prefix = f"orders/{uuid.uuid4()}/"
    etags = {f"{prefix}{n}": documents.put(f"{prefix}{n}", b"-", None) for n in range(3)}
    assert documents.list(prefix) == etags


def test_delete_may_name_the_version(documents: DocumentStore, name: str) -> None:
    old = documents.put(name, b"one", None)
    new = documents.put(name, b"two", old)
    with pytest.raises(Conflict):
        documents.delete(name, old)
    documents.delete(name, new)
    documents.delete(name)
    assert documents.get(name) is None


def test_a_lease_is_held_by_one(documents: DocumentStore, name: str) -> None:
    lease = documents.acquire_lease(name, 60)
    with pytest.raises(Conflict):
        documents.acquire_lease(name, 60)
    documents.renew_lease(name, lease)
    documents.release_lease(name, lease)
    documents.release_lease(name, lease)
    another = documents.acquire_lease(name, 60)
    assert another != lease
    with pytest.raises(Conflict):
        documents.renew_lease(name, lease)
    documents.release_lease(name, another)
