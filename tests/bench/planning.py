"""Plans of many machines: whole processes, from their start to their end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.process import Ran, median, python, seen

TIMES = 3


def measured(folder: Path, machines: int, rss: bool) -> Iterator[Measured]:
    """`TIMES` runs over the same files; nothing is kept between them, and the files are put out of the page cache."""
    python("-m", "tests.bench.estates", folder, str(machines))
    runs: list[Ran] = []
    for _ in range(TIMES):
        forget(folder)
        runs.append(python("-m", "tests.bench.plan_once", folder, out=folder / "plan.txt"))
    _check(folder / "plan.txt", machines)
    waves = len(list((folder / "estate" / "waves").iterdir()))
    how = f"{waves} wave files cold, empty state, recorded inventory and observation, process start to text: {seen(runs)}"
    yield Measured(f"plan_{machines}_machines_s", median(r.wall for r in runs), how)
    if rss:
        yield Measured(f"plan_{machines}_machines_rss_mib", max(r.rss for r in runs), "peak resident size of those runs")


def forget(folder: Path) -> None:
    """Put every file below `folder` out of the page cache."""
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _check(plan: Path, machines: int) -> None:
    """A figure of a wrong plan would be worth nothing."""
    found = sum(map(int, re.findall(r"^Wave .*, start to replicate \((\d+) machine", plan.read_text(), re.M)))
    if found != machines:
        raise AssertionError(f"the plan begins {found} of {machines} replications")
