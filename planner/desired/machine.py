"""One machine: its file entry and its VM in vCenter joined into disks, NICs and the frozen specification of its orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from planner.desired.landing import landing_problems
from planner.estate import TEST_SUFFIX, Diagnostic, DiskWish, Machine, OsType, Target
from planner.inventory import DiskFacts, NicFacts, VmFacts
from planner.names import Names, last
from replication.bootlog import BOOT_LOG
from replication.model.extents import MIB
from replication.model.item import DiskOrder, NicOrder, VmOrder
from replication.model.quick import quick

_BUSES = ("scsi", "nvme", "sata", "ide")
SMALLEST_DISK = 20 * MIB
"""Azure's smallest upload is 20 MiB (+ 512 bytes of footer)."""


@quick
@dataclass(frozen=True, slots=True)
class DesiredMachine:
    """A machine of the estate with the VM that it is. `disks` are those to replicate; `wishes` by device key."""

    machine: Machine
    vm: VmFacts
    target: Target
    disks: tuple[DiskFacts, ...]
    wishes: Mapping[int, DiskWish]

    @property
    def uuid(self) -> str:
        return self.vm.uuid

    @property
    def os_type(self) -> OsType:
        return "Windows" if self.vm.os_type == "Windows" else "Linux"

    @property
    def zone(self) -> str | None:
        return self.machine.landing.zone or self.target.zone


def join(machine: Machine, vm: VmFacts, target: Target) -> tuple[DesiredMachine | None, list[Diagnostic]]:
    """Match the file's disks and adapters with the VM's; None when any of them cannot be matched."""
    problems: list[Diagnostic] = []
    disks = sorted(vm.disks, key=_position)
    if not disks:
        problems.append(_problem(machine, "WL210", "the VM has no disks", f"{vm.path} has no virtual disk to replicate.", "vm"))
        return None, problems
    wishes: dict[int, DiskWish] = {}
    for label, wish in machine.disks.items():
        named = vm.disk(label)
        if named is None:
            has = ", ".join(f"{d.controller} ({d.label})" for d in disks)
            problems.append(
                Diagnostic(
                    "WL211",
                    "no such disk",
                    f"{machine.name}: {vm.path} has no disk {label!r}. It has {has}; the one it boots from is also `os`.",
                    f"waves.{machine.wave}.machines.{machine.name}.disks.{label}",
                    wish.span or machine.span,
                )
            )
        elif named.key in wishes:
            problems.append(
                _problem(machine, "WL212", "disk named twice", f"{label!r} is a disk that another key names.", "disks")
            )
        else:
            wishes[named.key] = wish
    kept = tuple(d for d in disks if not (d.key in wishes and wishes[d.key].skip))
    if vm.os_disk not in {d.key for d in kept}:
        problems.append(
            _problem(machine, "WL213", "the OS disk is skipped", "The disk that the VM boots from cannot be skipped.", "disks")
        )
    for disk in kept:
        asked = wishes[disk.key].gib if disk.key in wishes else None
        if asked is not None and asked * 1024 * MIB < disk.capacity:
            detail = f"{disk.controller} has {disk.capacity / 1024 / MIB:g} GiB; {asked} GiB would cut it off."
            problems.append(_problem(machine, "WL214", "disk smaller than its source", detail, "disks"))
    count = len(vm.nics)
    for index, nic_wish in machine.nics.items():
        if index >= count:
            detail = f"{vm.path} has {count} network adapters, numbered from 0; there is no {index}."
            problems.append(
                Diagnostic("WL215", "no such network adapter", f"{machine.name}: {detail}", "", nic_wish.span or machine.span)
            )
    for index, nic in _wanted_nics(machine, vm):
        if _subnet(machine, target, index, nic) is None:
            detail = (
                f"{vm.path}: adapter {index} is in port group {nic.network!r}, which target {target.name!r} maps to no subnet. "
                f"Add it under targets.{target.name}.subnets, or give the machine `nics: {{{index}: {{subnet: …}}}}`."
            )
            problems.append(_problem(machine, "WL216", "port group without a subnet", detail, "nics"))
    if not any(True for _ in _wanted_nics(machine, vm)):
        problems.append(
            _problem(machine, "WL217", "no network adapter is left", "An Azure VM needs at least one network adapter.", "nics")
        )
    problems += landing_problems(machine, vm)
    if problems:
        return None, problems
    return DesiredMachine(machine, vm, target, kept, wishes), []


def vm_order(names: Names, wanted: DesiredMachine, *, test: bool) -> VmOrder:
    """The frozen specification of the Azure VM, its disks and NICs; for a test migration in the test network."""
    machine, vm, target = wanted.machine, wanted.vm, wanted.target
    name = f"{machine.name}{TEST_SUFFIX}" if test else machine.name
    vnet = (target.test_vnet or target.vnet) if test else target.vnet
    landing = machine.landing
    group = names.machine_group(target, landing.group)
    nics = [
        NicOrder(
            key=nic.key,
            name=f"{name}-nic-{index}",
            subnet=names.subnet(target, vnet, _subnet(machine, target, index, nic) or ""),
            address=None if test else _address(machine, index, nic),
            primary=position == 0,
        )
        for position, (index, nic) in enumerate(_wanted_nics(machine, vm))
    ]
    return VmOrder(
        name=name,
        resource_group=last(group),
        subscription=target.subscription,
        region=target.region,
        sizes=machine.size,
        zone=wanted.zone,
        tags=dict(machine.tags),
        disks=tuple(_disk_orders(name, wanted)),
        nics=tuple(nics),
        licence=landing.licence or "",
        disk_encryption_set=names.encryption_set(group, landing.encryption_set) if landing.encryption_set else "",
        security=landing.security,
        boot_log=machine.cutover.ready.partition(":")[0] == BOOT_LOG,
    )


def _disk_orders(name: str, wanted: DesiredMachine) -> Iterable[DiskOrder]:
    machine, vm = wanted.machine, wanted.vm
    lun = 0
    for disk in wanted.disks:
        wish = wanted.wishes.get(disk.key)
        size = max(-(-disk.capacity // MIB) * MIB, SMALLEST_DISK, (wish.gib or 0) * 1024 * MIB if wish else 0)
        system = disk.key == vm.os_disk
        yield DiskOrder(
            key=disk.key,
            name=f"{name}-os" if system else f"{name}-data-{lun}",
            sku=(wish.type if wish and wish.type else machine.disk_type),
            size=size,
            lun=None if system else lun,
            os_type=wanted.os_type if system else None,
            generation=("V2" if vm.firmware == "efi" else "V1") if system else None,
        )
        lun += 0 if system else 1


def _wanted_nics(machine: Machine, vm: VmFacts) -> Iterable[tuple[int, NicFacts]]:
    for index, nic in enumerate(vm.nics):
        wish = machine.nics.get(index)
        if wish is None or not wish.skip:
            yield index, nic


def subnets(names: Names, wanted: Iterable[DesiredMachine]) -> list[str]:
    """The ARM ids of all subnets that adapters of these machines come into, in tests and for good, each once."""
    found: dict[tuple[str, str], Target] = {}
    for one in wanted:
        for index, nic in _wanted_nics(one.machine, one.vm):
            found[one.target.name, _subnet(one.machine, one.target, index, nic) or ""] = one.target
    return [
        names.subnet(target, vnet, subnet)
        for (_, subnet), target in found.items()
        for vnet in dict.fromkeys((target.vnet, target.test_vnet or target.vnet))
    ]


def _subnet(machine: Machine, target: Target, index: int, nic: NicFacts) -> str | None:
    wish = machine.nics.get(index)
    return wish.subnet if wish and wish.subnet else target.subnets.get(nic.network)


def _address(machine: Machine, index: int, nic: NicFacts) -> str | None:
    """A wished address, or the source's first IPv4 one when the machine keeps its addresses."""
    wish = machine.nics.get(index)
    if wish and wish.ip:
        return wish.ip
    if machine.ip == "keep":
        return next((a for a in nic.addresses if "." in a), None)
    return None


def _position(disk: DiskFacts) -> tuple[int, int, int, int]:
    """Controller and unit order ("scsi0:1"): scsi first, as a BIOS boots; then bus, unit, key."""
    return (*_slot(disk.controller), disk.key)


@cache
def _slot(controller: str) -> tuple[int, int, int]:
    kind = controller.rstrip("0123456789:")
    bus, _, unit = controller[len(kind) :].partition(":")
    rank = _BUSES.index(kind) if kind in _BUSES else 9
    return rank, int(bus or 0), int(unit or 0)


def _problem(machine: Machine, code: str, summary: str, detail: str, key: str) -> Diagnostic:
    path = f"waves.{machine.wave}.machines.{machine.name}"
    return Diagnostic(code, summary, f"{machine.name}: {detail}", f"{path}.{key}", machine.spans.get(key) or machine.span)
