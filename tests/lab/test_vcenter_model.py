"""A model beside the machine: guest writes, snapshots and consolidation against a bytearray."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lab.vcenter import snapshots
from lab.vcenter.areas import query
from lab.vcenter.build import Builder
from lab.vcenter.guest import write_once
from lab.vcenter.inventory import World
from lab.vcenter.machine import Snapshot, Vm
from lab.vcenter.operations import set_power
from lab.vcenter.spec import parse
from lab.vcenter.vimtypes import Fault

SIZE = 2 << 20
SECTOR = 512


@dataclass
class Model:
    """What the disk must hold, now and at each snapshot, and which sectors were written since each of them."""

    content: bytearray = field(default_factory=lambda: bytearray(SIZE))
    frozen: dict[str, bytes] = field(default_factory=dict)
    since: dict[str, set[int]] = field(default_factory=dict)  # change id -> sectors written after it

    def write(self, offset: int, data: bytes) -> None:
        self.content[offset : offset + len(data)] = data
        for sectors in self.since.values():
            sectors.update(range(offset // SECTOR, (offset + len(data)) // SECTOR))


class Machine:
    """One VM of a world that can be thrown away and loaded again, as after a kill."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.load()

    def load(self) -> None:
        document = {"vms": [{"name": "m", "cbt": True, "disks": [{"bytes": SIZE}]}]}
        self.world: World = Builder(parse(document), self.root).build()
        self.vm: Vm = next(self.world.vms())

    def changed(self, snapshot: Snapshot | None, change_id: str) -> set[int]:
        sectors: set[int] = set()
        offset = 0
        while offset < SIZE:
            page = query(self.world, self.vm, snapshot, 2000, offset, change_id)
            for area in page.changedArea:
                sectors.update(range(area.start // SECTOR, (area.start + area.length) // SECTOR))
            offset = page.startOffset + page.length
        return sectors


@pytest.mark.parametrize("seed", range(5))
def test_content_and_changed_areas_against_a_bytearray(tmp_path: Path, seed: int) -> None:
    """S1.3, S5.1: whatever happens, content is kept and every written sector lies in a changed area."""
    source = random.Random(seed)
    machine, model = Machine(tmp_path / "lab"), Model()
    set_power(machine.world, machine.vm, "poweredOff")
    set_power(machine.world, machine.vm, "poweredOn")  # a stun: tracking begins
    for _ in range(70):
        step(source, machine, model)
        check(machine, model)


def step(source: random.Random, machine: Machine, model: Model) -> None:
    vm, world = machine.vm, machine.world
    match source.choice(
        ["write"] * 6 + ["take", "take", "remove", "remove", "fail", "consolidate", "kill", "power"]
    ):
        case "write":
            offset = source.randrange(SIZE // SECTOR) * SECTOR
            data = source.randbytes(min(source.choice([1, 8, 64, 513]) * SECTOR, SIZE - offset))
            write_once(vm, vm.disks[0], offset, data)
            model.write(offset, data)
        case "take" if len(vm.snapshots) < 4:
            snapshot = snapshots.create(world, vm, "s", "")
            model.frozen[snapshot.moid] = bytes(model.content)
            change_id = snapshot.disks[0].change_id
            assert change_id is not None
            model.since[change_id] = set()
        case "remove" if vm.snapshots:
            remove(source, machine, model)
        case "fail" if vm.snapshots:
            vm.settings.fail_consolidate = 1
            with pytest.raises(Fault):
                remove(source, machine, model)
            assert vm.consolidation_needed
        case "consolidate":
            snapshots.consolidate_disks(world, vm)
            assert not vm.consolidation_needed and len(vm.disks[0].chain) == 1 + len(vm.snapshots)
        case "kill":
            machine.load()
        case "power":
            set_power(world, vm, "poweredOff")
            set_power(world, vm, "poweredOn")
        case _:
            pass


def remove(source: random.Random, machine: Machine, model: Model) -> None:
    """Take one snapshot away, sometimes with all that came after it."""
    vm = machine.vm
    gone = source.choice(vm.snapshots)
    children = source.random() < 0.2
    position = vm.snapshots.index(gone)
    for entry in vm.snapshots[position:] if children else [gone]:
        del model.frozen[entry.moid]
    snapshots.remove(machine.world, vm, gone, children=children, consolidate=True)


def check(machine: Machine, model: Model) -> None:
    disk = machine.vm.disks[0]
    assert disk.read(0, SIZE) == model.content
    assert {snapshot.moid for snapshot in machine.vm.snapshots} == set(model.frozen)
    for snapshot in machine.vm.snapshots:
        assert disk.read(0, SIZE, snapshot.disks[0].layer) == model.frozen[snapshot.moid]
    for change_id, sectors in model.since.items():
        assert sectors <= machine.changed(None, change_id)
    if machine.vm.snapshots:
        check_between(machine, model, machine.vm.snapshots[-1])


def check_between(machine: Machine, model: Model, newest: Snapshot) -> None:
    """What was written between an older snapshot and this one lies in the areas between the two."""
    until = newest.disks[0].change_id
    for change_id, sectors in model.since.items():
        if change_id == until:
            return
        assert sectors - model.since[until or ""] <= machine.changed(newest, change_id)
