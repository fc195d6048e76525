"""The `wavelift` command as processes: each a fork of one that has the SDKs imported (1.4 s of every command's 2).

Forked processes are as real as others: a process group, output and exit code of their own, and they die of kill -9. `Site`
starts some commands in the ordinary way (`fresh=True`), so that the way in through the interpreter is shown as well.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

SDKS = (
    "wavelift.cli.app",
    "wavelift.applying.apply",
    "wavelift.forecasting",
    "wavelift.applying.planfiles",
    "wavelift.reporting",
    "wavelift.state.access",
    "wavelift.state.opening",
    "wavelift.applying.waiting",
    "planner.explain",
    "typer._adapters",
    "wavelift.hosting.engine",
    "wavelift.labs.landing",
    "wavelift.labs.lab",
    "providers.azure.artifacts.provider",
    "providers.azure.cloud",
    "providers.azure.factory",
    "providers.azure.login",
    "providers.vmware.source",
    "replication.engine.fleet",
    "planner.apply",
    "pyVim.connect",
    "jsonschema",
    "azure.identity",
    "azure.keyvault.secrets",
    "azure.storage.blob",
    "azure.core.rest._requests_basic",
    "azure.mgmt.authorization",
    "azure.mgmt.authorization.v2022_04_01",
    "azure.mgmt.compute",
    "azure.mgmt.keyvault",
    "azure.mgmt.network",
    "azure.mgmt.recoveryservices",
    "azure.mgmt.resource",
    "azure.mgmt.resource.resources",
    "azure.mgmt.resource.locks",
    "azure.mgmt.servicebus",
    "azure.mgmt.storage",
    "tests.e2e.warm",
)
SHORT_LEASE = "E2E_LEASE_SECONDS"
"""In the environment of a command: see `shorten`."""
CLOCK_AHEAD = "E2E_CLOCK_AHEAD"
"""In the environment of a command: seconds that its host's clock is ahead of everybody else's."""

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(list(SDKS))


@dataclass(frozen=True)
class Ran:
    """What a command came to. `said` is everything it wrote."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


class Process:
    """One command that runs beside the test in `folder`; no command may ever show a traceback."""

    def __init__(self, arguments: Sequence[str], folder: Path, out: Path, err: Path) -> None:
        self.out, self.err = out, err
        words = (list(arguments), str(folder), str(out), str(err), dict(os.environ))
        self._process = _forks.Process(target=_become, args=words, daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def running(self) -> bool:
        return self._process.is_alive()

    @property
    def said(self) -> str:
        """Everything so far."""
        return _text(self.out) + (_text(self.err) if self.err != self.out else "")

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, and gone when this returns."""
        self._process.kill()
        self._process.join()

    def wait(self, seconds: float) -> int:
        """The exit code. AssertionError with what it said when it does not end in time."""
        self._process.join(seconds)
        code = self._process.exitcode
        assert code is not None, f"still running after {seconds:.0f} s:\n{self.said}"
        decent(self.said)
        return code


def fresh(arguments: Sequence[str], folder: Path, seconds: float) -> Ran:
    """A command started by the interpreter, to its end."""
    command = [sys.executable, "-m", "wavelift", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=folder,
        env=environment,
    )
    decent(done.stdout + done.stderr)
    return Ran(done.returncode, done.stdout, done.stderr)


def decent(said: str) -> None:
    """What no command may say, whatever a user did."""
    assert "Traceback" not in said, said
    assert "a bug in wavelift" not in said, said


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def shorten(seconds: float) -> None:
    """Leases of the state in this process are so long (Azure takes 15 to 60 s), and renewed as often in them."""
    from planner.store import leased
    from planner.store.lease import Pace

    leased.Pace = partial(Pace, int(seconds), seconds / 4, seconds / 6)  # type: ignore[misc,assignment]  # what else makes one


def _become(
    arguments: list[str], folder: str, out: str, err: str, environment: dict[str, str], given: str = os.devnull
) -> None:
    """In the forked process: the environment of who starts it, output into files, a session of its own, then the command."""
    os.environ.update(environment)
    os.setsid()
    os.chdir(folder)
    os.dup2(os.open(given, os.O_RDONLY | os.O_NOCTTY), 0)
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    # As the interpreter's own: who puts another stream in their place closes no file by it.
    out, err = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", buffering=1, closefd=False)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), out, err
    if SHORT_LEASE in environment:
        shorten(float(environment[SHORT_LEASE]))
    if CLOCK_AHEAD in environment:
        ahead, right = float(environment[CLOCK_AHEAD]), time.time
        time.time = lambda: right() + ahead
    from wavelift.__main__ import run

    run(arguments)
