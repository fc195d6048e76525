"""A week of 500 machines: the schedule's own decisions with a clock that jumps, as a whole process."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.process import median, run, seen

TIMES = 1
"""It takes 20 s of one core and its processor time hardly differs from run to run."""
MACHINES = 500


def measure(folder: Path) -> Iterator[Measured]:
    command = [str(Path(sys.executable).with_name("wavelift")), "simulate", "--machines", str(MACHINES), "--json"]
    command += ["--days", "7", "--start", "2027-03-12T00:00", "--migrate", "wave-01@2027-03-14T20:00"]
    out = folder / "week.json"
    runs = [run(command, out=out) for _ in range(TIMES)]
    found = json.loads(out.read_text())
    if found["machines"] != MACHINES or found["migrated"] != 40 or found["unfinished"]:
        raise AssertionError(f"the week went otherwise: {found['initial_done']} replicate, {found['migrated']} migrated")
    cycles = sum(found["cycles"].values())
    how = f"wavelift simulate --machines {MACHINES} --days 7, {cycles} cycles, process start to report: {seen(runs)}"
    yield Measured("simulate_week_500_machines_s", median(r.wall for r in runs), how)
