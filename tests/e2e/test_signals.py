"""Signals, which come whatever lock the main thread holds, and what a terminal sees while something takes long."""

from __future__ import annotations

import os
import pty
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


TELLING = """
import time
from wavelift.cli.console import Console

console = Console()
console.doing("thinking")
time.sleep(2.2)
console.clear()
time.sleep(1.2)
console.line("done")
"""


def test_never_silent_for_a_second_on_a_terminal() -> None:
    """Issue 4: "Never silent for more than a second on a terminal"; and quiet again when it is over."""
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", TELLING], stderr=slave)
    os.close(slave)
    said = b""
    while chunk := _read(master):
        said += chunk
    assert process.wait() == 0
    parts = [part.strip().decode() for part in said.replace(b"\r\x1b[K", b"\n").split(b"\n") if part.strip()]
    assert parts == ["thinking …", "thinking … 1 s", "thinking … 2 s", "done"]


def _read(terminal: int) -> bytes:
    """What was written since; nothing when the other side has closed (Linux says EIO then)."""
    try:
        return os.read(terminal, 1024)
    except OSError:
        return b""
