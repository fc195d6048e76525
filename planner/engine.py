"""What plan and apply need of the engine: its documents. They lie in each region's gateway storage account."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from replication.model.item import Item, Order
from replication.model.record import Record
from replication.model.status import Status

ETAG = "etag"
"""Attribute of a recorded replication: the ETag that its item had when apply had written it."""


@dataclass(frozen=True, slots=True)
class Damaged:
    """An item that lies there and is none: cut off, or written by hand. `why` says what is wrong with it."""

    why: str


class EngineReader(Protocol):
    """`account` is the blob endpoint of a gateway store. A store that is not there reads as "no machines"."""

    def records(self, account: str) -> dict[str, Record]:
        """Instance uuid -> the engine's journal record."""
        ...

    def statuses(self, account: str, machines: Collection[str] | None = None) -> dict[str, Status]:
        """Instance uuid -> what the engine last said, of all or of those `machines`."""
        ...

    def items(self, account: str) -> dict[str, Item | Damaged]:
        """Instance uuid -> what the engine is told of the machine."""
        ...

    def changed_items(self, account: str, versions: Mapping[str, str]) -> dict[str, Item | Damaged | None]:
        """The same by one listing: None, and not read, for a machine whose item's ETag is the one in `versions`."""
        ...

    def order(self, account: str, machine: str, number: int) -> Order | None:
        """The order of that number as it was sent; None when there is none."""
        ...


class EngineWriter(EngineReader, Protocol):
    """Only apply gets this one."""

    def put_item(self, account: str, item: Item) -> str:
        """Write or replace the machine's item; the ETag that it has then."""
        ...

    def put_order(self, account: str, order: Order) -> None:
        """Write an order. Its number taken by the same order (same id): success; by another: `Conflict`."""
        ...

    def has_order(self, account: str, machine: str, number: int) -> bool: ...

    def acknowledge(self, account: str, machine: str, since: float, word: str, why: str) -> None:
        """Tell the engine that the intervention of that machine which stands since `since` (unix time) is acknowledged by
        `word` of the files. Over, or told already: success."""
        ...


class TrackingSwitch(Protocol):
    """The one change that apply makes in vCenter."""

    def enable_tracking(self, source: str, machine: str) -> None:
        """Switch changed block tracking on and make it work (a stun). On already is success."""
        ...
