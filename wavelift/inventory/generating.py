"""`wavelift init --from-vcenter`: reads a vCenter once and writes waves, a target to fill in, and the lock."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from planner.config.provenance import Origins
    from planner.estate import Source
    from planner.inventory import SourceInventory, VmFacts

Say = Callable[[str], None]


def generate(folder: Path, wanted: str, source_name: str | None, say: Say) -> None:
    """Write what the estate in `folder` does not have yet. Nothing that exists is changed but the lock, which gains entries."""
    from planner.config import Lock, LockedMachine, read_lock, write_lock
    from planner.generate import appliance_text, generate, target_text

    source = _source(folder, source_name)
    read, tagged = _inventory(source, wanted, say)
    lock, complaints = read_lock(folder)
    if complaints:
        raise UserProblem("\n".join(d.detail for d in complaints))
    vms = _chosen(read, wanted, tagged, {machine.instance_uuid for machine in lock.machines.values()})
    names = _Names(folder)
    target = next(iter(names.targets), "main")
    made = generate(read, vms, target=target, known={*names.machines, *lock.machines}, waves=names.waves)
    files = dict(made.files)
    if not names.targets:
        files["targets.yaml"] = target_text(target, made.networks)
    if not names.appliances:
        files["appliances.yaml"] = appliance_text(source.name, len(made.machines))
    if not names.estate:
        files["estate.yaml"] = "estate: {name: my-estate, schema: 1, time_zone: Etc/UTC}\n"
    _write(folder, files, say)
    pinned = {name: LockedMachine(vm.uuid, source.name, vm.path) for name, vm in made.machines.items()}
    write_lock(folder, Lock({**lock.machines, **pinned}))
    say(f"{len(made.machines)} machines in {len(made.files)} waves, pinned in wavelift.lock.yaml")
    for left in made.left_out:
        say(f"left out, as a comment: {left.name}: {left.why_not}")
    missing = [network for network in made.networks if names.targets and network not in names.subnets]
    if missing:
        say(f"add to targets.{target}.subnets: {', '.join(missing)}")
    say("Next: `wavelift validate` names what is left to fill in; then `wavelift plan`.")


class _Names:
    """What the files have already, right or wrong in the rest."""

    def __init__(self, folder: Path) -> None:
        from planner.config.provenance import Origins

        origins: Origins = Origins.read(folder)
        self.estate = bool(origins.names("estate"))
        self.targets = origins.names("targets")
        self.appliances = origins.names("appliances")
        self.waves = origins.names("waves")
        self.machines = {name for wave in self.waves for name in origins.names("waves", wave, "machines")}
        self.subnets = {name for target in self.targets for name in origins.names("targets", target, "subnets")}


def _source(folder: Path, name: str | None) -> Source:
    from planner.config.loader import load_sources
    from planner.wording import did_you_mean

    sources, diagnostics = load_sources(folder)
    if not sources:
        from wavelift.diagnostics import shown

        text = shown(diagnostics) + "\n" if diagnostics else ""
        raise UserProblem(
            f"{text}{folder} declares no source. Write `sources: {{seoul: {{vcenter: …, login: env:VC}}}}` into one of its files "
            "first (or `wavelift init --lab DIR` for a lab)."
        )
    if name is None and len(sources) > 1:
        raise UserProblem(f"There are several sources: {', '.join(sources)}. Say which with --source.")
    chosen = name or next(iter(sources))
    if chosen not in sources:
        raise UserProblem(f"There is no source `{chosen}`.{did_you_mean(chosen, sources)}")
    return sources[chosen]


def _inventory(source: Source, wanted: str, say: Say) -> tuple[SourceInventory, frozenset[str] | None]:
    """What the source holds, and the instance uuids of what carries the wanted tag where one is wanted."""
    from providers.secrets import credentials
    from providers.vmware.source import open_source
    from wavelift.inventory.tagged import PREFIX, carriers

    say(f"reading the inventory of {source.name}")
    opened = open_source(source, partial(credentials, source.login.plan))
    try:
        tagged = carriers(opened, source.name, wanted, say) if wanted.startswith(PREFIX) else None
        return opened.inventory(now=time.time()), tagged
    finally:
        opened.close()


def _chosen(read: SourceInventory, wanted: str, tagged: frozenset[str] | None, pinned: set[str]) -> list[VmFacts]:
    from planner.generate import select
    from planner.wording import did_you_mean

    found = select(read, wanted if tagged is None else "all")
    if tagged is not None:
        found = tuple(vm for vm in found if vm.uuid in tagged)
    if not found:
        raise UserProblem(f"{read.name} has no VM in `{wanted}`.{did_you_mean(wanted, _folder_names(read))}")
    new = [vm for vm in found if vm.uuid not in pinned]
    if not new:
        raise UserProblem(f"All {len(found)} VMs of `{wanted}` are in the estate already; nothing was written.")
    return new


def _folder_names(read: SourceInventory) -> list[str]:
    from planner.generate import folders

    return [folder.rpartition("/")[2] for folder in folders(read)]


def _write(folder: Path, files: dict[str, str], say: Say) -> None:
    """All or nothing: a file that exists belongs to somebody."""
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise UserProblem(f"{', '.join(there)} exists in {folder} already; move or rename it. Nothing was written.")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        say(f"wrote {path}")
