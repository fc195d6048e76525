"""A forecast of 10,000 initial replications: the schedule's own `decide`, asked at every instant of the weeks that they take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.process import python

MACHINES = 10000


def measure(folder: Path) -> Iterator[Measured]:
    python("-m", "tests.bench.estates", folder, str(MACHINES))
    out = folder / "forecast.txt"
    ran = python("-m", "tests.bench.forecast_once", folder, out=out)
    told = sum(map(int, re.findall(r"^ *wave-\d+ +(\d+)", out.read_text(), re.M)))
    if told != MACHINES:
        raise AssertionError(f"the forecast tells of {told} of {MACHINES} machines")
    how = f"nothing replicates yet, process start to text, one run (CPU {ran.cpu:.3g} s)"
    yield Measured("forecast_10000_machines_s", ran.wall, how)
