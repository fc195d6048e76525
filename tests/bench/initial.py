"""Initial replication of one disk, through the lab's vCenter and Azure, by `wavelift engine run`."""

from __future__ import annotations

import random
import sysconfig
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from replication.model.extents import MIB
from tests.bench.figures import Measured
from tests.bench.site import site

SIZE = 2048 * MIB
PARTS = {"text": 40, "binaries": 25, "noise": 15, "zeros": 20}
"""Percent of the disk. Every byte is written: zeros are read and found to be zero, not left out as a hole."""


def measure(folder: Path) -> Iterator[Measured]:
    """One run."""
    make_image(folder / "disk.raw")
    with site(folder, {"big-01": f"image: {folder / 'disk.raw'}"}, interval=3600) as place:
        before = place.used()
        evidence = place.cycle("big-01", SIZE)
        after = place.used()
    disk = evidence.disks[0]
    if disk.requested_sectors != disk.applied_sectors or disk.requested_sectors * 512 != SIZE:
        raise AssertionError(f"{disk.applied_sectors} of {SIZE // 512} sectors were copied")
    seconds = evidence.completed - evidence.started
    spent = ", ".join(f"{name} {after[name].cpu - before[name].cpu:.3g}" for name in ("engine", "vcenter", "azure"))
    mix = ", ".join(f"{share} % {kind}" for kind, share in PARTS.items())
    how = (
        f"2 GiB ({mix}) from cycle start to commit in {seconds:.3g} s, one run; "
        f"{disk.sent_bytes / MIB:.0f} MiB of log; CPU s: {spent}"
    )
    yield Measured("initial_mib_s", SIZE / MIB / seconds, how)
    cpu = after["engine"].cpu - before["engine"].cpu
    chain = "read over HTTPS, sealed, put, fetched, unsealed, checked and written: MiB for each CPU second of the engine"
    yield Measured("initial_mib_s_per_core", SIZE / MIB / cpu, chain)
    yield Measured("replication_rss_mib", after["engine"].rss, "peak resident size of the engine's process in that run")
    yield Measured("initial_snapshot_open_s", evidence.snapshot_seconds, "how long that cycle held its snapshot open")
    per_gib = evidence.snapshot_seconds * 1024 * MIB / SIZE
    yield Measured("snapshot_open_s_per_gib", per_gib, "the same for each GiB of that initial replication")


def make_image(path: Path) -> None:
    """The same bytes on the same machine: this Python's own texts and binaries, noise and zeros, in runs of 4 MiB."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    texts = _endless(sorted(folder.glob("*.py")))
    binaries = _endless([*sorted(folder.rglob("*.so")), *sorted(Path(sysconfig.get_paths()["platlib"]).rglob("*.so"))[:80]])
    chance, run = random.Random(7), 4 * MIB
    order = [kind for kind, share in PARTS.items() for _ in range(share)]
    with path.open("wb") as out:
        for number in range(SIZE // run):
            if number % len(order) == 0:
                chance.shuffle(order)
            match order[number % len(order)]:
                case "text":
                    out.write(_take(texts, run))
                case "binaries":
                    out.write(_take(binaries, run))
                case "noise":
                    out.write(chance.randbytes(run))
                case _:
                    out.write(bytes(run))


def _endless(paths: list[Path]) -> Iterator[bytes]:
    return (path.read_bytes() for path in cycle(paths))


def _take(pieces: Iterator[bytes], size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        found += next(pieces)
    return bytes(found[:size])
