"""The planner's view of the engine's documents, over the gateway stores of the regions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from planner.desired.shared import GATEWAY_CONTAINER
from planner.engine import Damaged
from replication.model.documents import (
    BadDocument,
    OtherRelease,
    dumps,
    item_name,
    load_item,
    load_order,
    load_record,
    load_status,
    order_name,
    record_name,
    status_name,
)
from replication.model.errors import Conflict, NotFound
from replication.model.item import Item, Order
from replication.model.record import Record
from replication.model.status import Status
from replication.ports import DocumentStore
from wavelift.applying.commanding import acknowledge
from wavelift.problems import UserProblem, coded

_REMEDY = {
    "records/": "It is the engine's journal of that machine. Stop the engine, put an earlier copy of the blob back; without one "
    "delete it, and `wavelift plan` says what follows",
    "orders/": "It is an order of that machine. Put an earlier copy of the blob back; without one delete it",
    "status/": "It only shows how the machine does: delete it, a running engine writes it anew",
    "items/": "It is what the engine is told of that machine: `wavelift plan` and `apply` write it anew",
}
"""What to do about a damaged document, by where it lies."""

T = TypeVar("T")
READERS = 8
"""Documents fetched at once: each is one small round trip."""


class OpensDocuments(Protocol):
    def documents(self, account: str, container: str) -> DocumentStore: ...


class GatewayDocuments:
    """`planner.engine.EngineWriter` over blobs. A store that is not there yet has no machines."""

    def __init__(self, stores: OpensDocuments) -> None:
        self._stores = stores

    def records(self, account: str, machines: Collection[str] | None = None) -> dict[str, Record]:
        if machines is None:
            return {r.machine: r for _, r in self._all(account, "records/", load_record)}
        return {r.machine: r for _, r in self._read(account, [record_name(uuid) for uuid in machines], load_record)}

    def statuses(self, account: str, machines: Collection[str] | None = None) -> dict[str, Status]:
        if machines is None:
            return {s.machine: s for _, s in self._all(account, "status/", load_status)}
        return {s.machine: s for _, s in self._read(account, [status_name(uuid) for uuid in machines], load_status)}

    def items(self, account: str) -> dict[str, Item | Damaged]:
        return self._items(account, sorted(self._listed(account, "items/")))

    def changed_items(self, account: str, versions: Mapping[str, str]) -> dict[str, Item | Damaged | None]:
        known = {item_name(machine): (machine, etag) for machine, etag in versions.items()}
        same: dict[str, Item | Damaged | None] = {}
        names = []
        for name, etag in self._listed(account, "items/").items():
            machine, version = known.get(name, ("", ""))
            if version == etag:
                same[machine] = None
            else:
                names.append(name)
        return same | self._items(account, names)

    def order(self, account: str, machine: str, number: int) -> Order | None:
        return self.orders(account, {machine: number}).get(machine)

    def orders(self, account: str, numbers: Mapping[str, int]) -> dict[str, Order]:
        """Instance uuid -> its order of the number that is asked for; without those that are not there."""
        names = [order_name(machine, number) for machine, number in numbers.items()]
        return {order.machine: order for _, order in self._read(account, names, load_order)}

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

    def _all(self, account: str, prefix: str, load: Callable[[bytes], T]) -> Iterator[tuple[str, T]]:
        """Every document below `prefix`, with its name."""
        return self._read(account, sorted(self._listed(account, prefix)), load)

    def _listed(self, account: str, prefix: str) -> dict[str, str]:
        try:
            return self.open(account).list(prefix)
        except NotFound:
            return {}

    def _items(self, account: str, names: Sequence[str]) -> dict[str, Item | Damaged]:
        """A damaged one is an answer: apply wrote it, and can write it anew."""
        return {
            name.removeprefix("items/").removesuffix(".json"): item for name, item in self._read(account, names, _item)
        }

    def _read(self, account: str, names: Sequence[str], load: Callable[[bytes], T]) -> Iterator[tuple[str, T]]:
        """One that vanished between the listing and the reading is left out."""
        store = self.open(account)
        with ThreadPoolExecutor(READERS) as pool:
            for name, found in zip(names, pool.map(store.get, names), strict=True):
                if found is not None:
                    yield name, _loaded(load, found[0], f"{account.rstrip('/')}/{GATEWAY_CONTAINER}/", name)


def _item(data: bytes) -> Item | Damaged:
    try:
        return load_item(data)
    except OtherRelease:
        raise
    except BadDocument as error:
        return Damaged(str(error))


def _loaded(load: Callable[[bytes], T], data: bytes, where: str, name: str) -> T:
    """`UserProblem` for a document of another release's form, or a damaged one."""
    try:
        return load(data)
    except OtherRelease as error:
        raise UserProblem(coded(f"{where}{name} cannot be read: {error}. Nothing was changed.", "WL426")) from error
    except BadDocument as error:
        remedy = next(text for prefix, text in _REMEDY.items() if name.startswith(prefix))
        raise UserProblem(coded(f"{where}{name} is damaged: {error}. {remedy}. Nothing was changed.", "WL429")) from error
