"""`wavelift export terraform`: which machines, read whole from Azure, written as files of Terraform's language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from planner.artifact import Kind
from planner.plan.released import is_released, told
from planner.release import handed, owned
from planner.state import MachineState, Recorded, State
from planner.terraform import Disk, Found, Nic, render
from planner.wording import did_you_mean
from wavelift.planning.look import refreshed
from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from wavelift.wiring import Wiring

Say = Callable[[str], None]


def export(wiring: Wiring, names: Sequence[str], wave: str | None, released: bool, say: Say) -> dict[str, str]:
    """File name -> text, of every machine that is meant and has a VM in Azure that an order has made."""
    view = wiring.workspace.view().state
    state, _ = refreshed(wiring.engine, view)
    recorded = owned(state)
    found = []
    for machine in _meant(wiring, state, names, wave, released):
        parts = handed(machine) if is_released(machine) else [r for r in recorded[machine.name] if r.kind in _HANDED]
        if parts:
            say(f"reading {machine.name}")
            found.append(_found(wiring, machine, parts))
        elif names:
            raise UserProblem(f"{machine.name} was not migrated ({machine.life}): there is nothing of it to export.")
    if not found:
        raise UserProblem("Nothing of these was migrated: there is nothing to export.")
    return render(found)


def write(folder: Path, files: dict[str, str], say: Say) -> None:
    """Files that are ours or not there; one that somebody has changed is not written over."""
    other = [name for name, text in files.items() if (folder / name).exists() and (folder / name).read_text() != text]
    if other:
        raise UserProblem(
            f"{', '.join(sorted(other))} in {folder} is there and says something else. Move it, or export into another folder. "
            "Nothing was written."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
            say(f"wrote {folder / name}")
    except OSError as error:
        raise UserProblem(f"{folder} cannot be written: {error.strerror}.") from error


_HANDED = frozenset({Kind.VM, Kind.DISK, Kind.NIC})


def _meant(wiring: Wiring, state: State, names: Sequence[str], wave: str | None, released: bool) -> list[MachineState]:
    known, waves = state.by_name(), wiring.workspace.estate.waves
    if sum((bool(names), wave is not None, released)) != 1:
        raise UserProblem("Say what is exported: machines by name, `--wave W` or `--released`.")
    if released:
        return [m for m in known.values() if is_released(m)]
    if wave is not None and wave not in waves:
        raise UserProblem(f"There is no wave `{wave}`.{did_you_mean(wave, waves)}")
    asked = [n for n in waves[wave].machines if n in known] if wave is not None else list(dict.fromkeys(names))
    for name in asked:
        if name not in known:
            raise UserProblem(f"The state has no machine `{name}`.{did_you_mean(name, known)}")
    return [known[name] for name in asked]


def _found(wiring: Wiring, machine: MachineState, parts: Sequence[Recorded]) -> Found:
    from providers.azure.whole import read_disk, read_nic, read_vm

    gone: list[str] = []
    disks: list[Disk] = []
    nics: list[Nic] = []
    vm = None
    for part in parts:
        match part.kind:
            case Kind.DISK:
                disk = read_disk(wiring.azure, part.id)
                disks += [disk] if disk is not None else []
                there = disk is not None
            case Kind.NIC:
                nic = read_nic(wiring.azure, part.id)
                nics += [nic] if nic is not None else []
                there = nic is not None
            case _:
                vm = read_vm(wiring.azure, part.id)
                there = vm is not None
        if not there:
            gone.append(part.id)
    note = f"released {told(machine)}" if is_released(machine) else f"{machine.life}, still managed by wavelift: release it first"
    return Found(machine.name, vm, tuple(disks), tuple(nics), tuple(sorted(gone)), note)
