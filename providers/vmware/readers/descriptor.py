"""VMDK descriptors: the small text file that says in which files a virtual disk's sectors lie. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from replication.model.extents import SECTOR

_EXTENT = re.compile(
    r'^(?P<access>RW|RDONLY|NOACCESS)\s+(?P<sectors>\d+)\s+(?P<kind>\w+)(?:\s+"(?P<file>[^"]*)"(?:\s+(?P<start>\d+))?)?\s*$'
)
_VALUE = re.compile(r'^\s*(?P<key>[\w.]+)\s*=\s*"?(?P<value>[^"]*?)"?\s*$')
_FLAT = ("VMFS", "FLAT")
_NO_PARENT = "ffffffff"


@dataclass(frozen=True, slots=True)
class FileExtent:
    """`length` bytes of the disk from `offset` lie in `file` from `start`; `file` None: they are zero."""

    offset: int
    length: int
    file: str | None
    start: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class Descriptor:
    """`extents` in disk order, without gaps; for a delta `parent` names the disk below, and extents are not looked at."""

    parent: str | None
    extents: tuple[FileExtent, ...]

    @property
    def size(self) -> int:
        return self.extents[-1].end if self.extents else 0

    def pieces(self, offset: int, length: int) -> Iterator[FileExtent]:
        """[offset, offset + length) as pieces of files, in order."""
        for extent in self.extents:
            start, end = max(offset, extent.offset), min(offset + length, extent.end)
            if start < end:
                yield FileExtent(start, end - start, extent.file, extent.start + start - extent.offset)


def parse(text: str) -> Descriptor:
    """`ValueError` says why this descriptor's disk cannot be read from plain files."""
    if "# Disk DescriptorFile" not in text[:4096]:
        raise ValueError("it is no VMDK descriptor")
    lines = text.splitlines()
    values = {
        value["key"]: value["value"] for line in lines if not line.lstrip().startswith("#") and (value := _VALUE.match(line))
    }
    if values.get("parentCID", _NO_PARENT).lower() != _NO_PARENT:
        return Descriptor(values.get("parentFileNameHint", "?"), ())
    extents: list[FileExtent] = []
    for line in lines:
        if found := _EXTENT.match(line.strip()):
            extents.append(_extent(found, extents[-1].end if extents else 0))
    if not extents:
        raise ValueError("it names no extent")
    return Descriptor(None, tuple(extents))


def _extent(found: re.Match[str], offset: int) -> FileExtent:
    length, kind, file = int(found["sectors"]) * SECTOR, found["kind"], found["file"]
    if kind == "ZERO":
        return FileExtent(offset, length, None)
    if kind not in _FLAT or found["access"] == "NOACCESS":
        raise ValueError(f"its extent is of kind {kind} ({found['access']}), which is no plain file")
    if not file or "://" in file:
        raise ValueError(f"its extent is the object {file!r} (vSAN or vVol), which is no plain file")
    return FileExtent(offset, length, file, int(found["start"] or 0) * SECTOR)
