"""S13 at the wire: under a throttle, blobs and pages go and come slice by slice, each asked for before it moves."""

from __future__ import annotations

import os
import time
import uuid

import pytest

from replication import line
from replication.engine.metered import Line, log, replicas
from replication.engine.pace import Pace
from replication.model.errors import Conflict
from replication.throttle import SLICE
from tests.azure.support import world

SIZE = 9 * SLICE + 512


class SystemClock:
    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def test_log_blobs_and_pages_pass_in_slices() -> None:
    """S13: every byte sent and received, none twice, in slices."""
    blobs = world().stores.log(world().endpoint("log_store"), "log")
    pages = world().stores.replicas(world().endpoint("seed_store"), "seeds")
    name, disk, data = f"slow/{uuid.uuid4()}", f"{uuid.uuid4()}/r/2000.vhd", os.urandom(SIZE)
    pages.ensure(disk, 1 << 20)
    asked: list[int] = []
    for do in (
        lambda: blobs.put(name, data, {"n": "1"}),
        lambda: blobs.get(name),
        lambda: pages.write(disk, 0, data, 0),
        lambda: pages.read(disk, None, 0, SIZE),
    ):
        asked.clear()
        with line.metered(asked.append):
            do()
        assert max(asked) <= SLICE and sum(asked) == SIZE, asked
    assert blobs.get(name) == (data, {"n": "1"})
    assert pages.read(disk, None, 0, SIZE) == data


def test_a_narrow_line_asks_for_answers_in_parts() -> None:
    """S13, right after a change: nothing is under way that was not paid for, so that a lower rate holds at once."""
    blobs = world().stores.log(world().endpoint("log_store"), "log")
    name, data = f"slow/{uuid.uuid4()}", os.urandom(SIZE)
    blobs.put(name, data, {"n": "1"})
    blobs.put(f"{name}-empty", b"", {})
    asked: list[int] = []
    with line.metered(asked.append, piece=2 * SLICE):
        assert blobs.get(name) == (data, {"n": "1"})
    assert asked == [2 * SLICE] * 4 + [SLICE + 512]
    with line.metered(asked.append, piece=2 * SLICE):
        assert blobs.get(f"{name}-empty") == (b"", {})


def test_refusals_are_what_they_are_without_a_throttle() -> None:
    """An answer that is read slowly is understood all the same."""
    blobs = world().stores.log(world().endpoint("log_store"), "log")
    name = f"slow/{uuid.uuid4()}"
    with line.metered(lambda size: None):
        blobs.put(name, b"first", {})
        with pytest.raises(Conflict):
            blobs.put(name, b"second", {})
        blobs.put(f"{name}-empty", b"", {})
        assert blobs.get(f"{name}-empty")[0] == b""


def test_the_rate_holds_over_the_wire() -> None:
    """S13: two seconds at 40 Mbit/s to the lab, within 5 %; the suite's own short look at what `make bench` measures."""
    pace = Pace(SystemClock(), 40e6)
    through = Line(pace, lambda: None, lambda: False)
    blobs = log(world().stores.log(world().endpoint("log_store"), "log"), through)
    pages = replicas(world().stores.replicas(world().endpoint("seed_store"), "seeds"), through)
    disk, data = f"{uuid.uuid4()}/r/2000.vhd", os.urandom(1_250_000 // 512 * 512)
    pages.ensure(disk, 4 << 20)
    began, moved = time.monotonic(), 0
    for number in range(4):
        blobs.put(f"slow/{disk}/{number}", data, {})
        pages.write(disk, 0, data, 0)
        moved += 2 * len(data)
    rate = moved * 8 / (time.monotonic() - began)
    assert 0.9 * 40e6 < rate < 1.1 * 40e6  # a burst and one slice more than what ten seconds would show
