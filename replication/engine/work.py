"""What the work on one machine has at hand: its item, its journal, its ports, the guard and the shared pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from replication.engine.budget import Budget
from replication.engine.checksums import Checksums
from replication.engine.config import Sizes
from replication.engine.guard import Guard
from replication.engine.journal import Machine
from replication.engine.meter import Meter
from replication.engine.reading import gap
from replication.engine.retry import Retry
from replication.model.item import Item, ItemDisk
from replication.model.record import CycleKind, Record
from replication.ports import Clock, Cloud, DocumentStore, Hooks, KeyStore, LogStore, NoHooks, ReplicaStore, Source
from replication.schedule import Policy

Say = Callable[[str, str], None]
"""(machine's name, text): tells people what happened; never a secret."""


@dataclass
class Work:
    item: Item
    machine: Machine
    clock: Clock
    source: Source
    documents: DocumentStore
    log: LogStore
    replicas: ReplicaStore
    keys: KeyStore
    guard: Guard
    sizes: Sizes
    pool: Executor
    """Shared by all machines; each of its threads holds one chunk at most."""
    disks: Executor
    """Drives disks of machines side by side; holds no data."""
    say: Say
    budget: Budget
    hashes: Budget
    """Memory for new block hashes until their commit."""
    cloud: Callable[[str], Cloud]
    """Subscription -> cloud."""
    regions: Mapping[str, DocumentStore] = field(default_factory=dict)
    """The gateway store of every region: what machines of one wave tell each other stands there."""
    policy: Policy = field(default_factory=Policy)
    """Of the appliance."""
    hooks: Hooks = field(default_factory=NoHooks)
    stop_wanted: Callable[[], bool] = lambda: False
    """Whether a stop order waits behind what is carried out now."""
    lanes: int = 64
    """Disks that are read at once at most."""
    urgent: bool = False
    """An order waits for it: it has the first claim on the throttle, and is tried again sooner."""
    should_yield: Callable[[], str | None] = lambda: None
    """Why an initial attempt should end itself now (asked once a window), or None."""
    looked: float = 0.0
    """Unix time of the last look at the datastores' free space."""
    open_for: float | None = None
    """Seconds that the attempt's snapshot was open, once it has been released."""
    removed_in: float | None = None
    """Seconds that removing the attempt's snapshot took, once it is gone."""
    meter: Meter = field(default_factory=Meter)
    retry: Retry = field(init=False)
    _checksums: dict[int, Checksums] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.retry = Retry(self.clock, self.sizes.patience, self.guard.check)

    @property
    def record(self) -> Record:
        return self.machine.record

    @property
    def uuid(self) -> str:
        return self.item.machine

    @property
    def resync(self) -> Mapping[int, str]:
        """Disk key -> why that disk is to be compared whole in the next delta (asked for by hand)."""
        attempt = self.record.attempt
        return {} if attempt is not None and attempt.kind is CycleKind.FINAL else self.record.resync

    @property
    def bridge(self) -> int:
        """Gaps between changes up to so many bytes are read through: as was measured of this machine's reads."""
        limits = self.sizes.limits
        return gap(self.record.reading, limits.bridge, limits.bridge_most)

    def checksums(self, disk: ItemDisk) -> Checksums:
        """The stored hashes of a disk, the same ones until `forget_checksums`."""
        if disk.key not in self._checksums:
            self._checksums[disk.key] = Checksums(
                self.documents, self.retry, self.record, disk, self.sizes.limits.block, self.hashes
            )
        return self._checksums[disk.key]

    def forget_checksums(self) -> None:
        """A cycle has ended, well or not: what it noted and did not write is dropped."""
        for checksums in self._checksums.values():
            checksums.forget()
        self._checksums.clear()

    def note(self, text: str) -> None:
        self.say(self.item.name, text)
