"""An order's progress in the journal: every step is announced before it is done and told after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from replication.engine.work import Work
from replication.lifecycle import MIGRATION_STEPS
from replication.model.errors import Permanent, Temporary
from replication.model.item import Order, OrderKind, VmOrder
from replication.model.marks import marks
from replication.model.record import OrderProgress, OrderStep, Record, StepState
from replication.ports import Cloud

STEPS: Mapping[OrderKind, tuple[str, ...]] = {
    OrderKind.TEST: ("check prerequisites", "fill the test disks", "create the test VM", "start the test VM"),
    OrderKind.CLEAN_UP: ("delete what the test made",),
    OrderKind.MIGRATE: MIGRATION_STEPS,
    OrderKind.STOP: ("remove snapshots and log", "delete the replica disks"),
}
NO_CAPACITY = frozenset(
    {
        "SkuNotAvailable", "AllocationFailed", "ZonalAllocationFailed", "OverconstrainedAllocationRequest",
        "OverconstrainedZonalAllocationRequest",
    }
)  # fmt: skip


class Refused(Exception):
    """This order cannot be carried out; nothing is changed for good."""


class Missed(Exception):
    """The window of this order is over, or what is left of it is too short; nothing was powered off."""


class NotYet(Exception):
    """This order waits, for `until` (unix time) at least; nothing is wrong."""

    def __init__(self, why: str, until: float) -> None:
        super().__init__(why)
        self.until = until


def accepted(work: Work, order: Order) -> OrderProgress:
    """The order's progress, journalled with all steps waiting when it is new."""
    progress = work.record.order
    if progress is None or progress.number != order.number:
        steps = tuple(OrderStep(name) for name in STEPS[order.kind])
        facts = {"window": window_text(order)} if order.cutover.opens is not None else {}
        if order.kind is OrderKind.MIGRATE and order.cutover.opens is not None:
            facts["waits"] = "its window has not come"
        progress = OrderProgress(order.number, order.id, order.kind, steps, facts=facts)
        work.machine.advance(order=progress, retry_at=None)
    return progress


def window_text(order: Order) -> str:
    """The window as it stands in the journal: two unix times. It is compared with the next plan's."""
    at = order.cutover
    return f"{at.opens:.0f}/{at.closes:.0f}" if at.opens is not None and at.closes is not None else ""


def early(order: Order, record: Record, now: float) -> bool:
    """Whether it is too early to prepare this cut-over: its machine is replicated as ever."""
    opens, progress = order.cutover.opens, record.order
    if order.kind is not OrderKind.MIGRATE or opens is None or progress is None:
        return False
    begun = any(step.state is not StepState.WAITING for step in progress.steps)
    said = "window waived" in progress.facts or "back" in progress.facts  # a rollback ends it now, not when its window comes
    return not begun and not said and now < opens - order.cutover.ahead


STOPS = "replication of this machine is to stop"


class Steps:
    """Reads and writes the order under way. Each method is one compare-and-swap at most."""

    def __init__(self, work: Work, order: Order) -> None:
        self.work, self.order = work, order

    @property
    def progress(self) -> OrderProgress:
        progress = self.work.record.order
        if progress is None or progress.number != self.order.number:
            raise AssertionError("the order under way is another one")
        return progress

    @property
    def facts(self) -> Mapping[str, str]:
        return self.progress.facts

    def do(self, name: str, what: Callable[[], str | None]) -> None:
        """Run step `name` unless it is done. `what` returns a detail for people; None means that it was skipped."""
        step = next(s for s in self.progress.steps if s.name == name)
        if step.state in (StepState.DONE, StepState.SKIPPED):
            return
        self.work.guard.check()
        self._make_way()
        if step.state is not StepState.RUNNING:
            self._set(name, state=StepState.RUNNING, started=self.work.clock.now())
            self.work.note(f"{self.order.kind.value}: {name}")
        detail = what()
        state = StepState.SKIPPED if detail is None else StepState.DONE
        self._set(name, state=state, ended=self.work.clock.now(), detail=detail or "")

    def _make_way(self) -> None:
        """A stop order waits: this one ends itself, as long as it can go back (S11). Raises `Refused`."""
        if self.order.kind in (OrderKind.MIGRATE, OrderKind.TEST) and self.work.stop_wanted():
            if self.order.kind is OrderKind.MIGRATE:
                if "announced/vm" in self.facts:
                    return
                self.learn({"back": STOPS, "back as": "aborted"})
            raise Refused(STOPS)

    def learn(self, facts: Mapping[str, str] | None = None, made: Mapping[str, str] | None = None) -> None:
        """Journal facts that later steps or a successor need, and what was made."""
        old = self.progress
        self._put(replace(old, facts={**old.facts, **(facts or {})}, made={**old.made, **(made or {})}))

    def refused(self, size: str) -> None:
        """Journal that Azure has not made a VM of this size, once more; the card of a failure says so."""
        self.learn({f"tried/{size}": str(int(self.facts.get(f"tried/{size}", "0")) + 1)})

    def forget(self, *facts: str) -> None:
        """Take facts back that turned out not to hold."""
        old = self.progress
        self._put(replace(old, facts={name: told for name, told in old.facts.items() if name not in facts}))

    def wait(self, why: str, until: float) -> None:
        """Nothing is wrong: come back at `until`, or when something about the machine changes."""
        old = self.progress
        if old.facts.get("waits") != why:
            self.work.note(f"{self.order.kind.value} waits: {why}")
        progress = replace(old, facts={**old.facts, "waits": why, "doing": ""})
        self.work.machine.advance(order=progress, retry_at=until, problem="")

    def go(self) -> None:
        """It waits no more."""
        if self.facts.get("waits"):
            self.learn({"waits": ""})

    def seconds(self, name: str) -> float | None:
        """How long step `name` took, once it is done."""
        step = next(s for s in self.progress.steps if s.name == name)
        return step.ended - step.started if step.started is not None and step.ended is not None else None

    def took(self) -> dict[str, float]:
        """What the record says that parts of a cut-over take, with what this order has measured."""
        names = [step.name for step in self.progress.steps]
        azure = [self.seconds(name) for name in names[-2:]]  # create and start, of tests and migrations alike
        off, asked = self.facts.get("powered_off"), self.facts.get("power_off_asked")
        measured = dict(self.work.record.measured)
        if all(one is not None for one in azure):
            measured["azure"] = sum(one for one in azure if one is not None)
        if off is not None and asked is not None:
            measured["shutdown"] = float(off) - float(asked)
        return measured

    def finish(self, outcome: str, problem: str = "", **changes: Any) -> None:
        """The order has come to its end; latched. What was wrong on the way is so no more: its outcome says what is."""
        old = self.progress
        steps = old.steps
        if outcome != "done":
            steps = tuple(
                replace(s, state=StepState.FAILED, ended=self.work.clock.now(), detail=problem)
                if s.state is StepState.RUNNING
                else s
                for s in steps
            )
        ended = replace(old, outcome=outcome, problem=problem, steps=steps, facts={**old.facts, "waits": "", "doing": ""})
        self.work.machine.advance(order=ended, orders_done=self.order.number, retry_at=None, problem="", stuck=False, **changes)
        self.work.note(f"{self.order.kind.value}: {outcome}{': ' + problem if problem else ''}")

    def _set(self, name: str, **changes: Any) -> None:
        old = self.progress
        self._put(replace(old, steps=tuple(replace(s, **changes) if s.name == name else s for s in old.steps)))

    def _put(self, progress: OrderProgress) -> None:
        self.work.machine.advance(order=progress)


def vm_of(order: Order) -> VmOrder:
    if order.vm is None:
        raise Refused("the order names no VM: plan and apply again")
    return order.vm


def tags_of(work: Work, vm: VmOrder) -> dict[str, str]:
    """The owner's tags, and over them what says whose the thing is."""
    item = work.item
    return {**vm.tags, "wavelift-estate": item.estate, **marks(item.machine, item.replication, item.name)}


def resource_ids(vm: VmOrder) -> dict[str, str]:
    """Logical name -> ARM id of everything that the order will make: known before it is made, so it can be announced."""
    root = f"/subscriptions/{vm.subscription}/resourceGroups/{vm.resource_group}/providers"
    ids = {f"disk/{disk.key}": f"{root}/Microsoft.Compute/disks/{disk.name}" for disk in vm.disks}
    ids |= {f"nic/{nic.key}": f"{root}/Microsoft.Network/networkInterfaces/{nic.name}" for nic in vm.nics}
    return ids | {"vm": f"{root}/Microsoft.Compute/virtualMachines/{vm.name}"}


def require_absent(work: Work, cloud: Cloud, ids: Mapping[str, str]) -> None:
    """Nothing that the order will make is there yet. Asked before it is announced, so that whatever is found under an
    announced name later was made by this order, and may be deleted by it. Raises `Refused`."""
    there = [name for name in ids.values() if work.retry(partial(cloud.exists, name))]
    if there:
        raise Refused(f"already there: {', '.join(there)}; remove it or choose other names, then plan and apply again")


class _NoCapacity(Exception):
    def __init__(self, cause: Temporary) -> None:
        super().__init__(str(cause))
        self.cause = cause


def create_vm(
    work: Work,
    vm: VmOrder,
    create: Callable[[str], str],
    asked: str | None = None,
    refused: Callable[[str], None] = lambda size: None,
) -> tuple[str, str]:
    """(ARM id, size): the sizes are tried in order while Azure has no capacity, `asked` (a person's) first. Idempotent.
    `create`: size -> ARM id. `refused` is told of each size that could not be made."""
    sizes = tuple(dict.fromkeys([*([asked] if asked else []), *vm.sizes]))
    if not sizes:
        raise Permanent("no size is given", subject=vm.name, remedy="plan and apply again")
    last: _NoCapacity | None = None
    for size in sizes:
        try:
            return work.retry(partial(_create, create, size)), size
        except _NoCapacity as error:
            last = error
            refused(size)
            work.note(f"no capacity for {size} now")
        except Permanent:
            refused(size)
            raise
    assert last is not None
    raise Temporary(
        f"no capacity for any of {', '.join(sizes)}", subject=vm.name, remedy="wait, or give more sizes"
    ) from last.cause


def _create(create: Callable[[str], str], size: str) -> str:
    try:
        return create(size)
    except Temporary as error:
        if error.code in NO_CAPACITY:
            raise _NoCapacity(error) from error
        raise


def delete_made(work: Work, cloud: Cloud, made: Mapping[str, str]) -> list[str]:
    """Delete VM, then NICs, then disks; what could not be deleted for good, with the reason. Temporary errors are raised."""
    order = sorted(made, key=lambda name: (("vm", "nic", "disk").index(name.partition("/")[0]), name))
    left = []
    for name in order:
        try:
            work.retry(partial(cloud.delete, made[name]))
        except Permanent as error:
            left.append(f"{made[name]}: {error}")
    return left
