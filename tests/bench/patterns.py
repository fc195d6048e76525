"""What a delta reads for each byte that the guest wrote, by the pattern of the guest's writes (S12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from replication.model.extents import MIB
from replication.model.record import DiskEvidence
from tests.bench.figures import Measured
from tests.bench.site import Site, site

WRITTEN = 16 * MIB
PATTERNS = {
    "sequential": "amplification_sequential",
    "random": "amplification_random_4kib",
    "every-other-sector": "amplification_every_other_sector",
    "rewrite": "amplification_rewrite",
}
"""The lab's word -> figure."""


def measure(folder: Path) -> Iterator[Measured]:
    with site(folder, {"web-01": "gib: 4"}, interval=2) as place:
        done = place.cycle("web-01", 0).cycle
        for pattern, figure in PATTERNS.items():
            done, disk = _once(place, pattern, done)
            how = (
                f"read for each byte of {WRITTEN // MIB} MiB that the guest wrote: {disk.read_bytes / MIB:.4g} MiB read, "
                f"{disk.sent_bytes / MIB:.3g} MiB sent; tracking reported {disk.changed_bytes / MIB:.4g} MiB"
            )
            yield Measured(figure, disk.read_bytes / WRITTEN, how)


def _once(place: Site, pattern: str, after: int) -> tuple[int, DiskEvidence]:
    """(cycle, its evidence). A rewrite goes over one place again and again, so less has changed than was written."""
    for seed in range(5):
        order = {"vm": "web-01", "pattern": pattern, "mib": WRITTEN // MIB, "seed": seed}
        place.lab.control("vcenter", "POST", "write", order)
        evidence = place.cycle("web-01", 1, after)
        after, disk = evidence.cycle, evidence.disks[0]
        if disk.changed_bytes >= (WRITTEN // 8 if pattern == "rewrite" else WRITTEN):
            return evidence.cycle, disk
    raise AssertionError(f"the writes ({pattern}) fell into two cycles again and again")
