"""What the scheduler is told and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from replication.model.record import CycleKind
from replication.windows import Blackout

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of one appliance; the defaults are S8's, S9's and S10's. Times in seconds.

    `aging`: a cycle that has waited this long past its due time is *overdue*: room is kept for it, and an overdue delta
    goes with the initial cycles. So nothing starves.
    """

    delta_minimum: float = HOUR
    delta_cap: float | None = None
    retry_after: float = 60.0
    disks_per_appliance: int = 52
    host_buffer_mib: int = 32
    disk_buffer_mib: int = 4
    snapshots_per_datastore: int = 15
    machines_per_appliance: int = 300
    blackout: Blackout = field(default_factory=Blackout)
    initial_in_blackout: Literal["continue", "release-and-resume"] = "continue"
    """What an initial cycle does when a window opens: goes on, or releases its snapshot and resumes when it closes."""
    time_zone: str | None = None
    """Zone of the times in reasons; None: the blackout's."""
    aging: float = 4 * HOUR
    snapshot_hours: float = 12.0
    """An initial attempt whose snapshot is this old ends itself and goes on with a new one; 0: never."""
    datastore_free_gib: float = 10.0
    """No snapshot is taken while a datastore of the machine has less free, and one that is open is released."""
    recheck: float = 0.0
    """Share (0..1) of a disk's blocks that each scheduled delta reads and holds against their stored hashes."""
    foreign_snapshot_hours: float = 24.0
    """Another's snapshot holds a machine; for longer than this it is a problem that somebody must look at."""

    @property
    def disks_per_host(self) -> int:
        """S9.2 as a buffer budget: 32 MiB of NFC buffer in parts of 4 MiB are 8 disks."""
        return max(1, self.host_buffer_mib // self.disk_buffer_mib)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One replicating machine that has no cycle under way, due or not: S10 counts them all.

    `disks` to read, `datastores` name -> how many of them lie there; `want` the kind of its next cycle; `resumed`: that
    cycle goes on from an earlier attempt; `queued_since` when the cycle became wanted, `ready_at` when it may start
    (from `next_delta` or `next_retry`), both unix time; `hold` why a person or a fact forbids it.
    """

    machine: str
    name: str
    appliance: str
    host: str
    disks: int
    datastores: Mapping[str, int]
    want: CycleKind
    resumed: bool = False
    queued_since: float = 0.0
    ready_at: float = 0.0
    hold: str | None = None
    blackouts: tuple[Blackout, ...] = ()
    in_blackout: Literal["wait", "override", "refuse"] = "wait"


@dataclass(frozen=True, slots=True)
class Running:
    """A cycle under way. `disks`: those that it reads at once (the `lanes` of its Start); `datastores`: its open disk
    snapshots (none any more once the snapshot was released); `expected_end`: unix time, for estimates only."""

    machine: str
    name: str
    appliance: str
    host: str
    disks: int
    datastores: Mapping[str, int]
    kind: CycleKind
    started: float
    expected_end: float | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Start a cycle that reads at most `lanes` disks at once (fewer than it has where a limit is lower than that)."""

    machine: str
    kind: CycleKind
    lanes: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now: `why` for people; `until`: unix time at which asking again makes sense, where it is known.

    `blackout`: a blackout window is the reason.
    """

    machine: str
    kind: CycleKind
    why: str
    until: float | None = None
    blackout: bool = False


Decision = Start | Hold
