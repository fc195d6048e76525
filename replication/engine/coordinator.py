"""The coordinator (DRA agent): looks at items, orders and records, decides what runs when, and shows the status.

One thread calls `tick`. A machine has at most one job; between jobs its record is the coordinator's, during one the job's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from replication.engine import standing
from replication.engine.config import EngineConfig
from replication.engine.guard import Guard, Superseded
from replication.engine.orders import late
from replication.engine.orders.commands import Rollback, asked_for_vm, end_hold, obey
from replication.engine.orders.steps import Steps, accepted, early
from replication.engine.orders.test import lived_out
from replication.engine.pace import Pace
from replication.engine.region import Held, Job, Region
from replication.engine.retry import Retry
from replication.engine.shown import Shown
from replication.engine.trouble import Trouble
from replication.engine.work import Work
from replication.lifecycle import given_up
from replication.model.documents import BadDocument
from replication.model.errors import PortError
from replication.model.item import Item, Order, OrderKind
from replication.model.record import CycleKind, Life, Record, StepState
from replication.model.source import Power, SourceFacts
from replication.ports import Outside
from replication.schedule import Candidate, Hold, Running, Start, decide, give_way, next_delta, words
from replication.windows import Blackout, closed
from replication.windowtext import parse


@dataclass(frozen=True, slots=True)
class WriteReport:
    """A task: what is due of a migrated machine's integrity report."""


@dataclass(frozen=True, slots=True)
class Expire:
    """A task: delete a test whose time to live is over."""


Task = Order | CycleKind | Rollback | WriteReport | Expire | None
"""An order to carry, a cycle to run, a rollback, a report, a test's end, or None: only settle what an attempt left."""


class Launcher(Protocol):
    """Makes the work of a machine and runs it in a thread."""

    def work(self, region: Region, held: Held) -> Work: ...

    def launch(self, held: Held, job: Job, task: Task) -> None: ...

    def pace(self, appliance: str) -> Pace | None: ...


class Coordinator:
    def __init__(
        self, outside: Outside, config: EngineConfig, launcher: Launcher, guard: Guard, say: Callable[[str, str], None]
    ) -> None:
        self._outside, self._config, self._launcher, self._say = outside, config, launcher, say
        self._clock = outside.clock
        retry = Retry(outside.clock, config.sizes.patience, guard.check)
        self.regions = [Region(name, outside.documents[name], outside.clock, retry, say) for name in config.regions]
        self._trouble = Trouble(outside.clock.now, lambda text: say("", text))
        self._facts_at: dict[str, float] = {}
        self._facts_problem: dict[str, str] = {}
        self._shown = Shown(outside.clock, config, launcher.pace)

    def tick(self) -> None:
        """One pass over all regions. A region whose store does not answer is told about and tried again next time."""
        for region in self.regions:
            try:
                if region.rule(self._config.holder, self._config.host):
                    self._tick(region)
                self._trouble.over(region.name)
            except PortError as error:
                self._trouble.tell(region.name, str(error))

    def configure(self, config: EngineConfig) -> None:
        """Other policies for what is decided from now on."""
        self._config = config

    def release(self) -> None:
        for region in self.regions:
            if region.reign is not None:
                region.reign.release()
                region.reign = None

    @property
    def busy(self) -> bool:
        return any(held.job is not None for region in self.regions for held in region.machines.values())

    def _tick(self, region: Region) -> None:
        self._collect(region)
        region.read()
        candidates: list[tuple[Held, Candidate]] = []
        for held in region.machines.values():
            self._safely(region, held, partial(self._look, region, held, candidates))
        self._schedule(region, candidates)
        for held in region.machines.values():
            self._shown.show(region, held)

    def _safely(self, region: Region, held: Held, do: Callable[[], None]) -> None:
        """One machine's trouble is its own: the others go on."""
        try:
            do()
        except Superseded as error:
            self._say(held.item.name, str(error))
            held.machine = None  # read again; a later epoch in it is the end of our reign
            if region.reign is not None:
                region.reign.renew(force=True)
        except (PortError, BadDocument) as error:
            held.held = str(error)

    def _collect(self, region: Region) -> None:
        """Take back the records of jobs that have ended."""
        for held in region.machines.values():
            job = held.job
            if job is None or job.future is None or not job.future.done():
                continue
            held.job = None
            if job.reload:
                held.machine = None

    def _look(self, region: Region, held: Held, candidates: list[tuple[Held, Candidate]]) -> None:
        """One machine: settle, carry an order, or ask the schedule."""
        order = held.pending()
        if held.job is not None:
            stops = order is not None and order.kind is OrderKind.STOP and order.replication == held.item.replication
            if stops and held.job.kind is CycleKind.INITIAL:
                held.job.work.guard.cancel()
            return
        held.held, held.next_cycle, held.alert = None, None, ""
        if held.item.source not in self._outside.sources:
            held.held = f"source {held.item.source} is not configured here"
            return
        if not region.own(held) or held.machine is None:
            return
        if held.commands:
            self._obey(region, held)
        mark = held.machine.record.hold
        if mark is not None and mark.over(self._clock.now()):
            end_hold(self._launcher.work(region, held))
        self._look_off(region, held)
        record, now, order = held.machine.record, self._clock.now(), held.pending()
        if record.rollback:
            order = None
        elif order is not None:
            accepted(self._launcher.work(region, held), order)
            record = held.machine.record
            if held.stop_waits() and not asked_for_vm(record):
                self._start(region, held, order, None, 0)  # it ends itself, to make way for the stop
                return
            if early(order, record, now):
                order = None  # its deltas go on until it is time to prepare
        later = record.retry_at is not None and record.retry_at > now
        if later:
            held.held, held.next_cycle = _why(record), record.retry_at
        if record.rollback:
            if not later:
                self._start(region, held, Rollback(), None, 0)
        elif order is not None and order.kind is not OrderKind.MIGRATE:
            if not later:
                self._start(region, held, order, None, 0)
        elif order is None and (record.attempt is not None or record.unclean) and not later:
            self._start(region, held, None, None, 0)
        elif order is None and not later and lived_out(record, now):
            self._start(region, held, Expire(), None, 0)
        elif order is None and record.report and not later:
            self._start(region, held, WriteReport(), None, 0)
        elif order is not None or record.life in (Life.NEW, Life.INITIAL, Life.DELTA):
            candidates.append((held, self._candidate(held, record, order)))

    def _look_off(self, region: Region, held: Held) -> None:
        """A cut-over that was given up may leave a guest that shuts down after all."""
        record = held.record
        if record is None or not given_up(record) or self._known(held) or held.facts is None:
            return
        if held.facts.power is Power.OFF and not late.off(record):
            self._ask(held.item.source)  # what is known may be from before it was powered on again
        late.look(self._launcher.work(region, held), held.facts.power)

    def _obey(self, region: Region, held: Held) -> None:
        """What people have said about this machine, in the order of its numbers; each once."""
        work = self._launcher.work(region, held)
        for number in sorted(held.commands):
            command = held.commands.pop(number)
            if command.number == work.record.commands + 1:
                obey(work, command)
                region.read_orders_again(held.item.machine)

    def _candidate(self, held: Held, record: Record, order: Order | None) -> Candidate:
        item, now = held.item, self._clock.now()
        ready = record.retry_at or 0.0
        if order is not None:
            off = record.order is not None and "power_off_asked" in record.order.facts
            want, since = (CycleKind.FINAL if off else CycleKind.ON_DEMAND), order.issued
        elif record.life is Life.DELTA:
            want, since = CycleKind.DELTA, held.wanted_since
            if record.last_completed is not None:
                first = record.committed is not None and record.committed.kind is CycleKind.INITIAL
                due = next_delta(item, record.last_duration or 0.0, record.last_completed, first)
                ready, since = max(ready, due), due
        else:
            want, since = CycleKind.INITIAL, record.queued_since or held.wanted_since
        hold = item.hold if order is None else None
        if hold is None and ready > now and record.retry_at == ready:
            hold = _why(record)
        if ready <= now and hold is None:
            hold = self._known(held) or self._standing(held, record, want)
        facts = held.facts
        return Candidate(
            machine=item.machine,
            name=item.name,
            appliance=item.appliance,
            host=facts.host if facts else "",
            disks=len(item.disks),
            datastores=facts.datastores if facts else {},
            want=want,
            resumed=record.attempts > 0 or (order is not None and record.order is not None and bool(record.order.facts)),
            queued_since=since,
            ready_at=ready,
            hold=hold,
            blackouts=self._blackouts(item),
            in_blackout=order.in_blackout if order is not None else "wait",
        )

    def _blackouts(self, item: Item) -> tuple[Blackout, ...]:
        """The windows of its wave and its own, in its appliance's time zone."""
        policy = self._config.appliances.get(item.appliance)
        zone = policy.blackout.time_zone if policy else "UTC"
        return tuple(Blackout(parse(one.windows), zone, one.name, one.whose) for one in item.blackouts)

    def _should_yield(self, held: Held) -> str | None:
        """Why an initial cycle under way is to end itself: others need its datastore, or a window has opened, and its
        appliance's policy releases then."""
        item, job = held.item, held.job
        if job is not None and job.way:
            return job.way
        policy = self._config.appliances.get(item.appliance)
        if policy is None or policy.initial_in_blackout != "release-and-resume":
            return None
        now = self._clock.now()
        shut = closed((policy.blackout, *self._blackouts(item)), now)
        if shut is None:
            return None
        why = words.shut(shut, item.appliance, now, policy.time_zone or policy.blackout.time_zone)
        return f"{why}: the initial replication is released and goes on after it"

    def _standing(self, held: Held, record: Record, want: CycleKind) -> str | None:
        """Why the source, or a person, lets no cycle begin."""
        policy = self._config.appliances.get(held.item.appliance)
        if held.facts is None or policy is None:
            return None
        found = standing.of(held.item, record, held.facts, want, policy, self._clock.now())
        held.alert = found.problem
        return found.hold

    def _known(self, held: Held) -> str | None:
        """Facts about where the machine is now; why there are none."""
        source = held.item.source
        if held.facts is None or self._clock.now() - self._facts_at.get(source, 0.0) > self._config.facts_age:
            self._ask(source)
        problem = self._facts_problem.get(source)
        if problem:
            return problem
        return None if held.facts else f"{held.item.name} is not in {source}"

    def _ask(self, source: str) -> None:
        """Facts of every machine of a source, in one call."""
        mine = [h for r in self.regions for h in r.machines.values() if h.item.source == source]
        self._facts_at[source] = self._clock.now()
        try:
            found: Mapping[str, SourceFacts] = self._outside.sources[source].facts(tuple(h.item.machine for h in mine))
        except PortError as error:
            self._facts_problem[source] = str(error)
            return
        self._facts_problem.pop(source, None)
        for held in mine:
            held.facts = found.get(held.item.machine)

    def _schedule(self, region: Region, candidates: list[tuple[Held, Candidate]]) -> None:
        by_machine = {candidate.machine: (held, candidate) for held, candidate in candidates}
        asked, busy, now = [c for _, c in candidates], list(self._running(self.regions)), self._clock.now()
        decisions = decide(self._config.appliances, now, asked, busy)
        self._make_way(give_way(self._config.appliances, now, asked, busy))
        for decision in decisions:
            held, candidate = by_machine[decision.machine]
            match decision:
                case Start():
                    order = held.pending()
                    task = order or decision.kind
                    self._safely(region, held, partial(self._start, region, held, task, candidate, decision.lanes))
                case Hold():
                    if decision.blackout and self._refused(region, held, decision.why):
                        continue
                    held.held = decision.why
                    held.next_cycle = decision.until if decision.until is not None else held.next_cycle

    def _make_way(self, told: Mapping[str, str]) -> None:
        """Initial cycles that are alone on a datastore release it; they look once a window of data."""
        for region in self.regions:
            for held in region.machines.values():
                if held.job is not None and held.item.machine in told:
                    held.job.way = told[held.item.machine]

    def _refused(self, region: Region, held: Held, why: str) -> bool:
        """End a migration that has not begun and whose policy refuses windows, rather than let it wait."""
        order, record = held.pending(), held.record
        if order is None or order.in_blackout != "refuse" or record is None or record.order is None:
            return False
        if any(step.state is not StepState.WAITING for step in record.order.steps):
            return False
        self._safely(region, held, lambda: Steps(self._launcher.work(region, held), order).finish("aborted", why))
        return True

    def _running(self, regions: Iterable[Region]) -> Iterable[Running]:
        for region in regions:
            for held in region.machines.values():
                job = held.job
                if job is not None and job.kind is not None:
                    item = held.item
                    yield Running(
                        *(item.machine, item.name, item.appliance, job.host, job.lanes, job.snapshots),
                        kind=job.kind,
                        started=job.started,
                        expected_end=self._shown.expected_end(job, self._clock.now()),
                    )

    def _start(self, region: Region, held: Held, task: Task, candidate: Candidate | None, lanes: int) -> None:
        work = self._launcher.work(region, held)
        if candidate is not None:
            work.lanes = max(1, lanes)
            work.urgent = candidate.want in (CycleKind.ON_DEMAND, CycleKind.FINAL)
            work.should_yield = partial(self._should_yield, held)
        held.job = Job(
            work=work,
            kind=candidate.want if candidate else None,
            lanes=lanes,
            started=self._clock.now(),
            host=candidate.host if candidate else "",
            datastores=dict(candidate.datastores) if candidate else {},
        )
        self._launcher.launch(held, held.job, task)


def _why(record: Record) -> str:
    order = record.order
    if order is not None and order.outcome is None and order.facts.get("waits"):
        return order.facts["waits"]
    problem = record.problem or (order.problem if order is not None and order.outcome is None else "")
    return f"waits after a problem: {problem}" if problem else "waits before it is tried again"
