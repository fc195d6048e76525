"""What the engine is told: its sizes, its pace and its appliances. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from replication.model.extents import MIB
from replication.schedule import Policy
from replication.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes. Memory for data is bounded by `Workers.chunks` times about four chunks (read, plain with its table,
    sealed, fetched again) plus `verified`, whatever the number and size of machines and disks."""

    chunk: int = 4 * MIB
    """Payload of one log blob at most."""
    extents: int = 16_384
    """Extents of one log blob at most."""
    read: int = 4 * MIB
    """One read of the source at most."""
    bridge: int = 64 * 1024
    """Gaps up to this are read through (and dropped) instead of costing a read of their own, until it has been measured
    what a read of its own costs: from then on as far as that is cheaper."""
    bridge_most: int = MIB
    """Whatever was measured, no gap that is larger is read through."""
    zero: int = 64 * 1024
    """Zero runs at least this long are logged as extents without bytes."""
    window: int = 256 * MIB
    """An initial replication journals its progress once per window."""
    verified: int = 128 * MIB
    """Verified blobs, of all machines together, that are kept in memory between the check and the writes."""
    copy: int = 4 * MIB
    """One server-side copy into a managed disk."""
    points: int = 2
    """Recovery points kept of each machine, the newest included."""
    block: int = 64 * 1024
    """Bytes of a block whose hash is kept; reads of changes are widened to whole blocks. Divides `read`."""
    hashes: int = 64 * MIB
    """Memory for new hashes of all machines until their commit; what it has no room for counts as unknown."""
    evidence: int = 8
    """Cycles whose evidence stays in the record; every cycle's is kept as a document."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Repeating a call that may safely be repeated, and waiting for things outside. Seconds."""

    tries: int = 5
    first: float = 0.5
    most: float = 20.0
    consolidation: float = 900.0
    """How long one pass waits for vCenter to consolidate before it comes back later."""
    poll: float = 2.0
    permanent: float = 600.0
    """A machine with a permanent problem is looked at again after this, or at once when its item or order changes."""
    denied: float = 120.0
    """The same where a login or a role was refused: somebody is mending that now, and a vCenter locks who tries too often."""
    follow: float = 120.0
    """Nothing is powered off while the disks that were filled ahead are older than this, as long as following helps."""
    rounds: int = 6
    """So many deltas follow into the disks at most before the power-off."""
    powered_off: float = 1800.0
    """A migration that cannot go on for this long after the power-off goes back: the source is powered on again."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Threads. `chunks` bounds the memory in flight; `machines` the cycles and orders under way."""

    chunks: int = 8
    machines: int = 128
    inflight: int = 4
    """Chunks of one disk in flight."""
    copies: int = 8
    """Server-side copies of one disk in flight."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Limits, patience and workers together: what the work on a machine needs of the configuration."""

    limits: Limits = field(default_factory=Limits)
    patience: Patience = field(default_factory=Patience)
    workers: Workers = field(default_factory=Workers)


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """`holder` and `host` name this coordinator to people. `rates`: appliance -> throttle, or bits a second without a
    schedule (missing: no limit)."""

    holder: str
    regions: tuple[str, ...]
    appliances: Mapping[str, Policy]
    host: str = ""
    rates: Mapping[str, Throttle | float | None] = field(default_factory=dict)
    poll: float = 1.0
    """Seconds between two looks at the documents."""
    heartbeat: float = 30.0
    """A status is written at every change, every second or so while something runs, and this often otherwise."""
    facts_for: float = 15.0
    """How long what vCenter said about hosts and datastores is good for scheduling, at most: see `facts_age`."""
    sizes: Sizes = field(default_factory=Sizes)

    @property
    def facts_age(self) -> float:
        """Who asks for a cycle every second wants to be told as often what holds it."""
        return min((self.facts_for, *(policy.delta_minimum for policy in self.appliances.values())))
