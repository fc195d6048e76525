"""A recorded inventory: what `inventory export` writes where vCenter can be reached, for a plan where it cannot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from planner.estate import Diagnostic, Estate
from planner.inventory import DiskFacts, Inventory, NicFacts, VmFacts, dumps, loads
from wavelift.problems import UserProblem
from wavelift.wholefile import write_whole

AHEAD = 300.0
"""Seconds by which a clock may be ahead of ours before a recorded inventory counts as from the future."""


def read(path: Path) -> Inventory:
    """The inventory in a file; `UserProblem` says what is wrong with it."""
    try:
        found = loads(path.read_text(encoding="utf-8"))
        for source in found.sources.values():
            for vm in source.vms:
                _checked(vm)
        return found
    except OSError as error:
        raise UserProblem(f"{path}: {error.strerror}. `wavelift inventory export --out {path}` writes it.") from error
    except ValueError as error:  # that it is no UTF-8 included
        raise UserProblem(f"{path}: {error}") from error


def write(path: Path, inventory: Inventory) -> None:
    """Whole or not at all."""
    try:
        write_whole(path, dumps(inventory).encode(), 0o644)
    except OSError as error:
        raise UserProblem(f"{path} cannot be written: {error.strerror}.") from error


def _checked(vm: VmFacts) -> None:
    """ValueError for a value of another type than the schema's: a damaged or made-up file ends here, not somewhere in a plan."""
    things: tuple[VmFacts | DiskFacts | NicFacts, ...] = (vm, *vm.disks, *vm.nics)
    for thing in things:
        for name, kind in _KINDS[type(thing)].items():
            value = getattr(thing, name)
            if type(value) is not kind and not (name == "os_type" and value is None):
                raise ValueError(f"not a recorded inventory (VM {vm.name!r}: {name} is {value!r:.40}): export it again")


_TYPES = {"str": str, "int": int, "bool": bool}
_KINDS = {
    kind: {f.name: _TYPES.get(str(f.type), str if "Literal" in str(f.type) else tuple) for f in fields(kind)}
    for kind in (VmFacts, DiskFacts, NicFacts)
}
"""Class -> field -> its type, from the annotations."""


def used(estate: Estate) -> list[str]:
    """Sources that machines of the estate come from."""
    return list(dict.fromkeys(m.source for m in estate.machines.values()))


def remarks(
    estate: Estate, inventory: Inventory, now: float, file: str, locked: Mapping[str, str]
) -> Iterator[Diagnostic]:
    """How old it is and whom it lacks (WL445, listed under NOT CHECKED), WL448 where it is older than the source allows, and
    WL491 where it holds none of those that are pinned to the source: `locked` is machine -> instance uuid."""
    for name in used(estate):
        source, path = estate.sources[name], f"sources.{name}.inventory_max_age"
        found = inventory.sources.get(name)
        if found is None:
            detail = f"{file} holds nothing of source {name!r}; it has {_listed(inventory.sources)}. Export it again."
            yield Diagnostic("WL447", "source not in the inventory", detail, f"sources.{name}", source.span)
            continue
        held = {vm.uuid for vm in found.vms}
        pinned = [m.name for m in estate.machines.values() if m.source == name and m.name in locked]
        absent = [machine for machine in pinned if locked[machine] not in held]
        if pinned and len(absent) == len(pinned):
            detail = (
                f"{file} holds none of the {len(pinned)} machines that are pinned to {name}: it was read from another vCenter "
                f"(instance uuid {found.instance_uuid}, {len(held)} VMs). Export it again from {source.host}."
            )
            yield Diagnostic("WL491", "the inventory is of another vCenter", detail, f"sources.{name}", source.span)
        age = now - found.read_at
        when = datetime.fromtimestamp(found.read_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        detail = f"vCenter {name} as of now: the plan is made from {file}, read {when}, {spoken(age)} ago. Apply looks again."
        if absent:
            detail += f" It lacks {_listed(absent)}: export it again when they were added or restored since."
        yield Diagnostic("WL445", "planned from a recorded inventory", detail, f"sources.{name}", severity="warning")
        if age > source.inventory_max_age or age < -AHEAD:
            which = f"was read {when}, {spoken(age)} ago" if age > 0 else f"claims to be of {when}, which is to come"
            detail = (
                f"{file}: the inventory of {name} {which}; {spoken(source.inventory_max_age)} are allowed. Export it again "
                "with `wavelift inventory export`."
            )
            yield Diagnostic("WL448", "the inventory is too old", detail, path, source.span)


def complete(estate: Estate, inventory: Inventory) -> bool:
    """Whether every source that machines come from is in it."""
    return all(name in inventory.sources for name in used(estate))


def spoken(seconds: float) -> str:
    """An age in its two largest units: "3 d 4 h", "12 min"."""
    left, parts = int(max(0.0, seconds)), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(names))) or "nothing"
