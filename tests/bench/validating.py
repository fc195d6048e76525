"""`wavelift validate` of 10,000 machines in 200 files, as whole processes.

Cold: the files are put out of the page cache. Warm: again at once. wavelift keeps no cache of what it has read (decision 65);
its compiled modules are kept, as they are of what is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.planning import TIMES, forget
from tests.bench.process import Ran, median, python, run, seen

MACHINES = 10000


def measure(folder: Path) -> Iterator[Measured]:
    python("-m", "tests.bench.estates", folder, str(MACHINES))
    estate = folder / "estate"
    command = [str(Path(sys.executable).with_name("wavelift")), "validate", "-C", str(estate)]
    cold, warm = [], []
    for _ in range(TIMES):
        forget(estate)
        cold.append(_valid(command, folder))
        warm.append(_valid(command, folder))
    for name, runs in (("", cold), ("_warm", warm)):
        how = f"200 files {'in' if name else 'out of'} the page cache: {seen(runs)}"
        yield Measured(f"validate_10000_machines{name}_s", median(r.wall for r in runs), how)


def _valid(command: list[str], folder: Path) -> Ran:
    out = folder / "said.txt"
    ran = run(command, out)
    if f"{MACHINES} machines" not in out.read_text():
        raise AssertionError(out.read_text())
    return ran
