"""Files that a user asked for by name (`--out`), written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace the file in one step: whoever reads it never sees half of it, and what was there stays when it fails. OSError.

    What a link leads to is written, not the link. What is no file (`/dev/null`, `/dev/stdout`, a pipe of the shell) is written
    to as it stands: a rename would put a file in the place of the device, for every program of the machine."""
    place = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        with path.open("wb") as out:  # a folder is refused here
            out.write(data)
        return
    handle, beside = tempfile.mkstemp(dir=place.parent, prefix=".wavelift-", suffix=".new")
    try:
        with os.fdopen(handle, "wb") as out:
            os.fchmod(handle, mode)
            out.write(data)
            out.flush()
            os.fsync(handle)
        os.replace(beside, place)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
