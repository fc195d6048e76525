"""What an order makes, as specs: what the engine was told to make is what drift is held against (pure).

The engine records ids only. What it set stands in the order, which is frozen; the size that it took, when Azure had no
capacity for the first, stands in its record.
"""

from __future__ import annotations

from collections.abc import Mapping

from planner.artifact import Json
from planner.plan.life import Stage, stage
from planner.state import OVER, State
from replication.model.item import DiskOrder, Order, OrderKind, VmOrder
from replication.model.marks import marks
from replication.model.record import OrderProgress, Record


def unknown(state: State, records: Mapping[str, Record]) -> dict[str, tuple[str, int]]:
    """Machine uuid -> (region, number) of orders that made something whose spec is not recorded yet."""
    if all(record.order is None for record in records.values()):
        return {}
    kinds: dict[str, set[str]] = {}
    for recorded in state.artifacts.values():
        if recorded.machine and recorded.spec:
            kinds.setdefault(recorded.machine, set()).add(recorded.kind.value)
    out = {}
    for uuid, machine in state.machines.items():
        record = records.get(uuid)
        order = record.order if record is not None else None
        if record is None or order is None or machine.life in OVER or record.replication != machine.replication:
            continue
        known = kinds.get(machine.name, set())
        migrated = order.kind is OrderKind.MIGRATE and stage(machine, record) is Stage.MIGRATED and "vm" not in known
        if migrated or (order.kind is OrderKind.TEST and record.test and "test_vm" not in known):
            out[uuid] = (machine.region, order.number)
    return out


def specs(
    order: Order | None, progress: OrderProgress | None, ids: Mapping[str, str], source: str = ""
) -> dict[str, Mapping[str, Json]]:
    """Logical name ("vm", "disk/2000", "nic/4000") -> what was set of it. Empty when the order is not known.

    `source`: what vSphere called the machine, where that is known.
    """
    if order is None or order.vm is None:
        return {}
    vm = order.vm
    common: dict[str, Json] = {"location": vm.region, "tags": {**vm.tags, **marks(order.machine, order.replication, source)}}
    out: dict[str, Mapping[str, Json]] = {"vm": {**common, **_vm(vm, progress, ids)}}
    for disk in vm.disks:
        made = {"created": "Upload", "sku": disk.sku, "size": disk.size, "zone": vm.zone}
        asked = {"encryption_set": vm.disk_encryption_set, "os_type": disk.os_type, "generation": disk.generation}
        out[f"disk/{disk.key}"] = {**common, **_said(made | asked)}
    for nic in vm.nics:
        made = {"subnet": nic.subnet, "address": nic.address, "allocation": "Static" if nic.address else "Dynamic"}
        out[f"nic/{nic.key}"] = {**common, **_said(made), "primary": True}
    return out


def _said(values: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in values.items() if value}


def _security(vm: VmOrder) -> dict[str, Json]:
    """Each part of it by itself, so that drift names the one that moved."""
    security = vm.security
    if security is None:
        return {}
    if security.type == "Standard":
        return {"security_type": "Standard"}
    return {"security_type": security.type, "secure_boot": security.secure_boot, "vtpm": security.vtpm}


def _vm(vm: VmOrder, progress: OrderProgress | None, ids: Mapping[str, str]) -> dict[str, Json]:
    size = progress.facts.get("size") if progress is not None else None
    if size is None and len(vm.sizes) == 1:
        size = vm.sizes[0]
    parts = {kind: sorted(i for n, i in ids.items() if n.startswith(f"{kind}/")) for kind in ("disk", "nic")}
    return {
        **_said({"size": size, "zone": vm.zone, "licence": vm.licence, "boot_log": vm.boot_log}),
        **_security(vm),
        **_said({"disks": parts["disk"], "nics": parts["nic"]}),
        "attached_disks": {disk.name.casefold(): _attached(disk) for disk in vm.disks},
        "attached_nics": {nic.name.casefold(): {"primary": nic.primary, "when_deleted": "Detach"} for nic in vm.nics},
    }


def _attached(disk: DiskOrder) -> dict[str, Json]:
    if disk.lun is None:
        return {"caching": "ReadWrite", "when_deleted": "Detach"}
    return {"caching": "None", "when_deleted": "Detach", "lun": disk.lun}
