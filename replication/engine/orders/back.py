"""The way back of a migration: before the Azure VM is asked for it loses nothing; afterwards a person must say so."""

from __future__ import annotations

from functools import partial

from replication.engine.orders import again, building, hooks
from replication.engine.orders.steps import Steps, delete_made, vm_of
from replication.engine.work import Work
from replication.model.errors import NotFound, Permanent, Temporary
from replication.model.source import Power, SourceFacts


def facts_of(work: Work) -> SourceFacts:
    found = work.retry(lambda: work.source.facts((work.uuid,)))
    if work.uuid not in found:
        raise Permanent("this VM is not in vCenter any more", subject=work.item.name)
    return found[work.uuid]


def go_back(steps: Steps, problem: str, outcome: str = "aborted") -> None:
    """Undo, journalled first: power on what we powered off, delete what we made. Temporary errors are raised."""
    work = steps.work
    vm = steps.facts.get("announced/vm")
    cloud = work.cloud(vm_of(steps.order).subscription) if steps.order.vm is not None else None
    if vm is not None and cloud is not None and ("vm" in steps.progress.made or work.retry(partial(cloud.exists, vm))):
        # It is there (perhaps only an answer was lost): only forward, or a person's rollback.
        raise Temporary(f"{problem}; the Azure VM exists, so this is tried again", subject=work.item.name)
    if "back" not in steps.facts:
        steps.learn({"back": problem, "back as": outcome})
    power_on_again(steps)
    told = [one for one in hooks.run(steps, "back") if not one.endswith(" done")]
    announced = {n.removeprefix("announced/"): made for n, made in steps.facts.items() if n.startswith("announced/")}
    left = delete_made(work, cloud, announced) if announced and cloud is not None else []
    if steps.order.vm is not None:
        building.forget_fills(steps, steps.order.vm)
    deleted = again.remember(work, announced.values()) if announced else {}
    steps.finish("failed" if left else steps.facts.get("back as", outcome), "; ".join([problem, *told, *left]), **deleted)


def power_on_again(steps: Steps) -> None:
    """Only what this order powered off, and only when it ran before."""
    work = steps.work
    asked = "power_off_asked" in steps.facts and steps.facts.get("power_before") == Power.ON.value
    try:
        off = asked and facts_of(work).power is Power.OFF
    except (NotFound, Permanent):
        return  # the VM is gone: there is nothing to power on
    if off:
        work.note("the source is powered on again")
        work.retry(partial(work.source.power_on, work.uuid))
