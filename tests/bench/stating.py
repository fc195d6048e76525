"""What 3,000 journalled steps cost with the state in blobs, beside the same in a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.figures import Measured
from tests.bench.process import python

TIMES = 3


def measure(folder: Path) -> Iterator[Measured]:
    took: dict[str, list[float]] = {"file": [], "blob": []}
    for number in range(TIMES):
        for place, seconds in took.items():
            here = folder / f"{place}-{number}"
            here.mkdir()
            python("-m", "tests.bench.state_once", place, here, out=here / "seconds")
            seconds.append(float((here / "seconds").read_text()))
    blob, file = median(took["blob"]), median(took["file"])
    seen = " ".join(f"{one:.3g}" for one in sorted(took["blob"]))
    how = (
        f"3,000 steps, ten at once, each answer 10 ms late, lock to fold: median of {TIMES} ({seen} s); in a file {file:.3g} s, "
        f"so {blob / file:.1f} times that"
    )
    yield Measured("state_blob_3000_steps_s", blob, how)
