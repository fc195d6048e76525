"""Sealing and applying (up to the write), on one core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.process import median, python

TIMES = 3


def measure(folder: Path) -> Iterator[Measured]:
    both = ("digest + AES-256-GCM + zstd + checksum", "checksum + zstd 1 + AES-256-GCM + digest")
    for name, chain in zip(("unseal_mib_s_per_core", "seal_mib_s_per_core"), both, strict=True):
        rates = []
        for number in range(TIMES):
            out = folder / f"{name}-{number}"
            python("-c", f"from tests.bench.seal import {name} as f; print(f())", out=out)
            rates.append(float(out.read_text()))
        how = f"{chain} of 4 MiB blocks of mixed content, thread CPU time, median of {TIMES}"
        yield Measured(name, median(rates), how)
