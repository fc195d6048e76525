"""A support bundle: one archive with what somebody needs who was not there, without any secret.

    manifest.json              what this is, sha256 of every file, and what could not be fetched and why
    versions.json              of wavelift, Python, the platform and the libraries
    estate/…                   the files and the lock, redacted
    state.json  status.json  doctor.txt  vcenter/SOURCE.json
    state.open.json            steps of a cut-off apply that have no result
    REGION/records/UUID.json … the engine's documents, under the names that they have in the gateway store
    logs/…                     the ends of log files that were named

Every text goes through the redactor; what is no text is left out and named. Whatever cannot be reached is named, and stops
nothing else.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import distributions
from pathlib import Path, PurePosixPath
from typing import Any

from replication.model.errors import PortError
from wavelift.bundle.redaction import Redactor
from wavelift.problems import UserProblem
from wavelift.wholefile import write_whole

FORMAT = "wavelift-support-1"
TAIL = 4 * 1024 * 1024
"""Bytes of the end of a log that are taken."""
TROUBLE = (UserProblem, PortError, OSError, ValueError)
"""What fetching something may end with; ValueError: a document of another release, a damaged file."""


@dataclass
class Bundle:
    """Files by name, and what is missing by name with the reason. Everything that is added is redacted first."""

    redactor: Redactor
    files: dict[str, bytes] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        path = PurePosixPath(self.redactor.text(name))
        if path.is_absolute() or ".." in path.parts:
            self.miss(name, "no name of ours")
            return
        clean = self.redactor.json(text) if path.suffix == ".json" else self.redactor.text(text)
        self.files[str(path)] = clean.encode()

    def add_bytes(self, name: str, data: bytes) -> None:
        try:
            self.add(name, data.decode())
        except UnicodeDecodeError:
            self.miss(name, "not text: left out")

    def add_json(self, name: str, value: object) -> None:
        self.add(name, json.dumps(value, default=str))

    def miss(self, name: str, why: str) -> None:
        self.missing[self.redactor.text(name)] = self.redactor.text(why)

    def trying(self, name: str, what: Callable[[], object]) -> bool:
        """Whether `what` came to its end; if not, `name` is missing with the reason."""
        try:
            what()
        except TROUBLE as error:
            text = error.text if isinstance(error, UserProblem) else str(error)
            self.miss(name, text or type(error).__name__)
            return False
        return True


def versions(bundle: Bundle) -> None:
    found = {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]}
    bundle.add_json(
        "versions.json",
        {"wavelift": found.get("wavelift"), "python": sys.version, "platform": platform.platform(), "libraries": found},
    )


def files(bundle: Bundle, paths: list[Path], folder: Path, skipped: set[Path]) -> None:
    """The estate's files; `skipped`: files in which logins keep their secrets."""
    for path in paths:
        name = f"estate/{path.relative_to(folder).as_posix()}"
        if path.resolve() in skipped:
            bundle.miss(name, "a login keeps its secret in it")
        else:
            bundle.trying(name, partial(_whole, bundle, name, path))


def _whole(bundle: Bundle, name: str, path: Path) -> None:
    bundle.add_bytes(name, path.read_bytes())


def _tail(bundle: Bundle, name: str, path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        data = file.read(TAIL)
    if size > TAIL:
        data = data.partition(b"\n")[2]
    bundle.add(name, data.decode(errors="replace"))


def logs(bundle: Bundle, paths: list[Path]) -> None:
    """The last `TAIL` bytes of each, from the beginning of a line on."""
    for number, path in enumerate(paths, 1):
        name = f"logs/{number:02}-{path.name}"
        bundle.trying(name, partial(_tail, bundle, name, path))
    if not paths:
        bundle.miss("logs/", "an engine's log is what it writes to standard error: name its file with --log")


def manifest(bundle: Bundle, about: dict[str, Any]) -> bytes:
    document = {
        "format": FORMAT,
        **bundle.redactor.value(about),
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in sorted(bundle.files.items())
        },
        "missing": dict(sorted(bundle.missing.items())),
        "redacted": bundle.redactor.hidden,
    }
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def write(bundle: Bundle, path: Path, about: dict[str, Any], now: float) -> None:
    """Whole or not at all, for its owner alone until it is given to somebody; `UserProblem` when it cannot be written."""
    everything = {"manifest.json": manifest(bundle, about), **dict(sorted(bundle.files.items()))}
    root, out = path.name.removesuffix(".tar.gz"), io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=int(now)) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in everything.items():
            entry = tarfile.TarInfo(f"{root}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(now), 0o600
            archive.addfile(entry, io.BytesIO(data))
    try:
        write_whole(path, out.getvalue())
    except OSError as error:
        raise UserProblem(f"{path} cannot be written: {error.strerror or error}.") from error


def default_name(estate: str, machine: str | None, now: float) -> str:
    parts = ["wavelift-support", estate, *([machine] if machine else []), time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))]
    return "-".join(parts) + ".tar.gz"
