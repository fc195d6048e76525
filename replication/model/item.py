"""Documents that apply writes and the engine reads: replication items and orders.

Both are plain JSON with a `schema` number; `dumps`/`loads` in `documents` turn them into text and back. Names of blobs:
`items/<machine>.json`, `orders/<machine>/<number>.json`; a machine is named by its vCenter instance uuid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from replication.model.quick import quick


@dataclass(frozen=True, slots=True)
class ItemDisk:
    """One disk to replicate: device `key`, backing `uuid`, `capacity` in bytes; its seed is page blob `seed`."""

    key: int
    uuid: str
    label: str
    capacity: int
    seed: str
    """Blob name in the seed container."""


@dataclass(frozen=True, slots=True)
class ItemBlackout:
    """Windows that close this machine besides its appliance's: its wave's or its own, in its appliance's time zone.

    `whose` ("wave shop", the machine's name) and the policy's `name` (or empty) are for people; `windows` is the extended
    form of `replication.windowtext`.
    """

    whose: str
    name: str
    windows: str


@dataclass(frozen=True, slots=True)
class Item:
    """What should replicate, and how. `replication` is a uuid that is new at each enable (S11)."""

    machine: str
    name: str
    wave: str
    replication: str
    estate: str
    source: str
    appliance: str
    region: str
    disks: tuple[ItemDisk, ...]
    seed_account: str
    """Blob endpoint of the seed storage account (https://…/)."""
    seed_container: str
    log_account: str
    log_container: str
    key_vault: str
    """Vault url that holds the log-encryption keys."""
    log_key: str
    """Name of the secret with the current key (its version is read at each attempt)."""
    quiesce: bool = False
    hold: str | None = None
    """Why no new cycle may start, or None."""
    delta_minimum: float = 3600.0
    delta_cap: float | None = None
    retry_after: float = 60.0
    blackouts: tuple[ItemBlackout, ...] = ()
    report_key: str = ""
    """Name of the secret that signs integrity reports; empty: an apply from before there were any."""
    reader: str = "https"
    """What reads its disks, as the plan named it; the engine opens its source with the reader of its own files."""


class OrderKind(Enum):
    TEST = "test"
    CLEAN_UP = "clean-up"
    MIGRATE = "migrate"
    STOP = "stop"


@quick
@dataclass(frozen=True, slots=True)
class DiskOrder:
    """A managed disk to make from the replica of source disk `key`."""

    key: int
    name: str
    sku: str
    size: int
    """Bytes of the managed disk: a whole number of MiB, at least the source's capacity."""
    lun: int | None
    """None for the OS disk."""
    os_type: Literal["Linux", "Windows"] | None
    generation: Literal["V1", "V2"] | None


@quick
@dataclass(frozen=True, slots=True)
class NicOrder:
    key: int
    name: str
    subnet: str
    """ARM id of the subnet."""
    address: str | None
    """Static private address or None (dynamic)."""
    primary: bool


@dataclass(frozen=True, slots=True)
class Security:
    """The security type of an Azure VM, in Azure's words; the flags count with TrustedLaunch alone."""

    type: Literal["TrustedLaunch", "Standard"]
    secure_boot: bool = True
    vtpm: bool = True


@quick
@dataclass(frozen=True, slots=True)
class VmOrder:
    """The Azure VM. `sizes` are tried in order when Azure has no capacity."""

    name: str
    resource_group: str
    subscription: str
    region: str
    sizes: tuple[str, ...]
    zone: str | None
    tags: Mapping[str, str]
    disks: tuple[DiskOrder, ...]
    nics: tuple[NicOrder, ...]
    licence: str = ""
    """Azure's licenseType ("Windows_Server"); empty: none is brought along."""
    disk_encryption_set: str = ""
    """ARM id of the set whose key encrypts all disks; empty: Azure's own keys."""
    security: Security | None = None
    """None: whatever Azure does by itself."""
    boot_log: bool = False
    """Boot diagnostics is on (in storage of Azure's own), so that the guest's serial port can be read."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    mode: Literal["guest", "force", "none"] = "guest"
    wait: float = 600.0
    otherwise: Literal["fail", "force"] = "fail"


@dataclass(frozen=True, slots=True)
class Hook:
    """What the engine's host does around a cut-over: `command` (words, no shell) or a POST to `url` ("env:NAME": read there).

    `when`: right before the power-off, after the Azure VM is ready, or when a cut-over that had run its first ones goes back.
    """

    name: str
    when: Literal["before", "after", "back"]
    command: tuple[str, ...] = ()
    url: str = ""
    timeout: float = 60.0
    on_failure: Literal["abort", "continue"] = "abort"
    """Of those before: whether a failure ends the order, with nothing powered off."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A rule's `no_cutover`: no machine is powered off in these windows, nor so late that its cut-over would meet one.

    `windows` is the extended form of `replication.windowtext`, read in the zone of that IANA name.
    """

    rule: str
    windows: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Cutover:
    """What a migration may do, and when. Times are unix seconds, durations seconds."""

    opens: float | None = None
    closes: float | None = None
    """The window into which the whole cut-over must fit; nothing is powered off before it opens. None: at once."""
    ahead: float = 4 * 3600.0
    """So long before the window opens the final disks begin to be filled."""
    downtime: float | None = None
    """Budget: nothing is powered off when the forecast (p90) is longer."""
    on_failure: Literal["retry", "power_on_source", "hold-wave"] = "retry"
    start_after: str | None = None
    """Instance uuid of the machine that must be ready in Azure first."""
    start_after_name: str = ""
    start_after_region: str = ""
    ready: str = "none"
    """When the Azure VM counts as ready: "agent", "tcp:PORT", "boot-log" (or "boot-log:PATTERN"), "none" (it is started)."""
    ready_within: float = 900.0
    """One look takes so long at most; then it is a failure, by `on_failure`."""
    source_after: Literal["off", "off-and-nic-disconnected"] = "off"
    approval: str | None = None
    """What the apply that sent it was given ("CHG0042"), for the record."""
    hooks: tuple[Hook, ...] = ()
    """In the order in which they run. An engine runs none that its own files do not hold, too."""
    forbidden: tuple[Forbidden, ...] = ()
    """What rules forbade when it was ordered. A missed window can be waived by a person, these cannot."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Of a TEST order: how long its VM lives (seconds, None: until a clean-up), and what asked for it."""

    ttl: float | None = None
    asked: str = ""
    """The word by which the files asked for another test; empty: none."""
    refresh: bool = False
    """An earlier test that is still there is removed first."""


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to be carried to its end by the engine. `number` rises by one per machine; later ones wait for earlier.

    TEST and MIGRATE carry `vm`; STOP with `complete` true follows a finished migration (its seeds go, the VM stays).
    """

    machine: str
    number: int
    id: str
    kind: OrderKind
    replication: str
    plan: str
    """Digest of the plan that asked for it."""
    issued: float
    """Unix time."""
    vm: VmOrder | None = None
    shutdown: Shutdown = field(default_factory=Shutdown)
    prepare: Literal["declared"] = "declared"
    cutover: Cutover = field(default_factory=Cutover)
    in_blackout: Literal["wait", "override", "refuse"] = "wait"
    """MIGRATE: what it does inside a blackout window when it has not begun yet."""
    trial: Trial = field(default_factory=Trial)
    approver: str = ""
    """Who approved the plan, as apply was told."""
    pull_request: str = ""
    """Where it was reviewed: a number or an address."""
