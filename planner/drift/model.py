"""Drift as a value: findings by class, what is allowed, what carries our tag and is not ours to know, and what was not seen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from planner.artifact import Json
from planner.estate import Span
from planner.ports import Tagged


class Severity(StrEnum):
    """URGENT: data, or two machines of one identity, are in danger now. OURS: what we set is otherwise; the next apply or
    somebody sets it right. FOREIGN: what others did beside it; left alone."""

    URGENT = "urgent"
    OURS = "ours"
    FOREIGN = "foreign"


UNMANAGED = "unmanaged"
"""Beside the severities a thing that `fail` may name: resources with our tag that are not in the state."""

FAILS = frozenset({"urgent", "ours"})
"""What gives exit code 2 unless the estate or `--fail` says otherwise."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `address` is an artifact's, or `machine.<name>` for its VM in vCenter, or `appliance.<name>`.

    `property` is empty when the whole thing is gone. `what` says it in words without the address, so that equal findings
    fold; `then` says what happens next or what to do. `since` is unix time, where somebody knows it.
    """

    severity: Severity
    address: str
    property: str
    what: str
    then: str = ""
    old: Json = None
    new: Json = None
    machine: str | None = None
    wave: str | None = None
    since: float | None = None
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Lag:
    """The worst replication lag: seconds that the newest recovery point is behind its source. `limit`: the policy's."""

    machine: str
    seconds: float
    limit: float | None


@dataclass(frozen=True, slots=True)
class Cycles:
    """Of the newest cycles that each machine's record keeps: how many there are, how many took more than one attempt, and
    sectors that were requested and not applied (S5.1: none, or the cycle would have failed)."""

    kept: int = 0
    repaired: int = 0
    unexplained: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """`at` is when it was looked (unix time). Findings are in order: severity, then address, then property."""

    estate: str
    lineage: str
    serial: int
    at: float
    time_zone: str
    findings: tuple[Finding, ...]
    allowed: tuple[Finding, ...] = ()
    expires: str | None = None
    """The day on which the next allow-list entry that is in use ends."""
    unmanaged: tuple[Tagged, ...] = ()
    unchecked: tuple[str, ...] = ()
    """What could not be looked at, in words; none of it counts as drift."""
    blind: tuple[str, ...] = ()
    """A whole side that could not be read although it should be (vCenter is down): no answer, which is not "no drift"."""
    in_progress: int = 0
    """Artifacts that an order changes just now and that were therefore not compared."""
    lag: Lag | None = None
    cycles: Cycles = Cycles()
    cost: tuple[str, ...] = ()
    """Lines about money from whoever knows the prices; empty when unknown."""

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.severity is severity)

    @property
    def counts(self) -> Mapping[str, int]:
        """By severity, and unmanaged."""
        return {**{s.value: len(self.of(s)) for s in Severity}, UNMANAGED: len(self.unmanaged)}

    def fails(self, classes: Collection[str]) -> bool:
        """Whether anything of these classes was found."""
        return any(self.counts[name] for name in classes)
