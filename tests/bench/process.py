"""Runs a command as a process of its own and says what it took."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """`wall` from before the start to after the end, `cpu` user + system, in seconds; `rss` the peak in MiB."""

    wall: float
    cpu: float
    rss: float


class Failed(Exception):
    """The command did not end with 0."""


def python(*arguments: str | Path, out: Path | None = None) -> Ran:
    """Run this Python; its standard output goes to `out` or is dropped."""
    return run([sys.executable, *map(str, arguments)], out)


def run(command: Sequence[str], out: Path | None = None) -> Ran:
    target = out or Path(os.devnull)
    # Compiled modules are kept, as they are of what is installed: some machines forbid that by their environment.
    around = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with target.open("wb") as stdout:
        before = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stdin=subprocess.DEVNULL, cwd=ROOT, env=around)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        wall = time.perf_counter() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}")
    return Ran(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def seen(runs: Sequence[Ran]) -> str:
    """ "median of 3 (2.1 2.2 2.4 s; CPU 2.0 s)": how far the runs lie apart, and what they took without waiting."""
    walls = " ".join(f"{run.wall:.3g}" for run in sorted(runs, key=lambda r: r.wall))
    return f"median of {len(runs)} ({walls} s; CPU {median(r.cpu for r in runs):.3g} s)"


@dataclass(frozen=True, slots=True)
class Growth:
    """`whole`: how the largest compares with what the middle one promises, 1.0 being linear; `told` says it without the start."""

    whole: float
    told: str


def grown(cpu: Mapping[int, float]) -> Growth:
    """Of CPU seconds by size: next to nothing, some, many."""
    (none, start), (some, middle), (many, whole) = sorted(cpu.items())
    without = (whole - start) / (middle - start) * (some - none) / (many - none)
    seconds = ", ".join(f"{size}: {taken:.3g}" for size, taken in sorted(cpu.items()))
    return Growth(whole / middle * some / many, f"{without:.2f} without what the smallest takes (CPU s of {seconds})")
