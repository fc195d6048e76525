"""Orders: what a machine's phase asks of the engine, as steps. One order in flight per machine; numbers only rise."""

from __future__ import annotations

import dataclasses
import uuid as uuids
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from planner.artifact import Artifact, Json, Kind
from planner.desired.machine import DesiredMachine, vm_order
from planner.estate import CutoverPolicy, Estate, TrialPolicy
from planner.names import Names, last
from planner.state import MachineState, digest
from planner.steps import SendOrder
from replication.model.item import Cutover, Forbidden, OrderKind, Shutdown, Trial, VmOrder
from replication.model.record import Record, TrialMark
from replication.model.standing import ACKNOWLEDGED

IRREVERSIBLE = {
    OrderKind.MIGRATE: "the source is powered off; until `complete` the way back is `wavelift rollback`",
    OrderKind.STOP: "the seed disks are deleted: there is no way back to the source's replica",
}
_WHY = {
    OrderKind.TEST: "phase test: an isolated test VM from the newest recovery point",
    OrderKind.CLEAN_UP: "the test VM goes before anything else happens to this machine",
    OrderKind.MIGRATE: "phase migrate: cut over",
    OrderKind.STOP: "phase complete: replication ends and the seeds go",
}


def order_id(replication: str, number: int, document: Mapping[str, Json]) -> str:
    """Derived from what it says, so that the same plan is the same bytes, and an order of which nobody knows whether it was
    written is never taken for another one of its number."""
    return str(uuids.uuid5(uuids.UUID(replication), f"{number}/{digest(document)}"))


def order_step(
    kind: OrderKind,
    number: int,
    machine: MachineState,
    wanted: DesiredMachine | None,
    names: Names,
    recorded: Mapping[str, Kind],
    needs: tuple[str, ...],
    why: str = "",
    after: DesiredMachine | None = None,
    refresh: bool = False,
    forbidden: tuple[Forbidden, ...] = (),
    closed: str = "",
) -> SendOrder:
    """`recorded`: address -> kind of this machine's recorded artifacts (what the order may remove). `after`: the machine
    that must be ready first. `refresh`: a test that is there is replaced. `forbidden`: what rules say of a cut-over's days;
    `closed`: whose blackout windows it may meet."""
    vm = vm_order(names, wanted, test=kind is OrderKind.TEST) if wanted and kind in (OrderKind.TEST, OrderKind.MIGRATE) else None
    cutover = wanted.machine.cutover if wanted else CutoverPolicy()
    shutdown = Shutdown(cutover.shutdown.mode, cutover.shutdown.wait, cutover.shutdown.otherwise)
    frozen = _cutover(cutover, after, forbidden) if kind is OrderKind.MIGRATE else Cutover()
    policy = wanted.machine.test if wanted else TrialPolicy()
    trial = Trial(policy.ttl, policy.refresh, refresh) if kind is OrderKind.TEST else Trial()
    document: dict[str, Json] = {
        "machine": machine.uuid,
        "number": number,
        "kind": kind.value,
        "replication": machine.replication,
        "vm": _vm_told(vm) if vm else None,
        "shutdown": dataclasses.asdict(shutdown),
        "prepare": cutover.prepare,
        "in_blackout": cutover.in_blackout,
        "cutover": _told(frozen),
        **({"trial": dataclasses.asdict(trial)} if trial != Trial() else {}),
    }
    document["id"] = order_id(machine.replication, number, document)
    return SendOrder(
        address=f"order.{machine.name}/{number:06d}-{kind.value}",
        order=kind,
        uuid=machine.uuid,
        region=machine.region,
        document=document,
        makes=tuple(_makes(names, wanted, vm, test=kind is OrderKind.TEST)) if wanted and vm else (),
        removes=tuple(_removes(kind, recorded)),
        needs=needs,
        why=why or _WHY[kind],
        irreversible=IRREVERSIBLE.get(kind),
        closed=closed if kind is OrderKind.MIGRATE else "",
        machine=machine.name,
        wave=wanted.machine.wave if wanted else None,
        origin=(wanted.machine.spans.get("phase") or wanted.machine.span) if wanted else None,
    )


_ADDED = {"licence": "", "disk_encryption_set": "", "security": None, "boot_log": False}
"""What a VM's specification did not have in the first release."""


def _vm_told(vm: VmOrder) -> dict[str, Json]:
    """What is not said is left out, so that orders from before it could be said are the same."""
    document = dataclasses.asdict(vm)
    return {name: value for name, value in document.items() if name not in _ADDED or value != _ADDED[name]}


def _told(cutover: Cutover) -> dict[str, Json]:
    """What an order had not from the beginning is left out where it says nothing, so that older orders say the same."""
    document = dataclasses.asdict(cutover)
    return {name: value for name, value in document.items() if value or name not in ("hooks", "forbidden")}


def days_of(estate: Estate, wave: str) -> tuple[Forbidden, ...]:
    """What the rules that concern a wave say of days without cut-overs."""
    rules = (r for r in estate.rules if r.no_cutover is not None and r.concerns(wave))
    return tuple(Forbidden(r.name, r.no_cutover.windows, estate.time_zone) for r in rules if r.no_cutover is not None)


def _cutover(policy: CutoverPolicy, after: DesiredMachine | None, forbidden: tuple[Forbidden, ...]) -> Cutover:
    return Cutover(
        opens=policy.opens,
        closes=policy.closes,
        ahead=policy.ahead,
        downtime=policy.downtime,
        on_failure=policy.on_failure,
        start_after=after.uuid if after else None,
        start_after_name=after.machine.name if after else "",
        start_after_region=after.target.region if after else "",
        ready=policy.ready,
        ready_within=policy.ready_within,
        source_after=policy.source_after,
        approval=policy.approval,
        hooks=policy.hooks,
        forbidden=forbidden,
    )


def expired(mark: TrialMark, name: str) -> str:
    """What the plan says of a test whose time to live is over: it is no drift, and it is not made again by itself."""
    when = datetime.fromtimestamp(mark.expired or 0.0, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"expired and deleted {when}; `wavelift test refresh {name}` or another `test.refresh` makes a new one"


def latched(record: Record | None, policy: CutoverPolicy) -> str | None:
    """Why a cut-over that ended without success is not asked for once more, or None. One attempt per window: another one
    needs another window. Without a window a new attempt is asked for as long as nothing had been powered off, or when a pull
    request has acknowledged that it was rolled back."""
    order = record.order if record is not None else None
    if order is None or order.kind is not OrderKind.MIGRATE or order.outcome not in ("failed", "aborted", "missed"):
        return None
    window = f"{policy.opens:.0f}/{policy.closes:.0f}" if policy.opens is not None and policy.closes is not None else ""
    if (order.facts.get("window", "") != window) or (not window and "power_off_asked" not in order.facts):
        return None
    if not window and ACKNOWLEDGED in order.facts:
        return None
    remedy = "give it another window" if window else "look at it"
    return f"its cut-over has ended without success ({order.problem or order.outcome}): {remedy}, or `wavelift resume`"


def vm_artifacts(names: Names, wanted: DesiredMachine, *, test: bool) -> list[Artifact]:
    """Disks, NICs and VM that an order makes, with real needs: the VM needs its disks and NICs."""
    return list(_makes(names, wanted, vm_order(names, wanted, test=test), test=test))


def _makes(names: Names, wanted: DesiredMachine, vm: VmOrder, *, test: bool) -> Iterator[Artifact]:
    machine, group = wanted.machine, names.machine_group(wanted.target, wanted.machine.landing.group)
    disk_kind, nic_kind, vm_kind = (Kind.TEST_DISK, Kind.TEST_NIC, Kind.TEST_VM) if test else (Kind.DISK, Kind.NIC, Kind.VM)
    parts = []
    for disk in vm.disks:
        address = f"{disk_kind}.{machine.name}/{disk.key}"
        seed = (f"{Kind.SEED_DISK}.{machine.name}/{disk.key}",)
        keys = {"encryption_set": last(vm.disk_encryption_set)} if vm.disk_encryption_set else {}
        spec: dict[str, Json] = {"sku": disk.sku, "size": disk.size, "lun": disk.lun, **keys}
        parts.append(Artifact(address, disk_kind, names.disk(group, disk.name), spec, seed, machine.name, machine.wave))
    for nic in vm.nics:
        address = f"{nic_kind}.{machine.name}/{nic.key}"
        spec = {"subnet": "/".join(nic.subnet.rsplit("/", 3)[1::2]), "address": nic.address}
        parts.append(Artifact(address, nic_kind, names.nic(group, nic.name), spec, (), machine.name, machine.wave))
    yield from parts
    address = f"{vm_kind}.{machine.name}"
    spec = {"name": vm.name, "sizes": list(vm.sizes), **_asked(vm)}
    needs = tuple(p.address for p in parts)
    yield Artifact(address, vm_kind, names.vm(group, vm.name), spec, needs, machine.name, machine.wave)


def _asked(vm: VmOrder) -> dict[str, Json]:
    """What was asked of the VM besides its size, for people."""
    security = vm.security
    off = [name for name, on in (("secure boot", security.secure_boot), ("vTPM", security.vtpm)) if not on] if security else []
    told: dict[str, Json] = {
        "zone": vm.zone,
        "licence": vm.licence,
        "security": f"{security.type}{''.join(f' without {name}' for name in off)}" if security else "",
    }
    return {name: value for name, value in told.items() if value}


def _removes(kind: OrderKind, recorded: Mapping[str, Kind]) -> list[str]:
    gone = {
        OrderKind.CLEAN_UP: (Kind.TEST_VM, Kind.TEST_DISK, Kind.TEST_NIC),
        OrderKind.STOP: (Kind.SEED_DISK, Kind.REPLICATION),
    }.get(kind, ())
    return sorted(a for a, k in recorded.items() if k in gone)
