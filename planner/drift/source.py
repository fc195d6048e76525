"""Findings about the machines in vCenter and about their replication (pure).

What of a VM is recorded: its uuid, the path at which it was pinned, and of each disk key, uuid and capacity. Host and
datastore are not: DRS moves a VM every night, and no plan depends on where it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from planner.artifact import Json, Kind
from planner.drift.azure import place
from planner.drift.model import Finding, Severity
from planner.estate import Estate, LimitsPolicy
from planner.inventory import DiskFacts, Inventory, VmFacts
from planner.plan.life import RUNS_AGAIN, Stage, runs_again, stage
from planner.state import OVER, MachineState, Recorded, State
from replication.model.extents import GIB
from replication.model.record import Record
from replication.model.source import SourceFacts

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Vcenter:
    """What was read: every VM, and of our machines (by instance uuid) the snapshots. `paths`: where each was pinned.

    A source that is missing from `inventory` was not read."""

    inventory: Inventory
    facts: Mapping[str, SourceFacts] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)


def compare(
    estate: Estate, state: State, records: Mapping[str, Record], vcenter: Vcenter, now: float
) -> tuple[Finding, ...]:
    """Every machine of ours whose source was read."""
    found: list[Finding] = []
    vms = vcenter.inventory.by_uuid()
    for uuid, machine in state.machines.items():
        item = state.artifacts.get(f"{Kind.REPLICATION}.{machine.name}")
        source = source_of(estate, machine, item)
        if machine.life in OVER or source not in vcenter.inventory.sources:
            continue
        one = _Machine(estate, machine, item, records.get(uuid), vms.get((source, uuid)), now)
        match stage(machine, records.get(uuid)):
            case Stage.INITIAL | Stage.DELTA:
                found += one.replicating(vcenter)
            case Stage.MIGRATED:
                found += one.migrated(complete=False)
            case Stage.COMPLETED:
                found += one.migrated(complete=True)
            case Stage.NEW:
                continue
    return tuple(found)


def source_of(estate: Estate, machine: MachineState, item: Recorded | None) -> str:
    """The source that it comes from: as its item says, else as the files do."""
    if item is not None and "source" in item.spec:
        return str(item.spec["source"])
    asked = estate.machines.get(machine.name)
    return asked.source if asked else ""


class _Machine:
    def __init__(
        self,
        estate: Estate,
        machine: MachineState,
        item: Recorded | None,
        record: Record | None,
        vm: VmFacts | None,
        now: float,
    ) -> None:
        self._estate, self._machine, self._item = estate, machine, item
        self._record, self._vm, self._now = record, vm, now

    def migrated(self, complete: bool) -> Iterator[Finding]:
        """A source that was powered on again is a second machine of the same name and address."""
        vm = self._vm
        if vm is not None and vm.power == "poweredOn":
            then = runs_again(self._machine.name, complete)
            yield self._of(Severity.URGENT, "power", RUNS_AGAIN, then, "poweredOff", vm.power)
        if vm is None and not complete:
            then = "there is no way back to it any more; `complete` needs none"
            yield self._of(Severity.OURS, "", "the source is gone from vCenter", then)

    def replicating(self, vcenter: Vcenter) -> Iterator[Finding]:
        vm = self._vm
        if vm is None:
            then = "nothing of it replicates: put it back, or take it out of the estate (restored: see `wavelift init`)"
            yield self._of(Severity.URGENT, "", "the VM is gone from vCenter", then)
            return
        yield from self._disks(vm)
        if not vm.tracking:
            then = "the next apply switches it on; every disk is then copied whole once"
            yield self._of(Severity.OURS, "tracking", "changed block tracking was switched off", then, True, False)
        pinned = vcenter.paths.get(self._machine.uuid, "")
        if pinned.startswith("/") and pinned != vm.path:
            then = "left alone: it is known by its uuid"
            yield self._of(Severity.FOREIGN, "path", f"renamed or moved: {pinned} -> {vm.path}", then, pinned, vm.path)
        yield from self._snapshots(vcenter.facts.get(self._machine.uuid))
        yield from self._lag()

    def _disks(self, vm: VmFacts) -> Iterator[Finding]:
        """The item's disks against the VM's. A disk beside them that was left out on purpose is none of ours."""
        if self._item is None:
            return
        known = {int(d["key"]): d for d in self._item.spec.get("disks", ())}
        there = {d.key: d for d in vm.disks}
        for key, disk in known.items():
            now = there.get(key)
            label = str(disk["label"]).partition(" (")[0]  # "scsi0:1 (Hard disk 2)"
            if now is None or now.uuid != str(disk["uuid"]):
                what = "was removed" if now is None else "was replaced by another one"
                then = "the next apply takes it into account; its seed stays until --allow-destroy"
                yield self._of(Severity.OURS, f"disk {label}", f"disk {label} {what}", then, disk["uuid"], now and now.uuid)
            elif now.capacity != int(disk["capacity"]):
                size = f"{_gib(int(disk['capacity']))} -> {_gib(now.capacity)}"
                then = "the next apply grows its seed; it is copied whole once"
                yield self._of(
                    Severity.OURS, f"disk {label}", f"disk {label} was resized: {size}", then, int(disk["capacity"]), now.capacity
                )
            elif vm.tracking and not now.tracking:
                then = "switch tracking off and on in vCenter, or plan and apply"
                yield self._of(Severity.OURS, f"disk {label}", f"disk {label} carries no change id", then, True, False)
        for disk in there.values():
            if disk.key not in known and not self._left_out(vm, disk):
                where = disk.controller or disk.label
                what = f"disk {where} was added, {_gib(disk.capacity)}, and is not replicated"
                then = "the next apply adds it (or `skip`)"
                yield self._of(Severity.OURS, f"disk {where}", what, then, None, disk.capacity)

    def _left_out(self, vm: VmFacts, disk: DiskFacts) -> bool:
        asked = self._estate.machines.get(self._machine.name)
        if asked is None:
            return self._record is not None and disk.uuid in self._record.beside
        return any(wish.skip and vm.disk(label) == disk for label, wish in asked.disks.items())

    def _snapshots(self, facts: SourceFacts | None) -> Iterator[Finding]:
        """Another's snapshot holds every cycle back; after the policy's hours that is an emergency."""
        prefix = f"wavelift-{self._estate.name}-{self._machine.uuid}-"
        foreign = [] if facts is None else [(ref, name) for ref, name in facts.snapshots if not name.startswith(prefix)]
        if facts is None or not foreign:
            return
        ref, name = min(foreign, key=lambda one: facts.snapshot_times.get(one[0], self._now))
        since = facts.snapshot_times.get(ref)
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        long = since is not None and self._now - since > self._limits().foreign_snapshot_hours * HOUR
        then = "nothing replicates while it is there: end the backup that made it, or remove it in vCenter"
        severity = Severity.URGENT if long else Severity.FOREIGN
        yield self._of(severity, "snapshot", f"foreign snapshot {name!r}{more}", then, None, name, since)

    def _lag(self) -> Iterator[Finding]:
        limit, behind = self._estate.drift.lag, lag(self._record, self._now)
        if limit is not None and behind is not None and behind > limit:
            then = f"`wavelift status {self._machine.name}` says what holds it"
            what = "replication lags behind beyond its limit"
            yield self._of(Severity.URGENT, "lag", what, then, limit, behind, self._now - behind)

    def _limits(self) -> LimitsPolicy:
        name = str(self._item.spec.get("appliance", "")) if self._item is not None else ""
        appliance = self._estate.appliances.get(name)
        return appliance.limits if appliance else LimitsPolicy()

    def _of(
        self,
        severity: Severity,
        name: str,
        what: str,
        then: str,
        old: Json = None,
        new: Json = None,
        since: float | None = None,
    ) -> Finding:
        wave, origin = place(self._estate, self._machine.name)
        address = f"machine.{self._machine.name}"
        return Finding(severity, address, name, what, then, old, new, self._machine.name, wave, since, origin)


def lag(record: Record | None, now: float) -> float | None:
    """Seconds that the newest recovery point is behind; None before the first one."""
    if record is None or record.committed is None:
        return None
    return max(0.0, now - record.committed.snapshot_time)


def _gib(size: int) -> str:
    return f"{size / GIB:.4g} GiB"
