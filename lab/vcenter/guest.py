"""Guests that write: the same bytes to the same places for the same seed, at once or on and on at a rate.

Patterns, after what makes replication cheap or dear:
    sequential           one stretch from the middle of the disk on
    random               4 KiB at random places
    every-other-sector   512 bytes, 512 bytes left out: the dearest per byte
    rewrite              one small region over and over: the cheapest
"""

from __future__ import annotations

import itertools
import logging
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from lab.vcenter.disks import Disk
from lab.vcenter.machine import Vm

log = logging.getLogger("lab.vcenter.guest")

Pattern = Literal["sequential", "random", "every-other-sector", "rewrite"]
PATTERNS: tuple[str, ...] = get_args(Pattern)

MIB = 1 << 20
_SMALL = 4096
_SECTOR = 512
_REWRITE_PART = 8  # a rewrite goes over an eighth of its volume, eight times
_TICK_S = 0.05


class GuestError(Exception):
    """A write that this guest cannot do now; the text says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: `size` bytes in a pattern; `start` is where the pattern begins (None: the disk's middle)."""

    pattern: str
    size: int
    seed: int = 0
    start: int | None = None


@dataclass(slots=True)
class Written:
    """What was written so far."""

    bytes: int = 0
    writes: int = 0


def writes(order: Order, capacity: int) -> Iterator[tuple[int, bytes]]:
    """(offset, data) of an order on a disk of `capacity` bytes; wraps around at its end."""
    source = random.Random(f"{order.pattern}/{order.seed}")  # content, not secrecy: must be repeatable
    pool = source.randbytes(2 * MIB)  # making every byte anew would be slower than writing it
    start = (capacity // 2 if order.start is None else order.start) // _SMALL * _SMALL
    left = order.size // _SECTOR * _SECTOR
    for offset, length in _places(order, capacity, start, source):
        length = min(length, left, capacity - offset)
        if length <= 0:
            return
        first = source.randrange(MIB)
        yield offset, pool[first : first + length]
        left -= length


def _places(order: Order, capacity: int, start: int, source: random.Random) -> Iterator[tuple[int, int]]:
    match order.pattern:
        case "random":
            while True:
                yield source.randrange(max(1, capacity // _SMALL)) * _SMALL, _SMALL
        case "every-other-sector":
            for number in itertools.count():
                yield (start + number * 2 * _SECTOR) % capacity, _SECTOR
        case "rewrite":
            region = max(_SMALL, order.size // _REWRITE_PART // _SMALL * _SMALL)
            for number in itertools.count():
                yield (start + number * _SMALL % region) % capacity, _SMALL
        case _:
            for number in itertools.count():
                yield (start + number * MIB) % capacity, MIB


def write_now(vm: Vm, disk: Disk, order: Order) -> Written:
    """Write a whole order. Raises GuestError."""
    done = Written()
    for offset, data in writes(order, disk.capacity):
        write_once(vm, disk, offset, data)
        done.bytes += len(data)
        done.writes += 1
    return done


def write_once(vm: Vm, disk: Disk, offset: int, data: bytes) -> None:
    """One write of the guest. Raises GuestError when the VM is off or the disk is gone."""
    with disk.lock:  # power changes take all disk locks: no write slips in after a power off
        if vm.power != "poweredOn":
            raise GuestError(f"{vm.name} is powered off: its guest cannot write")
        if not any(entry is disk for entry in vm.disks):
            raise GuestError(f"{disk.label} is not attached to {vm.name} any more")
        disk.write(offset, data)


@dataclass(slots=True)
class Writer:
    """A guest that writes on and on at `rate` bytes a second, until it is stopped or powered off."""

    vm: Vm
    disk: Disk
    order: Order
    rate: float
    done: Written = field(default_factory=Written)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    @property
    def running(self) -> bool:
        return not self._stop.is_set()

    def _run(self) -> None:
        started = time.monotonic()
        try:
            for number in itertools.count():
                order = Order(self.order.pattern, self.order.size, self.order.seed + number, self.order.start)
                for offset, data in writes(order, self.disk.capacity):
                    write_once(self.vm, self.disk, offset, data)
                    self.done.bytes += len(data)
                    self.done.writes += 1
                    if not self._pace(started):
                        return
        except GuestError as error:
            log.info("%s", error)
        finally:
            self._stop.set()

    def _pace(self, started: float) -> bool:
        """Wait until the rate allows the next write; False when told to stop."""
        ahead = self.done.bytes / self.rate - (time.monotonic() - started)
        if ahead > _TICK_S:
            return not self._stop.wait(ahead)
        return not self._stop.is_set()
