"""Items as apply would have written them: for engines that are played back from a recording."""

from __future__ import annotations

import json

from planner.artifact import Json, Kind, resolved
from planner.state import State
from replication.model.documents import SCHEMA, load_item
from replication.model.item import Item


def items_of(state: State) -> dict[str, Item]:
    """Instance uuid -> the item that stands in the state, with what it refers to put in."""
    known: dict[tuple[str, str], Json] = {
        (one.address, name): value for one in state.artifacts.values() for name, value in one.attributes.items()
    }
    specs = [one.spec for one in state.artifacts.values() if one.kind is Kind.REPLICATION]
    found = [load_item(json.dumps({"schema": SCHEMA, "kind": "item", "body": resolved(spec, known)}).encode()) for spec in specs]
    return {item.machine: item for item in found}
