"""A signal comes between any two instructions; whatever lock the main thread holds then, it must not wait for itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

HOLDING = """
import os, signal, threading
from wavelift.cli.console import Console
from wavelift.stopping import stoppable

console = Console()
with stoppable(lambda: console.line("stopping"), twice_leaves=True) as stop:
    with console._guard, stop._cond:
        os.kill(os.getpid(), signal.SIGINT)
    assert stop.wait(10), "the event is set"
    try:
        os.kill(os.getpid(), signal.SIGINT)
        stop.wait(0.1)
    except KeyboardInterrupt:
        print("left")
"""


def test_signal_while_locks_are_held() -> None:
    """Issue 2: Ctrl-C once finishes and leaves, also when it comes while a line is being written."""
    done = subprocess.run([sys.executable, "-c", HOLDING], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "left\n"
    assert "stopping" in done.stderr


def test_signals_are_given_back() -> None:
    from wavelift.stopping import stoppable

    before = signal.getsignal(signal.SIGTERM)
    with stoppable() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(10)
    assert signal.getsignal(signal.SIGTERM) is before
