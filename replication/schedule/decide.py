"""`decide`: who starts now, and why the others do not.

Rules
1. Order (S8.5): final deltas, on-demand cycles, initial cycles with overdue deltas, deltas. Within one: what goes on from
   an earlier attempt (and what is overdue) before what is new, then who waits longest, then by machine.
2. A candidate is held, in this order of reasons, because its appliance is unknown, a person or a fact holds it, it is not
   due, a blackout window is open (S14), the appliance is full (S10), or room is short (S9).
3. Closed is what a window of the appliance, of the machine's wave or of the machine closes; the reason names which. A final
   delta starts inside all the same: its source is off and its migration has begun; it is the end of something that runs,
   and S14 lets that finish. So does an on-demand cycle whose policy overrides windows. Nothing else does.
4. An on-demand or final cycle that finds no room *claims* it: nobody after it may take a place that it needs, so it gets
   the next free ones. What is overdue by `Policy.aging` claims too, one cycle at a time on a host or datastore, and never
   what it could not use: a large machine cannot be starved by small ones, and no place is kept idle for many.
5. A machine larger than a limit fills the limit (`Start.lanes`); on a datastore it must be alone (S9.3). Urgent and overdue
   cycles rather start with fewer disks at once than wait for all of them.
6. Initial cycles leave a reserve of every appliance, host and datastore free for those that can be migrated (`capacity`).
7. The same arguments give the same answer, in whatever order they come.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set

from replication.model.record import CycleKind
from replication.schedule import words
from replication.schedule.capacity import Capacity
from replication.schedule.values import Candidate, Decision, Hold, Policy, Running, Start
from replication.windows import Blackout, Closed, closed

_RANK = {CycleKind.FINAL: 0, CycleKind.ON_DEMAND: 1, CycleKind.INITIAL: 2, CycleKind.DELTA: 3}
URGENT = (CycleKind.FINAL, CycleKind.ON_DEMAND)


def decide(
    policies: Mapping[str, Policy],
    now: float,
    candidates: Iterable[Candidate],
    running: Iterable[Running],
    short: Set[str] | None = None,
) -> list[Decision]:
    """One decision per candidate, in order of priority. `policies` is by appliance; raises nothing.

    `short`: reasons are not asked for, and these machines are known to find no room beside `running`. Who then is held and
    changes nothing for anybody else gets no decision; the starts are the same (a simulation of thousands).
    """
    waiting, busy = tuple(candidates), tuple(sorted(running, key=lambda r: r.machine))
    capacity = Capacity(policies, waiting, busy)
    windows = Windows(now)
    surplus = _surplus(policies, waiting, busy)
    under_way = {cycle.machine: cycle for cycle in busy}
    decisions: list[Decision] = []
    for candidate in sorted(waiting, key=lambda c: _order(c, policies.get(c.appliance), now)):
        if short is not None and candidate.want not in URGENT and capacity.idles(candidate, candidate.machine in short):
            continue
        policy = policies.get(candidate.appliance)
        if policy is None:
            hold: Hold | None = _hold(candidate, f"appliance {candidate.appliance} is not known here")
        elif cycle := under_way.get(candidate.machine):
            hold = _hold(candidate, f"its {words.CYCLE[cycle.kind]} is under way", cycle.expected_end)
        else:
            hold = forbidden(candidate, policy, now, windows, surplus)
            hold = hold or _short(candidate, policy, now, capacity)
        if hold is None:
            lanes = capacity.start(candidate, policy is not None and _pressing(candidate, policy, now))
        decisions.append(hold or Start(candidate.machine, candidate.want, lanes))
    return decisions


def _order(candidate: Candidate, policy: Policy | None, now: float) -> tuple[int, int, float, str]:
    late = policy is not None and overdue(candidate, policy, now)
    rank = min(_RANK[candidate.want], _RANK[CycleKind.INITIAL]) if late else _RANK[candidate.want]
    return rank, 0 if candidate.resumed or late else 1, candidate.queued_since, candidate.machine


def overdue(candidate: Candidate, policy: Policy, now: float) -> bool:
    """Whether it has waited so long past its due time that room is kept for it."""
    return now - max(candidate.queued_since, candidate.ready_at) >= policy.aging


def _pressing(candidate: Candidate, policy: Policy, now: float) -> bool:
    return candidate.want in URGENT or overdue(candidate, policy, now)


def _surplus(policies: Mapping[str, Policy], waiting: Iterable[Candidate], busy: Iterable[Running]) -> Set[str]:
    """Machines beyond S10's number: of those whose initial replication has not begun, the last ones asked for."""
    surplus: set[str] = set()
    running = {cycle.machine: cycle.appliance for cycle in busy}
    cycles = Counter(running.values())
    idle: defaultdict[str, list[Candidate]] = defaultdict(list)
    for candidate in waiting:
        if candidate.machine not in running:
            idle[candidate.appliance].append(candidate)
    for appliance, there in idle.items():
        policy = policies.get(appliance)
        if policy is None or cycles[appliance] + len(there) <= policy.machines_per_appliance:
            continue
        new = [c for c in there if c.want is CycleKind.INITIAL and not c.resumed]
        held = cycles[appliance] + len(there) - len(new)
        new.sort(key=lambda c: (c.queued_since, c.machine))
        surplus.update(c.machine for c in new[max(0, policy.machines_per_appliance - held) :])
    return surplus


class Windows:
    """Which windows are closed now; machines that share windows share the answer."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._known: dict[tuple[Blackout, ...], Closed | None] = {}

    def __call__(self, candidate: Candidate, policy: Policy) -> Closed | None:
        """None where nothing is closed, or this cycle starts inside a window too."""
        if candidate.want is CycleKind.FINAL:
            return None
        if candidate.want is CycleKind.ON_DEMAND and candidate.in_blackout == "override":
            return None
        blackouts = (policy.blackout, *candidate.blackouts)
        if blackouts not in self._known:
            self._known[blackouts] = closed(blackouts, self._now)
        return self._known[blackouts]


def forbidden(candidate: Candidate, policy: Policy, now: float, windows: Windows, surplus: Set[str]) -> Hold | None:
    """Why it may not start whatever room there is."""
    zone = policy.time_zone or policy.blackout.time_zone
    if candidate.hold is not None:
        return _hold(candidate, candidate.hold)
    if candidate.ready_at > now:
        when = words.clock(candidate.ready_at, now, zone)
        return _hold(candidate, f"next {words.CYCLE[candidate.want]} at {when}", candidate.ready_at)
    if shut := windows(candidate, policy):
        why = words.shut(shut, candidate.appliance, now, zone)
        if candidate.want is CycleKind.ON_DEMAND:
            why += f" (the migration's in_blackout: {candidate.in_blackout})"
        until = None if math.isinf(shut.until) else shut.until
        return Hold(candidate.machine, candidate.want, why, until, blackout=True)
    if candidate.machine in surplus:
        limit = policy.machines_per_appliance
        why = f"{candidate.appliance}: {limit} of {limit} machines replicate; deploy a scale-out appliance for more"
        return _hold(candidate, why)
    return None


def _short(candidate: Candidate, policy: Policy, now: float, capacity: Capacity) -> Hold | None:
    pressing = _pressing(candidate, policy, now)
    shortages = capacity.shortages(candidate, pressing)
    if not shortages:
        return None
    if candidate.want in URGENT:
        capacity.claim(candidate)
    elif pressing:
        capacity.claim_alone(candidate, shortages)
    times = [capacity.free_at(shortage, candidate) for shortage in shortages]
    zone = policy.time_zone or policy.blackout.time_zone
    known = [at for at in times if at is not None]
    return _hold(candidate, words.short(shortages[0], times[0], now, zone), max(known) if len(known) == len(times) else None)


def _hold(candidate: Candidate, why: str, until: float | None = None) -> Hold:
    return Hold(candidate.machine, candidate.want, why, until)
