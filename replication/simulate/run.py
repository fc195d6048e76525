"""The simulation: the schedule's own `decide` and `next_delta` with a clock that jumps, and cycles without data.

Rules
1. Time goes from look to look. A look is due when something can change: a cycle ends or begins to copy, one becomes due,
   a window ends, somebody asks for a migration; but not more often than `Assumptions.grid`, as an engine polls.
2. Between two looks every rate is constant. A cycle takes its settling time and then its bytes at its share of the pipes.
3. A delta carries what was written since the snapshot of the last completed cycle, overwrites folded: of hot bytes H, with
   churn c per second, after t seconds H * (1 - exp(-c t / H)) are different.
4. A migration asked for during the initial replication waits for its end (S7); during a delta, for that cycle's end. Then
   on-demand cycle, shutdown, final delta; then the machine leaves.
5. Nothing fails here: a simulation says what the limits alone cost.
6. The same fleet, start and orders give the same result.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from replication.model.record import CycleKind
from replication.schedule import Candidate, Decision, Running, Start, decide, give_way, next_delta
from replication.simulate import causes, rates
from replication.simulate.gates import Gates
from replication.simulate.lens import URGENT, Lens, Place, limit, needs
from replication.simulate.measure import Meter
from replication.simulate.model import DAY, Assumptions, Event, Fleet, Migration, SimMachine
from replication.windows import closed


@dataclass(slots=True)
class Flight:
    """A cycle under way: copying begins at `copies`; `left` of `size` bytes, at `rate` bytes a second until the next look."""

    cycle: Running
    wanted: Candidate
    copies: float
    size: float
    left: float
    rate: float = 0.0

    def passes(self, since: float, now: float) -> None:
        if now > self.copies:
            self.left -= self.rate * (now - max(since, self.copies))

    def next(self, now: float) -> float:
        """When it begins to copy or ends."""
        if now < self.copies:
            return self.copies
        return now + self.left / self.rate if self.rate else math.inf

    def ended(self, now: float) -> bool:
        return now >= self.copies and self.left < 1.0


class Simulation:
    """`show_all`: show `decide` the whole fleet each time (slow; the answers are the same). `events` when `tell`.
    `reasons`: ask why each machine is held, for the meter; without, thousands are simulated with the same cycles."""

    def __init__(
        self,
        fleet: Fleet,
        start: float,
        orders: Iterable[Migration] = (),
        assumed: Assumptions = Assumptions(),  # noqa: B008  a frozen value
        tell: bool = False,
        show_all: bool = False,
        reasons: bool = True,
    ) -> None:
        self.fleet, self.assumed, self.now, self.began = fleet, assumed, start, start
        self.machines = {m.name: m for m in fleet.machines}
        self.running: dict[str, Flight] = {}
        self.due: dict[str, Candidate] = {}
        self.idle: dict[str, Candidate] = {}
        self.points: dict[str, float] = {}
        """Machine -> time of its last recovery point."""
        self.migrated: dict[str, float] = {}
        self.asked: dict[str, float] = {}
        """Machine -> when somebody asked for its migration; until it has migrated."""
        self._released: dict[str, float] = {}
        """Machine -> bytes that its initial replication still has to send after it made way for a window."""
        self._first: set[str] = set()
        """Machines whose recovery point is still that of the initial replication."""
        self.used: Counter[Place] = Counter()
        self._initial: Counter[Place] = Counter()
        self.events: list[Event] = []
        self._tell, self._show_all, self._reasons = tell, show_all, reasons
        self._orders = sorted(orders, key=lambda order: order.at)
        self._ripe: list[tuple[float, str]] = []
        self._causes: dict[str, str] = {}
        self._per_cause: Counter[str] = Counter()
        self._lens = Lens(fleet.policies, self.used, self._initial)
        self.meter = Meter({p: limit(fleet.policies[m.appliance], p) for m in fleet.machines for p, _ in self._places(m)})
        self._over = self._crowded()
        self._gates = Gates(fleet.policies, {b for m in fleet.machines for b in m.blackouts}, fleet.throttles)
        for machine in fleet.machines:
            if machine.synced is None:
                self._queue(machine, CycleKind.INITIAL, max(start, machine.begins))
            elif assumed.deltas:
                self.points[machine.name] = machine.synced
                self._lens.synced(machine.name, self._places(machine))
                delay = fleet.policies[machine.appliance].delta_minimum
                self._queue(machine, CycleKind.DELTA, max(start, machine.synced + delay))

    def run(self, until: float, seen: Callable[[Simulation, list[Decision]], None] | None = None) -> None:
        """Go on until unix time `until`; `seen` is called after every look, with its decisions."""
        while True:
            decisions = self._look()
            if seen is not None:
                seen(self, decisions)
            if self.now >= until:
                return
            self._pass(min(until, self._next_look()))

    # ---- one look ----

    def _look(self) -> list[Decision]:
        self._collect()
        self._gates.look(self.now)
        self._release()
        while self._orders and self._orders[0].at <= self.now:
            for name in self._orders.pop(0).machines:
                self.ask(name)
        while self._ripe and self._ripe[0][0] <= self.now:
            name = heapq.heappop(self._ripe)[1]
            if name in self.idle and self.idle[name].ready_at <= self.now:
                self.due[name] = self.idle.pop(name)
        self._give_way()
        decisions = self._decide() if self.due else []
        self._set_rates()
        return decisions

    def _decide(self) -> list[Decision]:
        asked, known = self._shown()
        if not asked:
            return []
        running = [flight.cycle for flight in self.running.values()]
        decisions = decide(self.fleet.policies, self.now, asked, running, None if self._reasons else known)
        for decision in decisions:
            if isinstance(decision, Start):
                self._start(self.due.pop(decision.machine), decision)
            elif decision.machine in self.due:
                self._hold(decision.machine, causes.cause(decision.why, self.machines[decision.machine].appliance))
                if self._tell and decision.why:
                    self._say(decision.machine, decision.why)
        return decisions

    def _shown(self) -> tuple[list[Candidate], set[str]]:
        """The candidates whose answer is not certain, and what these answers depend on; the machines among the latter that
        certainly find no room."""
        if self._show_all:
            return [*self.due.values(), *self.idle.values()], set()
        shown: dict[str, Candidate] = {}
        known, anybody = set[str](), False
        for name, candidate in self.due.items():
            if candidate.appliance in self._over:
                shown[name], anybody = candidate, True
                continue
            if cause := self._lens.forbidden(candidate, self._gates.shut):
                self._hold(name, cause)
                continue
            if cause := self._lens.short(candidate):
                self._hold(name, cause)
                if not self._lens.claims(candidate, self.now):
                    continue
                known.add(name)
            else:
                anybody = True
            shown[name] = candidate
        if not anybody:
            return [], known
        for name in self._lens.measures():
            if name not in shown and name not in self.running:
                shown[name] = self.due.get(name) or self.idle[name]
        shown |= {name: c for name, c in self.idle.items() if c.appliance in self._over}
        return list(shown.values()), known

    def _start(self, candidate: Candidate, start: Start) -> None:
        machine = self.machines[candidate.machine]
        self._causes_drop(candidate.machine)
        cycle = Running(
            *(machine.name, machine.name, machine.appliance, machine.host, start.lanes, machine.datastores),
            kind=start.kind,
            started=self.now,
        )
        self._occupy(cycle, 1)
        whole = machine.used if start.kind is CycleKind.INITIAL else self._changed(machine)
        size = self._released.pop(machine.name, whole)
        self.running[machine.name] = Flight(cycle, candidate, self.now + self.assumed.settle, size, size)
        since = max(candidate.queued_since, candidate.ready_at)
        self.meter.waits[start.kind].append((self.now - since, machine.name))
        self._say(machine.name, f"start {start.kind.value}, {start.lanes} of {machine.disks} disks at once")

    def _changed(self, machine: SimMachine) -> float:
        hot = machine.used * self.assumed.hot
        if hot <= 0:
            return 0.0
        passed = self.now - self.points[machine.name]
        return hot * -math.expm1(-machine.churn / DAY * passed / hot)

    # ---- ends ----

    def _collect(self) -> None:
        for name in [name for name, flight in self.running.items() if flight.ended(self.now)]:
            self._end(self.running.pop(name))

    def _release(self) -> None:
        """Initial cycles make way for a window where the policy says so."""
        for name, flight in list(self.running.items()):
            cycle = flight.cycle
            release = self.fleet.policies[cycle.appliance].initial_in_blackout == "release-and-resume"
            if not release or cycle.kind is not CycleKind.INITIAL:
                continue
            if closed((self.fleet.policies[cycle.appliance].blackout, *self.machines[name].blackouts), self.now):
                self._put_off(name, "released for the window")

    def _give_way(self) -> None:
        """One that is alone on a datastore makes way for others there, by the schedule's own rule."""
        running = [flight.cycle for flight in self.running.values() if flight.cycle.kind is CycleKind.INITIAL]
        for name in give_way(self.fleet.policies, self.now, self.due.values(), running):
            self._put_off(name, "released: its datastore is wanted")

    def _put_off(self, name: str, why: str) -> None:
        """End an initial cycle before its time; it goes on with what is left."""
        flight = self.running.pop(name)
        self._occupy(flight.cycle, -1)
        self._released[name] = flight.left
        self.meter.sent[flight.cycle.kind] += flight.size - flight.left
        self._say(name, why)
        self._queue(self.machines[name], CycleKind.INITIAL, self.now, resumed=True)

    def _occupy(self, cycle: Running, sign: int) -> None:
        for place, count in needs(cycle.appliance, cycle.host, cycle.disks, cycle.datastores):
            self.used[place] += sign * count
            if cycle.kind is CycleKind.INITIAL:
                self._initial[place] += sign * count

    def _end(self, flight: Flight) -> None:
        cycle = flight.cycle
        name, kind = cycle.machine, cycle.kind
        self._occupy(cycle, -1)
        duration = self.now - cycle.started
        self.meter.durations[kind].append((duration, name))
        self.meter.sent[kind] += flight.size
        if name in self.points:
            lags = self.meter.first_lags if name in self._first else self.meter.lags
            lags.append((self.now - self.points[name], name))
            self._first.discard(name)
        else:
            self._first.add(name)
            self._lens.synced(name, self._places(self.machines[name]))
        self.points[name] = cycle.started
        self._say(name, f"{kind.value} completed")
        self._follow(name, kind, duration)

    def _follow(self, name: str, kind: CycleKind, duration: float) -> None:
        """What comes after a completed cycle."""
        machine = self.machines[name]
        if kind is CycleKind.FINAL:
            self.migrated[name] = self.now
            self.meter.migrations.append((self.now - self.asked.pop(name), name))
            self._lens.gone(name)
        elif kind is CycleKind.ON_DEMAND:
            self._queue(machine, CycleKind.FINAL, self.now + self.assumed.shutdown, resumed=True)
        elif name in self.asked:
            self._queue(machine, CycleKind.ON_DEMAND, self.now, since=self._possible(name, kind))
        elif not self.assumed.deltas:
            self._lens.gone(name)
        else:
            policy = self.fleet.policies[machine.appliance]
            self._queue(machine, CycleKind.DELTA, next_delta(policy, duration, self.now, kind is CycleKind.INITIAL))

    def _possible(self, name: str, ended: CycleKind) -> float:
        """Since when an on-demand cycle waits: the order, or the end of the initial replication."""
        return self.now if ended is CycleKind.INITIAL else self.asked[name]

    def ask(self, name: str) -> None:
        """Somebody asks now that this machine migrates; again is nothing new."""
        if name in self.migrated or name in self.asked:
            return
        self.asked[name] = self.now
        self._say(name, "asked to migrate")
        waiting = self.idle.pop(name, None) or self.due.pop(name, None)
        if waiting is None:
            return
        if waiting.want is CycleKind.INITIAL:
            self.idle[name] = waiting
            heapq.heappush(self._ripe, (waiting.ready_at, name))
        else:
            self._causes_drop(name)
            self._queue(self.machines[name], CycleKind.ON_DEMAND, self.now)

    # ---- time ----

    def _next_look(self) -> float:
        times = [flight.next(self.now) for flight in self.running.values()]
        times += [order.at for order in self._orders[:1]]
        times += [at for at, _ in self._ripe[:1]]
        at = min([*times, self._gates.next])
        grid = self.assumed.grid
        return max(self.now + grid, math.ceil(at / grid) * grid) if math.isfinite(at) else at

    def _pass(self, until: float) -> None:
        self.meter.passes(until - self.now, self.used, self._per_cause)
        for flight in self.running.values():
            flight.passes(self.now, until)
        self.now = until

    def _set_rates(self) -> None:
        copying = [flight for flight in self.running.values() if flight.copies <= self.now]
        streams: Counter[rates.Group] = Counter()
        for flight in copying:
            streams[_group(flight.cycle)] += flight.cycle.disks
        found = rates.shares(self._pipes(), streams)
        for flight in copying:
            flight.rate = found[_group(flight.cycle)] * flight.cycle.disks

    # ---- small things ----

    def _queue(
        self, machine: SimMachine, want: CycleKind, ready: float, since: float | None = None, resumed: bool = False
    ) -> None:
        self.idle[machine.name] = Candidate(
            *(machine.name, machine.name, machine.appliance, machine.host, machine.disks, machine.datastores, want),
            resumed=resumed,
            queued_since=ready if since is None else since,
            ready_at=ready if since is None else since,
            hold=None if want in URGENT else machine.hold,
            blackouts=machine.blackouts,
            in_blackout=machine.in_blackout,
        )
        heapq.heappush(self._ripe, (ready, machine.name))

    def _hold(self, name: str, cause: str) -> None:
        before = self._causes.get(name)
        if before != cause:
            self._causes_drop(name)
            self._causes[name] = cause
            self._per_cause[cause] += 1

    def _causes_drop(self, name: str) -> None:
        before = self._causes.pop(name, None)
        if before is not None:
            self._per_cause[before] -= 1

    def _places(self, machine: SimMachine) -> list[tuple[Place, int]]:
        """What it may use at most: a machine larger than its host's buffers fills them."""
        lanes = min(machine.disks, self.fleet.policies[machine.appliance].disks_per_host)
        return list(needs(machine.appliance, machine.host, lanes, machine.datastores))

    def _crowded(self) -> set[str]:
        """Appliances with more machines than S10 allows."""
        count = Counter(m.appliance for m in self.fleet.machines)
        return {name for name, policy in self.fleet.policies.items() if count[name] > policy.machines_per_appliance}

    def _pipes(self) -> rates.Pipes:
        of, most = self.assumed, {}
        for name in self.fleet.policies:
            throttle = self._gates.rate.get(name)
            own = of.appliance or rates.UNLIMITED
            most[name] = own if throttle is None else min(own, throttle / 8)
        return rates.Pipes(of.link or rates.UNLIMITED, most, of.host or rates.UNLIMITED, of.disk or rates.UNLIMITED)

    def _say(self, machine: str, what: str) -> None:
        if self._tell:
            self.events.append(Event(self.now, machine, what))


def _group(cycle: Running) -> rates.Group:
    return cycle.host, cycle.appliance, cycle.kind in URGENT
