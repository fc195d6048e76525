"""A delta cycle after 64 MiB of guest writes must take as long on a large disk as on a small one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from replication.model.extents import MIB
from tests.bench.figures import Measured
from tests.bench.process import median
from tests.bench.site import Site, site

WRITTEN = 64 * MIB
TIMES = 3
MACHINES = {"small-01": ("delta_64mib_on_10gib_s", 10), "large-01": ("delta_64mib_on_1tib_s", 1024)}
"""VM -> figure, GiB of its one sparse disk."""


def measure(folder: Path) -> Iterator[Measured]:
    disks = {name: f"gib: {gib}" for name, (_, gib) in MACHINES.items()}
    with site(folder, disks, interval=2) as place:
        done = {name: place.cycle(name, 0).cycle for name in MACHINES}
        taken: dict[str, list[float]] = {name: [] for name in MACHINES}
        for number in range(TIMES):
            for name in MACHINES:  # by turns, so that other load meets both alike
                done[name], seconds = _once(place, name, done[name], number)
                taken[name].append(seconds)
    for name, (figure, gib) in MACHINES.items():
        runs = " ".join(f"{s:.3g}" for s in sorted(taken[name]))
        how = f"64 MiB written in one stretch to a sparse disk of {gib} GiB, cycle start to commit, median of {TIMES} ({runs})"
        yield Measured(figure, median(taken[name]), how)


def _once(place: Site, machine: str, after: int, number: int) -> tuple[int, float]:
    """The number of the cycle that carried the writes, and its seconds. Writes that fall into two cycles are made again."""
    for attempt in range(5):
        order = {"vm": machine, "pattern": "sequential", "mib": WRITTEN // MIB, "seed": number * 10 + attempt}
        place.lab.control("vcenter", "POST", "write", order)
        evidence = place.cycle(machine, 1, after)
        after = evidence.cycle
        if evidence.disks[0].changed_bytes >= WRITTEN:
            return evidence.cycle, evidence.completed - evidence.started
    raise AssertionError(f"the writes of {machine} fell into two cycles again and again")
