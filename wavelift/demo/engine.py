"""`wavelift engine run` as a process of its own, its log in a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PATIENCE = 30.0
"""Seconds that it may take to stop before it is killed."""


def begin(estate: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        command = [sys.executable, "-m", "wavelift", "engine", "run", "-C", str(estate)]
        return subprocess.Popen(command, stdout=file, stderr=file, stdin=subprocess.DEVNULL)


def end(engine: subprocess.Popen[bytes]) -> None:
    engine.terminate()
    try:
        engine.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()
