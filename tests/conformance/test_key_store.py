"""`KeyStore`: one suite for the fake of the engine's tests and for a key vault in the lab's Azure."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from replication.model.errors import NotFound
from replication.ports import KeyStore
from tests.azure.support import world
from tests.fakes.stores import FakeKeys

MAKERS: dict[str, Callable[[], KeyStore]] = {"fake": FakeKeys, "azure": lambda: world().stores.keys(world().vault_uri)}


@pytest.fixture(params=MAKERS)
def keys(request: pytest.FixtureRequest) -> KeyStore:
    return MAKERS[request.param]()


def test_the_current_key_can_be_read_by_its_version(keys: KeyStore) -> None:
    """S6: what was sealed with a version can be opened with it later."""
    version, key = keys.current("log-key")
    assert len(key) == 32
    assert keys.version("log-key", version) == key
    assert keys.current("log-key") == (version, key)


def test_no_such_key(keys: KeyStore) -> None:
    with pytest.raises(NotFound):
        keys.current("no-such-key")


def test_no_such_version(keys: KeyStore) -> None:
    with pytest.raises(NotFound):
        keys.version("log-key", "0" * 32)
