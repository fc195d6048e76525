"""issue 4, Documentation: every command of the tutorial is run, in its order, in one shell, against the lab that it starts."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ci.shim import Shim
from tests.docs.codes import ROOT
from wavelift.labs.lab import Lab

PAGE = ROOT / "docs" / "tutorial.md"
SECONDS = 240
"""On a machine that is busy with other tests; an idle one needs 35."""


def blocks() -> list[str]:
    """What stands in shell blocks; the first, which makes PATH and folder, is done by the fixture."""
    found = re.findall(r"^```sh( norun)?\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert [bool(norun) for norun, _ in found] == [True] + [False] * (len(found) - 1)
    return [body for norun, body in found if not norun]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "tutorial"
    made.mkdir()
    shim = Shim(tmp_path / "bin")
    yield made
    Lab(made / ".lab").stop()
    shim.close()


@pytest.mark.timeout(SECONDS + 30)
def test_the_tutorial(folder: Path) -> None:
    """Every block passes, and says what the page says it does."""
    script = "set -e\n" + "\n".join(f"echo '=== block {n}'\n{body}" for n, body in enumerate(blocks()))
    environment = {
        "PATH": f"{folder.parent / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
    }
    command = ["bash", "-mc", script]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, timeout=SECONDS, **streams)
        said, code = done.stdout.decode(), done.returncode
    except subprocess.TimeoutExpired as late:  # what it said until then tells where it stands
        said, code = (late.stdout or b"").decode(), None
    assert code == 0 and "Traceback" not in said, said[-6000:]
    assert "already" in said and "exit code 3" in said, "a used plan is refused"
    assert "URGENT" in said and said.count("exit code 2") == 2, "the source that was powered on"
    assert "is lost" in said and "the source is powered on" in said, "the way back"
    assert said.count("No changes.") == 1 and said.count("No drift:") == 2
    assert said.index("mina") < said.index("=== block 3")
