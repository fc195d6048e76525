"""Where machines come from, what replicates them, where they land."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from planner.estate.azure import Login, ResourceGroup
from planner.estate.diagnostic import Span
from planner.estate.policies import BlackoutPolicy, LimitsPolicy, SchedulePolicy, ThrottlePolicy

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
    span: Span | None = field(default=None, compare=False)
    reader: Reader = field(default=Reader(), kw_only=True)


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
