"""A program `wavelift` for the PATH of a pipeline's script, answered by forks of one process that has the SDKs imported.

The program sends its arguments, folder and environment through a socket and waits for the exit code; its three streams are
those of the script. (Starting the interpreter and importing the SDKs anew takes three quarters of every command's time.)
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
from multiprocessing.connection import wait
from pathlib import Path

from tests.e2e.command import _become, _forks

_CLIENT = """\
#!{python} -SEs
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.connect({socket!r})
    s.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ), os.getpid()]).encode() + b"\\n")
    sys.exit(int(s.makefile().readline() or 99))
"""


class Shim:
    """`folder` gets the program, its socket and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._socket = socket.socket(socket.AF_UNIX)
        path = folder / "s"
        self._socket.bind(str(path))
        self._socket.listen()
        program = folder / "wavelift"
        program.write_text(_CLIENT.format(python=sys.executable, socket=str(path)))
        program.chmod(0o755)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(caller,), daemon=True).start()

    def _one(self, caller: socket.socket) -> None:
        with caller:
            arguments, folder, environment, pid = json.loads(_line(caller))
            streams = [f"/proc/{pid}/fd/{number}" for number in range(3)]
            process = _forks.Process(target=_run, args=(environment, arguments, folder, *streams), daemon=True)
            process.start()
            if caller in wait([caller, process.sentinel]):  # the script's process was ended by a signal
                process.terminate()
            process.join()
            with contextlib.suppress(OSError):
                caller.sendall(f"{process.exitcode}\n".encode())


def _line(caller: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n"):
        found += caller.recv(65_536)
    return found


def _run(environment: dict[str, str], arguments: list[str], folder: str, given: str, out: str, err: str) -> None:
    os.environ.clear()
    _become(arguments, folder, out, err, environment, given)
