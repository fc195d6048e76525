"""Counting what is in use against the limits of S9, with room claimed ahead for those that go first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from replication.model.record import CycleKind
from replication.schedule.values import Candidate, Policy, Running


class Kind(StrEnum):
    APPLIANCE = "appliance"
    HOST = "host"
    DATASTORE = "datastore"


@dataclass(frozen=True, slots=True)
class Resource:
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Shortage:
    """`needed` does not fit beside the `used` of `limit`; `claimant` goes first when there would be room without it."""

    resource: Resource
    used: int
    limit: int
    needed: int
    claimant: Candidate | None = None
    reserve: int = 0


class Capacity:
    """Use of every appliance, host and datastore at one moment of one `decide`."""

    def __init__(self, policies: Mapping[str, Policy], candidates: Iterable[Candidate], running: Iterable[Running]) -> None:
        self._policies = policies
        self._running = tuple(running)
        self._used: Counter[Resource] = Counter()
        self._initial: Counter[str] = Counter()
        self._claimed: Counter[Resource] = Counter()
        self._claimant: dict[Resource, Candidate] = {}
        self._known_ends: dict[Resource, list[tuple[float, CycleKind, int]]] = {}
        for cycle in self._running:
            self._occupy(_needs(cycle.appliance, cycle.host, cycle.disks, cycle.datastores))
            if cycle.kind is CycleKind.INITIAL:
                self._initial[cycle.appliance] += cycle.disks
        self._reserve = _reserves(policies, candidates, self._running)

    def lanes(self, candidate: Candidate) -> int:
        """Disks that it may read at once: a machine larger than a limit fills the limit, so that it can run at all."""
        policy = self._policies[candidate.appliance]
        most = policy.disks_per_appliance
        if candidate.want is CycleKind.INITIAL:
            most -= self._reserve[candidate.appliance]
        return min(candidate.disks, most, policy.disks_per_host)

    def shortages(self, candidate: Candidate) -> list[Shortage]:
        """Everything that keeps it from starting now; empty when it fits."""
        policy = self._policies[candidate.appliance]
        found = []
        for resource, needed in self._wants(candidate).items():
            limit = _limit(policy, resource.kind)
            used = self._used[resource]
            claimed = self._claimed[resource]
            if not _fits(resource.kind, used, needed, limit, candidate):
                found.append(Shortage(resource, used, limit, needed))
            elif claimed and not _fits(resource.kind, used + claimed, needed, limit, candidate):
                found.append(Shortage(resource, used, limit, needed, claimant=self._claimant[resource]))
        return found + self._kept(candidate, policy)

    def start(self, candidate: Candidate) -> int:
        """Take its place; its lanes."""
        lanes = self.lanes(candidate)
        self._occupy(self._wants(candidate))
        if candidate.want is CycleKind.INITIAL:
            self._initial[candidate.appliance] += lanes
        return lanes

    def claim(self, candidate: Candidate) -> None:
        """Keep room for it: whoever comes later may only use what it leaves."""
        wants = self._wants(candidate)
        self._claimed.update(wants)
        for resource in wants:
            self._claimant.setdefault(resource, candidate)

    def free_at(self, shortage: Shortage, candidate: Candidate) -> float | None:
        """When it will fit, by the expected ends of the cycles that use the resource; None when these are not known."""
        if shortage.claimant is not None:
            return None
        used, limit = shortage.used, shortage.limit - shortage.reserve
        for end, kind, held in self._ends(shortage.resource):
            # The reserve is about initial cycles only, the limits are about all.
            used -= held if kind is CycleKind.INITIAL or not shortage.reserve else 0
            if _fits(shortage.resource.kind, used, shortage.needed, limit, candidate):
                return end
        return None

    def _ends(self, resource: Resource) -> list[tuple[float, CycleKind, int]]:
        """(expected end, kind, how much of it) of the cycles that use a resource, the first to end first."""
        if resource in self._known_ends:
            return self._known_ends[resource]
        ends = []
        for cycle in self._running:
            held = _needs(cycle.appliance, cycle.host, cycle.disks, cycle.datastores).get(resource)
            if held and cycle.expected_end is not None:
                ends.append((cycle.expected_end, cycle.kind, held))
        self._known_ends[resource] = sorted(ends, key=lambda end: end[0])
        return self._known_ends[resource]

    def _wants(self, candidate: Candidate) -> dict[Resource, int]:
        return _needs(candidate.appliance, candidate.host, self.lanes(candidate), candidate.datastores)

    def _kept(self, candidate: Candidate, policy: Policy) -> list[Shortage]:
        """Initial cycles leave the appliance's reserve free: they take days, an on-demand cycle must not wait for days."""
        reserve = self._reserve[candidate.appliance]
        if candidate.want is not CycleKind.INITIAL or not reserve:
            return []
        used, limit, needed = self._initial[candidate.appliance], policy.disks_per_appliance, self.lanes(candidate)
        if used + needed <= limit - reserve:
            return []
        return [Shortage(Resource(Kind.APPLIANCE, candidate.appliance), used, limit, needed, reserve=reserve)]

    def _occupy(self, needs: Mapping[Resource, int]) -> None:
        self._used.update(needs)


def _needs(appliance: str, host: str, disks: int, datastores: Mapping[str, int]) -> dict[Resource, int]:
    needs = {Resource(Kind.APPLIANCE, appliance): disks, Resource(Kind.HOST, host): disks}
    needs |= {Resource(Kind.DATASTORE, name): count for name, count in datastores.items()}
    return {resource: count for resource, count in needs.items() if count}


def _limit(policy: Policy, kind: Kind) -> int:
    match kind:
        case Kind.APPLIANCE:
            return policy.disks_per_appliance
        case Kind.HOST:
            return policy.disks_per_host
        case Kind.DATASTORE:
            return policy.snapshots_per_datastore


def _fits(kind: Kind, used: int, needed: int, limit: int, candidate: Candidate) -> bool:
    if used + needed <= limit:
        return True
    # S9.3's one exception: a VM that alone has more than the limit, and only while nothing else has a snapshot there.
    return kind is Kind.DATASTORE and candidate.disks > limit and needed > limit and used == 0


def _reserves(policies: Mapping[str, Policy], candidates: Iterable[Candidate], running: Iterable[Running]) -> Counter[str]:
    """Per appliance: the disks of the largest machine that could be migrated (its initial cycle is behind it), at most
    half of the appliance, so that initial cycles go on too."""
    reserve: Counter[str] = Counter()
    kinds = [(c.appliance, c.disks, c.want) for c in candidates] + [(r.appliance, r.disks, r.kind) for r in running]
    for appliance, disks, kind in kinds:
        if appliance in policies and kind is not CycleKind.INITIAL:
            policy = policies[appliance]
            lanes = min(disks, policy.disks_per_host, policy.disks_per_appliance // 2)
            reserve[appliance] = max(reserve[appliance], lanes)
    return reserve
