"""Handing a migrated machine over: whether it may be released, and what the state says of it from then on (pure).

Rules
1. Released is what is completed: the seeds are gone, so nothing of ours holds data of it any more. Whatever is short of that is
   refused with the next thing to do.
2. What was recorded of it leaves the artifacts and is kept with its entry, so that it can still be exported; nothing plans,
   refreshes or compares it any more.
3. Its entry stays: files that still hold the machine, or hold it again, do not replicate it once more by accident. Only
   `wavelift release --undo` makes that possible, under the next generation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.artifact import ENGINE_MADE, Kind
from planner.estate import Machine
from planner.plan.life import Stage, stage, under_way
from planner.state import MachineState, Recorded, State
from planner.store.effects import Effect, PutMachine, Remove
from replication.model.record import Record

TEST = frozenset({Kind.TEST_DISK, Kind.TEST_NIC, Kind.TEST_VM})


@dataclass(frozen=True, slots=True)
class Handover:
    """Who releases, when (unix time), why; the machine's source and wave, as far as they are known."""

    who: str
    at: float
    why: str
    source: str = ""
    wave: str = ""


def owned(state: State) -> dict[str, list[Recorded]]:
    """Machine name -> all that is recorded of it, by address; empty for one that nothing is recorded of."""
    found: defaultdict[str, list[Recorded]] = defaultdict(list)
    for recorded in sorted(state.artifacts.values(), key=lambda r: r.address):
        if recorded.machine is not None:
            found[recorded.machine].append(recorded)
    return found


def handed(machine: MachineState) -> list[Recorded]:
    """What a released machine had when it was released: VM, disks, NICs."""
    return [
        Recorded(str(one["address"]), Kind(one["kind"]), str(one["id"]), dict(one.get("spec", {})), machine=machine.name)
        for one in machine.released.get("artifacts", ())
    ]


def obstacle(
    recorded: Sequence[Recorded], machine: MachineState, record: Record | None, asked: Machine | None
) -> str | None:
    """Why it cannot be released now and what to do first, or None. `recorded`: its own, of a state that was refreshed."""
    name = machine.name
    where = f" ({asked.span})" if asked is not None and asked.span is not None else ""
    if under_way(machine, record):
        return f"the engine carries out an order of {name}: wait for it (`wavelift status {name}`)"
    seeds = [r.address for r in recorded if r.kind is Kind.SEED_DISK]
    match stage(machine, record):
        case Stage.NEW:
            return f"{name} does not replicate and was not migrated by this replication: there is nothing to hand over"
        case Stage.INITIAL | Stage.DELTA as now:
            return f"{name} is in {now.value}: set `phase: migrate`, later `phase: complete`{where}, and apply; then release it"
        case Stage.MIGRATED:
            held = f"{len(seeds)} seed disk{'' if len(seeds) == 1 else 's'}"
            return f"{name} still has its way back ({held}): set `phase: complete`{where} and apply; then release it"
        case Stage.COMPLETED:
            pass
    left = seeds + [r.address for r in recorded if r.kind in TEST]
    if left:
        return f"{', '.join(left)} of {name} is recorded yet: `wavelift apply` finds out what became of it; then release it"
    return None


def effects(recorded: Sequence[Recorded], machine: MachineState, by: Handover) -> list[Effect]:
    """What a release changes in the state."""
    kept = [r for r in recorded if r.kind in ENGINE_MADE]
    told = {
        "who": by.who,
        "at": round(by.at, 3),
        "why": by.why,
        "source": by.source,
        "wave": by.wave,
        "artifacts": [{"address": r.address, "kind": r.kind.value, "id": r.id, "spec": dict(r.spec)} for r in kept],
    }
    gone: Sequence[Effect] = [Remove(r.address) for r in recorded]
    return [*gone, PutMachine(replace(machine, life="released", protect=False, released=told))]


def undone(machine: MachineState) -> list[Effect]:
    """It may replicate once more; what it had in Azure stays its owner's."""
    return [PutMachine(replace(machine, life="stopped", released={}))]
