"""Page contents with snapshots against a model of bytearrays: whatever happens, each reads as it was."""

from __future__ import annotations

import os
import shutil
import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lab.azure.blob.extents import Extents
from lab.azure.blob.pages import PageStore

_PAGES = 24
_PAGE = 512
_MIB = 1 << 20

_spans = st.tuples(st.integers(0, _PAGES - 1), st.integers(1, 8))


class Pages(RuleBasedStateMachine):
    """Writes, clears, resizes, snapshots, deletions and restarts in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="pages-"))
        self.size = _PAGES * _PAGE
        self.store = PageStore.create(self.folder / "blob~1.raw", self.size)
        self.now = bytearray(self.size)
        self.written: set[int] = set()
        self.frozen: dict[int, tuple[bytes, set[int]]] = {}
        self.touched: dict[int, set[int]] = {}
        self.counter = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def _span(self, span: tuple[int, int]) -> tuple[int, int]:
        start = min(span[0] * _PAGE, self.size - _PAGE)
        return start, min(start + span[1] * _PAGE, self.size)

    def _touch(self, start: int, end: int) -> range:
        pages = range(start // _PAGE, end // _PAGE)
        for touched in self.touched.values():
            touched.update(pages)
        return pages

    @rule(span=_spans)
    def write(self, span: tuple[int, int]) -> None:
        start, end = self._span(span)
        self.counter = self.counter % 255 + 1
        data = bytes([self.counter]) * (end - start)
        self.store.write(start, data)
        self.now[start:end] = data
        self.written.update(self._touch(start, end))

    @rule(span=_spans)
    def clear(self, span: tuple[int, int]) -> None:
        start, end = self._span(span)
        self.store.clear(start, end - start)
        self.now[start:end] = bytes(end - start)
        self.written.difference_update(self._touch(start, end))

    @rule(pages=st.integers(1, _PAGES))
    def resize(self, pages: int) -> None:
        size = pages * _PAGE
        self.store.resize(size)
        self._touch(size, _PAGES * _PAGE)
        self.now = self.now[:size] + bytearray(max(0, size - len(self.now)))
        self.written = {page for page in self.written if page < pages}
        self.size = size

    @precondition(lambda self: len(self.frozen) < 5)
    @rule()
    def snapshot(self) -> None:
        layer = self.store.freeze()
        assert layer not in self.frozen
        self.frozen[layer] = (bytes(self.now), set(self.written))
        self.touched[layer] = set()

    @precondition(lambda self: self.frozen)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        layer = data.draw(st.sampled_from(sorted(self.frozen)))
        self.store.drop(layer)
        del self.frozen[layer], self.touched[layer]

    @rule()
    def restart(self) -> None:
        self.store = PageStore(self.store.path, self.frozen)

    @rule(span=_spans, data=st.data())
    def read_a_part(self, span: tuple[int, int], data: st.DataObject) -> None:
        layer = data.draw(st.sampled_from([None, *self.frozen]))
        content = bytes(self.now) if layer is None else self.frozen[layer][0]
        start = min(span[0] * _PAGE, len(content)) + 3
        end = min(start + span[1] * _PAGE, len(content))
        if start < end:
            assert self.store.read(start, end - start, layer) == content[start:end]

    @invariant()
    def everything_reads_as_it_was(self) -> None:
        assert self.store.read(0, self.size) == bytes(self.now)
        assert self.store.path.read_bytes() == bytes(self.now)
        assert _pages(self.store.ranges(0, self.size)) == self.written
        for layer, (content, written) in self.frozen.items():
            assert self.store.read(0, len(content), layer) == content
            assert _pages(self.store.ranges(0, len(content), layer)) == written

    @invariant()
    def differences_are_what_was_touched(self) -> None:
        inside = range(self.size // _PAGE)
        for layer, touched in self.touched.items():
            written, cleared = self.store.changed(layer, 0, self.size)
            assert _pages(written) == {page for page in touched & self.written if page in inside}
            assert _pages(cleared) == {page for page in touched - self.written if page in inside}


def _pages(ranges: list[tuple[int, int]]) -> set[int]:
    return {page for start, end in ranges for page in range(start // _PAGE, end // _PAGE)}


TestPages = Pages.TestCase
TestPages.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


class ExtentSets(RuleBasedStateMachine):
    """Ranges against a set of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.extents = Extents()
        self.model: set[int] = set()

    @rule(start=st.integers(0, 60), length=st.integers(1, 20))
    def add(self, start: int, length: int) -> None:
        self.extents.add(start, start + length)
        self.model.update(range(start, start + length))

    @rule(start=st.integers(0, 60), length=st.integers(1, 20))
    def remove(self, start: int, length: int) -> None:
        self.extents.remove(start, start + length)
        self.model.difference_update(range(start, start + length))

    @rule(start=st.integers(0, 60), length=st.integers(1, 20))
    def ask(self, start: int, length: int) -> None:
        span = set(range(start, start + length))
        inside = {one for low, high in self.extents.within(start, start + length) for one in range(low, high)}
        outside = {one for low, high in self.extents.gaps(start, start + length) for one in range(low, high)}
        assert inside == span & self.model
        assert outside == span - self.model
        assert self.extents.covers(start, start + length) == (span <= self.model)

    @invariant()
    def ranges_neither_touch_nor_overlap(self) -> None:
        ranges = list(self.extents)
        assert all(left[1] < right[0] for left, right in pairwise(ranges))


TestExtentSets = ExtentSets.TestCase
TestExtentSets.settings = settings(max_examples=100, deadline=None)


def test_a_snapshot_costs_what_is_overwritten_and_not_the_blob(tmp_path: Path) -> None:
    """A snapshot of 1 TiB takes no space; afterwards only overwritten ranges do, once."""
    store = PageStore.create(tmp_path / "big~1.raw", 1 << 40)
    data = os.urandom(_MIB)
    for index in range(16):
        store.write(index << 30, data)
    store.freeze()
    before = _allocated(tmp_path)
    store.write(0, os.urandom(_MIB))
    store.write(0, os.urandom(_MIB))
    store.write(100 << 30, data)  # was a hole: nothing to keep
    assert _MIB <= _allocated(tmp_path) - before - _MIB <= _MIB + 65536
    assert store.read(0, _MIB, 1) == data


def test_a_torn_record_at_the_end_of_a_map_is_forgotten(tmp_path: Path) -> None:
    store = PageStore.create(tmp_path / "torn~1.raw", _MIB)
    store.write(0, b"a" * 512)
    with (tmp_path / "torn~1.raw.pages").open("ab") as log:
        log.write(b"\x01\x02\x03")
    again = PageStore(store.path, ())
    again.write(1024, b"b" * 512)
    assert PageStore(store.path, ()).ranges(0, _MIB) == [(0, 512), (1024, 1536)]


def _allocated(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.iterdir())
