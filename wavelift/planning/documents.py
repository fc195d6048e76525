"""The planner's view of the engine's documents, over the gateway stores of the regions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from planner.desired.shared import GATEWAY_CONTAINER
from replication.model.documents import (
    BadDocument,
    dumps,
    item_name,
    load_item,
    load_order,
    load_record,
    load_status,
    order_name,
    record_name,
)
from replication.model.errors import Conflict, NotFound
from replication.model.item import Item, Order
from replication.model.record import Record
from replication.model.status import Status
from replication.ports import DocumentStore
from wavelift.applying.commanding import acknowledge
from wavelift.problems import UserProblem, coded

T = TypeVar("T")
READERS = 8
"""Documents fetched at once: each is one small round trip."""


class OpensDocuments(Protocol):
    def documents(self, account: str, container: str) -> DocumentStore: ...


class GatewayDocuments:
    """`planner.engine.EngineWriter` over blobs. A store that is not there yet has no machines."""

    def __init__(self, stores: OpensDocuments) -> None:
        self._stores = stores

    def records(self, account: str) -> dict[str, Record]:
        return {r.machine: r for r in self._all(account, "records/", load_record)}

    def statuses(self, account: str) -> dict[str, Status]:
        return {s.machine: s for s in self._all(account, "status/", load_status)}

    def items(self, account: str) -> dict[str, Item]:
        return {i.machine: i for i in self._all(account, "items/", load_item)}

    def changed_items(self, account: str, versions: Mapping[str, str]) -> dict[str, Item | None]:
        known = {item_name(machine): (machine, etag) for machine, etag in versions.items()}
        same: dict[str, Item | None] = {}
        names = []
        for name, etag in self._listed(account, "items/").items():
            machine, version = known.get(name, ("", ""))
            if version == etag:
                same[machine] = None
            else:
                names.append(name)
        return same | {i.machine: i for i in self._read(account, names, load_item)}

    def record(self, account: str, machine: str) -> Record | None:
        name = record_name(machine)
        found = self.open(account).get(name)
        return _loaded(load_record, found[0], f"{account.rstrip('/')}/{GATEWAY_CONTAINER}/{name}") if found else None

    def order(self, account: str, machine: str, number: int) -> Order | None:
        found = self.open(account).get(order_name(machine, number))
        return load_order(found[0]) if found else None

    def document(self, account: str, name: str) -> bytes | None:
        found = self.open(account).get(name)
        return found[0] if found else None

    def put_item(self, account: str, item: Item) -> str:
        """Conditional on what is there now; another writer in between: once more."""
        store, name, data = self.open(account), item_name(item.machine), dumps(item)
        for _ in range(3):
            found = store.get(name)
            if found is not None and found[0] == data:
                return found[1]
            try:
                return store.put(name, data, found[1] if found else None)
            except Conflict:
                continue
        raise Conflict("the item keeps changing under us", subject=item.name, remedy="is another apply at work?")

    def put_order(self, account: str, order: Order) -> None:
        store, name = self.open(account), order_name(order.machine, order.number)
        try:
            store.put(name, dumps(order), None)
        except Conflict as error:
            found = store.get(name)
            if found is not None and load_order(found[0]).id == order.id:
                return
            raise Conflict(
                f"order {order.number} was written by somebody else", subject=order.machine, remedy="plan again"
            ) from error

    def has_order(self, account: str, machine: str, number: int) -> bool:
        return self.open(account).get(order_name(machine, number)) is not None

    def acknowledge(self, account: str, machine: str, since: float, word: str, why: str) -> None:
        acknowledge(self.open(account), machine, since, word, why)

    def open(self, account: str) -> DocumentStore:
        """The gateway store at this blob endpoint."""
        return self._stores.documents(account, GATEWAY_CONTAINER)

    def _all(self, account: str, prefix: str, load: Callable[[bytes], T]) -> Iterator[T]:
        """Every document below `prefix`."""
        return self._read(account, sorted(self._listed(account, prefix)), load)

    def _listed(self, account: str, prefix: str) -> dict[str, str]:
        try:
            return self.open(account).list(prefix)
        except NotFound:
            return {}

    def _read(self, account: str, names: Sequence[str], load: Callable[[bytes], T]) -> Iterator[T]:
        """One that vanished between the listing and the reading is left out."""
        store = self.open(account)
        with ThreadPoolExecutor(READERS) as pool:
            for name, found in zip(names, pool.map(store.get, names), strict=True):
                if found is not None:
                    yield _loaded(load, found[0], f"{account.rstrip('/')}/{GATEWAY_CONTAINER}/{name}")


def _loaded(load: Callable[[bytes], T], data: bytes, where: str) -> T:
    """`UserProblem` for a document of a newer form, or a damaged one."""
    try:
        return load(data)
    except BadDocument as error:
        raise UserProblem(coded(f"{where} cannot be read: {error}. Nothing was changed.", "WL426")) from error
