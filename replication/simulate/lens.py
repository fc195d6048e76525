"""What of a fleet `decide` need not be shown, because its answer is certain and touches nobody else's.

The schedule answers for every machine, each time; a week of 500 machines asks it ten thousand times. Left out is
1. what is not due, and what is not urgent while its appliance is in a blackout window: held, and it claims nothing;
2. what is neither urgent nor overdue when, with what runs now, it would not fit even with the fewest disks at once: during
   one `decide` room only shrinks, and what is held without a claim leaves no trace.
But the machines that the reserve is measured by (the largest one in delta sync of every appliance, host and datastore)
are always shown, and an appliance over S10's number of machines is shown whole. Tests hold this against the full question.
"""

from __future__ import annotations

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
    """`used`: what is in use of every place now, kept by the simulation."""

    def __init__(self, policies: Mapping[str, Policy], used: Counter[Place]) -> None:
        self._policies, self._used = policies, used
        self._synced: dict[Place, list[tuple[int, str]]] = defaultdict(list)

    def synced(self, machine: str, candidate_places: Iterable[tuple[Place, int]]) -> None:
        """A machine has got through its initial replication: the reserve may be measured by it."""
        for place, count in candidate_places:
            self._synced[place].append((-count, machine))
            self._synced[place].sort()

    def gone(self, machine: str) -> None:
        for standing in self._synced.values():
            standing[:] = [entry for entry in standing if entry[1] != machine]

    def measures(self) -> set[str]:
        """The machines that the reserve is measured by."""
        return {standing[0][1] for standing in self._synced.values() if standing}

    def certain(self, candidate: Candidate, now: float, shut: Mapping[str, bool]) -> str | None:
        """The cause for which a due candidate is certainly held and may be left out; None: ask. `shut`: whether the
        appliance's window is closed now."""
        if candidate.want in URGENT:
            return None
        if candidate.hold is not None:
            return causes.HELD
        policy = self._policies[candidate.appliance]
        if shut[candidate.appliance]:
            return causes.WINDOW
        if now - max(candidate.queued_since, candidate.ready_at) >= policy.aging:
            return None
        fewest = max(1, min(candidate.disks, policy.disks_per_host, policy.disks_per_appliance // 2))
        for place, needed in needs(candidate.appliance, candidate.host, fewest, candidate.datastores):
            used, most = self._used[place], limit(policy, place)
            if used + needed > most and not (place[0] == "datastore" and needed > most and used == 0):
                return causes.FULL[place[0]]
        return None
