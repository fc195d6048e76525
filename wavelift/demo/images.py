"""Disk images with real file systems on them, made of real files of this machine's Python."""

from __future__ import annotations

import io
import shutil
import subprocess
import sysconfig
import tarfile
from collections.abc import Iterator
from itertools import cycle, islice, zip_longest
from pathlib import Path

from replication.model.extents import MIB

SIZES = {
    "wiki-01-os": 64,
    "jump-01-os": 48,
    "shop-db-01-os": 96,
    "shop-db-01-data": 128,
    "shop-db-01-log": 48,
    "shop-app-01-os": 96,
    "shop-app-01-data": 64,
    "shop-web-01-os": 64,
    "erp-01-os": 96,
    "erp-01-data": 128,
    "erp-db-os": 64,
    "erp-db-data": 96,
    "erp-db-scratch": 32,
}
"""Image name -> MiB."""


def make_images(folder: Path) -> str:
    """Write every image that is not there yet; what they hold, in words."""
    folder.mkdir(parents=True, exist_ok=True)
    tool = shutil.which("mke2fs") or shutil.which("mke2fs", path="/usr/sbin:/sbin")
    files = _files()
    for number, (name, mib) in enumerate(SIZES.items()):
        image = folder / f"{name}.raw"
        if image.exists():
            continue
        chosen = _some(files, start=number * 37, budget=mib * MIB * 6 // 10)
        if tool:
            _file_system(tool, image, mib, chosen, folder / f"{name}.d")
        else:
            _archive(image, mib, chosen)
    return "ext4 file systems" if tool else "tar archives (mke2fs is not installed)"


def _files() -> list[Path]:
    """Text and binaries of this Python, mixed: a few hundred files of all sizes, about a tenth of a gigabyte."""
    paths = sysconfig.get_paths()
    texts = sorted(p for p in Path(paths["stdlib"]).glob("*.py") if p.stat().st_size)
    binaries = sorted(Path(paths["platlib"]).rglob("*.so"))
    return [p for pair in zip_longest(texts, binaries) for p in pair if p is not None]


def _some(files: list[Path], start: int, budget: int) -> Iterator[Path]:
    """Files from `start` on, round and round once, up to `budget` bytes."""
    for path in islice(cycle(files), start, start + len(files)):
        budget -= path.stat().st_size
        if budget < 0:
            return
        yield path


def _file_system(tool: str, image: Path, mib: int, files: Iterator[Path], tree: Path) -> None:
    tree.mkdir()
    for number, path in enumerate(files):  # numbered: two packages may have files of one name
        place = tree / path.parent.name
        place.mkdir(exist_ok=True)
        shutil.copyfile(path, place / f"{number:04}-{path.name}")
    command = [tool, "-q", "-F", "-t", "ext4", "-d", str(tree), str(image), f"{mib}M"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    shutil.rmtree(tree)
    if done.returncode:
        raise RuntimeError(f"mke2fs failed: {done.stderr.strip()}")


def _archive(image: Path, mib: int, files: Iterator[Path]) -> None:
    """A tar archive at the start of the disk; the rest is a hole."""
    with image.open("wb") as out:
        out.truncate(mib * MIB)
        out.seek(0)
        with tarfile.open(fileobj=_Unclosed(out), mode="w") as archive:
            for path in files:
                data = path.read_bytes()
                entry = tarfile.TarInfo(f"{path.parent.name}/{path.name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))


class _Unclosed(io.BufferedWriter):
    """tarfile must not close the image's handle."""

    def __init__(self, out: io.BufferedWriter) -> None:
        super().__init__(out.raw)

    def close(self) -> None:
        self.flush()
