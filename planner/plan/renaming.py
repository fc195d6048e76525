"""A machine that is called otherwise now: its addresses move, nothing outside changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planner.desired import Desired
from planner.estate import Diagnostic
from planner.state import OVER, Recorded, State
from planner.steps import Rename


def moved(artifacts: Mapping[str, Recorded], old: str, new: str) -> dict[str, Recorded]:
    """`artifacts` with everything of machine `old` under the name `new`."""
    out: dict[str, Recorded] = {}
    for address, recorded in artifacts.items():
        if recorded.machine == old:
            address = _renamed(address, old, new)
            recorded = replace(recorded, address=address, machine=new)
        out[address] = recorded
    return out


def _renamed(address: str, old: str, new: str) -> str:
    """`seed_disk.old/2000` -> `seed_disk.new/2000`."""
    kind, _, rest = address.partition(".")
    name, slash, key = rest.partition("/")
    return f"{kind}.{new}{slash}{key}" if name == old else address


def plan_renames(desired: Desired, state: State) -> tuple[State, list[Rename], list[Diagnostic]]:
    """The state as if renamed machines had always had their new names, the steps that make it so, and what forbids one.

    A name is taken over only after the machine that had it has given it up.
    """
    wanted = {w.uuid: name for name, w in desired.machines.items()}
    pending = {u: m for u, m in state.machines.items() if u in wanted and m.name != wanted[u]}
    if not pending:
        return state, [], []
    held = {m.name: m.uuid for m in state.machines.values() if m.life not in OVER or m.uuid in wanted}
    artifacts, machines = dict(state.artifacts), dict(state.machines)
    steps: list[Rename] = []
    given_up: dict[str, str] = {}
    while free := [m for u, m in pending.items() if wanted[u] not in held]:
        for known in sorted(free, key=lambda m: m.name):
            name = wanted[known.uuid]
            step = _step(desired, known.name, name, known.uuid, given_up.get(name))
            steps.append(step)
            given_up[known.name] = step.address
            machines[known.uuid] = replace(known, name=name)
            artifacts = moved(artifacts, known.name, name)
            del pending[known.uuid], held[known.name]
            held[name] = known.uuid
    taken = [_taken(desired, m.name, wanted[u]) for u, m in pending.items()]
    return replace(state, artifacts=artifacts, machines=machines), steps, taken


def _step(desired: Desired, old: str, new: str, uuid: str, after: str | None) -> Rename:
    wave = desired.machines[new].machine.wave
    needs = (after,) if after else ()
    return Rename(f"rename.{new}", new, old, uuid, needs, f"{old} is called {new} now", wave)


def _taken(desired: Desired, old: str, new: str) -> Diagnostic:
    machine = desired.machines[new].machine
    detail = (
        f"{old} is called {new} now, and the state still has another machine of that name. "
        "Give it a third name, apply, and then this one; a machine that left must be stopped first (--allow-destroy)."
    )
    return Diagnostic("WL312", "the new name is taken", detail, f"waves.{machine.wave}.machines.{new}", machine.span)
