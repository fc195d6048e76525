"""Opens stores by the addresses that replication items carry, and keeps them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from providers.azure.replica import PageBlobReplicas
from providers.azure.session import AzureSession
from providers.azure.stores import BlobDocumentStore, BlobLogStore, VaultKeyStore

S = TypeVar("S")


class AzureStores:
    """`StoreFactory` for one login. `account` is a blob endpoint (https://…/), `vault` a key vault's url."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, ...], Any] = {}

    def log(self, account: str, container: str) -> BlobLogStore:
        return self._keep(("log", account, container), lambda: BlobLogStore(self._session, account, container))

    def documents(self, account: str, container: str) -> BlobDocumentStore:
        """The gateway storage account of a region."""
        return self._keep(("documents", account, container), lambda: BlobDocumentStore(self._session, account, container))

    def replicas(self, account: str, container: str) -> PageBlobReplicas:
        return self._keep(("replicas", account, container), lambda: PageBlobReplicas(self._session, account, container))

    def keys(self, vault: str) -> VaultKeyStore:
        return self._keep(("keys", vault), lambda: VaultKeyStore(self._session, vault))

    def _keep(self, key: tuple[str, ...], make: Callable[[], S]) -> S:
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            return cast(S, self._kept[key])
