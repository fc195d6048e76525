"""How long a machine will be off, from what its own cycles have measured. Pure.

The last delta carries what the guest writes between the newest recovery point and the power-off: churn (bytes a second,
cycle by cycle) times that gap. It is read and copied at the speeds measured; what Azure takes to make and start a VM comes
from the machine's last test, or is assumed.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from replication.model.extents import MIB
from replication.model.item import Shutdown
from replication.model.record import CycleKind, Evidence

AZURE = 120.0
"""Seconds to make and start a VM, where no test has measured it."""
GUEST = 60.0
"""Seconds that a guest takes to shut down, where it was not measured."""
COPY = 100.0 * MIB
"""Bytes a second that are copied into managed disks, assumed."""
BEHIND = 120.0
"""Seconds that the filled disks are behind at the power-off, for the forecast."""
SPREAD = 1.5
"""p90 of what is measured only once, or assumed."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Seconds from power-off to ready, and bytes of the last delta, at p50 and p90."""

    p50: float
    p90: float
    bytes50: int
    bytes90: int

    def __str__(self) -> str:
        return f"downtime about {_span(self.p50)}, {_span(self.p90)} at worst, last delta {_size(self.bytes50)}"


def forecast(evidence: Sequence[Evidence], measured: Mapping[str, float], shutdown: Shutdown, behind: float) -> Forecast:
    """`evidence` newest first; `behind`: seconds from the newest recovery point's content to the power-off."""
    cycles = [e for e in evidence if e.kind is not CycleKind.INITIAL]
    rates, base, speeds = [0.0], [1.0], [COPY]
    pairs = list(zip(cycles, [*evidence[1:], None], strict=False))
    if cycles:
        rates = [_bytes(e) / max(1.0, e.started - (before.started if before else e.started - 3600)) for e, before in pairs]
        base = [max(0.0, e.completed - e.started) for e in cycles]
        speeds = [_bytes(e) / (e.completed - e.started) for e in cycles if _bytes(e) >= MIB and e.completed > e.started] or [COPY]
    off50 = _shutdown(shutdown, measured)
    off90 = min(off50 * SPREAD, shutdown.wait) if shutdown.mode == "guest" else off50
    azure = measured.get("azure", AZURE)

    def seconds(amount: float, least: float, speed: float) -> float:
        return least + amount / speed + amount / COPY

    bytes50 = statistics.median(rates) * (behind + off50)
    bytes90 = max(rates) * (behind + off90)
    p50 = off50 + seconds(bytes50, min(base), statistics.median(speeds)) + azure
    p90 = off90 + seconds(bytes90, min(base) * SPREAD, min(speeds)) + azure * SPREAD
    return Forecast(p50, max(p50, p90), int(bytes50), int(bytes90))


def _bytes(evidence: Evidence) -> int:
    return sum(disk.changed_bytes for disk in evidence.disks)


def _shutdown(shutdown: Shutdown, measured: Mapping[str, float]) -> float:
    match shutdown.mode:
        case "none":
            return 0.0
        case "force":
            return 5.0
        case "guest":
            return min(measured.get("shutdown", GUEST), shutdown.wait)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _size(amount: int) -> str:
    return f"{amount / MIB / 1024:.1f} GiB" if amount >= 1024 * MIB else f"{amount / MIB:.1f} MiB"
