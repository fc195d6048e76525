"""Starts, stops and talks to a lab: `python -m lab …` as processes of their own, reached over the network.

Nothing of the package `lab` is imported here; what there is to know stands in DIR/lab.json, which the processes write.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Literal

from wavelift.problems import UserProblem

Service = Literal["vcenter", "azure"]
SERVICES: tuple[Service, ...] = ("vcenter", "azure")
STARTING = 60.0
"""Seconds that a server may take to answer: 10,000 VMs take some seconds to lay out."""
STOPPING = 15.0


class Lab:
    """One lab folder. `folder` need not exist before `start`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    @property
    def known(self) -> dict[str, Any]:
        """The lab's own description; `UserProblem` when there is no lab here."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "lab.json").read_text())
        except FileNotFoundError:
            raise UserProblem(
                f"there is no lab in {self.folder}: `wavelift lab start --dir {self.folder}` makes one"
            ) from None
        except ValueError as error:
            raise UserProblem(
                f"{self.folder / 'lab.json'} is damaged ({error}); remove the folder and start again"
            ) from error
        return found

    def running(self) -> dict[Service, int]:
        """Service -> process id of those that answer."""
        try:
            known = self.known
        except UserProblem:
            return {}
        return {s: known[s]["pid"] for s in SERVICES if known.get(s, {}).get("pid") and _alive(known[s]["pid"])}

    def start(self, vcenter: list[str], azure: list[str]) -> None:
        """Start what does not run yet and wait until it answers; the options are those of `python -m lab`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        running = self.running()
        began = {s: self._spawn(s, o) for s, o in zip(SERVICES, (vcenter, azure), strict=True) if s not in running}
        until = time.monotonic() + STARTING
        for service, process in began.items():
            while not self._answers(service, process.pid):
                if process.poll() is not None or time.monotonic() > until:
                    log = self.folder / f"{service}.log"
                    tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                    self.stop()
                    raise UserProblem(
                        f"the lab's {service} did not start (exit code {process.poll()}); {log} ends in:\n{tail}"
                    )
                time.sleep(0.05)

    def stop(self) -> list[int]:
        """Ask every process to stop, wait, and kill what does not; the process ids that were there."""
        running = self.running()
        for pid in running.values():
            _signal(pid, signal.SIGTERM)
        until = time.monotonic() + STOPPING
        while any(_alive(pid) for pid in running.values()) and time.monotonic() < until:
            time.sleep(0.05)
        for pid in running.values():
            _signal(pid, signal.SIGKILL)
        return list(running.values())

    def control(self, service: Service, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request to a control API; `UserProblem` says what the lab answered."""
        known = self.known
        base = f"https://127.0.0.1:{known['vcenter']['port']}" if service == "vcenter" else known["azure"]["arm"]
        request = urllib.request.Request(
            f"{base}/lab/v1/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {known['control_token']}", "Content-Type": "application/json"},
        )
        try:
            context = ssl.create_default_context(cafile=known["ca"])
            with urllib.request.urlopen(request, context=context, timeout=300) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise UserProblem(f"the lab's {service} refused {path}: {said}") from error
        except OSError as error:
            raise UserProblem(
                f"the lab's {service} does not answer ({error}): is it started? `wavelift lab status`"
            ) from error

    def _spawn(self, service: Service, options: list[str]) -> subprocess.Popen[bytes]:
        """In a session of its own: killing the engine, or Ctrl-C, does not kill the datacenter."""
        with (self.folder / f"{service}.log").open("ab") as log:
            command = [sys.executable, "-P", "-m", "lab", service, "--root", str(self.folder), *options]
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _answers(self, service: Service, pid: int) -> bool:
        try:
            if self.known.get(service, {}).get("pid") != pid:
                return False
            self.control(service, "GET", "faults")
        except UserProblem:
            return False
        return True


def _alive(pid: int) -> bool:
    """Running, and not merely waiting to be reaped by us."""
    try:
        reaped, _ = os.waitpid(pid, os.WNOHANG)
        if reaped:
            return False
    except ChildProcessError:
        pass  # not our child: started by another command
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
