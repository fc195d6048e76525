"""Migration, in S7's five steps. Until the source is powered off, everything can end without a trace.

After the power-off nothing is automatic but trying again, unless the policy says `power_on_source`; two things alone
always go back by themselves: a resync that would be needed while the machine is off, and a source that somebody else has
powered on. From the moment that the creation of the VM is announced there are two ways only: forward, or, when Azure
refuses it for good and there certainly is no such VM, back. Two machines with one name never run at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from replication.engine import delta, materialise, redo, report
from replication.engine.attempt import CycleFailed
from replication.engine.orders import again, ahead, asking, building, gate, hooks, late, waves
from replication.engine.orders.after import look_ready, settle_source
from replication.engine.orders.back import facts_of, go_back
from replication.engine.orders.steps import (
    Missed,
    Refused,
    Steps,
    create_vm,
    require_absent,
    resource_ids,
    tags_of,
    vm_of,
)
from replication.model.errors import Permanent, PortError, ResyncRequired, Temporary
from replication.model.item import VmOrder
from replication.model.record import Commit, CycleKind, Life
from replication.model.source import Power, SourceFacts
from replication.ports import Cloud


def migrate(steps: Steps) -> None:
    """Raises a port's error (tried again later), `NotYet`, or ends the order."""
    Migration(steps).run()


_QUICK = 0.25
"""Seconds to the second look whether the guest is off, each later one twice as far: most are, soon, and people wait for them."""


class Migration:
    def __init__(self, steps: Steps) -> None:
        self.steps, self.work = steps, steps.work
        self.shutdown = steps.order.shutdown

    def run(self) -> None:
        steps = self.steps
        try:
            if "back" in steps.facts:
                raise Refused(steps.facts["back"])
            self._settle()
            whats = (self._prerequisites, self._shut_down, self._prepare, self._create, self._start)
            for step, what in zip(steps.progress.steps, whats, strict=True):
                steps.do(step.name, what)
        except Missed as error:
            go_back(steps, str(error), "missed")
            return
        except (PortError, Refused) as error:
            self._trouble(error)
            return
        building.forget_fills(steps, vm_of(steps.order))
        waves.release(self.work)
        due = report.DUE if self.work.item.report_key else ""
        steps.finish("done", life=Life.MIGRATED, measured=steps.took(), report=due)
        report.write(self.work)

    @property
    def cloud(self) -> Cloud:
        return self.work.cloud(vm_of(self.steps.order).subscription)

    # the five steps

    def _prerequisites(self) -> str:
        work, steps, vm = self.work, self.steps, vm_of(self.steps.order)
        gate.begin(steps)
        steps.go()
        if "cycle_before" not in steps.facts:
            power = self._facts().power
            steps.learn({"cycle_before": str(work.record.cycle), "power_before": power.value})
        if work.record.test:
            raise Refused("a test migration is still there: clean it up first")
        facts = self._facts()
        must_ask = facts.power is Power.ON and self.shutdown.mode == "guest" and self.shutdown.otherwise == "fail"
        if must_ask and not facts.tools_running:
            steps.learn({"check/tools": "VMware Tools does not run"})
            raise Refused("VMware Tools does not run in it, so it cannot be shut down: start it, or order `force`")
        materialise.require_sizes(vm, work.item.disks)
        if "secured" not in steps.facts:
            again.look(work)
            require_absent(work, self.cloud, resource_ids(vm))
        self._check_cloud()
        point = self._cycle(CycleKind.ON_DEMAND, int(steps.facts["cycle_before"]))
        self._secure(vm)
        assert work.record.committed is not None
        newest = work.record.committed if work.record.committed.cycle > point.cycle else point
        point = ahead.fill(steps, self.cloud, vm, newest, self._follow)
        told = gate.power_off(steps)
        return f"on-demand cycle {point.cycle}, {len(vm.disks)} disks filled ahead from it; {told}"

    def _secure(self, vm: VmOrder) -> None:
        """NICs with their addresses are there before anything is powered off; asked once more before it is announced."""
        work, steps = self.work, self.steps
        ids = resource_ids(vm)
        if "secured" not in steps.facts:
            require_absent(work, self.cloud, ids)
            # Not the VM itself: see `asking`.
            made = {f"announced/{name}": found for name, found in ids.items() if name != "vm"}
            steps.learn({**made, "secured": str(work.clock.now())})
        building.create_nics(work, steps, self.cloud, vm)

    def _follow(self) -> Commit:
        self._attempt(partial(delta.run, self.work, CycleKind.ON_DEMAND))
        newest = self.work.record.committed
        assert newest is not None
        return newest

    def _shut_down(self) -> str | None:
        work, steps = self.work, self.steps
        ran = hooks.run(steps, "before") if "power_off_asked" not in steps.facts else []
        if self.shutdown.mode == "none":
            return "; ".join(ran) or None
        if self._facts().power is not Power.OFF:
            if "power_off_asked" not in steps.facts:
                gate.power_off(steps)  # a process may have died for an hour between the two steps
                steps.learn({"power_off_asked": str(work.clock.now())})
            self._power_off()
        if self._facts().power is not Power.OFF:
            raise Temporary("it is not powered off yet", subject=work.item.name)
        if "powered_off" not in steps.facts:
            steps.learn({"powered_off": str(work.clock.now())})
        return "; ".join([*ran, "power-off confirmed"])

    def _power_off(self) -> None:
        work, shutdown = self.work, self.shutdown
        if shutdown.mode == "guest":
            try:
                work.source.shutdown_guest(work.uuid)
            except Permanent as error:
                if shutdown.otherwise == "fail":
                    raise Refused(f"the guest cannot be shut down: {error}") from error
                work.note(f"the guest cannot be shut down: {error}")
            else:
                limit, pause = work.clock.now() + shutdown.wait, _QUICK
                while work.clock.now() < limit:
                    work.guard.check()
                    if self._facts().power is Power.OFF:
                        return
                    work.clock.sleep(min(pause, work.sizes.patience.poll, max(0.1, limit - work.clock.now())))
                    pause *= 2
            if shutdown.otherwise == "fail":
                if self._facts().power is Power.OFF:
                    return
                self._late()
                raise Refused(f"the guest did not shut down within {shutdown.wait:.0f} s (it may still do so: look at it)")
        work.guard.check()
        work.retry(partial(work.source.power_off, work.uuid))

    def _late(self) -> None:
        """Its guest may still obey; by policy it is then powered on again, see `orders.late`."""
        if self.steps.order.cutover.on_failure == "power_on_source":
            self.steps.learn({late.POLICY: str(self.work.clock.now() + late.WATCH)})

    def _prepare(self) -> str:
        steps, vm = self.steps, vm_of(self.steps.order)
        self._still_off()
        final = self._cycle(CycleKind.FINAL, int(steps.facts["cycle_before"]))
        if "final_cycle" not in steps.facts:
            building.pin(steps, final)
            steps.learn({"final_cycle": str(final.cycle)})
        building.fill_disks(steps, self.cloud, vm)
        self._still_off()
        return f"final cycle {final.cycle}, guest declared ready"

    def _create(self) -> str:
        work, steps, vm = self.work, self.steps, vm_of(self.steps.order)
        nics = building.create_nics(work, steps, self.cloud, vm)  # they are there: made before the power-off
        self._still_off()
        disks, tags, cloud = building.disks_made(steps, vm), tags_of(work, vm), self.cloud
        create = asking.asking(
            steps, cloud, resource_ids(vm)["vm"], lambda size: cloud.create_vm(vm, size, disks, nics, tags)
        )
        made, size = create_vm(work, vm, create, steps.facts.get("size asked"), steps.refused)
        steps.learn({"size": size}, made={"vm": made})
        return size

    def _start(self) -> str:
        steps, work = self.steps, self.work
        work.retry(partial(self.cloud.start_vm, steps.progress.made["vm"]))
        if "started" not in steps.facts:
            steps.learn({"started": str(work.clock.now())})
        found = look_ready(steps, self.cloud)
        return "; ".join([found, *settle_source(steps), *hooks.run(steps, "after")])

    # what they need

    def _facts(self) -> SourceFacts:
        return facts_of(self.work)

    def _check_cloud(self) -> None:
        """Journalled with its answer: it is a line of the go/no-go list."""
        problems = self.work.retry(partial(self.cloud.check, vm_of(self.steps.order)))
        self.steps.learn({"checked": f"{self.work.clock.now():.0f}", "check/azure": "; ".join(problems) or "ok"})
        if problems:
            raise Refused("; ".join(problems))

    def _still_off(self) -> None:
        if self.shutdown.mode != "none" and self._facts().power is not Power.OFF:
            raise Refused("the source was powered on again by somebody else: its latest writes are not in the final cycle")

    def _cycle(self, kind: CycleKind, before: int) -> Commit:
        """The order's own cycle of this kind: the committed one, or a new one. Errors are the order's to judge."""
        work = self.work

        def there() -> Commit | None:
            points = (work.record.committed, *work.record.earlier)
            return next((p for p in points if p is not None and p.kind is kind and p.cycle > before), None)

        found = there()
        if found is None:
            self._attempt(partial(delta.run, work, kind))
            found = there()
        if found is None:
            raise AssertionError(f"the {kind.value} cycle ended without a recovery point")
        return found

    def _settle(self) -> None:
        """What a crash left of an earlier attempt: here, so that a machine that is off does not wait for it for ever."""
        self._attempt(partial(redo.settle, self.work))

    def _attempt(self, cycle: Callable[[], None]) -> None:
        try:
            cycle()
        except CycleFailed as failed:
            if isinstance(failed.cause, ResyncRequired):
                raise failed.cause from failed
            if failed.permanent:
                raise Permanent(str(failed)) from failed
            raise Temporary(str(failed), subject=self.work.item.name) from failed

    # when something goes wrong

    def _trouble(self, error: PortError | Refused) -> None:
        """Before the power-off: back, or again later. After it: by policy."""
        steps, work, policy = self.steps, self.work, self.steps.order.cutover.on_failure
        passing = isinstance(error, Temporary)
        if policy == "hold-wave" and (not passing or "powered_off" in steps.facts):
            waves.hold(work, str(error))
        if not isinstance(error, Temporary) and ("powered_off" not in steps.facts or isinstance(error, ResyncRequired | Refused)):
            go_back(steps, str(error))
            return
        if "powered_off" not in steps.facts:
            raise error
        problem = str(error)
        if policy == "power_on_source" and (not passing or self._too_long()):
            go_back(steps, f"the machine has been off too long: {problem}" if passing else problem)
            return
        tried = int(steps.facts.get("tried", "0")) + 1
        steps.learn({"trouble": problem, "tried": str(tried), "trouble_at": str(work.clock.now())})
        raise Temporary(problem, subject="" if passing else work.item.name) from error

    def _too_long(self) -> bool:
        facts, budget = self.steps.facts, self.steps.order.cutover.downtime
        limit = budget if budget is not None else self.work.sizes.patience.powered_off
        off = facts.get("power_off_asked")
        return off is not None and "announced/vm" not in facts and self.work.clock.now() - float(off) > limit
