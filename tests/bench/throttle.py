"""What passes a throttled line in 10 s, counted at the sockets: log blobs and pages, eight threads, against the lab's Azure.

Independent of what the throttle believes: every byte that TLS is given or gives is counted, and TLS's own by the record.
"""

from __future__ import annotations

import os
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from replication.engine.metered import Line, log, replicas
from replication.engine.pace import Pace
from replication.line import RECORD
from tests.azure import support
from tests.bench.figures import Measured
from wavelift.hosting.engine import SystemClock

SECONDS, SETTLE, THREADS = 10.0, 1.5, 8
RATES = {"10": 10e6, "50": 50e6, "200": 200e6}


class Sockets:
    """Counts what this process's TLS sockets carry, both ways."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.bytes = 0

    def add(self, size: int) -> None:
        if size > 0:
            with self._lock:
                self.bytes += size + RECORD * -(-size // 16384)

    def watch(self) -> None:
        """From now on; for the life of this process."""
        send, receive, into = ssl.SSLSocket.send, ssl.SSLSocket.recv, ssl.SSLSocket.recv_into

        def sent(sock: Any, data: Any, flags: int = 0) -> int:
            size = send(sock, data, flags)
            self.add(size)
            return size

        def received(sock: Any, buflen: int = 1024, flags: int = 0) -> bytes:
            data = receive(sock, buflen, flags)
            self.add(len(data))
            return data

        def filled(sock: Any, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
            size = into(sock, buffer, nbytes, flags)
            self.add(size)
            return size

        names: dict[str, Any] = {"send": sent, "recv": received, "recv_into": filled}
        for name, method in names.items():
            setattr(ssl.SSLSocket, name, method)


def measure(folder: Path) -> Iterator[Measured]:
    """Each rate for ten seconds, after a second and a half in which the line's savings are spent."""
    sockets = Sockets()
    sockets.watch()
    try:
        for name, rate in RATES.items():
            share, carried = _run(rate, sockets)
            how = f"of the set rate: {carried / 1e6:.4g} MB at the sockets in {SECONDS:.0f} s; {THREADS} threads, blobs and pages"
            yield Measured(f"throttle_{name}_mbit_share", share, how)
    finally:
        support.lab().stop()


def _run(rate: float, sockets: Sockets) -> tuple[float, int]:
    """(share of `rate` that passed, bytes)."""
    world, over = support.world(), threading.Event()
    line = Line(Pace(SystemClock(threading.Event()), rate), lambda: _leave(over), lambda: False)
    blobs = log(world.stores.log(world.endpoint("log_store"), "log"), line)
    pages = replicas(world.stores.replicas(world.endpoint("seed_store"), "seeds"), line)
    data = os.urandom(512 * 1024)

    def work() -> None:
        name = f"{uuid.uuid4()}/r/2000.vhd"
        pages.ensure(name, 1 << 20)
        try:
            for number in range(1_000_000):
                blobs.put(f"{name}/{number}", data, {})
                pages.write(name, 0, blobs.get(f"{name}/{number}")[0], 0)
        except _Over:
            return

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    time.sleep(SETTLE)
    before, began = sockets.bytes, time.monotonic()
    time.sleep(SECONDS)
    carried, passed = sockets.bytes - before, time.monotonic() - began
    over.set()
    for thread in threads:
        thread.join()
    return carried * 8 / passed / rate, carried


class _Over(Exception):
    """The ten seconds are over."""


def _leave(over: threading.Event) -> None:
    if over.is_set():
        raise _Over
