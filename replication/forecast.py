"""What the next delta will carry and how long it will take, from what the last ones measured. Pure.

Churn (altered bytes a second, cycle by cycle) times the time that the cycle covers; what a cycle takes besides its bytes
(snapshot, manifest, consolidation) is the least that one has taken; the rest follows the bytes at the speed measured.
Cycles in which a disk was compared whole say nothing about churn and are left out. The downtime of a cut-over is
`replication.engine.orders.forecast`, from the same evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from replication.model.record import CycleKind, DiskEvidence, Evidence


@dataclass(frozen=True, slots=True)
class NextCycle:
    """Bytes to send before compression, and seconds, at p50 and p90. `cycles`: how many it rests on."""

    cycles: int
    bytes50: int
    bytes90: int
    seconds50: float
    seconds90: float


def next_cycle(evidence: Sequence[Evidence], covered: float) -> NextCycle | None:
    """`evidence` newest first, as a record has it; `covered`: seconds of the guest's life that the next delta carries.

    None while no ordinary cycle was measured.
    """
    usual: list[tuple[float, float, float]] = []
    for cycle, before in pairwise(evidence):
        if cycle.kind is CycleKind.INITIAL or any(disk.note for disk in cycle.disks):
            continue
        usual.append((_altered(cycle), cycle.started - before.started, cycle.completed - cycle.started))
    if not usual:
        return None
    rates = [altered / max(span, 1.0) for altered, span, _ in usual]
    least = min(took for _, _, took in usual)
    pace = [(took - least) / altered for altered, _, took in usual if altered]
    bytes50, bytes90 = median(rates) * covered, _p90(rates) * covered
    return NextCycle(
        len(usual),
        int(bytes50),
        int(bytes90),
        least + bytes50 * (median(pace) if pace else 0.0),
        _p90([took for _, _, took in usual]) if not pace else least + bytes90 * max(pace),
    )


def _altered(cycle: Evidence) -> float:
    return float(sum(_of(disk) for disk in cycle.disks))


def _of(disk: DiskEvidence) -> int:
    return disk.altered_bytes if disk.altered_bytes is not None else disk.changed_bytes


def _p90(values: Sequence[float]) -> float:
    """The nearest rank: with ten or fewer, the largest."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, -(-9 * len(ranked) // 10) - 1 if len(ranked) > 10 else len(ranked) - 1)]
