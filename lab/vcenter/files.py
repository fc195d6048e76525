"""Sparse files, append-only records and atomic replacement: the little that the lab asks of a file system."""

from __future__ import annotations

import errno
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_COPY_STEP = 4 << 20


def make_sparse(path: Path, size: int) -> None:
    """Make (or grow) a file of `size` bytes without writing any."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as stream:
        if os.fstat(stream.fileno()).st_size < size:
            stream.truncate(size)


def data_runs(path: Path, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Ranges `(first, end)` of a file, in bytes, that are not holes. A file that does not exist is one hole."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        position = start
        while position < end:
            try:
                first = os.lseek(descriptor, position, os.SEEK_DATA)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    return
                raise
            if first >= end:
                return
            position = min(os.lseek(descriptor, first, os.SEEK_HOLE), end)
            yield first, position
    finally:
        os.close(descriptor)


def copy_sparse(source: Path, target: Path, size: int) -> None:
    """Copy the data of `source` into a new sparse file of `size` bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(source, "rb") as reader, open(target, "wb") as writer:
        writer.truncate(size)
        for first, end in data_runs(source, 0, min(size, os.fstat(reader.fileno()).st_size)):
            position = first
            while position < end:
                data = os.pread(reader.fileno(), min(_COPY_STEP, end - position), position)
                os.pwrite(writer.fileno(), data, position)
                position += len(data)


def read_at(path: Path, offset: int, length: int) -> bytes:
    """`length` bytes at `offset`; what the file does not have (or the whole file) reads as zeros."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return bytes(length)
    try:
        data = os.pread(descriptor, length, offset)
    finally:
        os.close(descriptor)
    return data if len(data) == length else data + bytes(length - len(data))


def write_at(path: Path, offset: int, data: bytes | memoryview) -> None:
    """Write all of `data` at `offset` of an existing file."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        view = memoryview(data)
        while view:
            count = os.pwrite(descriptor, view, offset)
            offset += count
            view = view[count:]
    finally:
        os.close(descriptor)


class OpenFile:
    """A file that is opened at its first use and stays open: a guest writes thousands of times a second."""

    __slots__ = ("_descriptor", "_flags", "path")

    def __init__(self, path: Path, flags: int) -> None:
        self.path = path
        self._flags = flags
        self._descriptor = -1

    @classmethod
    def to_write(cls, path: Path) -> OpenFile:
        """An existing file, for writes at places."""
        return cls(path, os.O_WRONLY)

    @classmethod
    def to_append(cls, path: Path) -> OpenFile:
        """A log, made when missing."""
        return cls(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def _open(self) -> int:
        if self._descriptor < 0:
            self._descriptor = os.open(self.path, self._flags, 0o600)
        return self._descriptor

    def write_at(self, offset: int, data: bytes | memoryview) -> None:
        """Write all of `data` at `offset`."""
        written = os.pwrite(self._open(), data, offset)
        if written < len(data):
            self.write_at(offset + written, memoryview(data)[written:])

    def append(self, record: bytes) -> None:
        """Append one record in one write call (a kill leaves it whole, cut short, or absent)."""
        os.write(self._open(), record)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


def read_records(path: Path, record: struct.Struct) -> Iterator[tuple[int, ...]]:
    """All whole records; a cut-short last one is the trace of a kill and counts as never written."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return
    whole = len(content) - len(content) % record.size
    if whole != len(content):
        os.truncate(path, whole)
    yield from record.iter_unpack(memoryview(content)[:whole])


def replace_json(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON document so that a reader finds the old or the new one, never half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(json.dumps(document))
    os.replace(temporary, path)
