"""Azurite, Microsoft's own blob server for development: a third party's word on what a blob service does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.thirdparty import missing

# Microsoft's published development account: not a secret.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def azurite(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(blob endpoint, account, key) of one that runs as long as the block; skips where it is not installed."""
    program = _program()
    if program is None:
        missing("azurite-blob is neither in PATH nor in node_modules/.bin nor named by WAVELIFT_AZURITE")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [program, "--blobPort", str(port), "--location", str(folder), "--silent", "--skipApiVersionCheck"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}/{ACCOUNT}", ACCOUNT, KEY
    finally:
        process.kill()  # its orderly end waits for our kept connections
        process.wait(10)


def _program() -> str | None:
    named = os.environ.get("WAVELIFT_AZURITE")
    beside = Path("node_modules/.bin/azurite-blob")
    return named or shutil.which("azurite-blob") or (str(beside) if beside.exists() else None)


def _wait(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("azurite-blob did not start to listen within 30 s")
