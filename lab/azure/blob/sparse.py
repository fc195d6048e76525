"""Sparse files: holes stay holes when they are copied, cleared or asked for."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path

_KEEP_SIZE_PUNCH_HOLE = 0x01 | 0x02
_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
_ZEROS = bytes(1 << 20)


def write_all(fd: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    """Write everything; a single pwrite may stop early."""
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view = view[done:]
        offset += done


def read_exactly(fd: int, length: int, offset: int) -> bytes:
    """Read `length` bytes; what lies beyond the end of the file is zero."""
    data = os.pread(fd, length, offset)
    if len(data) == length:
        return data
    parts = [data]
    missing = length - len(data)
    while missing and (data := os.pread(fd, missing, offset + length - missing)):
        parts.append(data)
        missing -= len(data)
    return b"".join(parts) + bytes(missing)


def punch(fd: int, offset: int, length: int) -> None:
    """Make a range read as zero and give its blocks back; writes zeros where the file system cannot punch."""
    if length <= 0:
        return
    if _libc.fallocate(fd, _KEEP_SIZE_PUNCH_HOLE, offset, length) == 0:
        return
    code = ctypes.get_errno()
    if code not in (errno.EOPNOTSUPP, errno.ENOSYS):
        raise OSError(code, os.strerror(code))
    end = offset + length
    while offset < end:
        step = min(len(_ZEROS), end - offset)
        write_all(fd, memoryview(_ZEROS)[:step], offset)
        offset += step


def copy_range(source: int, target: int, source_offset: int, target_offset: int, length: int) -> None:
    """Copy bytes between two files inside the kernel."""
    while length:
        done = os.copy_file_range(source, target, length, source_offset, target_offset)
        if done == 0:
            raise OSError(errno.EIO, "the file to copy from is shorter than its description")
        source_offset += done
        target_offset += done
        length -= done


def data_ranges(fd: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The parts of `[start, end)` that hold data, as the file system sees them (whole file system blocks)."""
    while start < end:
        try:
            low = os.lseek(fd, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
            raise
        if low >= end:
            return
        high = min(os.lseek(fd, low, os.SEEK_HOLE), end)
        yield low, high
        start = high


def create(path: Path, size: int) -> None:
    """An empty sparse file of that size; replaces what is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


def copy_file(source: Path, target: Path, size: int | None = None) -> None:
    """Copy a file's data and leave its holes as holes; the copy gets `size` bytes, or as many as the source."""
    length = source.stat().st_size
    create(target, length if size is None else size)
    with source.open("rb") as reader, target.open("r+b") as writer:
        for low, high in data_ranges(reader.fileno(), 0, min(length, size or length)):
            copy_range(reader.fileno(), writer.fileno(), low, low, high - low)
