"""Switching changed block tracking on: a change to a production VM, so a step of its own in every plan."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from planner.preflight import LEAST_HARDWARE
from providers.vmware import sdk
from providers.vmware.devices import all_carry_change_ids
from providers.vmware.machines import Machines
from providers.vmware.snapshots import TREE, Snapshots, walk
from providers.vmware.tasks import Tasks
from replication.model.errors import Permanent, Temporary
from replication.model.source import Power

STUN_PREFIX = "wavelift-tracking-"
"""Names of the short-lived snapshots that make tracking take effect; a sweep may remove any that a crash left behind."""

_PATHS = ("config.version", "config.changeTrackingEnabled", "config.hardware.device", "runtime.powerState", TREE)


def enable_tracking(
    machine: str, machines: Machines, snapshots: Snapshots, tasks: Tasks, may: Callable[[], object] = lambda: None
) -> None:
    """Set `changeTrackingEnabled`, stun the VM with a snapshot of our own, and see that every disk has a change id.

    May be called again: what is on stays on. Raises `Permanent` when a snapshot of somebody else exists (tracking switched
    on under one answers with wrong areas and no error) or the hardware is too old, `Temporary` when no change id came. `may`
    raises when nothing may be changed any more; our own short-lived snapshot is taken away nevertheless.
    """
    found = machines.one(machine, *_PATHS)
    name = machines.name(machine)
    values = {path: (value.text or "") for path, value in found.items()}
    tree = list(walk(found.get(TREE)))
    for ref, _ in [snapshot for snapshot in tree if snapshot[1].startswith(STUN_PREFIX)]:
        snapshots.remove(machine, ref)
    enabled = values.get("config.changeTrackingEnabled") == "true"
    if enabled and all_carry_change_ids(found.get("config.hardware.device", ())):
        return
    _refuse(values, [other for _, other in tree if not other.startswith(STUN_PREFIX)], name)
    if not enabled:
        vm = machines.managed(machine)
        spec = sdk.load().vim.vm.ConfigSpec(changeTrackingEnabled=True)

        def switch() -> Any:
            may()  # at each try: another task on the VM is waited for, for minutes
            return vm.ReconfigVM_Task(spec)

        tasks.run("switching changed block tracking on", switch, subject=name, replay=True)
    may()
    _stun(machine, snapshots)
    after = machines.one(machine, *_PATHS)
    off = values.get("runtime.powerState") == Power.OFF.value
    if not off and not all_carry_change_ids(after.get("config.hardware.device", ())):
        raise Temporary(
            "changed block tracking is switched on, but its disks show no change id yet",
            subject=name,
            remedy="it starts at the next stun (snapshot, vMotion, power cycle); apply tries again",
            code="NoChangeId",
        )


def _refuse(values: dict[str, str], others: list[str], name: str) -> None:
    version = int(values.get("config.version", "").rpartition("-")[2] or 0)
    if version < LEAST_HARDWARE:
        raise Permanent(
            f"its virtual hardware is version {version}; changed block tracking needs {LEAST_HARDWARE} or newer",
            subject=name,
            remedy="upgrade its compatibility while it is off",
            code="HardwareVersion",
        )
    if others:
        raise Permanent(
            f"changed block tracking cannot be switched on while it has snapshots ({', '.join(sorted(others))})",
            subject=name,
            remedy="delete or commit them (a backup product may own them), then apply again",
            code="SnapshotsPresent",
        )


def _stun(machine: str, snapshots: Snapshots) -> None:
    ref = snapshots.create(machine, STUN_PREFIX + uuid.uuid4().hex[:12], "makes changed block tracking take effect", False)
    snapshots.remove(machine, ref)
