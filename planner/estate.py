"""The estate as the planner sees it: resolved, typed, every value with the place it came from.

`planner.config` builds these values from YAML; everything after it works on them alone. Durations are seconds, sizes
bytes, rates bits per second. Nothing here knows YAML, vCenter or Azure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Literal

from replication.model.item import Hook


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file: path as the user gave it, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: what is wrong, which object, where, what to do.

    `summary` is the same text each time (no user values); `detail` is full sentences with the values and the remedy;
    `path` is the dotted YAML path; `related` names other places ("first given here").
    """

    code: str
    summary: str
    detail: str
    path: str = ""
    span: Span | None = None
    related: tuple[tuple[str, Span], ...] = ()
    severity: Literal["error", "warning"] = "error"


class Phase(Enum):
    """How far a machine should go; the order is the order of the life of a migration."""

    REPLICATE = "replicate"
    TEST = "test"
    MIGRATE = "migrate"
    COMPLETE = "complete"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {phase: rank for rank, phase in enumerate(Phase)}


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is, never the secret: ("env", "VC_RO") or ("file", "/etc/wavelift/vc.json")."""

    kind: Literal["env", "file", "keyvault"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in. The secret holds JSON {"user","password"} for vCenter, {"client_id","client_secret"} for Azure.

    `plan` is the read-only account of the plan runner, `engine` the account of the appliance; one given means both.
    """

    plan: SecretRef
    engine: SecretRef


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """Signs in to Azure with a token that the platform keeps in a file, as the application `client_id` that trusts it."""

    client_id: str
    token_file: str

    def __str__(self) -> str:
        return f"workload identity {self.client_id} by {self.token_file}"


@dataclass(frozen=True, slots=True)
class AzureLogin:
    """As `Login`, for Azure, where no secret is needed."""

    plan: SecretRef | WorkloadIdentity
    engine: SecretRef | WorkloadIdentity


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """A resource group by name; `managed` groups are made (and emptied of ours) by apply, others must exist."""

    name: str
    managed: bool = False


@dataclass(frozen=True, slots=True)
class Identities:
    """Object ids of those who sign in elsewhere than here, so that their roles can be checked and assigned. None: not said."""

    plan: str | None = None
    apply: str | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True)
class Azure:
    """`endpoint` and `authority` are None for the public cloud; `login` None means the ambient identity."""

    tenant: str
    project_subscription: str
    project_region: str
    project_group: ResourceGroup
    endpoint: str | None = None
    authority: str | None = None
    ca: str | None = None
    login: AzureLogin | None = None
    roles: Literal["assign", "assume"] = "assign"
    identities: Identities = Identities()


@dataclass(frozen=True, slots=True)
class StateBlob:
    """A state in a storage account, which is no part of the estate. `subscription`, `group` and `region` say where
    `init --bootstrap` makes or finds the account; `endpoint` None is the cloud's usual one."""

    account: str
    container: str
    key: str
    subscription: str
    group: str
    region: str
    endpoint: str | None = None


INVENTORY_MAX_AGE = 86400.0
"""Seconds, unless a source says otherwise."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads the disks of a source. Of `nbd`: one of `command`, `socket` and `host`; `ca` switches TLS on. Its texts may
    hold the placeholders that `providers.vmware.readers.nbd` names."""

    name: str = "https"
    command: tuple[str, ...] | None = None
    socket: str | None = None
    host: str | None = None
    port: int | None = None
    export: str | None = None
    ca: str | None = None

    @property
    def options(self) -> dict[str, object]:
        """What was said, by the reader's own names."""
        names = ("command", "socket", "host", "port", "export", "ca")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Source:
    """A vCenter: `host` may carry a port; `tracking` says whether plan may ask to switch changed block tracking on."""

    name: str
    host: str
    port: int
    login: Login
    ca: str | None = None
    thumbprint: str | None = None
    tracking: Literal["enable", "forbid"] = "enable"
    inventory_max_age: float = INVENTORY_MAX_AGE
    """A recorded inventory older than this is not planned from."""
    span: Span | None = None
    reader: Reader = field(default=Reader(), kw_only=True)


@dataclass(frozen=True, slots=True)
class SchedulePolicy:
    """S8. `delta_minimum` is S8.3's hour (a lab may say seconds), `delta_cap` the 12 h of the newer documents or None."""

    delta_minimum: float = 3600.0
    delta_cap: float | None = None
    retry_after: float = 60.0
    initial_in_blackout: Literal["continue", "release-and-resume"] = "continue"


@dataclass(frozen=True, slots=True)
class BlackoutPolicy:
    """S14. `windows` in the extended form of `replication.windowtext`; `name` is the policy's, empty for one inline."""

    windows: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ThrottleException:
    """Another rate inside these windows (extended form); None for no limit."""

    windows: str
    bits_per_s: int | None


@dataclass(frozen=True, slots=True)
class ThrottlePolicy:
    """S13. Bits per second (None: no limit); of the exceptions that hold at once the first counts."""

    bits_per_s: int | None
    exceptions: tuple[ThrottleException, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class LimitsPolicy:
    """S9 and S10. `host_buffer_mib / disk_buffer_mib` is the number of disks in flight on one ESXi host."""

    disks_per_appliance: int = 52
    host_buffer_mib: int = 32
    disk_buffer_mib: int = 4
    snapshots_per_datastore: int = 15
    machines_per_appliance: int = 300
    snapshot_hours: float = 12.0
    datastore_free_gib: float = 10.0
    recheck: float = 0.0
    """Share (0..1) of the blocks that each delta reads and holds against their stored hashes."""
    foreign_snapshot_hours: float = 24.0


@dataclass(frozen=True, slots=True)
class ShutdownPolicy:
    """How a source is stopped: `guest` asks VMware Tools and waits; `otherwise` says what follows when it does not stop."""

    mode: Literal["guest", "force", "none"] = "guest"
    wait: float = 600.0
    otherwise: Literal["fail", "force"] = "fail"


@dataclass(frozen=True, slots=True)
class CutoverPolicy:
    """What a migration may do. `prepare: declared` = the owner says that the guest is ready for Azure.

    `in_blackout`: what one that has not begun does inside a blackout window.
    """

    shutdown: ShutdownPolicy = ShutdownPolicy()
    prepare: Literal["declared"] = "declared"
    in_blackout: Literal["wait", "override", "refuse"] = "wait"
    window: str | None = None
    """As it is written, in the estate's time zone; `opens` and `closes` are the same as unix times."""
    opens: float | None = None
    closes: float | None = None
    ahead: float = 4 * 3600.0
    """So long before the window opens the final disks begin to be filled."""
    downtime: float | None = None
    """Budget, seconds: nothing is powered off when the forecast is longer."""
    on_failure: Literal["retry", "power_on_source", "hold-wave"] = "retry"
    ready: str = "none"
    """ "agent", "tcp:PORT" or "none"."""
    ready_within: float = 900.0
    source_after: Literal["off", "off-and-nic-disconnected"] = "off"
    approval: str | None = None
    """What must be named when the cut-over is applied ("CHG0042"); without it the order waits."""
    hooks: tuple[Hook, ...] = ()
    """In the order in which they run."""
    complete_after: float | None = None
    """So many seconds after the migration phase `complete` takes the way back, at the earliest."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An entry of `rules`: what authors of waves may not do. A check that is None, False or empty is not asked for.

    `name` is its id. `waves` are patterns (`shop-*`) of the waves that it concerns; empty: all.
    """

    name: str
    why: str = ""
    waves: tuple[str, ...] = ()
    max_destroys: int | None = None
    """Data-bearing artifacts that one plan may destroy."""
    max_cutovers_a_night: int | None = None
    wave_size: tuple[int, int | None] | None = None
    """Fewest and most machines of a wave."""
    sizes: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    required_tags: tuple[str, ...] = ()
    no_cutover: BlackoutPolicy | None = None
    """Windows (in the estate's time zone) in which no cut-over is under way."""
    never_together: tuple[str, ...] = ()
    """Machines of which no two are in one wave or cut over in one night."""
    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Machine -> machines that must be in the same or an earlier wave."""
    test_accepted: bool = False
    """A machine is cut over only when its test migration was accepted."""
    plan_valid: float | None = None
    """Seconds that a plan file can be applied for."""
    spans: Mapping[str, Span] = field(default_factory=dict)

    def concerns(self, wave: str) -> bool:
        return not self.waves or any(fnmatchcase(wave, pattern) for pattern in self.waves)

    @property
    def span(self) -> Span | None:
        return self.spans.get("")


@dataclass(frozen=True, slots=True)
class Removed:
    """A reviewed statement that a machine leaves: `destroy` stops its replication and deletes its seeds; else it is forgotten,
    and what exists stays."""

    machine: str
    destroy: bool
    why: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """`seed_gib_month`: region -> price of a GiB of seed for a month. A region that is not there is unknown, never 0."""

    currency: str
    seed_gib_month: Mapping[str, float]
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class ForecastPolicy:
    """What no inventory says, for forecasts. Rates in bits per second, None: the forecast's own assumption.

    `used`: share of a disk's capacity that an initial replication sends; `churn`: share of it that is written in a day,
    where nothing was measured; `settle`: seconds of a cycle that are no copying.
    """

    link: int | None = None
    appliance: int | None = None
    host: int | None = None
    disk: int | None = None
    used: float = 1.0
    churn: float = 0.05
    settle: float = 60.0


@dataclass(frozen=True, slots=True)
class Appliance:
    name: str
    role: Literal["primary", "scale-out"]
    source: str
    schedule: SchedulePolicy = SchedulePolicy()
    limits: LimitsPolicy = LimitsPolicy()
    blackout: BlackoutPolicy | None = None
    time_zone: str = "UTC"
    """Of its windows, of its throttle's, and of those of the waves and machines that it replicates."""
    throttle: ThrottlePolicy | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where machines land. `subnets` maps port group -> subnet name; `test_subnets` likewise in the test network."""

    name: str
    region: str
    subscription: str
    resource_group: ResourceGroup
    vnet: str
    test_vnet: str | None
    subnets: Mapping[str, str]
    network_group: str | None = None
    """Resource group of both virtual networks when it is not the target's."""
    zone: str | None = None
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


@dataclass(frozen=True, slots=True)
class TrialPolicy:
    """How long a test VM lives (seconds, None: no end), and the word that asks for another one."""

    ttl: float | None = None
    refresh: str = ""


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
    quiesce: bool = False
    test: TrialPolicy = TrialPolicy()
    cutover: CutoverPolicy = CutoverPolicy()
    start_after: str | None = None
    """The machine that must be ready in Azure before this one is powered off."""
    protect: bool = False
    """Recorded, so that it holds when the machine has left the files."""
    blackout: BlackoutPolicy | None = None
    """Its own, besides its wave's and its appliance's."""
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


@dataclass(frozen=True, slots=True)
class AllowedDrift:
    """Drift that is accepted through the day `until` (ISO date, the estate's time zone). `address` and `property` are
    globs; no `property` means every change, but not that the whole thing is gone (that is a `property` of "")."""

    address: str
    why: str
    until: str
    property: str | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class DriftPolicy:
    """How `drift` judges. `lag`: seconds that a replica may be behind; `fail`: what gives exit code 2."""

    lag: float | None = None
    fail: tuple[str, ...] = ("urgent", "ours")
    ignore_tags: tuple[str, ...] = ()
    """Globs of tags that others write everywhere (Azure Policy)."""
    allow: tuple[AllowedDrift, ...] = ()


@dataclass(frozen=True, slots=True)
class Estate:
    """The whole estate. Mappings keep the order of the files (waves, machines) so that text stays stable."""

    name: str
    schema: int
    time_zone: str
    folder: str
    state_path: str
    azure: Azure
    sources: Mapping[str, Source]
    appliances: Mapping[str, Appliance]
    targets: Mapping[str, Target]
    waves: Mapping[str, Wave]
    machines: Mapping[str, Machine]
    rules: tuple[Rule, ...] = field(default=(), kw_only=True)
    removed: tuple[Removed, ...] = field(default=(), kw_only=True)
    prices: Prices | None = field(default=None, kw_only=True)
    forecast: ForecastPolicy = field(default=ForecastPolicy(), kw_only=True)
    digest: str
    """sha256 of the resolved estate (canonical JSON): same files, same digest."""
    drift: DriftPolicy = DriftPolicy()
    """No part of the digest: what drift is allowed changes no plan."""
    webhook: str | None = None
    """Where the engine posts what needs somebody: an address, or "env:NAME". No part of the digest."""
    state_blob: StateBlob | None = None
    """Where the state lies when it is no file at `state_path`; no part of the digest."""
    lock_file: str = "wavelift.lock.yaml"
    """Name of the lock in `folder`; no part of the digest."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loading gives: the estate (None when there is any error) and every diagnostic, in file order."""

    estate: Estate | None
    diagnostics: tuple[Diagnostic, ...]
