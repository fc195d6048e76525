"""Effects: what a done step changes in the recorded state. The journal holds them; the state is their sum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from planner.artifact import Kind
from planner.plan.build import rename_address
from planner.state import MachineState, Recorded, State


@dataclass(frozen=True, slots=True)
class Put:
    recorded: Recorded


@dataclass(frozen=True, slots=True)
class Remove:
    address: str


@dataclass(frozen=True, slots=True)
class PutMachine:
    machine: MachineState


@dataclass(frozen=True, slots=True)
class Renamed:
    uuid: str
    old: str
    new: str


Effect = Put | Remove | PutMachine | Renamed


def applied(state: State, effects: Iterable[Effect]) -> State:
    """The state with `effects` in it, in order; the serial stays."""
    artifacts, machines = dict(state.artifacts), dict(state.machines)
    for effect in effects:
        match effect:
            case Put(recorded):
                artifacts[recorded.address] = recorded
            case Remove(address):
                artifacts.pop(address, None)
            case PutMachine(machine):
                machines[machine.uuid] = machine
            case Renamed(uuid, old, new):
                if uuid in machines:
                    machines[uuid] = replace(machines[uuid], name=new)
                for address in [a for a, r in artifacts.items() if r.machine == old]:
                    moved = rename_address(address, old, new)
                    artifacts[moved] = replace(artifacts.pop(address), address=moved, machine=new)
    return replace(state, artifacts=artifacts, machines=machines)


def to_json(effect: Effect) -> dict[str, Any]:
    match effect:
        case Put(recorded):
            return {"put": {**asdict(recorded), "kind": recorded.kind.value}}
        case Remove(address):
            return {"remove": address}
        case PutMachine(machine):
            return {"machine": asdict(machine)}
        case Renamed(uuid, old, new):
            return {"renamed": [uuid, old, new]}


def from_json(document: Mapping[str, Any]) -> Effect:
    """The inverse of `to_json`; KeyError or TypeError for anything else."""
    match document:
        case {"put": dict(r)}:
            return Put(Recorded(**{**r, "kind": Kind(r["kind"]), "deps": tuple(r["deps"])}))
        case {"remove": str(address)}:
            return Remove(address)
        case {"machine": dict(m)}:
            return PutMachine(MachineState(**m))
        case {"renamed": [str(uuid), str(old), str(new)]}:
            return Renamed(uuid, old, new)
        case _:
            raise KeyError(f"unknown effect {sorted(document)}")
