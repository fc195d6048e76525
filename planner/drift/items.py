"""Items in the gateway stores against what apply wrote: who changes one, moves a replication (pure)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from planner.artifact import Json, Kind, resolved
from planner.drift.azure import place
from planner.drift.model import Finding, Severity
from planner.engine import ETAG, Damaged
from planner.estate import Estate
from planner.plan.life import Stage, stage, under_way
from planner.ports import Observed
from planner.state import MachineState, Recorded, State
from replication.model.item import Item
from replication.model.record import Record

DOCUMENT = "document"
"""Property of an item that is damaged as a whole."""
THEN = "the engine follows it: find who writes to the gateway store; the next apply writes it back"


def versions(state: State) -> dict[str, str]:
    """Instance uuid -> the ETag of its item as apply left it, where that is recorded."""
    found = ((uuid, state.artifacts.get(f"{Kind.REPLICATION}.{machine.name}")) for uuid, machine in state.machines.items())
    return {uuid: str(item.attributes[ETAG]) for uuid, item in found if item is not None and ETAG in item.attributes}


def compare(
    estate: Estate, state: State, records: Mapping[str, Record], items: Mapping[str, Item | Damaged]
) -> Iterator[Finding]:
    """`items` by instance uuid: all that the gateway stores hold. Machines whose replication goes on."""
    for machine, recorded, there in _moved(state, records, items):
        wave, origin = place(estate, machine.name)
        if there is None:
            what = "its item is gone from the gateway store"
            yield Finding(Severity.URGENT, recorded.address, "", what, THEN, machine=machine.name, wave=wave, origin=origin)
            continue
        for name, two in there.items():
            what = f"{name} of its item was changed in the gateway store"
            if name == DOCUMENT:
                what, two = f"its item in the gateway store is damaged: {two[1]}", (None, None)
            yield Finding(Severity.URGENT, recorded.address, name, what, THEN, *two, machine.name, wave, origin=origin)


def observed(
    state: State, records: Mapping[str, Record], items: Mapping[str, Item | Damaged | None]
) -> dict[str, Observed | None]:
    """The same for a plan, which sets back what moved: those items alone that are not as apply wrote them, by address.

    An item that is None is as it was, by its ETag.
    """
    return {
        recorded.address: None if there is None else Observed(recorded.id, strayed=there)
        for _, recorded, there in _moved(state, records, items)
    }


def _moved(
    state: State, records: Mapping[str, Record], items: Mapping[str, Item | Damaged | None]
) -> Iterator[tuple[MachineState, Recorded, dict[str, tuple[Json, Json]] | None]]:
    """(machine, its recorded item, field -> (as apply wrote it, as it is)); None: it is gone, and no order takes it away."""
    looked_at = {uuid: machine for uuid, machine in state.machines.items() if uuid not in items or items[uuid] is not None}
    if not looked_at:
        return
    known: dict[tuple[str, str], Json] = {
        (r.address, name): value for r in state.artifacts.values() for name, value in r.attributes.items()
    }
    for uuid, machine in looked_at.items():
        recorded = state.artifacts.get(f"{Kind.REPLICATION}.{machine.name}")
        if recorded is None or stage(machine, records.get(uuid)) not in (Stage.INITIAL, Stage.DELTA):
            continue
        there = items.get(uuid)
        if there is None:
            if not under_way(machine, records.get(uuid)):
                yield machine, recorded, None
            continue
        if isinstance(there, Damaged):
            yield machine, recorded, {DOCUMENT: ("as apply wrote it", there.why)}
            continue
        try:
            wanted = resolved(recorded.spec, known)
        except KeyError:  # what it was made from is no longer on record: nothing to hold it against
            continue
        changed = {name: (wanted[name], is_now) for name, is_now in _differ(wanted, dataclasses.asdict(there))}
        if changed:
            yield machine, recorded, changed


def _differ(wanted: Mapping[str, Json], there: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Every field that apply wrote and that is another one now, with what it is."""
    for name, value in sorted(wanted.items()):
        if name in there and _plain(there[name]) != _plain(value):
            yield name, there[name]


def _plain(value: Json) -> Json:
    """Tuples as lists, numbers as they compare."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
