"""The dependency graph of 10,000 machines (90,000 nodes) as JSON and as DOT, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.planning import TIMES
from tests.bench.process import median, python, seen

MACHINES = 10000


def measure(folder: Path) -> Iterator[Measured]:
    python("-m", "tests.bench.estates", folder, str(MACHINES))
    out = folder / "graph.dot"
    runs = [python("-m", "tests.bench.graph_once", folder, out=out) for _ in range(TIMES)]
    nodes = sum(1 for line in out.open() if "->" not in line)
    if nodes < 7 * MACHINES:
        raise AssertionError(f"the graph has {nodes} nodes")
    how = f"files and recorded inventory to DOT, process start to end: {seen(runs)}"
    yield Measured("graph_10000_s", median(r.wall for r in runs), how)
