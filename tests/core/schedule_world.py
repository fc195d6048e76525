"""A small world for the scheduler's tests: machines whose cycles take known times, driven by `decide` alone."""

from dataclasses import dataclass, field, replace

from replication.model.record import CycleKind
from replication.schedule import Candidate, Running, Start, decide, next_delta

HOUR = 3600.0


@dataclass
class World:
    """`minutes[machine, kind]` is how long a cycle takes; every decision is kept in `log` as (time, decision)."""

    policies: dict
    now: float
    candidates: dict = field(default_factory=dict)
    running: dict = field(default_factory=dict)
    ends: dict = field(default_factory=dict)
    minutes: dict = field(default_factory=dict)
    disks: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    finished: list = field(default_factory=list)
    asked: dict = field(default_factory=dict)

    def add(self, candidate, initial=60.0, delta=6.0, on_demand=3.0):
        self.candidates[candidate.machine] = candidate
        self.disks[candidate.machine] = candidate.disks
        times = {CycleKind.INITIAL: initial, CycleKind.DELTA: delta, CycleKind.ON_DEMAND: on_demand, CycleKind.FINAL: 1.0}
        self.minutes |= {(candidate.machine, kind): minutes for kind, minutes in times.items()}

    def step(self):
        """Decide now and carry it out."""
        decisions = decide(self.policies, self.now, self.candidates.values(), self.running.values())
        for decision in decisions:
            self.log.append((self.now, decision))
            if isinstance(decision, Start):
                self._start(self.candidates.pop(decision.machine), decision)
        return decisions

    def next_event(self):
        """The next time at which anything can change: an end, a due cycle, a window."""
        times = list(self.ends.values()) + [c.ready_at for c in self.candidates.values()]
        times += [p.blackout.closed_until(self.now) for p in self.policies.values()]
        return min((t for t in times if t is not None and t > self.now), default=None)

    def advance(self, now):
        """Let time pass; what ends becomes due again by S8.2 and S8.3."""
        self.now = now
        for machine in [m for m, end in self.ends.items() if end <= now]:
            self._end(machine, self.running.pop(machine), self.ends.pop(machine))

    def _start(self, candidate, start):
        end = self.now + 60 * self.minutes[candidate.machine, start.kind]
        self.running[candidate.machine] = Running(
            candidate.machine,
            candidate.name,
            candidate.appliance,
            candidate.host,
            start.lanes,
            candidate.datastores,
            start.kind,
            self.now,
            end,
        )
        self.ends[candidate.machine] = end

    def _end(self, machine, cycle, end):
        first = cycle.kind is CycleKind.INITIAL
        due = next_delta(self.policies[cycle.appliance], end - cycle.started, end, first)
        self.finished.append((end, machine, cycle.kind))
        again = Candidate(
            machine,
            cycle.name,
            cycle.appliance,
            cycle.host,
            self.disks[machine],
            cycle.datastores,
            CycleKind.DELTA,
            queued_since=due,
            ready_at=due,
        )
        self.candidates[machine] = again
        if machine in self.asked:
            self.ask(machine, self.asked.pop(machine))

    def ask(self, machine, kind):
        """An order: the machine's next cycle is of this kind, now or when the one under way has ended."""
        if machine in self.running:
            self.asked[machine] = kind
            return
        self.candidates[machine] = replace(self.candidates[machine], want=kind, ready_at=self.now, queued_since=self.now)
