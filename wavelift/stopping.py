"""Ctrl-C, SIGTERM and a closed terminal (SIGHUP) as an event that work looks at between its steps."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPING = "Stopping: running steps finish, nothing new is started. Ctrl-C again leaves at once."


@contextmanager
def stoppable(say: Callable[[], None] = lambda: None, twice_leaves: bool = False) -> Iterator[threading.Event]:
    """An event that the first signal sets; `say` is called then. With `twice_leaves` the second one is KeyboardInterrupt.

    A handler runs in the main thread between any two of its instructions, also while that thread holds the lock of the
    event or of the console: taking it again would wait for ever. So another thread sets the event and speaks.
    """
    stop = threading.Event()
    asked = False

    def told() -> None:
        stop.set()
        say()

    def handler(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked and twice_leaves:
            raise KeyboardInterrupt
        if not asked:
            asked = True
            threading.Thread(target=told, name="stopping", daemon=True).start()

    heard = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` says that a closed terminal is no reason
        heard.append(signal.SIGHUP)
    before = {s: signal.signal(s, handler) for s in heard}
    try:
        yield stop
    finally:
        for name, old in before.items():
            signal.signal(name, old)
