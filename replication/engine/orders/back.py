"""The way back of a migration: it loses nothing as long as there certainly is no Azure VM; else a person must say so.

Two machines with one name never run at once. Where an answer about the VM's creation is missing, it may land later: so
the source is powered on only after what the VM would be made of is deleted, and a look has found no VM again.
"""

from __future__ import annotations

from functools import partial

from replication.engine.orders import again, building, commands, hooks
from replication.engine.orders.asking import ANNOUNCED, ASKED, SEEN, fate
from replication.engine.orders.steps import Steps, delete_made, vm_of
from replication.engine.work import Work
from replication.model.errors import NotFound, Permanent, Temporary
from replication.model.record import Intervention
from replication.model.source import Power, SourceFacts
from replication.model.standing import ROLLED_BACK
from replication.ports import Cloud


def facts_of(work: Work) -> SourceFacts:
    found = work.retry(lambda: work.source.facts((work.uuid,)))
    if work.uuid not in found:
        raise NotFound("this VM is not in vCenter any more", subject=work.item.name)
    return found[work.uuid]


def go_back(steps: Steps, problem: str, outcome: str = "aborted") -> None:
    """Undo, journalled first: power on what we powered off, delete what we made. Temporary errors are raised."""
    work = steps.work
    vm = steps.facts.get(ANNOUNCED)
    cloud = work.cloud(vm_of(steps.order).subscription) if steps.order.vm is not None else None
    if vm is not None and cloud is not None and ("vm" in steps.progress.made or work.retry(partial(cloud.exists, vm))):
        raise _there(steps, problem)
    if "back" not in steps.facts:
        steps.learn({"back": problem, "back as": outcome})
    if vm is not None and cloud is not None and fate(steps.progress) == "open":
        _make_impossible(steps, cloud, vm, problem)
    power_on_again(steps)
    told = [one for one in hooks.run(steps, "back") if not one.endswith(" done")]
    announced = _announced(steps)
    left = delete_made(work, cloud, announced) if announced and cloud is not None else []
    if steps.order.vm is not None:
        building.forget_fills(steps, steps.order.vm)
    deleted = again.remember(work, announced.values()) if announced else {}
    steps.finish("failed" if left else steps.facts.get("back as", outcome), "; ".join([problem, *told, *left]), **deleted)


def _announced(steps: Steps) -> dict[str, str]:
    """Logical name -> ARM id of what this order has said that it makes."""
    return {name.removeprefix("announced/"): made for name, made in steps.facts.items() if name.startswith("announced/")}


def _make_impossible(steps: Steps, cloud: Cloud, vm: str, problem: str) -> None:
    """Delete its NICs and disks: a creation that is still on the wire is refused then. Raises `Temporary` unless it is."""
    announced = _announced(steps)
    left = delete_made(steps.work, cloud, {name: made for name, made in announced.items() if name != "vm"})
    if steps.work.retry(partial(cloud.exists, vm)):
        raise _there(steps, problem)
    if left:
        raise Temporary(
            f"{problem}; the answer to the VM's creation is missing, so it could still come: not deleted: {'; '.join(left)}",
            subject=steps.work.item.name,
        )


def _there(steps: Steps, problem: str) -> Temporary:
    """It is there (perhaps only an answer was lost): only forward, or a rollback for which a person says what is lost."""
    work = steps.work
    if fate(steps.progress) != "there":
        steps.learn({ASKED: SEEN})
    if "back" in steps.facts:
        steps.forget("back", "back as")
        mark = work.record.hold
        if mark is not None and mark.why.startswith(ROLLED_BACK):
            answer = f"refused: its Azure VM is there; to confirm, type {commands.sentence(work.record)!r}"
            told = Intervention(work.record.commands, "rollback", mark.who, mark.why, work.clock.now(), answer)
            work.machine.advance(hold=None, interventions=(told, *work.record.interventions)[: commands.KEPT])
            work.note(answer)
    return Temporary(f"{problem}; the Azure VM exists, so this is tried again", subject=work.item.name)


def power_on_again(steps: Steps) -> None:
    """Only what this order powered off, and only when it ran before. Raises `Temporary` as long as that cannot be known: an
    order that ended then (vCenter refuses the login) would leave a machine off of which nobody thinks any more."""
    work = steps.work
    asked = "power_off_asked" in steps.facts and steps.facts.get("power_before") == Power.ON.value
    try:
        off = asked and facts_of(work).power is Power.OFF
        if off:
            work.note("the source is powered on again")
            work.retry(partial(work.source.power_on, work.uuid))
    except NotFound:
        return  # the VM is gone: there is nothing to power on
    except Permanent as error:
        problem = f"it is to be powered on again, and cannot: {error}"
        raise Temporary(problem, subject=work.item.name) from error
