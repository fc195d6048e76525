"""Filling the final disks while the source still runs, so that the downtime depends on the last delta alone."""

from __future__ import annotations

from collections.abc import Callable

from replication.engine.orders import building
from replication.engine.orders.steps import Steps
from replication.model.item import VmOrder
from replication.model.record import Commit
from replication.ports import Cloud


def fill(steps: Steps, cloud: Cloud, vm: VmOrder, point: Commit, again: Callable[[], Commit]) -> Commit:
    """Fill every disk to `point`, then follow with newer points (`again` runs a delta) until what is left is small, or
    does not become smaller any more. The point that all disks hold in the end. May be entered again."""
    work, patience = steps.work, steps.work.sizes.patience
    last: float | None = None
    for _ in range(patience.rounds):
        began = work.clock.now()
        building.pin(steps, point)
        steps.learn({"doing": f"filling {len(vm.disks)} disks ahead from cycle {point.cycle}"})
        building.fill_disks(steps, cloud, vm, close=False)
        now = work.clock.now()
        older = {fact: "" for fact in steps.facts if fact.endswith("/before")}  # no disk holds that one any more
        steps.learn({"round": f"{now - began:.0f}", "filled": str(point.cycle), **older})
        if now - point.snapshot_time <= patience.follow or (last is not None and now - began > 0.8 * last):
            break
        last = now - began
        point = again()
    return point
