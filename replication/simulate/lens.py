"""What of a fleet `decide` need not be shown, because its answer is certain and touches nobody else's.

The schedule answers for every machine, each time; a week of 500 machines asks it ten thousand times. Certainly held is
1. what is not due, what a person holds, and what is not urgent while its appliance is in a blackout window;
2. what would not fit beside that which runs now, even with the fewest disks at once: during one `decide` room only shrinks.
The former claim nothing and are left out. So are the latter while they are neither urgent nor overdue; those that are claim
room, which matters to others only: when nobody else could start, `decide` need not be asked at all.
The machines that the reserve is measured by (the largest one in delta sync of every appliance, host and datastore) are
always shown, and an appliance over S10's number of machines is shown whole. Tests hold this against the full question.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping

from replication.model.record import CycleKind
from replication.schedule import Candidate, Policy
from replication.simulate import causes

URGENT = (CycleKind.ON_DEMAND, CycleKind.FINAL)
Place = tuple[str, str]
"""What is scarce: ("appliance" | "host" | "datastore", its name)."""


def needs(appliance: str, host: str, lanes: int, datastores: Mapping[str, int]) -> Iterator[tuple[Place, int]]:
    yield ("appliance", appliance), lanes
    yield ("host", host), lanes
    for name, count in datastores.items():
        yield ("datastore", name), count


def limit(policy: Policy, place: Place) -> int:
    match place[0]:
        case "appliance":
            return policy.disks_per_appliance
        case "host":
            return policy.disks_per_host
        case _:
            return policy.snapshots_per_datastore


class Lens:
    """`used`: what is in use of every place now, `initial`: by initial cycles; both kept by the simulation."""

    def __init__(self, policies: Mapping[str, Policy], used: Counter[Place], initial: Counter[Place]) -> None:
        self._policies, self._used, self._initial = policies, used, initial
        self._synced: dict[Place, list[tuple[int, str]]] = defaultdict(list)

    def synced(self, machine: str, places: Iterable[tuple[Place, int]]) -> None:
        """A machine has got through its initial replication: the reserve may be measured by it."""
        for place, count in places:
            insort(self._synced[place], (-count, machine))

    def gone(self, machine: str) -> None:
        for standing in self._synced.values():
            standing[:] = [entry for entry in standing if entry[1] != machine]

    def measures(self) -> set[str]:
        """The machines that the reserve is measured by."""
        return {standing[0][1] for standing in self._synced.values() if standing}

    def forbidden(self, candidate: Candidate, shut: Mapping[str, bool]) -> str | None:
        """The cause for which a due candidate is held whatever room there is, where it is certain. `shut`: whether an
        appliance is in a blackout window."""
        if candidate.hold is not None:
            return causes.HELD
        return causes.WINDOW if shut[candidate.appliance] and candidate.want not in URGENT else None

    def short(self, candidate: Candidate) -> str | None:
        """The cause for which it certainly finds no room; None: it may find some."""
        policy = self._policies[candidate.appliance]
        initial = candidate.want is CycleKind.INITIAL
        # The reserve takes half at most, and what is pressing starts with half of what is left.
        part = 4 if initial else 2
        fewest = max(1, min(candidate.disks, policy.disks_per_host // part, policy.disks_per_appliance // part))
        for place, needed in needs(candidate.appliance, candidate.host, fewest, candidate.datastores):
            used, most = self._used[place], limit(policy, place)
            if used + needed > most and not (place[0] == "datastore" and needed > most and used == 0):
                return causes.FULL[place[0]]
            if initial and place[0] != "datastore" and self._initial[place] + needed > most - self._reserve(place, most):
                return causes.KEPT
        return None

    def claims(self, candidate: Candidate, now: float) -> bool:
        """Whether it keeps others away while it is held."""
        policy = self._policies[candidate.appliance]
        return candidate.want in URGENT or now - max(candidate.queued_since, candidate.ready_at) >= policy.aging

    def _reserve(self, place: Place, most: int) -> int:
        standing = self._synced.get(place)
        return min(-standing[0][0], most // 2) if standing else 0
