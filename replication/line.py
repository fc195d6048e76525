"""The line that an appliance's bytes pass: whoever moves them asks for each slice before it moves.

The engine puts a line around a port's call (`metered`); the provider that carries the call out asks slice by slice
(`draw`, `sliced`, `received`), in the same thread. What a provider does not ask for is asked for when the call has ended,
so that nothing passes uncounted, whichever provider it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from replication.throttle import SLICE

Draw = Callable[[int], None]
"""Waits until so many bytes may pass; may raise to leave earlier."""


class Call:
    """One call of a port: how many of its bytes were asked for so far."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self.drawn = 0

    def draw(self, size: int) -> None:
        self._draw(size)
        self.drawn += size

    def settle(self, size: int) -> None:
        """The call carried `size` bytes in all: ask for those that nobody has asked for."""
        if size > self.drawn:
            self.draw(size - self.drawn)


_call: ContextVar[Call | None] = ContextVar("call", default=None)


@contextmanager
def metered(draw: Draw) -> Iterator[Call]:
    """Everything that this thread moves inside passes the line."""
    call = Call(draw)
    token = _call.set(call)
    try:
        yield call
    finally:
        _call.reset(token)


def limited() -> bool:
    """Whether slices must be asked for: providers take their shorter way where they need not."""
    return _call.get() is not None


def draw(size: int) -> None:
    """Wait until `size` bytes may pass; at once where there is no line."""
    call = _call.get()
    if call is not None:
        call.draw(size)


def sliced(body: bytes | bytearray | memoryview) -> Iterator[bytes]:
    """The body in slices, each as soon as it may pass."""
    view = memoryview(body)
    for at in range(0, len(view), SLICE):
        piece = view[at : at + SLICE]
        draw(len(piece))
        yield bytes(piece)


def received(read: Callable[[int], bytes], size: int | None = None) -> bytes:
    """Read to the end, or `size` bytes at most, slice by slice; while a slice waits, the sender is slowed by its window."""
    parts: list[bytes] = []
    left = size
    while left is None or left > 0:
        want = SLICE if left is None else min(SLICE, left)
        draw(want)
        got = read(want)
        if not got:
            break
        parts.append(got)
        if left is not None:
            left -= len(got)
    return b"".join(parts)
