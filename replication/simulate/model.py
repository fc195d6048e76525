"""What a simulation is told: machines without data, what they share, and what is assumed of both. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from replication.schedule import Policy
from replication.throttle import Throttle
from replication.windows import Blackout

DAY = 24 * 3600.0
MBIT = 1e6 / 8
"""Bytes a second of one megabit a second."""


@dataclass(frozen=True, slots=True)
class SimMachine:
    """A machine as the schedule sees it. `used`: bytes that its initial replication sends; `churn`: bytes that its guest
    writes in a day; `begins`: unix time at which its replication is configured; `datastores`: name -> disks there."""

    name: str
    wave: str
    appliance: str
    host: str
    disks: int
    datastores: Mapping[str, int]
    used: float
    churn: float
    begins: float
    hold: str | None = None
    blackouts: tuple[Blackout, ...] = ()
    """Windows of its wave and its own, besides its appliance's."""
    in_blackout: Literal["wait", "override", "refuse"] = "wait"
    """What a migration does inside a window."""
    synced: float | None = None
    """Unix time of its newest recovery point where it is in delta sync already."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What no inventory says. Rates in bytes a second, None for no limit; times in seconds.

    `hot`: the share of a machine's bytes that its guest writes to at all: overwrites fold (S12), so a delta never
    exceeds it. `settle`: of every cycle, what is no copying: snapshot taken, consolidated. `shutdown`: between the
    on-demand cycle of a migration and its final delta. `grid`: the schedule looks at most this often.
    """

    link: float | None = 10_000 * MBIT
    appliance: float | None = 4000 * MBIT
    host: float | None = 2000 * MBIT
    disk: float | None = 400 * MBIT
    hot: float = 0.25
    settle: float = 60.0
    shutdown: float = 180.0
    grid: float = 60.0
    deltas: bool = True
    """Whether delta cycles follow the initial ones; without them only initial replications are asked about."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """`policies` by appliance; `throttles` likewise (S13)."""

    machines: tuple[SimMachine, ...]
    policies: Mapping[str, Policy]
    throttles: Mapping[str, Throttle] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Migration:
    """Somebody asks at unix time `at` that these machines migrate."""

    at: float
    machines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the trace."""

    at: float
    machine: str
    what: str
