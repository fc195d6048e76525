"""The figure `seal_mib_s_per_core`: plain MiB that one core checksums, compresses, encrypts and digests in a second.

Counted in the thread's own processor time, so that a busy machine does not make it worse than it is.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable

from replication.model.extents import MIB, Extent
from replication.sealing import AttemptKey, Block, Identity, Sealer, Unsealer, split_zeros

BLOCK = 4 * MIB
IDENTITY = Identity("replication", "disk", "attempt", 0)
KEY = AttemptKey.derive(bytes(32), "1", IDENTITY.replication, IDENTITY.attempt)


def text_like(size: int = BLOCK) -> bytes:
    """Words of a vocabulary of 3,000, in lines: compresses to somewhat under a half, as logs and documents do."""
    chance = random.Random(1)
    words = [bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz", k=chance.randrange(2, 10))) for _ in range(3000)]
    lines = (b" ".join(chance.choices(words, k=12)) + b"\n" for _ in range(size // 40))
    return b"".join(lines)[:size].ljust(size, b".")


def noise(size: int = BLOCK) -> bytes:
    """What is compressed or encrypted already."""
    return random.Random(2).randbytes(size)


def mixed(size: int = BLOCK) -> bytes:
    """64 % text-like, the rest noise, in runs of 64 KiB."""
    piece = 64 * 1024
    text, other = text_like(size), noise(size)
    chance = random.Random(3)
    return b"".join((text if chance.random() < 0.64 else other)[at : at + piece] for at in range(0, size, piece))


def seal_mib_s(content: bytes, seconds: float = 0.5) -> float:
    """MiB of `content` sealed in a second of one core."""
    sealer, block = Sealer(KEY), Block((Extent(0, len(content)),), (), content)
    return _rate(len(content), lambda: sealer.seal(IDENTITY, block, os.urandom(12)), seconds)


def unseal_mib_s(content: bytes, seconds: float = 0.5) -> float:
    sealed = Sealer(KEY).seal(IDENTITY, Block((Extent(0, len(content)),), (), content), os.urandom(12))
    opener = Unsealer(lambda _: KEY)
    return _rate(len(content), lambda: opener.unseal(IDENTITY, sealed.data, sealed.checksum, sealed.digest), seconds)


def split_mib_s(content: bytes, seconds: float = 0.2) -> float:
    return _rate(len(content), lambda: split_zeros(0, content), seconds)


def seal_mib_s_per_core() -> float:
    """For `make bench`: mixed content."""
    return seal_mib_s(mixed())


def unseal_mib_s_per_core() -> float:
    """For `make bench`: mixed content, from the sealed blob to checked plain bytes."""
    return unseal_mib_s(mixed())


def _rate(size: int, work: Callable[[], object], seconds: float) -> float:
    work()
    begin, done = time.thread_time(), 0
    while time.thread_time() - begin < seconds:
        work()
        done += size
    return done / MIB / (time.thread_time() - begin)


if __name__ == "__main__":
    for name, content in (("text-like", text_like()), ("mixed", mixed()), ("random", noise()), ("zero", bytes(BLOCK))):
        figures = seal_mib_s(content), unseal_mib_s(content), split_mib_s(content)
        print(f"{name:10} seal {figures[0]:6.0f}  unseal {figures[1]:6.0f}  split {figures[2]:8.0f} MiB/s")
