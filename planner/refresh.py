"""What the engine has done since, taken into the recorded state (pure).

The engine carries orders out whether or not an apply is still there. Its records say what came of them: what a finished
order made or removed, and where the machine is in its life. `absorb` is used by plan (in memory) and by apply (to keep).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from planner.artifact import Json, Kind
from planner.made import specs
from planner.plan.life import Stage, last_order, stage
from planner.state import OVER, MachineState, Recorded, State
from replication.model.item import Order, OrderKind
from replication.model.record import Record

_MADE = {"vm": Kind.VM, "disk": Kind.DISK, "nic": Kind.NIC}
_TEST = {"vm": Kind.TEST_VM, "disk": Kind.TEST_DISK, "nic": Kind.TEST_NIC}
_TEST_KINDS = frozenset(_TEST.values())
_ENDED = frozenset({Stage.COMPLETED, Stage.NEW})


def absorb(state: State, records: Mapping[str, Record], orders: Mapping[str, Order] | None = None) -> State:
    """The state with every engine outcome recorded; equal to `state` (by `same`) when nothing is new.

    `orders`: machine uuid -> the order that `planner.made.unknown` asks for; what it made is recorded with its spec.
    """
    artifacts = dict(state.artifacts)
    machines = dict(state.machines)
    tested = {recorded.machine for recorded in artifacts.values() if recorded.kind in _TEST_KINDS}
    mine: dict[str, list[str]] = {}
    for uuid, machine in state.machines.items():
        record = records.get(uuid)
        if record is None or record.replication != machine.replication or machine.life in OVER | {"forgotten"}:
            continue
        now = stage(machine, record)
        number, life = last_order(machine, record), _life(now, machine)
        if (number, life) != (machine.orders, machine.life):
            machines[uuid] = replace(machine, orders=number, life=life)
        if now in _ENDED or machine.name in tested:
            mine = mine or _by_machine(state)
            for address in mine.get(machine.name, ()):
                if _gone(artifacts[address].kind, now, record):
                    del artifacts[address]
        _take(artifacts, machine, record, now, (orders or {}).get(uuid))
    return replace(state, artifacts=artifacts, machines=machines)


def _by_machine(state: State) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for address, recorded in state.artifacts.items():
        if recorded.machine:
            out.setdefault(recorded.machine, []).append(address)
    return out


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
        return now in _ENDED
    return kind in _TEST_KINDS and not record.test


def _take(artifacts: dict[str, Recorded], machine: MachineState, record: Record, now: Stage, sent: Order | None) -> None:
    order = record.order
    sent = sent if sent is not None and order is not None and sent.number == order.number else None
    replicated = artifacts.get(f"{Kind.REPLICATION}.{machine.name}")
    source = str(replicated.spec.get("name", "")) if replicated is not None else ""
    tested = specs(sent if sent and sent.kind is OrderKind.TEST else None, order, record.test, source)
    for logical, arm_id in record.test.items():
        _put(artifacts, machine, logical, arm_id, _TEST, tested)
    if now in (Stage.MIGRATED, Stage.COMPLETED) and order is not None:
        made = specs(sent if sent and sent.kind is OrderKind.MIGRATE else None, order, order.made, source)
        for logical, arm_id in order.made.items():
            _put(artifacts, machine, logical, arm_id, _MADE, made)


def _put(
    artifacts: dict[str, Recorded],
    machine: MachineState,
    logical: str,
    arm_id: str,
    kinds: Mapping[str, Kind],
    known: Mapping[str, Mapping[str, Json]],
) -> None:
    """`logical` is the engine's name ("vm", "disk/2000", "nic/4000"); the address has the machine's name in it."""
    what, _, key = logical.partition("/")
    kind = kinds.get(what)
    if kind is None:
        return
    address = f"{kind}.{machine.name}/{key}" if key else f"{kind}.{machine.name}"
    there, spec = artifacts.get(address), known.get(logical, {})
    if there is None or there.id.lower() != arm_id.lower() or (spec and not there.spec):
        artifacts[address] = Recorded(address, kind, arm_id, spec, (), {}, machine.name)
