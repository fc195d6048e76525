"""What a command costs before it does anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.process import median, python, run

TIMES = 11


def measure(folder: Path) -> Iterator[Measured]:
    """By turns, so that other load on the machine meets both alike."""
    command = str(Path(sys.executable).with_name("wavelift"))
    empty, helped = [], []
    for _ in range(TIMES):
        empty.append(python("-c", "pass"))
        helped.append(run([command, "--help"]))
    plain, asked = median(r.wall for r in empty), median(r.wall for r in helped)
    yield Measured("python_pass_s", plain, f"python -c pass, median of {TIMES}")
    ratio = f"{asked / plain:.1f} x python_pass_s"
    yield Measured("help_s", asked, f"wavelift --help, median of {TIMES} (CPU {median(r.cpu for r in helped):.3g} s): {ratio}")
