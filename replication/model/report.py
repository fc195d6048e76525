"""The integrity report of one migrated machine: what was moved, and what shows that all of it arrived. Pure values.

The engine writes one when a migration has succeeded (`replication.engine.report`); `replication.reporting` signs and
checks it. Times are unix seconds, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from replication.model.record import Evidence, Intervention, OrderStep


@dataclass(frozen=True, slots=True)
class ReportMachine:
    """`machine` is the instance uuid in vCenter, `replication` the uuid of this enabling of replication."""

    name: str
    machine: str
    replication: str
    estate: str
    wave: str
    source: str
    region: str


@dataclass(frozen=True, slots=True)
class ReportDisk:
    """One disk at the recovery point that was migrated: its content, as a root over the hashes of its blocks.

    `root` is `replication.blocks.root` over one 16-byte hash for each of the `blocks` blocks of `block` bytes; the hashes
    (leaves) travel beside the report. `unknown`: blocks whose leaf says "nobody knows"; `read_back`: blocks whose hash was
    taken from the recovery point itself, because none was kept while it was replicated.
    """

    key: int
    uuid: str
    label: str
    capacity: int
    block: int
    blocks: int
    unknown: int
    read_back: int
    root: str
    seed: str
    """The replica's page blob, and its snapshot at that point."""
    point: str
    azure: str
    """ARM id of the managed disk."""


@dataclass(frozen=True, slots=True)
class ReportPoint:
    """The recovery point that was migrated: the source as it was at `snapshot_time`."""

    cycle: int
    kind: str
    attempt: str
    snapshot_time: float
    committed: float
    seed_account: str
    seed_container: str


@dataclass(frozen=True, slots=True)
class ReportCutover:
    """The migration itself. `plan` is the digest of the plan that ordered it; times are None for what was not done."""

    number: int
    id: str
    plan: str
    issued: float
    steps: tuple[OrderStep, ...]
    vm: str
    size: str
    shutdown: str
    powered_off: float | None
    started: float | None
    ready: float | None
    made: Mapping[str, str]
    """Logical name ("vm", "disk/2000", "nic/4000") -> ARM id."""


@dataclass(frozen=True, slots=True)
class ReportOrder:
    """One order that this machine was given, oldest first."""

    number: int
    id: str
    kind: str
    plan: str
    issued: float


@dataclass(frozen=True, slots=True)
class Report:
    """Each field is a section with a digest of its own, so that a check can name the part that differs."""

    written: float
    writer: str
    machine: ReportMachine
    disks: tuple[ReportDisk, ...]
    point: ReportPoint
    cutover: ReportCutover
    cycles: tuple[Evidence, ...]
    """Every cycle's evidence, oldest first."""
    orders: tuple[ReportOrder, ...]
    interventions: tuple[Intervention, ...]
    test_accepted: str


@dataclass(frozen=True, slots=True)
class Signature:
    """Ed25519 over the digests of all sections. `public` (raw, base64) and `fingerprint` name the key."""

    algorithm: Literal["Ed25519"]
    public: str
    fingerprint: str
    """sha256 of the raw public key, as "sha256:<hex>"."""
    version: str
    """Of the secret in the key vault that holds the private key."""
    signed: float
    value: str
    """base64."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What stands in `report.json`. `sections`: field of the report -> sha256 (hex) of its canonical JSON."""

    report: Report
    sections: Mapping[str, str]
    signature: Signature | None
    """None: the report waits for its key."""
