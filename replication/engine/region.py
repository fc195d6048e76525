"""What the coordinator knows of one region: its reign, and per machine the item, the record and the orders."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from replication.engine import journal, lease
from replication.engine.guard import Guard
from replication.engine.journal import Machine
from replication.engine.lease import Reign
from replication.engine.retry import Retry
from replication.engine.work import Work
from replication.model.command import Command
from replication.model.documents import BadDocument, evidence_prefix, load_command, load_item, load_order, number_of
from replication.model.item import Item, Order, OrderKind
from replication.model.record import CycleKind, Life, Record
from replication.model.source import SourceFacts
from replication.model.status import RECORD_GONE, Status
from replication.ports import Clock, DocumentStore


@dataclass
class Job:
    """Work under way on a machine, in a thread of its own."""

    work: Work
    kind: CycleKind | None
    """The cycle that it occupies on-premises resources for, or None."""
    lanes: int
    started: float
    host: str
    datastores: dict[str, int]
    future: Future[None] | None = None
    reload: bool = False
    """The record in memory may not be the one in the store any more."""
    way: str | None = None
    """Why it is to release its snapshot and go on later."""


    @property
    def snapshots(self) -> dict[str, int]:
        """Datastore -> disk snapshots that it has open there: none any more once its snapshot was released."""
        return {} if self.kind in (CycleKind.DELTA, CycleKind.INITIAL) and self.work.open_for is not None else self.datastores


@dataclass
class Held:
    """One machine of the region. `machine` is None until its record was claimed."""

    item: Item
    etag: str
    machine: Machine | None = None
    orders: dict[int, Order] = field(default_factory=dict)
    commands: dict[int, Command] = field(default_factory=dict)
    job: Job | None = None
    facts: SourceFacts | None = None
    wanted_since: float = 0.0
    woken: bool = False
    """Item or orders changed: what waits because of a problem is looked at again now."""
    held: str | None = None
    alert: str = ""
    """What holds it for so long that somebody must look at it."""
    next_cycle: float | None = None
    shown: Status | None = None
    shown_at: float = 0.0

    @property
    def record(self) -> Record | None:
        return self.machine.record if self.machine else None

    def stop_waits(self) -> bool:
        """A stop order waits behind another one."""
        first = self.pending()
        return first is not None and any(
            order.kind is OrderKind.STOP and number > first.number and order.replication == self.item.replication
            for number, order in list(self.orders.items())
        )

    def pending(self) -> Order | None:
        """The order to carry out: the oldest without an outcome."""
        done = self.record.orders_done if self.record else 0
        numbers = [n for n in list(self.orders) if n > done]  # a job asks too, while the coordinator adds one
        return self.orders[min(numbers)] if numbers else None


class Region:
    """Reads the region's documents and owns its machines while the reign is valid. Used by the coordinator's thread only."""

    def __init__(
        self, name: str, documents: DocumentStore, clock: Clock, retry: Retry, say: Callable[[str, str], None]
    ) -> None:
        self.name, self.documents = name, documents
        self._clock, self._retry, self._say = clock, retry, say
        self.reign: Reign | None = None
        self.machines: dict[str, Held] = {}
        self._orders: dict[str, str] = {}
        self._bad: dict[str, str] = {}
        self.waiting_for = ""
        """Who coordinates instead of us, and since when."""

    def rule(self, holder: str, host: str) -> bool:
        """Keep or take the lease; True while this region is certainly ours."""
        if self.reign is not None:
            self.reign.renew()
            if self.reign.valid:
                return True
            self._say("", f"{self.name}: the coordinator's lease was lost")
            self.reign = None
        self.reign = lease.begin(self.documents, self._clock, self._retry, holder, host)
        if self.reign is None:
            self._wait(lease.holder_of(self.documents))
            return False
        self.waiting_for = ""
        for held in self.machines.values():
            held.machine = None  # claimed anew, under the new epoch
        return True

    def _wait(self, other: str) -> None:
        """Say whom we wait for, once."""
        if other != self.waiting_for:
            text = f"{other} coordinates; this one takes over when it ends, or {lease.SECONDS} s after it has died"
            self._say("", f"{self.name}: {text}")
        self.waiting_for = other

    def read(self) -> None:
        """Look at items and orders; only documents whose ETag is new are fetched."""
        found = self._retry(lambda: self.documents.list("items/"))
        for name, etag in found.items():
            machine = name.removeprefix("items/").removesuffix(".json")
            held = self.machines.get(machine)
            if (held is not None and held.etag == etag) or self._bad.get(name) == etag:
                continue
            self._read_item(name, machine, held)
        gone = {f"items/{m}.json" for m in self.machines} - found.keys()
        for name in gone:
            machine = name.removeprefix("items/").removesuffix(".json")
            if self.machines[machine].job is None:
                del self.machines[machine]
        for name, etag in self._retry(lambda: self.documents.list("orders/")).items():
            if self._orders.get(name) != etag and self._bad.get(name) != etag:
                self._read_order(name, etag)
        for name, etag in self._retry(lambda: self.documents.list("commands/")).items():
            if self._bad.get(name) != etag:
                self._read_command(name)

    def read_orders_again(self, machine: str) -> None:
        """An order that had its outcome is under way again: its document is wanted once more."""
        self._orders = {name: etag for name, etag in self._orders.items() if name.split("/")[1] != machine}

    def _read_command(self, name: str) -> None:
        held, number = self.machines.get(name.split("/")[1]), number_of(name)
        if held is None or number is None or number in held.commands:
            return
        if held.record is not None and number <= held.record.commands:
            return
        got = self._retry(lambda: self.documents.get(name))
        if got is None:
            return
        try:
            held.commands[number] = load_command(got[0])
        except BadDocument as error:
            self._bad[name] = got[1]
            self._say(held.item.name, f"{name} cannot be read: {error}")
            return
        held.woken = True

    def _read_item(self, name: str, machine: str, held: Held | None) -> None:
        got = self._retry(lambda: self.documents.get(name))
        if got is None:
            return
        try:
            item = load_item(got[0])
        except BadDocument as error:
            self._bad[name] = got[1]
            self._say(machine, f"{name} cannot be read: {error}")
            return
        if held is None:
            self.machines[machine] = Held(item, got[1], wanted_since=self._clock.now())
            self._orders = {n: e for n, e in self._orders.items() if n.split("/")[1] != machine}
        else:
            held.item, held.etag, held.facts = item, got[1], None
            held.woken = True

    def _read_order(self, name: str, etag: str) -> None:
        held, number = self.machines.get(name.split("/")[1]), number_of(name)
        if held is None:
            return
        done = held.record.orders_done if held.record else 0
        if number is None or number <= done:
            self._orders[name] = etag
            return
        got = self._retry(lambda: self.documents.get(name))
        if got is None:
            return
        try:
            order = load_order(got[0])
        except BadDocument as error:
            self._bad[name] = got[1]
            self._say(held.item.name, f"{name} cannot be read: {error}")
            return
        self._orders[name] = got[1]
        held.orders[order.number] = order
        held.woken = True

    def own(self, held: Held) -> bool:
        """Have the machine's record, claimed for our epoch and fitting to its item; False while that cannot be."""
        if held.machine is None:
            held.machine = self._claim(held, self._reign.epoch)
        if held.machine is None:
            held.alert = RECORD_GONE
            return False
        record = held.machine.record
        if held.woken and record.retry_at is not None:
            record = held.machine.advance(retry_at=None)
        held.woken = False
        held.commands = {number: said for number, said in held.commands.items() if number > record.commands}
        held.orders = {number: order for number, order in held.orders.items() if number > record.orders_done}
        if record.replication == held.item.replication:
            return True
        if record.life is Life.STOPPED and record.attempt is None:
            held.machine.advance(**_fresh(record, held.item))
            return True
        held.held = "its item names another replication: stop this one first"
        return False

    def _claim(self, held: Held, epoch: int) -> Machine | None:
        """The machine's record under our epoch, or a new one. None: it had one and that is gone.

        What was done since then, orders and commands too, would be done once more. So nothing is, but an order that stops it.
        """
        item = held.item
        found = journal.claim(self.documents, self._retry, item.machine, epoch)
        if found is not None:
            return found
        new = Record(item.machine, item.replication, epoch, 0, Life.NEW, 0, queued_since=self._clock.now())
        prefix = evidence_prefix(item.machine, item.replication)
        if self._retry(lambda: self.documents.list(prefix)):
            stops = [n for n, o in held.orders.items() if o.kind is OrderKind.STOP and o.replication == item.replication]
            if not stops:
                return None
            new = replace(new, orders_done=max(stops) - 1, commands=max(held.commands, default=0))
        return journal.create(self.documents, self._retry, new)

    def guard(self, stopping: Callable[[Callable[[], bool]], Guard]) -> Guard:
        """A guard that belongs to this reign and to no later one."""
        reign = self._reign
        return stopping(lambda: reign.valid)

    @property
    def _reign(self) -> Reign:
        if self.reign is None:
            raise AssertionError(f"{self.name} is not ours")
        return self.reign


def _fresh(record: Record, item: Item) -> dict[str, object]:
    """Enabled again (S11): a new life. Fence and order numbers go on rising, what a test made is still there."""
    new = Record(record.machine, item.replication, record.epoch, record.fence, Life.NEW, 0)
    keep = replace(
        new,
        deleted=record.deleted,
        deleted_at=record.deleted_at,
        hold=record.hold,
        commands=record.commands,
        interventions=record.interventions,
        paused=record.paused,
        report=record.report,
    )
    return {
        name: getattr(keep, name)
        for name in Record.__dataclass_fields__
        if name not in ("machine", "epoch", "fence", "orders_done", "test", "order")
    }
