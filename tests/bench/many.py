"""What the engine's process needs with 52 disks in flight: S9.1's limit, all in their initial replication at once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from replication.model.extents import MIB
from tests.bench.figures import Measured
from tests.bench.site import site

DISKS, SIZE = 52, 24 * MIB
LIMITS = "{host_buffer_mib: 1024, snapshots_per_datastore: 100}"
"""One host and one datastore hold them all: only the appliance's own limit is left."""


def measure(folder: Path) -> Iterator[Measured]:
    noise = random.Random(5).randbytes(SIZE)
    (folder / "disk.raw").write_bytes(noise)
    disks = {f"vm-{n:02}": f"image: {folder / 'disk.raw'}" for n in range(DISKS)}
    most, began = 0, time.monotonic()
    with site(folder, disks, interval=3600, limits=LIMITS) as place:
        while time.monotonic() - began < 120 and (now := place.under_way()) >= most - DISKS // 2:
            most = max(most, now)
            time.sleep(0.5)
        for name in disks:
            place.cycle(name, SIZE)
        peak = place.used()["engine"].rss
    if most < DISKS // 2:
        raise AssertionError(f"only {most} disks were ever in flight at once")
    how = (
        f"peak of the engine's process, {DISKS} disks of {SIZE // MIB} MiB of noise at once; of it 90 MiB are the process before "
        "the first cycle, at most 128 MiB chunks (8 threads, about 4 of 4 MiB each), 12 MiB the threads' compressors"
    )
    yield Measured("disks_in_flight_52_rss_mib", peak, how)
    yield Measured("disks_in_flight", most, "most that were seen reading at once in that run, by the engine's records")
