"""Evidence taken out before anything is destroyed: records, evidence of every cycle, orders, commands and signed reports of
machines, and the state, as files of a folder with their sha256.

    manifest.json                      what this is, and the hash of every file; written last
    state.json
    REGION/records/UUID.json …         the documents, under the names that they have in the gateway store
    REGION/reports/UUID/000003/…       signed reports: report.json, leaves/, key.pem, as `wavelift verify` reads them

An export that cannot be finished raises, and nothing may be destroyed then.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from planner.state import BadState, MachineState, State, dumps, loads
from replication import reporting
from replication.model.documents import load_record
from replication.model.errors import NotFound, PortError
from replication.model.jsonform import BadDocument
from replication.ports import DocumentStore
from wavelift.applying.planio import refusal
from wavelift.planning.look import gateways
from wavelift.problems import UserProblem

OF_MACHINES = ("records", "evidence", "orders", "commands", "items", "reports")
SHARED = ("report-keys",)
MANIFEST = "manifest.json"


class Opens(Protocol):
    def open(self, account: str) -> DocumentStore: ...


@dataclass(frozen=True, slots=True)
class Intent:
    """What is destroyed: `scope` in words, `number` of data-bearing artifacts when it began."""

    lineage: str
    scope: str
    number: int


@dataclass(frozen=True, slots=True)
class Exported:
    folder: Path
    files: int
    reports: int


def begun(folder: Path, lineage: str, scope: str) -> Intent | None:
    """What an unfinished destroying of the same scope began with, by the manifest of its folder."""
    found = _manifest(folder)
    if found is None or found.get("finished") or (found.get("lineage"), found.get("scope")) != (lineage, scope):
        return None
    return Intent(lineage, scope, int(found.get("destroys", 0)))


def fresh_folder(wanted: Path, lineage: str, scope: str) -> Path:
    """`wanted`, or `wanted-2` and so on where it holds the evidence of something else or of what is finished."""
    number, folder = 1, wanted
    while folder.exists() and any(folder.iterdir()) and begun(folder, lineage, scope) is None:
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder


def export(engine: Opens, state: State, machines: Mapping[str, MachineState], folder: Path, intent: Intent) -> Exported:
    """Write everything of `machines` (by uuid). `UserProblem` when any of it cannot be read or written, or when a report still
    waits for its signature. What an earlier, unfinished export has stays."""
    hashes: dict[str, str] = dict((_manifest(folder) or {}).get("files", {}))
    earlier = bool(hashes)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if "state.json" not in hashes:  # the state as it was before anything went
            _write(folder, "state.json", (dumps(state),), hashes)
        for region, account in sorted(gateways(state).items()):
            read = _documents(engine.open(account), machines, region, earlier)
            for name, parts in groupby(read, lambda document: _file(document[0])):
                _write(folder, f"{region}/{name}", (data for _, data in parts), hashes)
        for name in [n for n in hashes if n.endswith("/report.json")]:
            signed = reporting.loads((folder / name).read_bytes())
            if signed.signature is not None:
                pem = reporting.pem(signed.signature)
                _write(folder, f"{name.removesuffix('report.json')}key.pem", (pem,), hashes)
        document = {
            "format": "wavelift-evidence-1",
            "estate": state.estate,
            "lineage": intent.lineage,
            "scope": intent.scope,
            "destroys": intent.number,
            "machines": {m.uuid: m.name for m in machines.values()},
            "files": dict(sorted(hashes.items())),
        }
        _put(folder / MANIFEST, (_json(document),))
    except OSError as error:
        raise _refused(f"{error.filename or folder}: {error.strerror or error}") from error
    except (PortError, BadDocument) as error:
        raise _refused(str(error)) from error
    return Exported(folder, len(hashes), sum(name.endswith("/report.json") for name in hashes))


def first_state(folder: Path) -> State | None:
    """The state as it was when the destroying of this folder began."""
    try:
        return loads((folder / "state.json").read_bytes(), str(folder / "state.json"))
    except (OSError, BadState):
        return None


def finished(folder: Path) -> None:
    """Everything is gone: the folder is no longer an unfinished one."""
    found = _manifest(folder)
    if found is not None:
        _put(folder / MANIFEST, (_json({**found, "finished": True}),))


def _documents(
    store: DocumentStore, machines: Mapping[str, MachineState], region: str, earlier: bool
) -> Iterator[tuple[str, bytes]]:
    try:
        names = sorted(n for kind in (*OF_MACHINES, *SHARED) for n in store.list(f"{kind}/"))
    except NotFound:
        if earlier:  # an interrupted destroying has deleted the store after its evidence was taken
            return
        raise
    for name in names:
        kind, _, rest = name.partition("/")
        if kind in OF_MACHINES and rest.partition("/")[0].removesuffix(".json") not in machines:
            continue
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            raise _refused(f"the store of {region} has a document called {name!r}, which is no name of ours")
        got = store.get(name)
        if got is None:
            continue  # superseded between listing and reading
        if kind == "records" and (due := load_record(got[0]).report):
            who = machines[load_record(got[0]).machine].name
            raise _refused(f"the integrity report of {who} waits for its signature ({due}); the engine writes it")
        yield name, got[0]


def _file(name: str) -> str:
    """The segments of a disk's block hashes become one file, as `wavelift verify` reads it."""
    before, leaves, rest = name.partition("/leaves/")
    return f"{before}{leaves}{rest.partition('/')[0]}.zst" if leaves else name


def _write(folder: Path, name: str, parts: Iterable[bytes], hashes: dict[str, str]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    hashes[name] = _put(path, parts)


def _put(path: Path, parts: Iterable[bytes]) -> str:
    """The sha256. Whole and on disk, or not at all; evidence of machines is for its owner alone until it is given to somebody."""
    digest = hashlib.sha256()
    temporary = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        for data in parts:
            out.write(data)
            digest.update(data)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
    return digest.hexdigest()


def _manifest(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("format") == "wavelift-evidence-1" else None


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def _refused(why: str) -> UserProblem:
    return refusal("WL506", f"The evidence could not be exported: {why}.\nNothing was destroyed.")
