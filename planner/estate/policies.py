"""Policies: schedule, windows, throttle, limits, cut-over, tests, forecast, drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from planner.estate.diagnostic import Span
from replication.model.item import Hook


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
    """ "agent", "tcp:PORT", "boot-log", "boot-log:PATTERN" or "none"."""
    ready_within: float = 900.0
    source_after: Literal["off", "off-and-nic-disconnected"] = "off"
    approval: str | None = None
    """What must be named when the cut-over is applied ("CHG0042"); without it the order waits."""
    hooks: tuple[Hook, ...] = ()
    """In the order in which they run."""
    complete_after: float | None = None
    """So many seconds after the migration phase `complete` takes the way back, at the earliest."""


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
class TrialPolicy:
    """How long a test VM lives (seconds, None: no end), and the word that asks for another one."""

    ttl: float | None = None
    refresh: str = ""


USUAL_CUTOVER, USUAL_TRIAL = CutoverPolicy(), TrialPolicy()
"""One each for all that say nothing, so that they are told by identity."""


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
