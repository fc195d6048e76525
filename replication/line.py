"""The line that an appliance's bytes pass: whoever moves them asks for each slice before it moves.

The engine puts a line around a port's call (`metered`); the provider that carries the call out asks slice by slice
(`draw`, `sliced`, `received`), in the same thread. What a provider does not ask for is asked for when the call has ended,
so that nothing passes uncounted, whichever provider it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from replication.throttle import SLICE

FIRST_LINE = 40
"""Bytes of a first line without its path, and of the empty line."""
RECORD = 22
"""TLS 1.3: five bytes of header, one of type, sixteen of tag; TLS 1.2 with GCM has 29."""

Draw = Callable[[int], None]
"""Waits until so many bytes may pass; may raise to leave earlier."""


class Call:
    """One call of a port: how many of its bytes were asked for so far.

    `piece`: answers are to be asked for in parts of so many bytes, each paid for before, since what a sender has sent ahead
    can no longer be held back when the rate is lowered; None: they may be as long as they like.
    """

    def __init__(self, draw: Draw, piece: int | None = None, charge: Callable[[int], None] = lambda _: None) -> None:
        self._draw, self.piece, self.charge = draw, piece, charge
        self.drawn = self._paid = 0

    def draw(self, size: int) -> None:
        paid = min(self._paid, size)
        self._paid -= paid
        if size > paid:
            self._draw(size - paid)
        self.drawn += size

    def prepay(self, size: int) -> None:
        """Wait for `size` bytes that are going to be asked for; drawing them later costs nothing."""
        self._draw(size)
        self._paid += size

    def settle(self, size: int) -> None:
        """The call carried `size` bytes in all: ask for those that nobody has asked for."""
        if size > self.drawn:
            self.draw(size - self.drawn)


_call: ContextVar[Call | None] = ContextVar("call", default=None)


@contextmanager
def metered(
    draw: Draw, piece: int | None = None, charge: Callable[[int], None] = lambda _: None
) -> Iterator[Call]:
    """Everything that this thread moves inside passes the line. `charge` takes what nobody waits for (`extra`)."""
    call = Call(draw, piece, charge)
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


def extra(size: int) -> None:
    """Count bytes beside the payload (heads of requests and answers): they pass at once, what follows pays for them."""
    call = _call.get()
    if call is not None:
        call.charge(size)


def head(fields: Iterable[tuple[str, str]]) -> int:
    """Bytes of a request's or an answer's head: its first line, its fields, the empty line."""
    return FIRST_LINE + sum(len(name) + len(value) + 4 for name, value in fields)


def records(size: int) -> int:
    """Bytes that TLS adds to `size`: a header and a tag for each record of 16 KiB."""
    return RECORD * -(-size // (16 * 1024))


def in_parts(offset: int, length: int, read: Callable[[int, int], bytes]) -> bytes:
    """`read(offset, length)` in the parts that the line wants, each paid for before; as one where it does not matter."""
    call = _call.get()
    if call is None or call.piece is None:
        return read(offset, length)
    parts = []
    for at in range(offset, offset + length, call.piece):
        part = min(call.piece, offset + length - at)
        call.prepay(part)
        parts.append(read(at, part))
    return b"".join(parts)


def piece() -> int | None:
    """The size of parts in which an answer of unknown length is to be asked for, or None."""
    call = _call.get()
    return None if call is None else call.piece


def prepay(size: int) -> None:
    call = _call.get()
    if call is not None:
        call.prepay(size)


def sliced(body: bytes | bytearray | memoryview) -> Iterator[bytes]:
    """The body in slices, each as soon as it may pass."""
    view = memoryview(body)
    for at in range(0, len(view), SLICE):
        piece = view[at : at + SLICE]
        draw(len(piece))
        yield bytes(piece)


def received(read: Callable[[int], bytes], size: int | None = None) -> bytes:
    """Read `size` bytes (fewer where it ends before) slice by slice; while a slice waits, the sender is slowed by its window.

    Without a size to the end, and each slice is asked for when it is known how long it is.
    """
    parts: list[bytes] = []
    left = size
    while left is None or left > 0:
        want = SLICE if left is None else min(SLICE, left)
        if left is not None:
            draw(want)
        got = read(want)
        if not got:
            break
        parts.append(got)
        if left is None:
            draw(len(got))
        else:
            left -= len(got)
    return b"".join(parts)
