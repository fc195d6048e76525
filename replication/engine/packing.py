"""The compressor of each thread. One for each attempt as well would be 416 of them, 0.7 MiB each, with 52 disks in flight."""

from __future__ import annotations

import threading

from replication.sealing import Packing


class _Own(threading.local):
    def __init__(self) -> None:
        self.packing = Packing()


_OWN = _Own()


def own() -> Packing:
    """The calling thread's, kept as long as it lives."""
    return _OWN.packing
