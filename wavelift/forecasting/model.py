"""What a forecast says, as values. Times are unix seconds, durations seconds, sizes bytes; None is "unknown", never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from planner.legal import Legal


@dataclass(frozen=True, slots=True)
class Start:
    """The initial replication of a machine that begins with this plan or is under way."""

    machine: str
    wave: str
    bytes: int
    """Still to be sent, before compression."""
    begins: float | None
    ends: float | None
    """None: not within the days looked at."""
    snapshot: float | None
    """The longest that its snapshot stays open at a stretch."""
    space: Mapping[str, int]
    """Datastore -> what the snapshot may grow to there."""
    churn: Literal["measured", "assumed"]
    windows: int
    """Blackout windows that open while it runs."""
    free: Mapping[str, int] = field(default_factory=dict)
    """Datastore -> bytes free when the inventory was read; without those that did not say."""


@dataclass(frozen=True, slots=True)
class Cutover:
    """A machine that is to be cut over."""

    machine: str
    wave: str
    p50: float | None
    """Downtime; None while no delta cycle was measured."""
    p90: float | None
    bytes50: int | None
    """Of the last delta."""
    budget: float | None
    window: str | None
    legal: Legal
    short: str = ""
    """Why its window or its budget is too small, or empty."""
    azure_assumed: bool = False
    """No test migration has measured how long Azure takes to make and start the VM."""
    lag: float | None = None
    """Age of its newest recovery point; None while it has none."""
    on_failure: str = "retry"
    """What becomes of it, or of its wave, when it fails after the power-off."""


@dataclass(frozen=True, slots=True)
class Forecast:
    at: float
    zone: str
    starts: tuple[Start, ...] = ()
    cutovers: tuple[Cutover, ...] = ()
    seeds: Mapping[str, int] = field(default_factory=dict)
    """Region -> bytes of all seeds that are there once this plan is applied."""
    cost: Mapping[str, float | None] = field(default_factory=dict)
    """Region -> amount a month; None where the price is unknown."""
    change: Mapping[str, int] = field(default_factory=dict)
    """Region -> bytes of seeds that the plan's steps make, less those that they remove."""
    added: Mapping[str, float | None] = field(default_factory=dict)
    """Region -> what that adds to the amount a month, or takes from it; None where the price is unknown."""
    currency: str = ""
    assumed: Mapping[str, str] = field(default_factory=dict)
    left_out: str = ""
    """What was not worked out, and how to have it; empty when everything was."""
    rights: str = ""
    """Whose rights were checked when it was made, in words; empty when nobody's were."""
    warned: tuple[str, ...] = ()
    """What it warns of: "WL488 cut-over will not fit: …"."""

    @property
    def ends(self) -> float | None:
        """When the last initial replication ends; None when one is not known or there is none."""
        ends = [start.ends for start in self.starts]
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def monthly(self) -> float | None:
        """The sum of what is known; None when nothing is."""
        known = [amount for amount in self.cost.values() if amount is not None]
        return sum(known) if known else None
