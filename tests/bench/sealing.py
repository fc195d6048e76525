"""Sealing, on one core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.process import median, python

TIMES = 3


def measure(folder: Path) -> Iterator[Measured]:
    rates = []
    for number in range(TIMES):
        out = folder / str(number)
        python("-c", "from tests.bench.seal import seal_mib_s_per_core as f; print(f())", out=out)
        rates.append(float(out.read_text()))
    how = f"checksum + zstd 1 + AES-256-GCM + digest of 4 MiB blocks of mixed content, thread CPU time, median of {TIMES}"
    yield Measured("seal_mib_s_per_core", median(rates), how)
