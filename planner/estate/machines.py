"""Machines and waves, and how far each should go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from planner.estate.diagnostic import Span
from planner.estate.landing import USUAL_LANDING, Landing
from planner.estate.policies import USUAL_CUTOVER, USUAL_TRIAL, BlackoutPolicy, CutoverPolicy, TrialPolicy
from replication.model.quick import quick

TEST_SUFFIX = "-test"
"""What the name of a machine's test VM has behind the machine's."""


class Phase(Enum):
    """How far a machine should go; the order is the order of the life of a migration."""

    REPLICATE = "replicate"
    TEST = "test"
    MIGRATE = "migrate"
    COMPLETE = "complete"

    def __init__(self, _: object) -> None:
        self.rank = len(type(self).__members__)



@dataclass(frozen=True, slots=True)
class Removed:
    """A reviewed statement that a machine leaves: `destroy` stops its replication and deletes its seeds; else it is forgotten,
    and what exists stays."""

    machine: str
    destroy: bool
    why: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class DiskWish:
    """What the file says of one disk; the key in `Machine.disks` is `os`, `scsi0:1` or a label."""

    type: str | None = None
    gib: int | None = None
    skip: bool = False
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class NicWish:
    """What the file says of one network adapter (0 is the first): address (None = as `ip` says), subnet, or left out."""

    ip: str | None = None
    subnet: str | None = None
    skip: bool = False
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    why: str
    until: str | None = None
    """An ISO date (the hold ends at its start in the estate's time zone) or None."""


@quick
@dataclass(frozen=True, slots=True)
class Machine:
    """One machine with every default resolved. `spans` maps a key ("size", "phase", …) to the line its value came from."""

    name: str
    wave: str
    target: str
    source: str
    phase: Phase
    size: tuple[str, ...]
    vm: str | None = None
    """vCenter name or inventory path; None = the same as `name`."""
    disk_type: str = "StandardSSD_LRS"
    disks: Mapping[str, DiskWish] = field(default_factory=dict)
    nics: Mapping[int, NicWish] = field(default_factory=dict)
    ip: Literal["keep", "dynamic"] = "dynamic"
    tags: Mapping[str, str] = field(default_factory=dict)
    hold: Hold | None = None
    acknowledge: str = ""
    """Reason or number of the intervention (`wavelift hold`, `rollback`) that the files acknowledge; empty: none."""
    quiesce: bool = False
    test: TrialPolicy = USUAL_TRIAL
    cutover: CutoverPolicy = USUAL_CUTOVER
    start_after: str | None = None
    """The machine that must be ready in Azure before this one is powered off."""
    protect: bool = False
    """Recorded, so that it holds when the machine has left the files."""
    blackout: BlackoutPolicy | None = None
    """Its own, besides its wave's and its appliance's."""
    landing: Landing = USUAL_LANDING
    spans: Mapping[str, Span] = field(default_factory=dict)

    @property
    def span(self) -> Span | None:
        return self.spans.get("")


@dataclass(frozen=True, slots=True)
class Wave:
    name: str
    target: str
    phase: Phase
    machines: tuple[str, ...]
    after: Mapping[str, Literal["migrated", "completed"]] = field(default_factory=dict)
    span: Span | None = None
    blackout: BlackoutPolicy | None = None
