"""How planning grows from 1,000 to 10,000 machines: by CPU time, which other work on the machine hardly touches.

The figure is (CPU of 10,000) / (10 x CPU of 1,000); 1.0 is linear, at most 1.15 is wanted. What a plan of next to nothing
takes (start and imports) flatters it, so the growth without that is said beside it. The forecast beside a plan is left out: that
of 1,000 machines is simulated and that of 10,000 is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.planning import TIMES
from tests.bench.process import grown, python

SIZES = (10, 1000, 10000)


def measure(folder: Path) -> Iterator[Measured]:
    """By turns, so that a slower minute meets all sizes alike; the least of each counts."""
    for machines in SIZES:
        python("-m", "tests.bench.estates", folder / str(machines), str(machines))
    runs: dict[int, list[float]] = {machines: [] for machines in SIZES}
    for _ in range(TIMES):
        for machines, found in runs.items():
            found.append(python("-m", "tests.bench.plan_once", folder / str(machines), "--alone").cpu)
    growth = grown({machines: min(found) for machines, found in runs.items()})
    yield Measured("plan_growth_1000_to_10000", growth.whole, f"empty state, no forecast, at most 1.15 is wanted; {growth.told}")
