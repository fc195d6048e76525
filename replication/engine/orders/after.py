"""After the Azure VM was started: is it ready, and what becomes of the source."""

from __future__ import annotations

from functools import partial

from replication.bootlog import BOOT_LOG, says_started, wanted_pattern
from replication.engine.orders.steps import Steps, vm_of
from replication.model.errors import Permanent, Temporary
from replication.ports import Cloud

NOTE = "wavelift: "


def look_ready(steps: Steps, cloud: Cloud) -> str:
    """Wait until the VM is ready in the policy's sense. `Temporary` when it is not within its time: looked at again."""
    work, cutover = steps.work, steps.order.cutover
    began, wanted = work.clock.now(), cutover.ready
    if wanted == "none":
        steps.learn({"ready": str(began)})
        return "started"
    while True:
        work.guard.check()
        if _is_ready(steps, cloud, wanted):
            steps.learn({"ready": str(work.clock.now()), "doing": ""})
            return f"ready ({wanted}) after {work.clock.now() - began:.0f} s"
        if work.clock.now() - began >= cutover.ready_within:
            text = f"the Azure VM runs and is not ready ({wanted}) after {cutover.ready_within:.0f} s"
            raise Temporary(text, subject=work.item.name, remedy=_look(steps, wanted))
        if steps.facts.get("doing") != (doing := f"waits for {wanted}"):
            steps.learn({"doing": doing})
        work.clock.sleep(work.sizes.patience.poll)


def _look(steps: Steps, wanted: str) -> str:
    """How a person sees what was looked at, where there is something to see."""
    shown = wanted.partition(":")[0] == BOOT_LOG
    return f"read it: az vm boot-diagnostics get-boot-log --ids {steps.progress.made['vm']}" if shown else ""


def _is_ready(steps: Steps, cloud: Cloud, wanted: str) -> bool:
    work, made = steps.work, steps.progress.made
    if wanted == "agent":
        return work.retry(partial(cloud.agent_ready, made["vm"]))
    if wanted.partition(":")[0] == BOOT_LOG:
        os_type = next(disk.os_type for disk in vm_of(steps.order).disks if disk.lun is None) or "Linux"
        return says_started(work.retry(partial(cloud.boot_log, made["vm"])), wanted_pattern(wanted, os_type))
    port = int(wanted.removeprefix("tcp:"))
    vm = vm_of(steps.order)
    nic = next((n for n in vm.nics if n.primary), vm.nics[0])
    return work.retry(partial(cloud.reachable, made[f"nic/{nic.key}"], port))


def settle_source(steps: Steps) -> list[str]:
    """Say in vCenter what has become of the source and, by policy, disconnect its NICs. It never stops a migration: the
    Azure VM runs; what could not be done is told. The source itself stays off and is never deleted."""
    work, order = steps.work, steps.order
    vm = vm_of(order)
    said: list[str] = []
    if order.shutdown.mode == "none":
        return said  # it was to go on running
    try:
        if order.cutover.source_after == "off-and-nic-disconnected":
            work.retry(partial(work.source.connect_nics, work.uuid, False))
            said.append("its source's NICs are disconnected")
        text = f"{NOTE}runs in Azure as {vm.name} ({vm.resource_group}), order {order.number}; do not power on"
        work.retry(partial(work.source.annotate, work.uuid, text))
    except Permanent as error:
        work.note(f"the source could not be marked: {error}")
        said.append(f"the source could not be marked: {error}")
    return said
