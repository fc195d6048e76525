"""The replication engine as the planner sees it: documents, and what becomes of them. A small model, a step at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from planner.desired.shared import GATEWAY_CONTAINER
from planner.names import container_id, seed_id
from replication.engine.orders.steps import resource_ids
from replication.lifecycle import may
from replication.model.documents import dumps
from replication.model.errors import Conflict, NotFound
from replication.model.item import Item, Order, OrderKind, VmOrder
from replication.model.marks import marks
from replication.model.record import Intervention, Life, OrderProgress, Record, TrialMark
from replication.model.standing import ACKNOWLEDGED, rolled_back, standing
from replication.model.status import Status
from tests.fakes.provider import FakeAzure

KINDS = {"disk": "disk", "nic": "nic", "vm": "vm"}


@dataclass
class Documents:
    """Of one gateway store."""

    items: dict[str, Item] = field(default_factory=dict)
    orders: dict[tuple[str, int], Order] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)


class EngineModel:
    """`planner.engine.EngineWriter`; `refuse` names order kinds that end as failed, with a problem."""

    def __init__(self, azure: FakeAzure) -> None:
        self._azure = azure
        if azure.contents.engine is None:
            azure.contents.engine = {}
        self.refuse: dict[OrderKind, str] = {}

    def _at(self, account: str) -> Documents:
        name = account.removeprefix("https://").partition(".")[0]
        things = self._azure.contents.things
        if not any(k.endswith(f"/{name}") and container_id(k, GATEWAY_CONTAINER).lower() in things for k in things):
            raise NotFound("no such container", subject=account)
        found: Documents = self._azure.contents.engine.setdefault(account, Documents())
        return found

    def records(self, account: str) -> dict[str, Record]:
        with self._azure.lock:
            try:
                return dict(self._at(account).records)
            except NotFound:
                return {}

    def items(self, account: str) -> dict[str, Item]:
        with self._azure.lock:
            try:
                return dict(self._at(account).items)
            except NotFound:
                return {}

    def changed_items(self, account: str, versions: Mapping[str, str]) -> dict[str, Item | None]:
        return {uuid: None if versions.get(uuid) == _etag(item) else item for uuid, item in self.items(account).items()}

    def statuses(self, account: str, machines: Collection[str] | None = None) -> dict[str, Status]:
        return {}

    def order(self, account: str, machine: str, number: int) -> Order | None:
        with self._azure.lock:
            try:
                return self._at(account).orders.get((machine, number))
            except NotFound:
                return None

    def put_item(self, account: str, item: Item) -> str:
        with self._azure.lock:
            for disk in item.disks:
                assert self._seed(disk.seed) is not None, f"the item was written before its seed {disk.seed}"
            self._at(account).items[item.machine] = item
            self._azure.save()
            return _etag(item)

    def put_order(self, account: str, order: Order) -> None:
        with self._azure.lock:
            orders = self._at(account).orders
            there = orders.get((order.machine, order.number))
            if there is not None and there.id != order.id:
                raise Conflict(f"order {order.number} was written by somebody else", subject=order.machine, remedy="plan again")
            orders.setdefault((order.machine, order.number), order)
            self._azure.save()

    def has_order(self, account: str, machine: str, number: int) -> bool:
        with self._azure.lock:
            return (machine, number) in self._at(account).orders

    def acknowledge(self, account: str, machine: str, since: float, word: str, why: str) -> None:
        """As the engine obeys it: only what stands since then ends."""
        with self._azure.lock:
            records = self._at(account).records
            found = standing(records[machine])
            if found is None or found.since != since:
                return
            record = records[machine]
            told = Intervention(record.commands + 1, "acknowledge", "somebody", why, since, "held no more")
            facts = {**record.order.facts, ACKNOWLEDGED: "somebody"} if record.order is not None else {}
            again = record.order is not None and rolled_back(record.order)
            order = replace(record.order, facts=facts) if record.order is not None and again else record.order
            told_all = (told, *record.interventions)
            new = replace(record, hold=None, acknowledged=word, order=order, commands=told.number, interventions=told_all)
            records[machine] = new
            self._azure.save()

    # --- what the engine does

    @property
    def stores(self) -> Mapping[str, Documents]:
        found: dict[str, Documents] = self._azure.contents.engine
        return found

    def run(self, machines: int = 1000) -> None:
        """Carry everything out, at most for so many machines: replicate to delta sync, do every order."""
        with self._azure.lock:
            for documents in self.stores.values():
                for uuid in list(documents.items)[:machines]:
                    while self.step(documents, uuid):
                        pass
            self._azure.save()

    def step(self, documents: Documents, uuid: str) -> bool:
        """One step of one machine; False when it is at rest."""
        item, record = documents.items[uuid], documents.records.get(uuid)
        if record is None:
            documents.records[uuid] = Record(uuid, item.replication, 1, 0, Life.NEW, 0)
            return True
        if record.replication != item.replication:
            if record.life is not Life.STOPPED:
                return False  # "its item names another replication: stop this one first"
            new = Record(uuid, item.replication, record.epoch, record.fence, Life.NEW, 0)
            documents.records[uuid] = replace(new, orders_done=record.orders_done, test=record.test, order=record.order)
            return True
        waiting = sorted(n for m, n in documents.orders if m == uuid and n > record.orders_done)
        if waiting:
            documents.records[uuid] = self._carry(item, record, documents.orders[uuid, waiting[0]])
            return True
        if record.life in (Life.NEW, Life.INITIAL) and all(self._seed(d.seed) is not None for d in item.disks):
            documents.records[uuid] = replace(record, life=Life.DELTA, cycle=1)
            return True
        return False

    def _carry(self, item: Item, record: Record, order: Order) -> Record:
        progress = OrderProgress(order.number, order.id, order.kind, ())
        refused = self.refuse.get(order.kind, "")
        if order.replication != record.replication:
            refused = "it is about another replication"
        if not may(record.life, order.kind) and not (order.kind is OrderKind.CLEAN_UP and record.test):
            refused = f"a machine in {record.life.value} cannot take the order {order.kind.value}"
        if order.kind is OrderKind.MIGRATE and record.test:
            refused = "a test migration is still there: clean it up first"
        if refused:
            ended = replace(progress, outcome="aborted", problem=refused)
            return replace(record, order=ended, orders_done=order.number)
        done = replace(record, order=replace(progress, outcome="done"), orders_done=order.number)
        match order.kind:
            case OrderKind.TEST:
                assert order.vm is not None
                if record.test and not order.trial.refresh:
                    ended = replace(progress, outcome="aborted", problem="an earlier test is still there")
                    return replace(record, order=ended, orders_done=order.number)
                mark = TrialMark(order.number, order.trial.asked, record.cycle, 0.0, order.trial.ttl)
                return replace(done, test=self._make(item, order.vm, "test_"), trial=mark)
            case OrderKind.CLEAN_UP:
                for arm_id in record.test.values():
                    self._azure.remove(arm_id)
                return replace(done, test={})
            case OrderKind.MIGRATE:
                assert order.vm is not None
                made = self._make(item, order.vm, "")
                return replace(done, life=Life.MIGRATED, order=replace(progress, outcome="done", made=made))
            case OrderKind.STOP:
                for disk in item.disks:
                    seed = self._seed(disk.seed)
                    if seed is not None:
                        self._azure.remove(seed)
                facts = {"completed": "true"} if record.life is Life.MIGRATED else {}
                return replace(done, life=Life.STOPPED, order=replace(progress, outcome="done", facts=facts))

    def expire(self) -> None:
        """Every test's time to live is over."""
        with self._azure.lock:
            for documents in self.stores.values():
                for uuid, record in documents.records.items():
                    if record.test and record.trial is not None and record.trial.until is not None:
                        for arm_id in record.test.values():
                            self._azure.remove(arm_id)
                        documents.records[uuid] = replace(record, test={}, trial=replace(record.trial, expired=1.8e9))

    def _make(self, item: Item, vm: VmOrder, prefix: str) -> dict[str, str]:
        ids = resource_ids(vm)
        tags = {**vm.tags, **marks(item.machine, item.replication, item.name)}
        for logical, arm_id in ids.items():
            self._azure.put(prefix + KINDS[logical.partition("/")[0]], arm_id, {"tags": tags})
        return ids

    def _seed(self, blob: str) -> str | None:
        end = seed_id("", "seeds", blob).lower()
        return next((k for k in self._azure.contents.things if k.endswith(end)), None)


def _etag(item: Item) -> str:
    """Another one for every content."""
    return hashlib.sha256(dumps(item)).hexdigest()[:16]
