"""The content of one page blob and of its snapshots.

The current content is one plain sparse raw file, so that other programs can read it. A snapshot costs nothing when it is
taken: it is an empty *layer*. Before a range of the current file changes for the first time after that, its old content is
copied into the newest layer (copy before write). A layer therefore reads as: what it kept itself, else what the next
newer layer kept, and so on, else the current file. The price of a snapshot is what was overwritten since, never the blob.

Files, beside each other:  NAME.raw (current) · NAME.raw.pages (which pages were written) ·
NAME.raw.<layer>.old (what a layer kept) · NAME.raw.<layer>.map (which ranges it kept, and which of them are empty).

Order that a kill cannot harm: old data into the layer, then the layer's map, then the page map, then the current file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab.azure.blob.extents import ExtentLog, Extents, Range
from lab.azure.blob.sparse import copy_range, create, data_ranges, punch, read_exactly, write_all

MAX_OFFSET = 1 << 62


@dataclass(frozen=True, slots=True)
class Layer:
    """One snapshot's kept ranges."""

    number: int
    path: Path
    kept: ExtentLog


class PageStore:
    """Pages of one blob: written, cleared, resized, frozen into layers, read at any layer. Safe to share among threads."""

    def __init__(self, path: Path, layers: Iterable[int]) -> None:
        """Open what `create` made. `layers` are the snapshots that exist; any other layer on disk is dropped."""
        self.path = path
        self.lock = threading.RLock()
        self._pages = ExtentLog(path.with_name(path.name + ".pages"), holes=False)
        wanted = set(layers)
        on_disk = {int(item.name.split(".")[-2]) for item in path.parent.glob(_escape(path.name) + ".*.map")}
        self._layers = [self._layer(number) for number in sorted(wanted | on_disk)]
        for number in sorted(on_disk - wanted, reverse=True):
            self.drop(number)

    @classmethod
    def create(cls, path: Path, size: int) -> PageStore:
        create(path, size)
        return cls(path, ())

    def write(self, offset: int, data: bytes) -> None:
        with self.lock:
            self._keep(offset, offset + len(data))
            self._pages.set_data(offset, offset + len(data))
            with self.path.open("r+b", buffering=0) as file:
                write_all(file.fileno(), data, offset)

    def clear(self, offset: int, length: int) -> None:
        with self.lock:
            self._keep(offset, offset + length)
            with self.path.open("r+b", buffering=0) as file:
                punch(file.fileno(), offset, length)
            self._forget(offset, offset + length)

    def resize(self, size: int) -> None:
        with self.lock:
            self._keep(size, MAX_OFFSET)
            os.truncate(self.path, size)
            self._forget(size, MAX_OFFSET)

    def flip_bit(self, offset: int) -> None:
        """Spoil one bit of the current content without a trace: no condition, no map, but snapshots keep theirs."""
        with self.lock:
            start = offset - offset % 512
            self._keep(start, start + 512)
            with self.path.open("r+b", buffering=0) as file:
                byte = read_exactly(file.fileno(), 1, offset)[0]
                write_all(file.fileno(), bytes([byte ^ 1]), offset)

    def read(self, offset: int, length: int, layer: int | None = None) -> bytes:
        """Bytes of the current content, or of a snapshot. What was never written is zero."""
        with self.lock:
            if layer is None:
                with self.path.open("rb", buffering=0) as file:
                    return read_exactly(file.fileno(), length, offset)
            buffer = bytearray(length)
            for path, ranges in self._sources(offset, offset + length, layer):
                with path.open("rb", buffering=0) as file:
                    for low, high in ranges:
                        buffer[low - offset : high - offset] = read_exactly(file.fileno(), high - low, low)
            return bytes(buffer)

    def ranges(self, start: int, end: int, layer: int | None = None) -> list[Range]:
        """The written pages in the range, of the current content or of a snapshot."""
        with self.lock:
            if layer is None:
                return self._pages.data.within(start, end)
            found = Extents()
            for _, ranges in self._sources(start, end, layer):
                for low, high in ranges:
                    found.add(low, high)
            return list(found)

    def changed(
        self, since: int, start: int, end: int, layer: int | None = None
    ) -> tuple[list[Range], list[Range]]:
        """(written, cleared) between the snapshot `since` and a later one, or now."""
        with self.lock:
            touched = Extents()
            for one in self._layers[
                self._index(since) : len(self._layers) if layer is None else self._index(layer)
            ]:
                for low, high in one.kept.known.within(start, end):
                    touched.add(low, high)
            written = Extents()
            for low, high in touched:
                for piece in self.ranges(low, high, layer):
                    written.add(*piece)
            cleared = [gap for low, high in touched for gap in written.gaps(low, high)]
            return list(written), cleared

    def freeze(self) -> int:
        """Take a snapshot; returns its layer."""
        with self.lock:
            number = self._layers[-1].number + 1 if self._layers else 1
            create(self._old(number), 0)
            self._layers.append(self._layer(number))
            return number

    def drop(self, number: int) -> None:
        """Delete a snapshot. What only it kept and an older one still needs moves into that one."""
        with self.lock:
            at = self._index(number)
            layer = self._layers[at]
            if at:
                self._merge(layer, self._layers[at - 1])
            del self._layers[at]
            layer.kept.unlink()
            layer.path.unlink(missing_ok=True)

    def unlink(self) -> None:
        """Delete the content and every layer."""
        with self.lock:
            for layer in self._layers:
                layer.kept.unlink()
                layer.path.unlink(missing_ok=True)
            self._layers.clear()
            self._pages.unlink()
            self.path.unlink(missing_ok=True)

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}.old")

    def _layer(self, number: int) -> Layer:
        kept = ExtentLog(self.path.with_name(f"{self.path.name}.{number}.map"), holes=True)
        old = self._old(number)
        old.touch()
        return Layer(number, old, kept)

    def _index(self, number: int) -> int:
        for at, layer in enumerate(self._layers):
            if layer.number == number:
                return at
        raise KeyError(number)

    def _forget(self, start: int, end: int) -> None:
        for low, high in self._pages.data.within(start, end):
            self._pages.set_hole(low, high)

    def _keep(self, start: int, end: int) -> None:
        """Copy what is about to change into the newest layer, once."""
        if not self._layers:
            return
        layer = self._layers[-1]
        for low, high in layer.kept.known.gaps(start, end):
            self._copy(self.path, layer, self._pages.data.within(low, high))
            for gap in self._pages.data.gaps(low, high):
                layer.kept.set_hole(*gap)

    def _merge(self, newer: Layer, older: Layer) -> None:
        for low, high in list(newer.kept.known):
            for start, end in older.kept.known.gaps(low, high):
                data = newer.kept.data
                self._copy(newer.path, older, data.within(start, end))
                for gap in data.gaps(start, end):
                    older.kept.set_hole(*gap)

    def _copy(self, source: Path, layer: Layer, ranges: list[Range]) -> None:
        if not ranges:
            return
        with source.open("rb", buffering=0) as reader, layer.path.open("r+b", buffering=0) as writer:
            for low, high in ranges:
                for start, end in data_ranges(reader.fileno(), low, high):
                    copy_range(reader.fileno(), writer.fileno(), start, start, end - start)
                layer.kept.set_data(low, high)

    def _sources(self, start: int, end: int, number: int) -> list[tuple[Path, list[Range]]]:
        """Which file holds which written ranges of a snapshot."""
        found: list[tuple[Path, list[Range]]] = []
        wanted = [(start, end)]
        for layer in self._layers[self._index(number) :]:
            found.append(
                (layer.path, [piece for low, high in wanted for piece in layer.kept.data.within(low, high)])
            )
            wanted = [gap for low, high in wanted for gap in layer.kept.known.gaps(low, high)]
        found.append(
            (self.path, [piece for low, high in wanted for piece in self._pages.data.within(low, high)])
        )
        return [(path, ranges) for path, ranges in found if ranges]


def _escape(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
