"""The whole estate, and what reading one gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from planner.estate.azure import Azure, StateBlob
from planner.estate.diagnostic import Diagnostic
from planner.estate.machines import Machine, Removed, Wave
from planner.estate.policies import DriftPolicy, ForecastPolicy, Prices
from planner.estate.rules import Rule
from planner.estate.sites import Appliance, Source, Target


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
