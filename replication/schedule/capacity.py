"""Counting what is in use against the limits of S9, with room claimed ahead for those that go first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from replication.model.record import CycleKind
from replication.schedule.values import Candidate, Policy, Running


class Kind(StrEnum):
    APPLIANCE = "appliance"
    HOST = "host"
    DATASTORE = "datastore"


class Resource(NamedTuple):
    """A tuple: `decide` looks up thousands of them."""

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
        self._initial: Counter[Resource] = Counter()
        """Of what is used: by initial cycles."""
        self._claimed: Counter[Resource] = Counter()
        self._claimant: dict[Resource, Candidate] = {}
        self._claimed_hosts: set[str] = set()
        self._claimed_stores: set[str] = set()
        self._ends: dict[Resource, list[tuple[float, CycleKind, int]]] = {}
        """(expected end, kind, how much of it) of the cycles that use a resource, the first to end first."""
        for cycle in sorted(self._running, key=lambda r: math.inf if r.expected_end is None else r.expected_end):
            needs = _needs(cycle.appliance, cycle.host, cycle.disks, cycle.datastores)
            self._occupy(needs, cycle.kind)
            if cycle.expected_end is not None:
                for resource, held in needs.items():
                    self._ends.setdefault(resource, []).append((cycle.expected_end, cycle.kind, held))
        self._reserve = _reserves(policies, candidates, self._running)

    def lanes(self, candidate: Candidate, pressing: bool = False) -> int:
        """Disks that it may read at once: a machine larger than a limit fills the limit, so that it can run at all.

        What is `pressing` (urgent, or overdue) rather starts with fewer, down to half of what it could get, than waits.
        """
        policy = self._policies[candidate.appliance]
        if candidate.want is not CycleKind.INITIAL and not pressing:
            return min(candidate.disks, policy.disks_per_host, policy.disks_per_appliance)
        initial = candidate.want is CycleKind.INITIAL
        most, free = candidate.disks, candidate.disks
        least = candidate.disks
        for kind, name in ((Kind.HOST, candidate.host), (Kind.APPLIANCE, candidate.appliance)):
            resource, limit = Resource(kind, name), _limit(policy, kind)
            allowed = limit - self._reserve[resource] if initial else limit
            most, least = min(most, allowed), min(least, max(1, allowed // 2))
            free = min(free, limit - self._used[resource] - self._claimed[resource])
            if initial:
                free = min(free, allowed - self._initial[resource])
        # What keeps a whole datastore for itself (S9.3) for as long as it runs had better run at its full speed.
        alone = initial and max(candidate.datastores.values(), default=0) > policy.snapshots_per_datastore
        return min(most, max(least, free)) if pressing and not alone else most

    def shortages(self, candidate: Candidate, pressing: bool = False) -> list[Shortage]:
        """Everything that keeps it from starting now; empty when it fits."""
        policy = self._policies[candidate.appliance]
        found = []
        wants = self._wants(candidate, pressing)
        for resource, needed in wants.items():
            limit = _limit(policy, resource.kind)
            used = self._used[resource]
            claimed = self._claimed[resource]
            if not _fits(resource.kind, used, needed, limit, candidate):
                found.append(Shortage(resource, used, limit, needed))
            elif claimed and not _fits(resource.kind, used + claimed, needed, limit, candidate):
                found.append(Shortage(resource, used, limit, needed, claimant=self._claimant[resource]))
        return found + self._kept(candidate, policy, wants)

    def start(self, candidate: Candidate, pressing: bool = False) -> int:
        """Take its place; its lanes."""
        lanes = self.lanes(candidate, pressing)
        self._occupy(self._wants(candidate, pressing), candidate.want)
        return lanes

    def claim(self, candidate: Candidate) -> None:
        """Keep room for an urgent cycle: whoever comes later may only use what it leaves.

        Of the appliance no more than its host could serve now: what frees the host frees as much of the appliance."""
        wants = self._wants(candidate, True)
        host, appliance = Resource(Kind.HOST, candidate.host), Resource(Kind.APPLIANCE, candidate.appliance)
        free = self._policies[candidate.appliance].disks_per_host - self._used[host] - self._claimed[host]
        self._claim(candidate, wants | {appliance: min(wants[appliance], max(0, free))})

    def claim_alone(self, candidate: Candidate, shortages: Iterable[Shortage]) -> None:
        """Keep room for an overdue cycle, if it is the first that claims its host and datastores: of many that are overdue
        there, room is kept for one at a time. Of the appliance only when that is all it lacks, and again the first; so
        what waits for a host keeps no disk of the appliance idle."""
        wants, appliance = self._wants(candidate, True), Resource(Kind.APPLIANCE, candidate.appliance)
        if any(self._claimed[resource] for resource in wants if resource != appliance):
            return
        if self._claimed[appliance] or any(shortage.resource != appliance for shortage in shortages):
            del wants[appliance]
        if candidate.want is CycleKind.INITIAL:  # the reserve is not for it: others may go on there
            policy = self._policies[candidate.appliance]
            for r, needed in wants.items():
                # But on a datastore, which it needs as a whole: the first one there may go over the reserve (see `_kept`).
                if self._initial[r] or r.kind is not Kind.DATASTORE:
                    wants[r] = min(needed, _limit(policy, r.kind) - self._reserve[r] - self._initial[r])
        self._claim(candidate, wants)

    def idles(self, candidate: Candidate, known: bool) -> bool:
        """Whether one that is not urgent certainly stays held and keeps no room for itself; a quick look that may say no.

        `known`: it is known to find no room. It claims nothing when its host or a datastore of its is claimed already, or,
        for an initial cycle, when none of them has room that is not reserved: then it lacks more than the appliance, and does
        not claim that either. What is not known may fit but for what is claimed."""
        policy = self._policies.get(candidate.appliance)
        if policy is None or not candidate.disks:
            return False
        stores = self._claimed_stores
        if candidate.host in self._claimed_hosts or any(n and name in stores for name, n in candidate.datastores.items()):
            return known or self._yields(candidate, policy)
        if not known or candidate.want is not CycleKind.INITIAL:
            return False
        own = (Resource(Kind.HOST, candidate.host), *(Resource(Kind.DATASTORE, name) for name in candidate.datastores))
        return all(_limit(policy, r.kind) - self._reserve[r] - self._initial[r] <= 0 for r in own)

    def _yields(self, candidate: Candidate, policy: Policy) -> bool:
        """Whether what is claimed keeps it away, with however few disks it would start."""
        # The reserve takes half of a limit at most, and what is pressing starts with half of what is left.
        fewest = max(1, min(candidate.disks, policy.disks_per_host // 4, policy.disks_per_appliance // 4))
        host = Resource(Kind.HOST, candidate.host)
        if self._claimed[host] and self._used[host] + self._claimed[host] + fewest > policy.disks_per_host:
            return True
        for name, count in candidate.datastores.items():
            store = Resource(Kind.DATASTORE, name)
            claimed = self._claimed[store]
            if count and claimed and self._used[store] + claimed + count > policy.snapshots_per_datastore:
                return True
        return False

    def _claim(self, candidate: Candidate, wants: Mapping[Resource, int]) -> None:
        for resource, needed in wants.items():
            if needed > 0:
                self._claimed[resource] += needed
                self._claimant.setdefault(resource, candidate)
                match resource.kind:
                    case Kind.HOST:
                        self._claimed_hosts.add(resource.name)
                    case Kind.DATASTORE:
                        self._claimed_stores.add(resource.name)
                    case Kind.APPLIANCE:
                        pass

    def free_at(self, shortage: Shortage, candidate: Candidate) -> float | None:
        """When it will fit, by the expected ends of the cycles that use the resource; None when these are not known."""
        if shortage.claimant is not None:
            return None
        used, limit = shortage.used, shortage.limit - shortage.reserve
        for end, kind, held in self._ends.get(shortage.resource, ()):
            # The reserve is about initial cycles only, the limits are about all.
            used -= held if kind is CycleKind.INITIAL or not shortage.reserve else 0
            if _fits(shortage.resource.kind, used, shortage.needed, limit, candidate):
                return end
        return None

    def _wants(self, candidate: Candidate, pressing: bool = False) -> dict[Resource, int]:
        return _needs(candidate.appliance, candidate.host, self.lanes(candidate, pressing), candidate.datastores)

    def _kept(self, candidate: Candidate, policy: Policy, wants: Mapping[Resource, int]) -> list[Shortage]:
        """Initial cycles leave the reserve free: they take days, an on-demand cycle must not wait for days."""
        if candidate.want is not CycleKind.INITIAL:
            return []
        found = []
        for resource, needed in wants.items():
            reserve, used, limit = self._reserve[resource], self._initial[resource], _limit(policy, resource.kind)
            # On a datastore nothing can be taken in parts: one initial cycle at a time may go over.
            over = used + needed > limit - reserve and (used or resource.kind is not Kind.DATASTORE)
            if reserve and over:
                found.append(Shortage(resource, used, limit, needed, reserve=reserve))
        return found

    def _occupy(self, needs: Mapping[Resource, int], kind: CycleKind) -> None:
        self._used.update(needs)
        if kind is CycleKind.INITIAL:
            self._initial.update(needs)


def _needs(appliance: str, host: str, disks: int, datastores: Mapping[str, int]) -> dict[Resource, int]:
    needs = {Resource(Kind.APPLIANCE, appliance): disks, Resource(Kind.HOST, host): disks} if disks else {}
    for name, count in datastores.items():
        if count:
            needs[Resource(Kind.DATASTORE, name)] = count
    return needs


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


def _reserves(policies: Mapping[str, Policy], candidates: Iterable[Candidate], running: Iterable[Running]) -> Counter[Resource]:
    """Per appliance, host and datastore: what the largest machine there that could be migrated (its initial cycle is behind
    it) needs, at most half of it, so that initial cycles go on too."""
    reserve: Counter[Resource] = Counter()
    initial = CycleKind.INITIAL
    those = [(c.appliance, c.host, c.disks, c.datastores) for c in candidates if c.want is not initial]
    those += [(r.appliance, r.host, r.disks, r.datastores) for r in running if r.kind is not initial]
    for appliance, host, disks, datastores in those:
        if appliance in policies:
            policy = policies[appliance]
            for resource, needed in _needs(appliance, host, min(disks, policy.disks_per_host), datastores).items():
                reserve[resource] = max(reserve[resource], min(needed, _limit(policy, resource.kind) // 2))
    return reserve
