"""Places that a state can be kept in, for the one suite: a file, blobs in memory, the lab's Azure, Azurite."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from planner.store import LeasedStore, LocalStore, StateStore
from planner.store.lease import Pace
from providers.azure.again import Patience
from providers.azure.session import AzureSession
from providers.azure.stateblobs import AzureStateBlobs
from tests.azure.support import world
from tests.azurite import azurite
from tests.fakes.stateblobs import FakeStateBlobs

LINEAGE = "11111111-0000-4000-8000-000000000000"
OPERATIONS = (
    ["head", "get", "put", "mark", "start", "append", "list", "delete", "acquire_lease", "renew_lease", "release_lease"]
)


class Killed(BaseException):
    """The process ends here: nothing that it does afterwards reaches anybody."""


class Place(Protocol):
    """One empty place for one state."""

    def store(self) -> StateStore:
        """Opened anew, as another process would."""
        ...

    def store_killed_at(self, number: int, after: bool) -> StateStore:
        """One whose process ends at its `number`-th outside call, before or after that is done, with `Killed`."""
        ...

    def holder_died(self) -> None:
        """What time does for the lock of a process that is gone."""
        ...

    def overwrite(self, data: bytes) -> None:
        """Somebody replaces the state by hand."""
        ...

    def content(self) -> bytes: ...

    def remove(self, what: str = "") -> None:
        """Somebody deletes the state, or what of it lies at `what`, an end of an address."""
        ...


class BlobPlace:
    def __init__(self, blobs: Any, part: int = 1000) -> None:
        self.blobs, self.key, self.part = blobs, f"{uuid.uuid4()}.json", part

    def store(self) -> LeasedStore:
        return LeasedStore(self.blobs, self.key, "shop", LINEAGE, part=self.part)

    def store_killed_at(self, number: int, after: bool) -> LeasedStore:
        blobs = cast(Any, Doomed(self.blobs, number, after))
        return LeasedStore(blobs, self.key, "shop", LINEAGE, Pace(renew=1000), self.part)

    def holder_died(self) -> None:
        head = self.blobs.head(self.key)
        if head is not None:
            self.blobs.break_lease(self.key, head.etag)

    def overwrite(self, data: bytes) -> None:
        found = self.blobs.head(self.key)
        self.blobs.put(self.key, data, found.etag if found else None)

    def content(self) -> bytes:
        return self.blobs.get(self.key)[0]

    def remove(self, what: str = "") -> None:
        for name in self.blobs.list(self.key):
            if name == self.key if not what else what.endswith(name):
                self.blobs.delete(name)


class Doomed:
    """Blobs of a process that ends at one of its calls."""

    def __init__(self, blobs: Any, number: int, after: bool) -> None:
        self._blobs, self._left, self._after, self._dead = blobs, number, after, False

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._blobs, name)
        return self._counted(real) if name in OPERATIONS else real

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if self._dead:
                raise Killed
            self._left -= 1
            self._dead = self._left == 0
            if self._dead and not self._after:
                raise Killed
            answer = real(*args, **named)
            if self._dead:
                raise Killed
            return answer

        return call


class FilePlace:
    """`os` calls that change files are the outside calls."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"

    def store(self) -> LocalStore:
        return LocalStore(self.path, "shop", LINEAGE)

    def store_killed_at(self, number: int, after: bool) -> LocalStore:
        return DoomedLocal(self.path, number, after)

    def holder_died(self) -> None:
        """The kernel has done it."""

    def overwrite(self, data: bytes) -> None:
        self.path.write_bytes(data)

    def content(self) -> bytes:
        return self.path.read_bytes()

    def remove(self, what: str = "") -> None:
        Path(what or self.path).unlink()


class Meanwhile:
    """Blobs of a process that is stopped (SIGSTOP, a sleeping host) before its `number`-th call, for longer than its lease."""

    def __init__(self, blobs: Any, number: int, happens: Callable[[], object]) -> None:
        self._blobs, self._left, self._happens = blobs, number, happens

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._blobs, name)

        def call(*args: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self._happens()
            return real(*args, **named)

        return call if name in OPERATIONS else real


class DoomedLocal(LocalStore):
    """Between two of its file operations the process ends: the same state of the disk as after a kill there."""

    def __init__(self, path: Path, number: int, after: bool) -> None:
        super().__init__(path, "shop", LINEAGE)
        self._number, self._after = number, after

    @contextmanager
    def session(self, *args: Any, **named: Any) -> Iterator[Any]:
        names = ("fdatasync", "replace", "pwrite", "ftruncate", "unlink")
        real = {name: getattr(os, name) for name in names}
        left, dead = self._number, False

        def counted(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*given: Any, **more: Any) -> Any:
                nonlocal left, dead
                if dead:
                    raise Killed
                left -= 1
                dead = left == 0
                if dead and not self._after:
                    raise Killed
                answer = function(*given, **more)
                if dead:
                    raise Killed
                return answer

            return call

        try:
            for name, function in real.items():
                setattr(os, name, counted(function))
            with super().session(*args, **named) as held:
                yield held
        finally:
            for name, function in real.items():
                setattr(os, name, function)


class SharedKey:
    """The part of an `AzureSession` that blobs need, with an account's key: Azurite knows no tokens over plain HTTP."""

    patience = Patience(times=3, pause=0.02)

    def __init__(self, url: str, account: str, key: str) -> None:
        self._url, self._credential = url, {"account_name": account, "account_key": key}

    def blobs(self, endpoint: str) -> Any:
        from azure.storage.blob import BlobServiceClient, ExponentialRetry

        policy = ExponentialRetry(retry_total=0)
        return BlobServiceClient(self._url, credential=self._credential, api_version="2025-11-05", retry_policy=policy)


@contextmanager
def places(kind: str, folder: Path) -> Iterator[Callable[[Path], Place]]:
    """A maker of places of this kind."""
    match kind:
        case "file":
            yield FilePlace
        case "fake":
            yield lambda _: BlobPlace(FakeStateBlobs())
        case "lab":
            blobs = AzureStateBlobs(world().session, world().endpoint("gateway_store"), "gateway")
            yield lambda _: BlobPlace(blobs)
        case _:
            with azurite(folder) as (url, account, key):
                session = SharedKey(url, account, key)
                session.blobs(url).create_container("state")
                azure = AzureStateBlobs(cast(AzureSession, session), url, "state")
                yield lambda _: BlobPlace(azure)
