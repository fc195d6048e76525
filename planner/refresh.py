"""What the engine has done since, taken into the recorded state (pure).

The engine carries orders out whether or not an apply is still there. Its records say what came of them: what a finished
order made or removed, and where the machine is in its life. `absorb` is used by plan (in memory) and by apply (to keep).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planner.artifact import Kind
from planner.plan.life import Stage, last_order, stage
from planner.state import MachineState, Recorded, State
from replication.model.record import Record

_MADE = {"vm": Kind.VM, "disk": Kind.DISK, "nic": Kind.NIC}
_TEST = {"vm": Kind.TEST_VM, "disk": Kind.TEST_DISK, "nic": Kind.TEST_NIC}


def absorb(state: State, records: Mapping[str, Record]) -> State:
    """The state with every engine outcome recorded; equal to `state` (by `same`) when nothing is new."""
    artifacts = dict(state.artifacts)
    machines = dict(state.machines)
    mine: dict[str, list[str]] = {}
    for address, recorded in artifacts.items():
        if recorded.machine:
            mine.setdefault(recorded.machine, []).append(address)
    for uuid, machine in state.machines.items():
        record = records.get(uuid)
        if record is None or record.replication != machine.replication or machine.life == "stopped":
            continue
        now = stage(machine, record)
        machines[uuid] = replace(machine, orders=last_order(machine, record), life=_life(now, machine))
        for address in mine.get(machine.name, ()):
            if _gone(artifacts[address].kind, now, record):
                del artifacts[address]
        _take(artifacts, machine, record, now)
    return replace(state, artifacts=artifacts, machines=machines)


def _life(now: Stage, machine: MachineState) -> str:
    match now:
        case Stage.MIGRATED:
            return "migrated"
        case Stage.COMPLETED:
            return "completed"
        case Stage.NEW:
            return "stopped"
        case Stage.INITIAL | Stage.DELTA:
            return "replicating" if machine.life == "migrated" else machine.life  # rolled back


def _gone(kind: Kind, now: Stage, record: Record) -> bool:
    """Seeds and the item go when replication has ended; test artifacts when the clean-up is done."""
    if kind in (Kind.SEED_DISK, Kind.REPLICATION):
        return now in (Stage.COMPLETED, Stage.NEW)
    return kind in (Kind.TEST_VM, Kind.TEST_DISK, Kind.TEST_NIC) and not record.test


def _take(artifacts: dict[str, Recorded], machine: MachineState, record: Record, now: Stage) -> None:
    for logical, arm_id in record.test.items():
        _put(artifacts, machine, logical, arm_id, _TEST)
    order = record.order
    if now in (Stage.MIGRATED, Stage.COMPLETED) and order is not None:
        for logical, arm_id in order.made.items():
            _put(artifacts, machine, logical, arm_id, _MADE)


def _put(
    artifacts: dict[str, Recorded], machine: MachineState, logical: str, arm_id: str, kinds: Mapping[str, Kind]
) -> None:
    """`logical` is the engine's name ("vm", "disk/2000", "nic/4000"); the address has the machine's name in it."""
    what, _, key = logical.partition("/")
    kind = kinds.get(what)
    if kind is None:
        return
    address = f"{kind}.{machine.name}/{key}" if key else f"{kind}.{machine.name}"
    if address not in artifacts or artifacts[address].id.lower() != arm_id.lower():
        artifacts[address] = Recorded(address, kind, arm_id, {}, (), {}, machine.name)
