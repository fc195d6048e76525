"""Effects: what a done step changes in the recorded state. The journal holds them; the state is their sum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from planner.artifact import Kind
from planner.plan.renaming import moved
from planner.state import PLANS, Begun, MachineState, Recorded, State


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


@dataclass(frozen=True, slots=True)
class Stepped:
    """Step number `step` (from 0) of a plan with so many steps is done."""

    plan: str
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class ForgetMachine:
    """By hand only: a plan ends a machine, it does not forget it."""

    uuid: str


Effect = Put | Remove | PutMachine | Renamed | Stepped | ForgetMachine


class Ledger:
    """A state that effects are taken into, each at a cost of its own size."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.artifacts = dict(state.artifacts)
        self.machines = dict(state.machines)
        self._done = {p.digest: (p.steps, p.bits) for p in state.plans.values()}

    def take(self, effects: Iterable[Effect]) -> None:
        """In order."""
        for effect in effects:
            match effect:
                case Put(recorded):
                    self.artifacts[recorded.address] = recorded
                case Remove(address):
                    self.artifacts.pop(address, None)
                case PutMachine(machine):
                    self.machines[machine.uuid] = machine
                case Renamed(uuid, old, new):
                    if uuid in self.machines:
                        self.machines[uuid] = replace(self.machines[uuid], name=new)
                    self.artifacts = moved(self.artifacts, old, new)
                case Stepped(plan, step, steps):
                    self._done[plan] = (steps, self._done.get(plan, (steps, 0))[1] | 1 << step)
                case ForgetMachine(uuid):
                    self.machines.pop(uuid, None)

    def state(self) -> State:
        kept = list(self._done.items())[-PLANS:]
        plans = {digest: Begun.of(digest, steps, done) for digest, (steps, done) in kept}
        return replace(self._state, artifacts=dict(self.artifacts), machines=dict(self.machines), plans=plans)


def applied(state: State, effects: Iterable[Effect]) -> State:
    """The state with `effects` in it, in order; the serial stays."""
    ledger = Ledger(state)
    ledger.take(effects)
    return ledger.state()


def between(old: State, new: State) -> list[Effect]:
    """Effects that make the artifacts and machines of `new` from those of `old` (machines are never forgotten)."""
    gone = [Remove(a) for a in old.artifacts if a not in new.artifacts]
    put = [Put(r) for a, r in new.artifacts.items() if old.artifacts.get(a) != r]
    return [*gone, *put, *(PutMachine(m) for u, m in new.machines.items() if old.machines.get(u) != m)]


def to_json(effect: Effect) -> dict[str, Any]:
    match effect:
        case Put(recorded):
            return {"put": {**asdict(recorded), "kind": recorded.kind.value}}
        case Remove(address):
            return {"remove": address}
        case PutMachine(machine):
            return {"machine": machine.document()}
        case Renamed(uuid, old, new):
            return {"renamed": [uuid, old, new]}
        case Stepped(plan, step, steps):
            return {"stepped": [plan, step, steps]}
        case ForgetMachine(uuid):
            return {"forget": uuid}


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
        case {"stepped": [str(plan), int(step), int(steps)]}:
            return Stepped(plan, step, steps)
        case {"forget": str(uuid)}:
            return ForgetMachine(uuid)
        case _:
            raise KeyError(f"unknown effect {sorted(document)}")
