"""The documents of the gateway storage account as text: items, orders, records, status, evidence. Pure.

Every document is canonical JSON, `{"body": {…}, "kind": "record", "schema": 1}`, with the fields of its dataclass in the
body (some have a `kind` of their own): equal values give equal bytes. Reading is strict: another kind, a newer schema, an
unknown field or a wrong type is a `BadDocument` that names the place.
"""

from __future__ import annotations

from typing import TypeVar

from replication.model import jsonform
from replication.model.command import Command
from replication.model.item import Item, Order
from replication.model.jsonform import BadDocument, OtherRelease
from replication.model.record import Evidence, Record
from replication.model.release import RELEASE
from replication.model.status import Status

__all__ = [
    "SCHEMA",
    "BadDocument",
    "Document",
    "OtherRelease",
    "command_name",
    "dumps",
    "evidence_name",
    "evidence_prefix",
    "fill_name",
    "item_name",
    "load_command",
    "load_evidence",
    "load_item",
    "load_order",
    "load_record",
    "load_status",
    "order_name",
    "progress_name",
    "record_name",
    "status_name",
]

SCHEMA = 1
Document = Item | Order | Command | Record | Status | Evidence
_KINDS: dict[type, str] = {
    Item: "item",
    Order: "order",
    Command: "command",
    Record: "record",
    Status: "status",
    Evidence: "evidence",
}
_T = TypeVar("_T", Item, Order, Command, Record, Status, Evidence)


def dumps(value: Document) -> bytes:
    """`value` as its document. Raises `BadDocument` for what JSON cannot carry (a NaN)."""
    return jsonform.dumps(_KINDS[type(value)], SCHEMA, value, RELEASE)


def load_item(data: bytes) -> Item:
    return _load(Item, data)


def load_order(data: bytes) -> Order:
    return _load(Order, data)


def load_command(data: bytes) -> Command:
    return _load(Command, data)


def load_record(data: bytes) -> Record:
    return _load(Record, data)


def load_status(data: bytes) -> Status:
    return _load(Status, data)


def load_evidence(data: bytes) -> Evidence:
    return _load(Evidence, data)


def item_name(machine: str) -> str:
    return f"items/{machine}.json"


def order_name(machine: str, number: int) -> str:
    return f"orders/{machine}/{number:06}.json"


def command_name(machine: str, number: int) -> str:
    return f"commands/{machine}/{number:06}.json"


def number_of(name: str) -> int | None:
    """The number of an order or a command by its document's name; None for a name that has none."""
    number = name.rpartition("/")[2].removesuffix(".json")
    return int(number) if number.isdigit() else None


def record_name(machine: str) -> str:
    return f"records/{machine}.json"


def status_name(machine: str) -> str:
    return f"status/{machine}.json"


def evidence_name(machine: str, replication: str, cycle: int) -> str:
    return f"{evidence_prefix(machine, replication)}{cycle:06}.json"


def evidence_prefix(machine: str, replication: str) -> str:
    return f"evidence/{machine}/{replication}/"


def progress_name(machine: str, replication: str, disk: int) -> str:
    """The sector sets of an initial replication in mid-disk; not a JSON document."""
    return f"progress/{machine}/{replication}/{disk}.bin"


def fill_name(machine: str, order: int, disk: int) -> str:
    """How far a managed disk of an order is filled; not a JSON document."""
    return f"fills/{machine}/{order:06}/{disk}.bin"


def _load(form: type[_T], data: bytes) -> _T:
    return jsonform.loads(_KINDS[form], SCHEMA, form, data)
