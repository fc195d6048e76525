"""Join everything that the files and the inventory say into one value: `Desired` (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from planner.artifact import Artifact
from planner.desired.machine import DesiredMachine, join
from planner.desired.resolve import resolve_machines
from planner.desired.shared import Shared
from planner.estate import Diagnostic, Estate, Machine
from planner.inventory import Inventory, VmFacts
from planner.names import Names
from planner.preflight import Blocker, blockers


@dataclass(frozen=True, slots=True)
class Desired:
    """`shared` are the artifacts that machines need in common; those of a machine depend on its life: see `planner.plan`."""

    estate: Estate
    names: Names
    machines: Mapping[str, DesiredMachine]
    shared: tuple[Artifact, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)
    unpinned: tuple[str, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    blocked: Mapping[str, tuple[Diagnostic, ...]] = field(default_factory=dict)
    """Machine name -> what forbids that its replication begins; no error for a machine that replicates already."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Machine name -> uuid of finished machines whose VM is gone from vCenter."""


def build(
    estate: Estate, inventory: Inventory, locked: Mapping[str, str], finished: Collection[str] = frozenset()
) -> Desired:
    """Everything that the estate asks for, with every problem found.

    `locked`: machine name -> instance uuid of the lock file. `finished`: uuids of machines whose replication is over for
    good; while any other is left, the vault is locked against deletion.
    """
    names = Names(estate)
    found = resolve_machines(estate, inventory, locked, finished)
    problems = list(found.diagnostics)
    machines: dict[str, DesiredMachine] = {}
    blocked: dict[str, tuple[Diagnostic, ...]] = {}
    for name, vm in found.vms.items():
        machine = estate.machines[name]
        wanted, complaints = join(machine, vm, estate.targets[machine.target])
        problems += complaints
        kept = {d.key for d in wanted.disks} if wanted else {d.key for d in vm.disks}
        skipped = {d.key for d in vm.disks} - kept
        source = estate.sources[machine.source]
        found_blockers = blockers(vm, skipped=skipped, tracking=source.tracking, reader=source.reader.name)
        if found_blockers:
            blocked[name] = tuple(_blocked(machine, vm, b) for b in found_blockers)
        if wanted:
            machines[name] = wanted
    shared = Shared(estate, names)
    targets = {m.target.name: m.target for m in machines.values()}
    targets |= {t: estate.targets[t] for t in (estate.machines[name].target for name in found.absent)}
    artifacts: list[Artifact] = []
    if targets:
        artifacts += shared.project(any(m.uuid not in finished for m in machines.values()))
        for region in sorted({t.region for t in targets.values()}):
            artifacts += shared.region(region)
        for target in sorted(targets):
            artifacts += shared.target(targets[target])
    unique = {a.address: a for a in artifacts}
    return Desired(
        estate,
        names,
        machines,
        tuple(unique.values()),
        found.renamed,
        found.unpinned,
        tuple(problems),
        blocked,
        found.absent,
    )


def _blocked(machine: Machine, vm: VmFacts, blocker: Blocker) -> Diagnostic:
    path = f"waves.{machine.wave}.machines.{machine.name}"
    detail = f"{machine.name} ({vm.path}): {blocker.text}; {blocker.remedy}."
    return Diagnostic(blocker.code, "the VM cannot replicate", detail, path, machine.span)
