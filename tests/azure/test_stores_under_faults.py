"""Stores when the network or the service misbehaves: nothing is written twice, nothing is lost, no write lands late."""

from __future__ import annotations

import os
import threading
import time
import uuid

import pytest

from providers.azure.again import Patience
from providers.azure.factory import AzureStores
from replication.model.errors import Conflict, Temporary, UnknownFate
from replication.model.extents import MIB
from tests.azure.support import World


def test_a_put_whose_answer_was_lost_is_found_again(azure_world: World) -> None:
    """The log's put is If-None-Match: its own success must not look like somebody else's."""
    log = azure_world.stores.log(azure_world.endpoint("log_store"), "log")
    name = f"a/{uuid.uuid4()}"
    with azure_world.lab.fault("blob PutBlob", "fail", when="after", status=500, code="InternalError"):
        log.put(name, b"block", {"sum": "1"})
    assert log.get(name) == (b"block", {"sum": "1"})
    with pytest.raises(Conflict):
        log.put(name, b"block", {"sum": "1"})


def test_a_put_that_lost_to_another_is_a_conflict(azure_world: World) -> None:
    log = azure_world.stores.log(azure_world.endpoint("log_store"), "log")
    name = f"a/{uuid.uuid4()}"
    log.put(name, b"theirs", {})
    with azure_world.lab.fault("blob PutBlob", "fail", when="before"), pytest.raises(Conflict):
        log.put(name, b"ours", {})
    assert log.get(name)[0] == b"theirs"


def test_a_document_whose_answer_was_lost(azure_world: World) -> None:
    documents = azure_world.stores.documents(azure_world.endpoint("gateway_store"), "gateway")
    name = f"r/{uuid.uuid4()}"
    etag = documents.put(name, b"1", None)
    with azure_world.lab.fault("blob PutBlob", "break"):
        new = documents.put(name, b"2", etag)
    assert documents.get(name) == (b"2", new)


def test_a_lease_whose_answer_was_lost_is_ours(azure_world: World) -> None:
    documents = azure_world.stores.documents(azure_world.endpoint("gateway_store"), "gateway")
    name = f"l/{uuid.uuid4()}"
    with azure_world.lab.fault("blob LeaseBlob", "fail", when="after", nth=2):
        lease = documents.acquire_lease(name, 30)
    documents.renew_lease(name, lease)
    documents.release_lease(name, lease)


def test_a_renewal_is_one_try(azure_world: World) -> None:
    """Issue 4, State, a lease renewed by heartbeat: who renews decides how long to wait, by what is left of the lease."""
    documents = azure_world.stores.documents(azure_world.endpoint("gateway_store"), "gateway")
    lease = documents.acquire_lease(name := f"l/{uuid.uuid4()}", 30)
    started = time.monotonic()
    with (
        azure_world.lab.fault("blob LeaseBlob", "fail", status=503, code="ServerBusy", retry_after=20, count=1),
        pytest.raises(Temporary) as refused,
    ):
        documents.renew_lease(name, lease)
    assert (refused.value.retry_after, time.monotonic() - started < 5) == (20, True)
    documents.renew_lease(name, lease)
    documents.release_lease(name, lease)


def test_throttling_is_waited_out(azure_world: World) -> None:
    replicas = azure_world.stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    name = f"{uuid.uuid4()}.vhd"
    replicas.ensure(name, MIB)
    started = time.monotonic()
    with azure_world.lab.fault("blob PutPage", "fail", status=503, code="ServerBusy", retry_after=1, count=1):
        replicas.write(name, 0, b"x" * 512, 0)
    assert time.monotonic() - started >= 0.9
    assert replicas.read(name, None, 0, 512) == b"x" * 512


def test_long_throttling_is_the_callers(azure_world: World) -> None:
    replicas = azure_world.stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    name = f"{uuid.uuid4()}.vhd"
    replicas.ensure(name, MIB)
    busy = azure_world.lab.fault("blob PutPage", "fail", status=503, code="ServerBusy", retry_after=300, count=0)
    with busy, pytest.raises(Temporary) as caught:
        replicas.write(name, 0, b"x" * 512, 0)
    assert caught.value.retry_after == 300


def test_a_broken_page_write_is_repeated_under_its_fence(azure_world: World) -> None:
    replicas = azure_world.stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    name, data = f"{uuid.uuid4()}.vhd", os.urandom(6 * MIB)
    replicas.ensure(name, 8 * MIB)
    replicas.raise_fence(name, 4)
    with azure_world.lab.fault("blob PutPage", "break", nth=2, count=1):
        replicas.write(name, 0, data, 4)
    assert replicas.read(name, None, 0, len(data)) == data


def test_writes_that_are_never_answered_are_of_unknown_fate(azure_world: World) -> None:
    stores = AzureStores(azure_world.lab.session(patience=Patience(times=2, pause=0.01)))
    replicas = stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    name = f"{uuid.uuid4()}.vhd"
    replicas.ensure(name, MIB)
    with azure_world.lab.fault("blob PutPage", "break", count=0), pytest.raises(UnknownFate):
        replicas.write(name, 0, b"x" * 512, 0)


def test_a_write_held_on_the_wire_is_refused_after_the_fence_rose(azure_world: World) -> None:
    """Issue: a page write that was held and lands after the next cycle is refused."""
    stores = AzureStores(azure_world.lab.session(patience=Patience(times=1, pause=0.01)))
    replicas = stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    name = f"{uuid.uuid4()}.vhd"
    replicas.ensure(name, MIB)
    replicas.raise_fence(name, 1)
    with azure_world.lab.fault("blob PutPage", "hold"):
        with pytest.raises(UnknownFate):
            replicas.write(name, 0, b"old!" * 128, 1)
        replicas.raise_fence(name, 2)
        replicas.write(name, 0, b"new!" * 128, 2)
        azure_world.lab.control("POST", "faults/release", {})
        time.sleep(0.3)
    assert replicas.read(name, None, 0, 512) == b"new!" * 128


def test_leases_of_two_threads(azure_world: World) -> None:
    documents = azure_world.stores.documents(azure_world.endpoint("gateway_store"), "gateway")
    name = f"l/{uuid.uuid4()}"
    won: list[str] = []
    lost: list[Conflict] = []

    def race() -> None:
        try:
            won.append(documents.acquire_lease(name, 60))
        except Conflict as error:
            lost.append(error)

    threads = [threading.Thread(target=race) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 4)
