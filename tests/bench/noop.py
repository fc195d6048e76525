"""Plans of 10,000 machines that replicate already: nothing to do, and one line changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.planning import TIMES, forget
from tests.bench.process import Ran, median, python, seen

MACHINES = 10000
CHANGED = ("app-00005: Standard_D2s_v5", "app-00005: {size: Standard_D2s_v5, quiesce: true}")


def measure(folder: Path) -> Iterator[Measured]:
    python("-m", "tests.bench.estates", folder, str(MACHINES))
    python("-m", "tests.bench.full", folder)
    runs = []
    for _ in range(TIMES):
        forget(folder)
        runs.append(_plan(folder, "No changes."))
    how = f"full state, everything in delta sync, files out of the page cache: {seen(runs)}"
    yield Measured("plan_10000_machines_noop_s", median(r.wall for r in runs), how)
    yield Measured("plan_10000_machines_noop_rss_mib", max(r.rss for r in runs), "peak resident size of those runs")
    path = folder / "estate" / "waves" / "wave-000.yaml"
    before, after = CHANGED
    path.write_text(path.read_text().replace(before, after))
    runs = [_plan(folder, "0 to create, 1 to change, 0 to destroy") for _ in range(TIMES)]
    how = f"the same with one line of one file changed, files in the page cache: {seen(runs)}"
    yield Measured("plan_10000_machines_edit_s", median(r.wall for r in runs), how)


def _plan(folder: Path, wanted: str) -> Ran:
    out = folder / "plan.txt"
    ran = python("-m", "tests.bench.plan_once", folder, out=out)
    if wanted not in out.read_text():
        raise AssertionError(out.read_text()[-500:])
    return ran
