"""A first estate out of an inventory: waves by folder, sizes by CPU and memory, port groups to be mapped. Pure.

It is written once and then belongs to its authors; nothing is ever read back from vCenter into the files.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from planner.config.written import flow
from planner.estate import LimitsPolicy
from planner.inventory import SourceInventory, VmFacts
from planner.preflight import blockers
from replication.model.extents import GIB

_WIDEST = 64
"""Characters of a machine's name (Azure's rule for VM names)."""


@dataclass(frozen=True, slots=True)
class Size:
    """An Azure size: vCPUs, GiB of memory, data disks and network adapters at most."""

    name: str
    cores: int
    memory: int
    disks: int
    nics: int


def _sizes() -> tuple[Size, ...]:
    families = (
        ("Standard_F{}s_v2", 2, (2, 4, 8, 16, 32, 48, 64, 72)),
        ("Standard_D{}s_v5", 4, (2, 4, 8, 16, 32, 48, 64, 96)),
        ("Standard_E{}s_v5", 8, (2, 4, 8, 16, 20, 32, 48, 64)),
        ("Standard_M{}ms", 30, (64, 128)),
    )
    disks, nics = {2: 4, 4: 8, 8: 16}, {2: 2, 4: 2, 8: 4}
    return tuple(
        Size(pattern.format(cores), cores, int(cores * gib), disks.get(cores, 32), nics.get(cores, 8))
        for pattern, gib, counts in families
        for cores in counts
    )


SIZES = _sizes()


@dataclass(frozen=True, slots=True)
class Suggested:
    """One machine as it will be written. `why_not` is set where it cannot replicate; it then becomes a comment."""

    name: str
    wave: str
    vm: VmFacts
    size: str | None
    written: Mapping[str, object] | str
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Generated:
    """`files` are names below the estate's folder with their texts; `machines` those that are written, by name."""

    files: Mapping[str, str]
    machines: Mapping[str, VmFacts]
    left_out: tuple[Suggested, ...]
    networks: tuple[str, ...]


def suggested_size(vm: VmFacts) -> str | None:
    """The size with the fewest vCPUs, then the least memory, that holds what the VM has; None when none does."""
    fitting = [
        size
        for size in SIZES
        if size.cores >= vm.cpus
        and size.memory * 1024 >= vm.memory_mib
        and size.disks >= len(vm.disks) - 1
        and size.nics >= len(vm.nics)
    ]
    return min(fitting, key=lambda size: (size.cores, size.memory)).name if fitting else None


def select(source: SourceInventory, wanted: str) -> tuple[VmFacts, ...]:
    """The VMs of `all`, of a folder (`/Seoul/vm/shop`, or its last names: `shop`, `vm/shop`) or of a pattern (`*/erp-*`), by
    path. Empty when nothing fits."""
    vms = sorted(source.vms, key=lambda vm: (vm.path, vm.uuid))
    if wanted == "all":
        return tuple(vms)
    inside = wanted.strip("/").casefold()
    if "*" in wanted or "?" in wanted:
        return tuple(vm for vm in vms if fnmatch.fnmatchcase(vm.path.casefold(), wanted.casefold()))
    return tuple(vm for vm in vms if f"/{inside}/" in f"{_folder(vm.path).casefold()}/")


def folders(source: SourceInventory) -> tuple[str, ...]:
    """Every folder that holds a VM."""
    return tuple(sorted({_folder(vm.path) for vm in source.vms}))


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def generate(
    source: SourceInventory,
    vms: Iterable[VmFacts],
    *,
    target: str,
    known: Collection[str] = (),
    waves: Collection[str] = (),
) -> Generated:
    """Waves for these VMs. `known` holds the machine names that the estate has already and `waves` its waves; none of them is
    used again."""
    taken = {name.casefold() for name in known}
    names: dict[str, int] = {}
    for vm in source.vms:
        names[vm.name] = names.get(vm.name, 0) + 1
    machines = []
    for vm in vms:
        name = _free(machine_name(vm.name), taken)
        taken.add(name.casefold())
        machines.append(_machine(name, vm, names[vm.name] > 1))
    by_wave: dict[str, list[Suggested]] = {}
    for machine in machines:
        by_wave.setdefault(machine.wave, []).append(machine)
    used = {name.casefold() for name in waves}
    files = {}
    for wave, members in by_wave.items():
        free = _free(wave, used)
        used.add(free.casefold())
        files[f"waves/{free}.yaml"] = _wave(free, source.name, target, members)
    kept = [machine for machine in machines if not machine.why_not]
    networks = sorted({nic.network for machine in kept for nic in machine.vm.nics})
    return Generated(
        files, {m.name: m.vm for m in kept}, tuple(m for m in machines if m.why_not), tuple(networks)
    )


def machine_name(name: str) -> str:
    """A VM's name as Azure takes it: `SHOP DB 01` becomes shop-db-01, web-01 stays."""
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?", name):
        return name
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:_WIDEST].strip("-") or "machine"


def _free(name: str, taken: Collection[str]) -> str:
    number, found = 1, name
    while found.casefold() in taken:
        number += 1
        found = f"{name[: _WIDEST - len(str(number)) - 1]}-{number}"
    return found


def _machine(name: str, vm: VmFacts, ambiguous: bool) -> Suggested:
    folder = _folder(vm.path).rpartition("/")[2]
    wave = re.sub(r"[^A-Za-z0-9_-]+", "-", folder).strip("-_") if folder != "vm" else ""
    size = suggested_size(vm)
    reasons = [f"{b.text}; {b.remedy}" for b in blockers(vm)]
    if size is None:
        reasons.append(f"no size that wavelift knows holds {vm.cpus} vCPUs and {vm.memory_mib // 1024} GiB; choose one")
    if not vm.nics:
        reasons.append("it has no network adapter, which an Azure VM needs")
    settings: dict[str, object] = {"vm": vm.path if ambiguous else vm.name} if ambiguous or vm.name != name else {}
    written = {**settings, "size": size or "<size>"} if settings else size or "<size>"
    return Suggested(name, wave or "unsorted", vm, size, written, "; ".join(reasons))


def _wave(name: str, source: str, target: str, members: list[Suggested]) -> str:
    lines = [
        f"# Written once by `wavelift init --from-vcenter`, out of {source}. It is yours now: wavelift never writes it again.",
        "waves:",
        f"  {name}:",
        f"    target: {flow(target)}",
        f"    source: {flow(source)}",
        "    phase: replicate",
    ]
    kept, left = [m for m in members if not m.why_not], [m for m in members if m.why_not]
    lines.append("    machines:" if kept else "    machines: {}")
    texts = [f"      {m.name}: {flow(m.written)}" for m in kept]
    wide = min(max((len(text) for text in texts), default=0), 90)
    lines += [f"{text:<{wide}}   # {_facts(m.vm)}" for text, m in zip(texts, kept, strict=True)]
    for machine in left:
        lines.append(f"      # {machine.name}: {flow(machine.written)}   # {_facts(machine.vm)}")
        lines.append(f"      #   left out: {_line(machine.why_not)}")
    return "\n".join(lines) + "\n"


def _facts(vm: VmFacts) -> str:
    disks = sum(disk.capacity for disk in vm.disks) / GIB
    many = "disk" if len(vm.disks) == 1 else "disks"
    networks = ", ".join(dict.fromkeys(nic.network for nic in vm.nics))
    return _line(f"{vm.cpus} vCPU, {vm.memory_mib / 1024:g} GiB; {len(vm.disks)} {many}, {disks:.4g} GiB; {networks}")


def _line(text: str) -> str:
    """One line, whatever a name holds."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def target_text(name: str, networks: Iterable[str]) -> str:
    """A target whose values its author has to fill in; `validate` names each."""
    return "\n".join(
        [
            "# Fill in what stands in angle brackets; `wavelift validate` names what is left.",
            "targets:",
            f"  {name}:",
            '    region: "<region>"',
            '    resource_group: "<resource group>"',
            '    vnet: "<virtual network>"',
            '    # test_vnet: <isolated virtual network>   # needed by phase `test`',
            "    subnets:   # port group -> subnet",
            *(f'      {flow(network)}: "<subnet>"' for network in networks),
        ]
    ) + "\n"


def appliance_text(source: str, machines: int) -> str:
    """A primary appliance, and as many beside it as so many machines need (S10)."""
    count = -(-machines // LimitsPolicy().machines_per_appliance)
    lines = ["appliances:", f"  gw-1: {{role: primary, source: {flow(source)}}}"]
    lines += [f"  gw-{number}: {{role: scale-out, source: {flow(source)}}}" for number in range(2, count + 1)]
    return "\n".join(lines) + "\n"
