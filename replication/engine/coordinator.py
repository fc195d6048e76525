"""The coordinator (DRA agent): looks at items, orders and records, decides what runs when, and shows the status.

One thread calls `tick`. A machine has at most one job; between jobs its record is the coordinator's, during one the job's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Protocol

from replication.engine.config import EngineConfig
from replication.engine.guard import Guard, Superseded
from replication.engine.orders.steps import accepted
from replication.engine.region import Held, Job, Region
from replication.engine.retry import Retry
from replication.engine.shown import Shown
from replication.engine.work import Work
from replication.model.documents import BadDocument
from replication.model.errors import PortError
from replication.model.item import Order, OrderKind
from replication.model.record import CycleKind, Life, Record
from replication.model.source import SourceFacts
from replication.ports import Outside
from replication.schedule import Candidate, Hold, Running, Start, decide, next_delta

Task = Order | CycleKind | None
"""An order to carry, a cycle to run, or None: only settle what an interrupted attempt left."""


class Launcher(Protocol):
    """Makes the work of a machine and runs it in a thread."""

    def work(self, region: Region, held: Held) -> Work: ...

    def launch(self, held: Held, job: Job, task: Task) -> None: ...


class Coordinator:
    def __init__(
        self, outside: Outside, config: EngineConfig, launcher: Launcher, guard: Guard, say: Callable[[str, str], None]
    ) -> None:
        self._outside, self._config, self._launcher, self._say = outside, config, launcher, say
        self._clock = outside.clock
        retry = Retry(outside.clock, config.sizes.patience, guard.check)
        self.regions = [Region(name, outside.documents[name], outside.clock, retry, say) for name in config.regions]
        self._facts_at: dict[str, float] = {}
        self._facts_problem: dict[str, str] = {}
        self._shown = Shown(outside.clock, config)

    def tick(self) -> None:
        """One pass over all regions. A region whose store does not answer is told about and tried again next time."""
        for region in self.regions:
            try:
                if region.rule(self._config.holder, self._config.host):
                    self._tick(region)
            except PortError as error:
                self._say("", f"{region.name}: {error}")

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
        held.held, held.next_cycle = None, None
        if held.item.source not in self._outside.sources:
            held.held = f"source {held.item.source} is not configured here"
            return
        if not region.own(held) or held.machine is None:
            return
        record, now, order = held.machine.record, self._clock.now(), held.pending()
        if order is not None:
            accepted(self._launcher.work(region, held), order)
            record = held.machine.record
        later = record.retry_at is not None and record.retry_at > now
        if later:
            held.held, held.next_cycle = _why(record), record.retry_at
        if order is not None and order.kind is not OrderKind.MIGRATE:
            if not later:
                self._start(region, held, order, None, 0)
        elif order is None and (record.attempt is not None or record.unclean) and not later:
            self._start(region, held, None, None, 0)
        elif order is not None or record.life in (Life.NEW, Life.INITIAL, Life.DELTA):
            candidates.append((held, self._candidate(held, record, order)))

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
            hold = self._known(held)
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
        )

    def _known(self, held: Held) -> str | None:
        """Facts about where the machine is now; why there are none."""
        source = held.item.source
        if held.facts is None or self._clock.now() - self._facts_at.get(source, 0.0) > self._config.facts_for:
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
        decisions = decide(
            self._config.appliances, self._clock.now(), [c for _, c in candidates], list(self._running(self.regions))
        )
        for decision in decisions:
            held, candidate = by_machine[decision.machine]
            match decision:
                case Start():
                    order = held.pending()
                    task = order or decision.kind
                    self._safely(region, held, partial(self._start, region, held, task, candidate, decision.lanes))
                case Hold():
                    held.held = decision.why
                    held.next_cycle = decision.until if decision.until is not None else held.next_cycle

    def _running(self, regions: Iterable[Region]) -> Iterable[Running]:
        for region in regions:
            for held in region.machines.values():
                job = held.job
                if job is not None and job.kind is not None:
                    item = held.item
                    yield Running(
                        *(item.machine, item.name, item.appliance, job.host, job.lanes, job.datastores),
                        kind=job.kind,
                        started=job.started,
                        expected_end=self._shown.expected_end(job, self._clock.now()),
                    )

    def _start(self, region: Region, held: Held, task: Task, candidate: Candidate | None, lanes: int) -> None:
        work = self._launcher.work(region, held)
        if candidate is not None:
            work.lanes = max(1, lanes)
            work.urgent = candidate.want in (CycleKind.ON_DEMAND, CycleKind.FINAL)
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
    problem = record.problem or (order.problem if order is not None and order.outcome is None else "")
    return f"waits after a problem: {problem}" if problem else "waits before it is tried again"
