"""Artifacts: the nodes of the graph. What should exist, under a stable address, with the needs it really has.

Addresses are `kind.name` ("log_store.koreacentral", "seed_disk.web-01/2000"): they never hold ids, order or counters, so that
adding one thing moves no other. A value in `spec` that only exists after another artifact was made is a reference,
`{"$ref": "log_store.koreacentral#blob_endpoint"}`, resolved by apply from what was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from planner.estate import Span
from replication.model.quick import quick

Json = Any
"""A JSON value. (A recursive alias costs mypy more than it finds here.)"""


class Kind(StrEnum):
    """Artifact kinds (S3 and what hangs between them). The value is the first part of the address."""

    RESOURCE_GROUP = "resource_group"
    VAULT = "vault"
    LOCK = "lock"
    SERVICE_BUS = "service_bus"
    LOG_STORE = "log_store"
    GATEWAY_STORE = "gateway_store"
    SEED_STORE = "seed_store"
    KEY_VAULT = "key_vault"
    ROLE = "role"
    CONTAINER = "container"
    SECRET = "secret"
    TRACKING = "tracking"
    SEED_DISK = "seed_disk"
    REPLICATION = "replication"
    DISK = "disk"
    NIC = "nic"
    VM = "vm"
    TEST_DISK = "test_disk"
    TEST_NIC = "test_nic"
    TEST_VM = "test_vm"

    __hash__ = str.__hash__  # as its equality is; `Enum`'s own is one of the name, worked out anew each time


DATA_BEARING = frozenset({Kind.SEED_DISK, Kind.SEED_STORE, Kind.LOG_STORE, Kind.GATEWAY_STORE, Kind.KEY_VAULT, Kind.VAULT})
"""Destroying one of these loses something that cannot be made again; `--allow-destroy` counts them."""

ENGINE_MADE = frozenset({Kind.DISK, Kind.NIC, Kind.VM, Kind.TEST_DISK, Kind.TEST_NIC, Kind.TEST_VM})
"""Made by the engine while it carries out an order; apply records them."""


@quick
@dataclass(frozen=True, slots=True)
class Artifact:
    """`id` is the ARM id that it will have (data-plane things have one too: `<account>/blobServices/default/containers/x`)."""

    address: str
    kind: Kind
    id: str
    spec: Mapping[str, Json]
    deps: tuple[str, ...] = ()
    machine: str | None = None
    wave: str | None = None
    origin: Span | None = field(default=None, compare=False)


def ref(address: str, attribute: str) -> dict[str, str]:
    """A value to be known once `address` is made."""
    return {"$ref": f"{address}#{attribute}"}


def references(value: Json) -> list[tuple[str, str]]:
    """Every (address, attribute) that `value` refers to, in order."""
    match value:
        case {"$ref": str(text)} if len(value) == 1:
            address, _, attribute = text.partition("#")
            return [(address, attribute)]
        case dict():
            return [r for v in value.values() for r in references(v)]
        case list() | tuple():
            return [r for v in value for r in references(v)]
        case _:
            return []


def resolved(value: Json, known: Mapping[tuple[str, str], Json]) -> Json:
    """`value` with every reference replaced; KeyError names one that is not known."""
    match value:
        case {"$ref": str(text)} if len(value) == 1:
            address, _, attribute = text.partition("#")
            return known[(address, attribute)]
        case dict():
            return {k: resolved(v, known) for k, v in value.items()}
        case list() | tuple():
            return [resolved(v, known) for v in value]
        case _:
            return value
