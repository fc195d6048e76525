"""Which source VMs may go (pure). wavelift never deletes one: it says for which nothing depends on them any more, and why not.

A source may go when all of this is so; otherwise every reason is told:
1. its machine is completed or released: the way back has been given up and no seed is left;
2. its signed integrity report is there and its signature and evidence hold;
3. it is off, and carries no snapshot of ours;
4. no other machine of the estate replicates from it or shares a disk with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from planner.artifact import Kind
from planner.estate import Estate
from planner.inventory import DiskFacts, VmFacts
from planner.plan.gates import way_back_gate
from planner.plan.life import Stage, stage, under_way
from planner.release import TEST
from planner.state import MachineState, Recorded
from replication.model.extents import GIB
from replication.model.record import Record

OPEN = frozenset({Stage.INITIAL, Stage.DELTA})


class Verdict(StrEnum):
    """What may become of a source VM."""

    MAY_GO = "may go"
    STAYS = "stays"
    GONE = "gone already"


@dataclass(frozen=True, slots=True)
class Proof:
    """The integrity report of a machine: `lacks` in words what is wrong with it, "" for a whole one; `written` unix time."""

    lacks: str
    written: float = 0.0
    content: str = ""
    """What a comparison of the source with it gave, where one was made."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One source as vCenter has it. `snapshots` by name; `vm` None: it is not there, or its vCenter was not read (`blind`)."""

    vm: VmFacts | None = None
    snapshots: tuple[str, ...] = ()
    blind: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One source VM. `gib`: provisioned, so that at most so much comes free."""

    verdict: Verdict
    machine: str
    uuid: str
    source: str
    wave: str = ""
    vm: str = ""
    folder: str = ""
    host: str = ""
    datastores: tuple[str, ...] = ()
    gib: float = 0.0
    why: tuple[str, ...] = ()
    note: tuple[str, ...] = ()


def judge(
    estate: Estate,
    recorded: Sequence[Recorded],
    machine: MachineState,
    record: Record | None,
    seen: Seen,
    proof: Proof,
    shared: Mapping[str, str],
    now: float,
) -> Row | None:
    """None for a machine that nothing of ours has to do with (stopped before it was migrated).

    `recorded`: what the state has of it. `shared`: disk file -> name of
    another VM that has it too."""
    at = stage(machine, record)
    if at is Stage.NEW:
        return None
    asked = estate.machines.get(machine.name)
    source = str(machine.released.get("source", "")) or (asked.source if asked is not None else "")
    wave = str(machine.released.get("wave", "")) or (asked.wave if asked is not None else "")
    vm = seen.vm
    why = _ours(estate, recorded, machine, record, at, now)
    if at not in OPEN:
        why += _theirs(estate, machine, seen, shared)
        why += [proof.lacks] if proof.lacks else []
        why += [proof.content] if proof.content.startswith("FAILED") else []
    if vm is None:
        lost = not seen.blind and at is Stage.COMPLETED
        told = () if lost else (*why, seen.blind or "it is not in vCenter")
        return Row(Verdict.GONE if lost else Verdict.STAYS, machine.name, machine.uuid, source, wave, why=told)
    return Row(
        Verdict.STAYS if why else Verdict.MAY_GO,
        machine.name,
        machine.uuid,
        source,
        wave,
        vm.name,
        vm.path.rpartition("/")[0],
        vm.host,
        tuple(sorted({disk.datastore for disk in vm.disks})),
        round(sum(disk.capacity for disk in vm.disks if not _raw(disk)) / GIB, 2),
        tuple(why),
        tuple(_notes(seen, proof)) if at is Stage.COMPLETED else (),
    )


def _ours(
    estate: Estate, recorded: Sequence[Recorded], machine: MachineState, record: Record | None, at: Stage, now: float
) -> list[str]:
    """What of ours still stands on it."""
    if at in OPEN:
        return ["it replicates, and is not migrated"]
    why = []
    if under_way(machine, record):
        why.append("an order of it is under way")
    if at is Stage.MIGRATED:
        asked = estate.machines.get(machine.name)
        kept = way_back_gate(asked, record, now, estate.time_zone) if asked is not None else None
        why.append(kept or "it is the way back: complete it first (`phase: complete`)")
    left = [r.address for r in recorded if r.kind in TEST or (r.kind is Kind.SEED_DISK and at is Stage.COMPLETED)]
    if left:
        why.append(f"recorded yet: {', '.join(left)}")
    return why


def _theirs(estate: Estate, machine: MachineState, seen: Seen, shared: Mapping[str, str]) -> list[str]:
    """What vCenter says against it."""
    vm = seen.vm
    if vm is None:
        return []
    why = []
    if vm.power != "poweredOff":
        why.append(f"it is {vm.power}: somebody uses it, or will write to it")
    prefix = f"wavelift-{estate.name}-{machine.uuid}-"
    why += [f"our snapshot {name} is left on it" for name in seen.snapshots if name.startswith(prefix)]
    why += [f"{disk.label} is also a disk of {shared[disk.file]}" for disk in vm.disks if disk.file in shared]
    return why


def _notes(seen: Seen, proof: Proof) -> list[str]:
    vm = seen.vm
    out = [] if proof.content else ["whether it ran between the cut-over and now is not known (--compare-content finds out)"]
    out += [proof.content] if proof.content and not proof.content.startswith("FAILED") else []
    if vm is not None:
        foreign = [name for name in seen.snapshots if not name.startswith("wavelift-")]
        out += [f"snapshots of others: {', '.join(foreign)}"] if foreign else []
        out += [f"{disk.label} is a raw device: its LUN is freed elsewhere" for disk in vm.disks if _raw(disk)]
    return out


def _raw(disk: DiskFacts) -> bool:
    return disk.backing.startswith("RawDiskMapping")
