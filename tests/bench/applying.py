"""What apply itself costs for 3,000 and for 30,000 steps: everything but the outside, which answers at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.process import Ran, grown, median, python, seen

SIZES = {30: (9, 1), 3000: (857, 3), 30000: (8571, 1)}
"""Steps (about) -> machines, runs. Half the machines have four steps, the others three."""


def measure(folder: Path) -> Iterator[Measured]:
    cpu: dict[int, float] = {}
    for steps, (machines, times) in SIZES.items():
        place = folder / str(steps)
        python("-m", "tests.bench.estates", place, str(machines))
        runs: list[Ran] = []
        done = 0
        for _ in range(times):
            shutil.rmtree(place / "estate" / ".wavelift", ignore_errors=True)
            (place / "estate" / "wavelift.lock.yaml").unlink(missing_ok=True)
            out = place / "done.txt"
            runs.append(python("-m", "tests.bench.apply_once", place, out=out))
            done = int(out.read_text())
        cpu[done] = min(r.cpu for r in runs)
        if steps == min(SIZES):
            continue  # what start and shared artifacts take, for the growth
        if not 0.95 * steps < done < 1.05 * steps:
            raise AssertionError(f"{done} steps were done")
        how = f"{done} steps, planned and applied, each journalled and synced before its call: {seen(runs)}"
        yield Measured(f"apply_{steps}_noop_s", median(r.wall for r in runs), how)
    growth = grown(cpu)
    yield Measured("apply_noop_growth_3000_to_30000", growth.whole, f"at most 1.15 is wanted; {growth.told}")
