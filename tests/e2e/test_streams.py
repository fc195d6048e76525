"""Issue 2, "Bad input and faults": streams that are closed or full, and places that are no files."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.e2e.command import decent
from wavelift.wholefile import write_whole

FULL = Path("/dev/full")
GOOD = "estate: {name: streams, schema: 1}\n"


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """`line` with WAVELIFT in place of the command, as a shell starts it."""
    words = line.replace("WAVELIFT", f"{sys.executable} -m wavelift")
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(["sh", "-c", words], cwd=folder, capture_output=True, text=True, timeout=60, env=environment)
    decent(done.stdout + done.stderr)
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "estate.yaml").write_text(GOOD)
    return tmp_path


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing(folder: Path, closed: str) -> None:
    """No word of a bug, the same exit code, and no file that gets what was meant for a stream."""
    done = shell(f"WAVELIFT validate {closed}", folder)
    assert done.returncode == shell("WAVELIFT validate", folder).returncode
    assert "bug" not in done.stdout + done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("command", ["--help", "explain-error WL120", "schema waves", "validate --json"])
def test_a_full_disk_behind_the_output(folder: Path, command: str) -> None:
    """Said as what it is, with exit code 1: half an output must not pass for a whole one."""
    done = shell(f"WAVELIFT {command} > {FULL}", folder)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and "bug" not in done.stderr


def test_a_file_is_written_whole_through_its_link(tmp_path: Path) -> None:
    """The link stays, its file is new, nothing is left beside it."""
    target, link = tmp_path / "kept" / ("x" * 250), tmp_path / "link"
    target.parent.mkdir()
    target.write_bytes(b"old and longer")
    link.symlink_to(target)
    write_whole(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new" and target.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in target.parent.iterdir()] == [target.name]


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    """`--out /dev/stdout`, `--out >(cat)`, as root `--out /dev/null`: a rename would have put a file in its place."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"a plan")
    reader.join(10)
    assert got == [b"a plan"] and pipe.is_fifo()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, b"a plan")
