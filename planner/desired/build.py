"""Join everything that the files and the inventory say into one value: `Desired` (pure)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from planner.artifact import Artifact
from planner.desired.machine import DesiredMachine, join
from planner.desired.resolve import resolve_machines
from planner.desired.shared import Shared
from planner.estate import Diagnostic, Estate
from planner.inventory import Inventory
from planner.names import Names
from planner.preflight import blockers


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


def build(
    estate: Estate, inventory: Inventory, locked: Mapping[str, str], finished: Collection[str] = frozenset()
) -> Desired:
    """Everything that the estate asks for, with every problem found.

    `locked`: machine name -> instance uuid of the lock file. `finished`: uuids of machines whose replication is over for
    good; while any other is left, the vault is locked against deletion.
    """
    names = Names(estate)
    found = resolve_machines(estate, inventory, locked)
    problems = list(found.diagnostics)
    machines: dict[str, DesiredMachine] = {}
    for name, vm in found.vms.items():
        machine = estate.machines[name]
        wanted, complaints = join(machine, vm, estate.targets[machine.target])
        problems += complaints
        kept = {d.key for d in wanted.disks} if wanted else {d.key for d in vm.disks}
        skipped = {d.key for d in vm.disks} - kept
        for blocker in blockers(vm, skipped=skipped, tracking=estate.sources[machine.source].tracking):
            path = f"waves.{machine.wave}.machines.{name}"
            detail = f"{name} ({vm.path}): {blocker.text}; {blocker.remedy}."
            problems.append(Diagnostic(blocker.code, "the VM cannot replicate", detail, path, machine.span))
        if wanted:
            machines[name] = wanted
    shared = Shared(estate, names)
    targets = {m.target.name: m.target for m in machines.values()}
    artifacts: list[Artifact] = []
    if targets:
        artifacts += shared.project(any(m.uuid not in finished for m in machines.values()))
        for region in sorted({t.region for t in targets.values()}):
            artifacts += shared.region(region)
        for target in sorted(targets):
            artifacts += shared.target(targets[target])
    unique = {a.address: a for a in artifacts}
    return Desired(estate, names, machines, tuple(unique.values()), found.renamed, found.unpinned, tuple(problems))
