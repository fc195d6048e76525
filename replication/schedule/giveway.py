"""Who is to release its snapshot and go on later, so that others on its datastore are not kept waiting for hours.

S9.3's one exception, a VM that alone has more disks than a datastore takes snapshots, keeps everybody else off it; its initial
replication may take days. It keeps what it has copied, so giving way costs it a snapshot, not its work. Pure.

1. For an urgent cycle (a migration's) it gives way at once.
2. For others it gives way when one of them is overdue and it has had as long a turn itself; then it queues, becomes overdue
   in its turn, and room is kept for it (`decide`, rule 4). So they take turns, each of at least `Policy.aging`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replication.model.record import CycleKind
from replication.schedule import words
from replication.schedule.decide import URGENT, Windows, forbidden, overdue
from replication.schedule.values import Candidate, Policy, Running


def alone(cycle: Running, policy: Policy) -> frozenset[str]:
    """Datastores that an initial cycle under way keeps for itself."""
    if cycle.kind is not CycleKind.INITIAL:
        return frozenset()
    return frozenset(name for name, disks in cycle.datastores.items() if disks > policy.snapshots_per_datastore)


def give_way(
    policies: Mapping[str, Policy], now: float, candidates: Iterable[Candidate], running: Iterable[Running]
) -> dict[str, str]:
    """Machine whose initial cycle is to release -> why."""
    kept = [(cycle, stores) for cycle in running if (p := policies.get(cycle.appliance)) and (stores := alone(cycle, p))]
    if not kept:
        return {}
    windows = Windows(now)
    found: dict[str, str] = {}
    for candidate in sorted(candidates, key=lambda c: c.machine):
        policy = policies.get(candidate.appliance)
        if policy is None or forbidden(candidate, policy, now, windows, frozenset()) is not None:
            continue
        for cycle, stores in kept:
            shared = sorted(stores.intersection(candidate.datastores))
            if not shared or cycle.machine in found or cycle.machine == candidate.machine:
                continue
            turn = now - cycle.started >= policy.aging and overdue(candidate, policy, now)
            if candidate.want in URGENT or turn:
                what = f"the {words.CYCLE[candidate.want]} of {candidate.name}"
                found[cycle.machine] = f"datastore {shared[0]} is wanted for {what}: released, copying goes on later"
    return found
