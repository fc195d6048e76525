"""Reading a large vCenter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Measured
from tests.bench.process import python
from wavelift.labs.connection import write_connection
from wavelift.labs.lab import Lab

VMS, HOSTS, DISKS = 10_000, 60, 2


def measure(folder: Path) -> Iterator[Measured]:
    """Once: a run takes half a minute. A process of its own reads, and checks that it has everything."""
    lab = Lab(folder / "lab")
    try:
        lab.start(["--vms", str(VMS), "--hosts", str(HOSTS), "--disks", str(DISKS)], [])
        estate = folder / "estate"
        estate.mkdir()
        write_connection(estate, lab.known, "koreacentral", "rg-bench")
        out = folder / "seconds"
        ran = python("-m", "tests.bench.inventory_once", estate, str(VMS), str(DISKS), out=out)
    finally:
        lab.stop()
    how = f"login and {VMS} VMs of {DISKS} disks from the lab's vCenter, one run (CPU of the reader {ran.cpu:.3g} s)"
    yield Measured("inventory_10000_s", float(out.read_text()), how)
