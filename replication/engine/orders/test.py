"""Test migration and its clean-up: an isolated VM from the newest recovery point, while replication goes on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from replication.engine import materialise
from replication.engine.orders import again, building
from replication.engine.orders.steps import (
    Refused,
    Steps,
    create_vm,
    delete_made,
    require_absent,
    resource_ids,
    tags_of,
    vm_of,
)
from replication.engine.work import Work
from replication.model.errors import Corrupt, Permanent
from replication.model.record import Record, TrialMark
from replication.ports import Exposure


def test(steps: Steps) -> None:
    """Raises `Refused`, or a port's error (tried again later). What it makes stands in `Record.test` before it is made."""
    try:
        _test(steps)
    except (Permanent, Corrupt, Refused) as error:
        left = _clean(steps)
        text = "; ".join([str(error), *left])
        steps.finish("failed" if left else "aborted", text)


def _test(steps: Steps) -> None:
    work = steps.work
    vm = vm_of(steps.order)
    cloud = work.cloud(vm.subscription)

    def check() -> str:
        earlier = bool(work.record.test) and "cycle" not in steps.facts
        if earlier and not steps.order.trial.refresh:
            raise Refused("an earlier test is still there: clean it up first")
        point = work.record.committed
        if point is None:
            raise Refused("there is no recovery point yet: wait for the initial replication")
        materialise.require_sizes(vm, work.item.disks)
        isolated = isolation(work.retry(partial(cloud.exposure, vm)))
        if earlier:
            remove(work)
        again.look(work)
        require_absent(work, cloud, resource_ids(vm))
        problems = work.retry(partial(cloud.check, vm))
        if problems:
            raise Refused("; ".join(problems))
        building.pin(steps, point)
        return f"recovery point of cycle {point.cycle}; {isolated}"

    def fill() -> str:
        ids = resource_ids(vm)
        if "announced/vm" not in steps.facts:
            require_absent(work, cloud, ids)
            work.machine.advance(test=ids)
            steps.learn({f"announced/{name}": made for name, made in ids.items()})
        building.fill_disks(steps, cloud, vm)
        return f"{len(vm.disks)} disks"

    def create() -> str:
        nics = building.create_nics(work, steps, cloud, vm)
        disks, tags = building.disks_made(steps, vm), tags_of(work, vm)
        made, size = create_vm(work, vm, lambda size: cloud.create_vm(vm, size, disks, nics, tags))
        steps.learn({"size": size}, made={"vm": made})
        return size

    def start() -> str:
        work.retry(partial(cloud.start_vm, steps.progress.made["vm"]))
        building.forget_fills(steps, vm)
        return ""

    names = [step.name for step in steps.progress.steps]
    for name, what in zip(names, (check, fill, create, start), strict=True):
        steps.do(name, what)
    now, ttl = work.clock.now(), steps.order.trial.ttl
    until = None if ttl is None else now + ttl
    mark = TrialMark(steps.order.number, steps.order.trial.asked, int(steps.facts["cycle"]), now, until)
    steps.finish("done", measured=steps.took(), test_accepted="", trial=mark)


def isolation(found: Exposure) -> str:
    """What makes the test's networks isolated, in words. Raises `Refused` when something leads out of them."""
    ways = {
        "peered with": found.peerings,
        "route table": found.routes,
        "NAT gateway": found.public,
        "gateway": found.gateways,
        "own DNS servers": found.dns,
    }
    out = [f"{what} {', '.join(names)}" for what, names in ways.items() if names]
    if out:
        raise Refused(f"its test network is not isolated ({'; '.join(out)}): take that away, or name another `test_vnet`")
    return "isolated: no peering, route table, public address, gateway or DNS server of its own"


def _clean(steps: Steps) -> list[str]:
    """Take back what a failed test made; what could not be deleted stays in `Record.test` for a clean-up order."""
    work, vm = steps.work, steps.order.vm
    if vm is None or "announced/vm" not in steps.facts:
        return []
    left = delete_made(work, work.cloud(vm.subscription), work.record.test)
    building.forget_fills(steps, vm)
    if not left:
        work.machine.advance(test={}, **again.remember(work, work.record.test.values()))
    return left


def remove(work: Work, **changes: Any) -> str:
    """Delete what the last test made, then journal that with `changes`. Raises `Refused` for what cannot be deleted."""
    made = work.record.test
    by_subscription = {name.split("/")[2] for name in made.values()}
    left: list[str] = []
    for subscription in sorted(by_subscription):
        mine = {k: v for k, v in made.items() if v.split("/")[2] == subscription}
        left += delete_made(work, work.cloud(subscription), mine)
    if left:
        raise Refused("; ".join(left))
    work.machine.advance(test={}, **again.remember(work, made.values()), **changes)
    return f"{len(made)} things"


def lived_out(record: Record, now: float) -> bool:
    """Whether the test's time is over and nothing keeps it: a machine that a person holds is left as it is."""
    mark = record.trial
    over = mark is not None and mark.until is not None and mark.expired is None and mark.until <= now
    return over and bool(record.test) and record.hold is None


def expire(work: Work) -> None:
    """The test's time to live is over. Raises a port's error (tried again later)."""
    mark = work.record.trial
    if mark is None or not lived_out(work.record, work.clock.now()):
        return
    work.guard.check()
    try:
        remove(work, trial=replace(mark, expired=work.clock.now()), problem="", stuck=False)
    except Refused as error:
        raise Permanent(f"its test has expired and cannot be deleted: {error}", subject=work.item.name) from error
    work.note("its test has expired and is deleted")


def clean_up(steps: Steps) -> None:
    """Delete what the last test made."""
    try:
        steps.do(steps.progress.steps[0].name, lambda: remove(steps.work))
    except Refused as error:
        steps.finish("failed", str(error))
    else:
        steps.finish("done", test={})
