"""Which VM is meant: by the lock file's instance uuid first, by name or path where nothing is pinned yet.

A machine renamed in YAML keeps its VM: the new name resolves to a uuid that the lock has under a name that the estate no
longer has. A VM renamed in VMware keeps its machine: the lock's uuid wins over any name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from planner.estate import Diagnostic, Estate, Machine
from planner.inventory import Ambiguous, Finder, Inventory, Missing, VmFacts


@dataclass(frozen=True, slots=True)
class Resolved:
    """`vms` by machine name; `renamed` new machine name -> old; `unpinned` machines that the lock does not have yet."""

    vms: Mapping[str, VmFacts]
    renamed: Mapping[str, str]
    unpinned: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    absent: Mapping[str, str] = field(default_factory=dict)
    """Finished machines whose VM is not in vCenter any more: machine name -> uuid."""


def resolve_machines(
    estate: Estate, inventory: Inventory, locked: Mapping[str, str], finished: Collection[str] = frozenset()
) -> Resolved:
    """`locked` is machine name -> instance uuid, from the lock file. The VMs of `finished` uuids may be gone: their
    owners delete them one day."""
    finder = Finder(inventory)
    left = {uuid: name for name, uuid in locked.items() if name not in estate.machines}
    vms: dict[str, VmFacts] = {}
    renamed: dict[str, str] = {}
    unpinned: list[str] = []
    problems: list[Diagnostic] = []
    holder: dict[str, str] = {}
    absent: dict[str, str] = {}
    for name, machine in estate.machines.items():
        pinned = locked.get(name)
        if pinned in finished and pinned is not None and finder.uuid(machine.source, pinned) is None:
            absent[name] = pinned
            continue
        found = _find(machine, finder, locked.get(name))
        if isinstance(found, Diagnostic):
            problems.append(found)
            continue
        if found.uuid in holder:
            other = estate.machines[holder[found.uuid]]
            detail = f"{name} and {other.name} are both the VM {found.path} ({found.uuid}). Remove one of them."
            related = (("the other machine", other.span),) if other.span else ()
            problems.append(
                Diagnostic(
                    "WL203",
                    "two machines are one VM",
                    detail,
                    _path(machine),
                    machine.spans.get("vm") or machine.span,
                    related,
                )
            )
            continue
        holder[found.uuid] = name
        vms[name] = found
        if name not in locked:
            unpinned.append(name)
            if found.uuid in left:
                renamed[name] = left[found.uuid]
    return Resolved(vms, renamed, tuple(unpinned), tuple(problems), absent)


def _find(machine: Machine, finder: Finder, pinned: str | None) -> VmFacts | Diagnostic:
    place = machine.spans.get("vm") or machine.span
    if pinned is not None:
        vm = finder.uuid(machine.source, pinned)
        if vm is not None:
            return vm
        detail = (
            f"{machine.name} is pinned to instance uuid {pinned}, and source {machine.source!r} has no such VM any more. "
            f"When it was restored or registered anew, remove its entry from wavelift.lock.yaml and run `wavelift init`."
        )
        return Diagnostic("WL202", "the pinned VM is gone", detail, _path(machine), place)
    wanted = machine.vm or machine.name
    match finder.find(machine.source, wanted):
        case VmFacts() as vm:
            return vm
        case Ambiguous(paths=paths):
            detail = (
                f"{wanted!r} is the name of {len(paths)} VMs: {', '.join(sorted(paths))}. "
                f"Give the one you mean as `vm: <path>` under {_path(machine)}."
            )
            return Diagnostic("WL201", "VM name is ambiguous", detail, _path(machine), place)
        case Missing(suggestions=suggestions):
            hint = f" Did you mean {', '.join(repr(s) for s in suggestions)}?" if suggestions else ""
            detail = f"Source {machine.source!r} has no VM {wanted!r}.{hint} Give its name or path as `vm:` there."
            return Diagnostic("WL200", "VM does not exist", detail, _path(machine), place)


def _path(machine: Machine) -> str:
    return f"waves.{machine.wave}.machines.{machine.name}"
