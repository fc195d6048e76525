"""The engine's journal: one record per machine, replaced by compare-and-swap (ETag) at every step that counts.

Rules
1. A record is written *before* the outside call that it announces, and again after it. What it does not announce has
   not been done.
2. `epoch` is the coordinator's; `fence` rises by one with every attempt and is the page-blob sequence number of that
   attempt's writes. A coordinator that lost its lease fails the compare-and-swap and stops; a write of an earlier
   attempt that lands late fails the sequence number.
3. Only `committed` is ever tested, migrated or shown. `attempt` is what is under way.
4. An attempt goes ANNOUNCED -> READING -> SEALED -> APPLYING -> COMMITTED (then it leaves `attempt` and becomes
   `committed`; what remains to be cleaned stands in `unclean`). A crash before SEALED throws the attempt away; from
   SEALED on it is rolled forward. An initial attempt streams: READING covers reading and applying, SEALED means all
   applied and confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from replication.model.item import OrderKind
from replication.model.jsonform import LATER
from replication.model.quick import quick


class CycleKind(Enum):
    INITIAL = "initial"
    DELTA = "delta"
    ON_DEMAND = "on-demand"
    FINAL = "final"
    """The last delta, from the powered-off source."""


class Stage(Enum):
    ANNOUNCED = "announced"
    READING = "reading"
    SEALED = "sealed"
    APPLYING = "applying"


@dataclass(frozen=True, slots=True)
class Attempt:
    uuid: str
    kind: CycleKind
    cycle: int
    epoch: int
    fence: int
    stage: Stage
    started: float
    snapshot_name: str
    snapshot_ref: str | None = None
    change_ids: Mapping[int, str] = field(default_factory=dict)
    """Disk key -> change id of this attempt's snapshot."""
    sizes: Mapping[int, int] = field(default_factory=dict)
    """Disk key -> bytes it had in this attempt's snapshot."""
    manifest_digest: str | None = None
    key_version: str | None = None
    sealed_at: float | None = None
    snapshot_at: float | None = None
    """Unix time just before the snapshot was asked for: the source's content is at least as new."""
    snapshot_seconds: float | None = None
    take_seconds: float | None = None
    """How long taking its snapshot took, seen from here; None until it is there, or when somebody else asked for it."""
    disks: tuple[DiskEvidence, ...] = ()
    """Set when sealed: what the attempt read and sent (`applied_sectors` still 0 for a delta), for the evidence."""


@dataclass(frozen=True, slots=True)
class DiskEvidence:
    """Per disk and cycle, in sectors (512 B) and bytes; S5.1: `requested == applied` or the cycle has failed."""

    key: int
    requested_sectors: int
    applied_sectors: int
    zero_sectors: int
    """Requested sectors proven zero that were never written on a new blob (counted in `applied_sectors`)."""
    changed_bytes: int
    """CBT areas (capacity for an initial cycle)."""
    altered_bytes: int | None
    """Blocks whose checksum differs from the last cycle's; None when not known."""
    read_bytes: int
    sent_bytes: int
    blobs: int
    same_sectors: int = 0
    """Requested sectors whose block the replica had already, by its stored hash: not sent, counted in `applied_sectors`."""
    areas: int = 0
    """Areas that tracking reported."""
    pattern: str = ""
    """How the changes lay: see `replication.churn`."""
    rechecked_bytes: int = 0
    """Read to be held against stored hashes although nothing was reported about them."""
    note: str = ""
    """What was unusual: compared whole and why, changes that tracking had not reported."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a read of the source costs, as measured: seconds before the first byte, bytes a second from then on."""

    latency: float
    throughput: float


@dataclass(frozen=True, slots=True)
class SnapshotTimes:
    """Seconds that vCenter's tasks took, seen from here (up to a second of polling, and waiting for other tasks of the VM,
    included). The guest's stuns lie within: vCenter's API tells them nowhere. None: not known (a crash lay between)."""

    take: float | None
    remove: float | None
    quiesced: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a finished cycle can show years later."""

    cycle: int
    kind: CycleKind
    attempt: str
    attempts: int
    started: float
    completed: float
    snapshot_seconds: float
    disks: tuple[DiskEvidence, ...]
    bridge: int = 0
    """Gaps up to so many bytes were read through."""
    snapshot: SnapshotTimes | None = field(default=None, metadata=LATER)
    """None: of a release that did not measure it."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A recovery point: the replica equals the source at `snapshot_time`. `points` is disk key -> blob snapshot id."""

    cycle: int
    kind: CycleKind
    attempt: str
    fence: int
    committed: float
    snapshot_time: float
    change_ids: Mapping[int, str]
    points: Mapping[int, str]
    sizes: Mapping[int, int] = field(default_factory=dict)
    """Disk key -> capacity in bytes: a disk of another size now is copied whole, not by its changes."""


@dataclass(frozen=True, slots=True)
class Unclean:
    """Left to remove after an attempt: own snapshot by name, log blobs by prefix, blob snapshots."""

    attempt: str
    snapshot_name: str | None
    log_prefix: str | None
    points: Mapping[int, tuple[str, ...]] = field(default_factory=dict)


class StepState(Enum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OrderStep:
    name: str
    state: StepState = StepState.WAITING
    started: float | None = None
    ended: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """How far an order is. `made` is what it made: logical name ("vm", "disk/2000", "nic/4000") -> ARM id."""

    number: int
    id: str
    kind: OrderKind
    steps: tuple[OrderStep, ...]
    made: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    """What later steps need: pinned cycle, power-off time, chosen size …"""
    outcome: str | None = None
    """None while under way, "done", "failed" (latched), "aborted" (nothing changed for good), "missed" (its window)."""
    problem: str = ""


class Life(Enum):
    """Where a machine is in its life; the visible words of S7 are derived in `status`."""

    NEW = "new"
    INITIAL = "initial"
    DELTA = "delta"
    MIGRATED = "migrated"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class HoldMark:
    """A person (or a failed machine of the wave) holds this machine: no order of it begins or powers anything off."""

    who: str
    why: str
    since: float
    until: float | None = None
    """Unix time at which it ends by itself; None: when somebody says so."""
    until_text: str = ""
    """That time as the person wrote it."""
    number: int = 0
    """Of the command that said so; 0: not known."""

    def __str__(self) -> str:
        return f"held by {self.who}: {self.why}" + (f" until {self.until_text}" if self.until_text else "")

    def over(self, now: float) -> bool:
        return self.until is not None and self.until <= now


@dataclass(frozen=True, slots=True)
class TrialMark:
    """The last test that was made: by which order, when, until when it lives (None: no end), and when it was found expired
    and deleted (None: not)."""

    order: int
    asked: str
    cycle: int
    made: float
    until: float | None
    expired: float | None = None


@dataclass(frozen=True, slots=True)
class Intervention:
    """A break-glass command that was obeyed or refused, for the record."""

    number: int
    verb: str
    who: str
    why: str
    when: float
    answer: str
    """What came of it."""


@quick
@dataclass(frozen=True, slots=True)
class Record:
    machine: str
    replication: str
    epoch: int
    fence: int
    life: Life
    cycle: int
    """Number of the last committed cycle; 0 before the first."""
    attempt: Attempt | None = None
    committed: Commit | None = None
    earlier: tuple[Commit, ...] = ()
    """Older recovery points that are kept, newest first."""
    unclean: tuple[Unclean, ...] = ()
    dirty: bool = False
    """The replica's current content may hold parts of an unfinished attempt (its last blob snapshot is whole)."""
    initial_base: Mapping[int, str] = field(default_factory=dict)
    """Disk key -> c1, the change id of the first initial attempt."""
    attempts: int = 0
    """Attempts at the cycle under way, this one included."""
    last_completed: float | None = None
    last_duration: float | None = None
    queued_since: float | None = None
    retry_at: float | None = None
    problem: str = ""
    stuck: bool = field(default=False, metadata=LATER)
    """`problem` is one that trying again does not mend: somebody has to do something."""
    order: OrderProgress | None = None
    orders_done: int = 0
    """Number of the last order with an outcome."""
    test: Mapping[str, str] = field(default_factory=dict)
    """What a test migration made and was not cleaned up yet: logical name -> ARM id."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """What parts of a cut-over took lately, for forecasts: "azure" (create and start) and "shutdown", in seconds."""
    hold: HoldMark | None = None
    commands: int = 0
    """Number of the last break-glass command that was looked at."""
    interventions: tuple[Intervention, ...] = ()
    """The newest few, newest first."""
    acknowledged: str = ""
    """The word of the last acknowledgement that was carried out: used up, so that it ends no later hold of that reason."""
    rollback: Mapping[str, str] = field(default_factory=dict)
    """A rollback under way after the Azure VM was made: "vm" (ARM id), "who", "why", "number"; empty: none."""
    test_accepted: str = ""
    """Who accepted the test, when, and with which note; empty: nobody yet."""
    evidence: tuple[Evidence, ...] = ()
    """The newest few; every cycle's is also kept as `evidence/<machine>/<replication>/<cycle>.json`."""
    reading: Reading | None = None
    """As measured in the last cycles."""
    paused: HoldMark | None = None
    """A person has paused its replication: no new cycle begins."""
    resync: Mapping[int, str] = field(default_factory=dict)
    """Disk key -> why a person wants it compared whole; empty again with the cycle that did it."""
    chosen: tuple[str, ...] = ()
    """Uuids of the disks that the last attempt was about."""
    beside: tuple[str, ...] = ()
    """Uuids of disks that were there, and left out, when these were chosen."""
    notices: tuple[str, ...] = ()
    """What somebody should know although it stops nothing."""
    deleted: tuple[str, ...] = ()
    """ARM ids that orders made and that were deleted: looked for once more, see `engine.orders.again`."""
    deleted_at: float | None = None
    trial: TrialMark | None = None
    report: str = ""
    """The integrity report of a migration: "due", then the order's number while it waits for its signature, then empty."""
