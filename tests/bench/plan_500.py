"""A plan of 500 machines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.planning import measured


def measure(folder: Path) -> Iterator[Measured]:
    return measured(folder, 500, rss=False)
