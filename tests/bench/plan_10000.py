"""A plan of 10000 machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.planning import measured


def measure(folder: Path) -> Iterator[Measured]:
    return measured(folder, 10000, rss=True)
