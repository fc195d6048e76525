"""What all operations share: the catalog, the folder with the contents, and one lock per blob."""

from __future__ import annotations

import re
import secrets
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

from lab.azure.blob.accounts import Accounts
from lab.azure.blob.catalog import BEGINNING, Catalog
from lab.azure.blob.errors import not_found
from lab.azure.blob.model import Blob, BlobKey, Container
from lab.azure.blob.pages import PageStore

_STRIPES = 512


class Storage:
    """Contents lie in `folder/ACCOUNT/CONTAINER/NAME~id.raw` (pages) or `.blob`; `store` is that path, relative."""

    def __init__(self, root: Path | str, accounts: Accounts) -> None:
        self.accounts = accounts
        self.catalog = Catalog(accounts.database)
        self.folder = Path(root) / "blobs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._locks = [threading.RLock() for _ in range(_STRIPES)]
        self._pages: dict[str, PageStore] = {}
        self._pages_lock = threading.Lock()
        self._sweep()

    def lock(self, key: BlobKey) -> AbstractContextManager[bool]:
        """One lock for a blob and its snapshots. Take no second one while holding it."""
        return self._locks[hash((key.account, key.container, key.name)) % _STRIPES]

    def container(self, account: str, name: str) -> Container:
        """Raises BlobError 404."""
        found = self.catalog.container(account, name)
        if found is None:
            raise not_found("Container")
        return found

    def blob(self, key: BlobKey) -> Blob:
        """Raises BlobError 404, for the container first."""
        found = self.catalog.blob(key)
        if found is None:
            self.container(key.account, key.container)
            raise not_found()
        return found

    def new_store(self, key: BlobKey, suffix: str) -> str:
        """A fresh name for content, readable and never used before."""
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", key.name)[:100]
        store = f"{key.account}/{key.container}/{safe}~{secrets.token_hex(6)}{suffix}"
        (self.folder / store).parent.mkdir(parents=True, exist_ok=True)
        return store

    def path(self, store: str) -> Path:
        return self.folder / store

    def make_pages(self, key: BlobKey, size: int) -> str:
        """Empty page content; returns its store."""
        store = self.new_store(key, ".raw")
        pages = PageStore.create(self.path(store), size)
        with self._pages_lock:
            self._pages[store] = pages
        return store

    def pages(self, blob: Blob) -> PageStore:
        with self._pages_lock:
            pages = self._pages.get(blob.store)
            if pages is None:
                pages = PageStore(self.path(blob.store), self.catalog.layers(blob.store, blob.key))
                self._pages[blob.store] = pages
            return pages

    def remove(self, blob: Blob) -> None:
        """Take a blob or snapshot out of the catalog, and its content when nothing else is made of it."""
        self.catalog.delete_blob(blob)
        self.release(blob)

    def replace(self, blob: Blob, old: Blob | None) -> None:
        """Enter a blob with new content; the old content and all staged blocks go."""
        self.catalog.put_blob(blob)
        self.drop_staged(blob.key)
        if old is not None:
            self.release(old)

    def release(self, *blobs: Blob) -> None:
        """Free the contents of blobs and snapshots (of one name, oldest first) that are no longer in the catalog."""
        kept = {other.store for other in self.catalog.family(blobs[0].key, deleted=True)} if blobs else set()
        gone: set[str] = set()
        for blob in blobs:
            if blob.store in kept:
                if blob.layer is not None:
                    self.pages(blob).drop(blob.layer)
            elif blob.store not in gone:
                gone.add(blob.store)
                self._unlink(blob)

    def _unlink(self, blob: Blob) -> None:
        if blob.kind == "PageBlob":
            self.pages(blob).unlink()
            with self._pages_lock:
                self._pages.pop(blob.store, None)
        else:
            self.path(blob.store).unlink(missing_ok=True)

    def drop_staged(self, key: BlobKey) -> None:
        """Forget the uncommitted blocks of a blob."""
        files = [file for _, file in self.catalog.staged(key).values()]
        self.catalog.drop_staged(key)
        for file in files:
            self.path(file).unlink(missing_ok=True)

    def delete_container(self, account: str, name: str) -> None:
        blobs = list(self.catalog.blobs(account, name, start=BEGINNING, snapshots=True, deleted=True))
        self.catalog.delete_container(account, name)
        with self._pages_lock:
            for blob in blobs:
                self._pages.pop(blob.store, None)
        folder = self.folder / account / name
        if folder.is_dir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def delete_account(self, account: str) -> None:
        while containers := self.catalog.containers(account, "", "", 1000):
            for container in containers:
                self.delete_container(account, container.name)

    def purge_expired(self, key: BlobKey) -> None:
        """Forget soft-deleted blobs and snapshots whose time is over."""
        now = time.time()
        for blob in self.catalog.family(key, deleted=True):
            if blob.deleted is not None and now > blob.deleted + blob.retention_days * 86400:
                self.remove(blob)

    def _sweep(self) -> None:
        """Remove contents that a kill left without a name: written, never entered into the catalog or just taken out."""
        wanted = self.catalog.stores_in_use() | self.catalog.staged_files()
        for file in self.folder.glob("*/*/*"):
            store = re.sub(r"(\.raw)\.[^~/]*$", r"\1", str(file.relative_to(self.folder)))
            if store not in wanted:
                file.unlink()
