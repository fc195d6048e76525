"""Signals, which come whatever lock the main thread holds, and what a terminal sees while something takes long."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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


HANGUP = """
import os, signal, sys
from wavelift.stopping import stoppable

if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
with stoppable() as stop:
    os.kill(os.getpid(), signal.SIGHUP)
    print(stop.wait(1))
"""


@pytest.mark.parametrize(("how", "stops"), [("terminal", "True"), ("nohup", "False")])
def test_a_closed_terminal_is_a_ctrl_c(how: str, stops: str) -> None:
    """Issue 4, state for a team: the end of an ssh session brings the work to a safe point; under `nohup` it goes on."""
    done = subprocess.run([sys.executable, "-c", HANGUP, how], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, stops), done.stderr


WORKING = """
import sys
from pathlib import Path
from wavelift import __main__ as way_in

def work(arguments):
    for number in range(20_000):
        print("out", number)
        sys.stderr.write(f"err {number}\\n")
    Path(arguments[1]).write_text("done")
    return 6

way_in.main = work
way_in.run(sys.argv[1:])
"""


@pytest.mark.parametrize(("command", "through"), [("apply", True), ("destroy", True), ("engine", True), ("status", False)])
def test_work_goes_on_when_nobody_reads(tmp_path: Path, command: str, through: bool) -> None:
    """`apply 2>&1 | head -1` exited with 1, nothing done: it is done, with its exit code. What only prints ends."""
    end = tmp_path / "end"
    arguments = [sys.executable, "-c", WORKING, command, str(end)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        code = process.wait(30)
    assert end.exists() == through
    assert (code == 6) == through


def test_a_full_disk_under_the_log_does_not_stop_the_work(tmp_path: Path) -> None:
    """Progress that cannot be written is lost, a result is not: that is an error, after the work, without a traceback."""
    full = Path("/dev/full")
    with full.open("w") as log:
        ran = subprocess.run([sys.executable, "-c", WORKING, "apply", str(tmp_path / "a")], stdout=subprocess.PIPE, stderr=log)
    assert (ran.returncode, (tmp_path / "a").exists()) == (6, True)
    code = "import sys; from wavelift import __main__ as w; w.main = lambda a: print('result') or 0; w.run(['apply'])"
    with full.open("w") as out:
        said = subprocess.run([sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE, text=True)
    assert (said.returncode, said.stderr) == (1, "Error: the output cannot be written: No space left on device.\n")


TELLING = """
import sys, time
from wavelift.cli.console import Console

console = Console(quiet=sys.argv[1] == "json", mute=sys.argv[1] == "mute")
console.doing("thinking")
time.sleep(2.2)
console.clear()
time.sleep(1.2)
console.line("done")
"""


@pytest.mark.parametrize(("how", "lines"), [("text", ["done"]), ("json", []), ("mute", None)])
def test_never_silent_for_a_second_on_a_terminal(how: str, lines: list[str] | None) -> None:
    """Issue 4: "Never silent for more than a second on a terminal"; and quiet again when it is over. With --json nothing stays;
    with `--log json` the terminal is for events."""
    master, slave = pty.openpty()
    process = subprocess.Popen([sys.executable, "-c", TELLING, how], stderr=slave)
    os.close(slave)
    said = b""
    while chunk := _read(master):
        said += chunk
    assert process.wait() == 0
    parts = [part.strip().decode() for part in said.replace(b"\r\x1b[K", b"\n").split(b"\n") if part.strip()]
    assert parts == (["thinking …", "thinking … 1 s", "thinking … 2 s", *lines] if lines is not None else [])


def _read(terminal: int) -> bytes:
    """What was written since; nothing when the other side has closed (Linux says EIO then)."""
    try:
        return os.read(terminal, 1024)
    except OSError:
        return b""
