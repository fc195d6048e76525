"""A lab server in a process of its own, started by a test and ended by its pid."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.tls import client_context

_START_S = 30.0


@dataclass
class LabProcess:
    """One running lab server: `kind` is "vcenter" or "azure", `root` the lab's folder."""

    kind: str
    root: Path
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> LabProcess:
        """Start the server and wait until it has entered itself in lab.json."""
        self.root.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "lab", self.kind, "--root", str(self.root), *self.arguments]
        with open(self.root / f"{self.kind}.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while self.section().get("pid") != self.process.pid:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.root / f"{self.kind}.log").read_text()[-2000:])
            time.sleep(0.02)
        return self

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End exactly this process."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
            self.process.wait(10)

    def document(self) -> dict[str, Any]:
        """lab.json as it is now."""
        try:
            document: dict[str, Any] = json.loads((self.root / "lab.json").read_text())
        except FileNotFoundError:
            return {}
        return document

    def section(self) -> dict[str, Any]:
        section: dict[str, Any] = self.document().get(self.kind, {})
        return section

    def control(
        self, method: str, path: str, body: dict[str, Any] | None = None, port: int | None = None
    ) -> Any:
        """A request to `/lab/v1/<path>`; the JSON answer. AssertionError with the text on any refusal."""
        status, answer = self.try_control(method, path, body, port)
        assert status == 200, f"{method} {path}: {status} {answer}"
        return answer

    def try_control(
        self, method: str, path: str, body: dict[str, Any] | None = None, port: int | None = None
    ) -> tuple[int, Any]:
        """The same, with the status instead of the assertion."""
        document = self.document()
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port or document[self.kind]["port"], context=client_context(document["ca"]), timeout=60
        )
        headers = {"Authorization": f"Bearer {document['control_token']}"}
        try:
            connection.request(
                method, f"/lab/v1/{path}", json.dumps(body) if body is not None else None, headers
            )
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


StartLab = Callable[..., LabProcess]
