"""Integrity reports: fetched from the gateway store into a folder, and checked later.

A report's folder: `report.json` (signed), `leaves/<disk>.zst` (the block hashes), `key.pem` (the public key, to be kept
somewhere else too), `report.html` on request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from replication import reporting, verify
from replication.blocks import DIGEST
from replication.model.errors import NotFound, PortError
from replication.model.jsonform import BadDocument
from replication.model.report import ReportDisk, Signed
from replication.model.source import Power
from replication.reportpage import authentic, embedded, page
from replication.verify import Check
from wavelift.problems import UserProblem

if TYPE_CHECKING:
    from wavelift.wiring import Wiring

_PIECE = DIGEST * 8192


@dataclass(frozen=True, slots=True)
class Opened:
    """A report as it lies in a folder; `html`: the page's text when that is what was given."""

    folder: Path
    signed: Signed
    html: str | None = None

    def leaves(self, disk: ReportDisk) -> Iterator[bytes] | None:
        """The hashes of a disk, read piece by piece; None when the file is not there."""
        path = self.folder / "leaves" / f"{disk.key}.zst"
        return _hashes(path) if path.is_file() else None


def open_report(path: Path) -> Opened:
    """A folder, a `report.json` or a `report.html`. `UserProblem` when it is none."""
    file = path / "report.json" if path.is_dir() else path
    try:
        data = file.read_bytes()
        if file.suffix.lower() in (".html", ".htm"):
            text = data.decode()
            return Opened(file.parent, embedded(text), text)
        return Opened(file.parent, reporting.loads(data))
    except OSError as error:
        raise UserProblem(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UserProblem(f"{file} is no text: it is no integrity report.") from error
    except BadDocument as error:
        raise UserProblem(f"{file} is no integrity report, or was damaged: {error}.") from error


def fetch(wiring: Wiring, name: str, out: Path, html: bool) -> Opened:
    """The newest report of a machine, as files below `out`/`name`. `UserProblem` when there is none yet."""
    from wavelift.applying.commands import find

    found = find(wiring, name)
    documents, machine = found.documents, found.machine.uuid
    names = sorted(n for n in documents.list(f"reports/{machine}/") if n.endswith("/report.json"))
    got = documents.get(names[-1]) if names else None
    if got is None:
        raise UserProblem(_missing(found.record.report, name))
    signed = reporting.loads(got[0])
    folder = out / name
    (folder / "leaves").mkdir(parents=True, exist_ok=True)
    prefix = names[-1].removesuffix("report.json")
    for disk in signed.report.disks:
        with (folder / "leaves" / f"{disk.key}.zst").open("wb") as file:
            for segment in sorted(documents.list(f"{prefix}leaves/{disk.key}/")):
                frame = documents.get(segment)
                file.write(frame[0] if frame else b"")
    (folder / "report.json").write_bytes(got[0])
    if signed.signature is not None:
        (folder / "key.pem").write_bytes(reporting.pem(signed.signature))
    if html:
        (folder / "report.html").write_text(page(signed), encoding="utf-8")
    return Opened(folder, signed)


def _missing(due: str, name: str) -> str:
    if due:
        return (
            f"The report of {name} waits for its signature: the engine writes it as soon as it can read the secret "
            "`report-key` (look at `wavelift status`)."
        )
    return f"There is no report of {name}: one is written when its migration has succeeded."


def known_keys(wiring: Wiring | None, given: str | None) -> frozenset[str] | None:
    """Fingerprints that the reader trusts: those of `given` (a PEM file, or a fingerprint), or those that the estate's
    engine has published; None when nobody can say."""
    if given is not None and given.startswith("sha256:"):
        return frozenset({given})
    if given is not None:
        try:
            return frozenset({reporting.fingerprint_of_pem(Path(given).read_bytes())})
        except OSError as error:
            raise UserProblem(f"--key {given} cannot be read: {error.strerror}.") from error
        except reporting.BadKey as error:
            raise UserProblem(f"--key {given}: {error}.") from error
    if wiring is None:
        return None
    from wavelift.planning.look import gateways

    found: set[str] = set()
    for account in gateways(wiring.workspace.view().state).values():
        for name in wiring.engine.open(account).list("report-keys/"):
            found.add("sha256:" + name.removeprefix("report-keys/").removesuffix(".pem"))
    return frozenset(found) or None


def check(
    opened: Opened, known: frozenset[str] | None, against: str | None, wiring: Wiring | None
) -> Iterator[Check]:
    """Every check there is, also those that were not made. `against`: None, "replica" or "source"."""
    signed = opened.signed
    yield from verify.signature(signed, known)
    if opened.html is not None:
        same = authentic(opened.html, signed)
        detail = "the page is what the signed report in it gives" if same else "the page says something else than its report"
        yield Check("page", "ok" if same else "FAILED", detail)
    yield from verify.evidence(signed)
    whole = True
    for disk in signed.report.disks:
        found = _leaves(disk, opened)
        whole = whole and found.result == "ok"
        yield found
    if against is None:
        yield Check("content", "not checked", "compare it with --against replica or --against source")
    elif not whole or reporting.changed(signed):
        yield Check("content", "FAILED", "not compared: there is nothing sound to compare with")
    elif wiring is None:
        raise UserProblem("--against needs the estate's folder (-C): it says where replica and source are.")
    else:
        yield from (_replica if against == "replica" else _source)(opened, wiring)
    if against != "source":
        yield Check("source", "not checked", "whether the powered-off source still is what was migrated")
    yield Check("Azure VM", "not checked", "its disks have been written to since it was started")


def _leaves(disk: ReportDisk, opened: Opened) -> Check:
    try:
        return verify.leaves_fit(disk, opened.leaves(disk))
    except zstandard.ZstdError as error:
        return Check(f"block hashes of {disk.label or disk.key}", "FAILED", f"the leaves are damaged: {error}")


def _replica(opened: Opened, wiring: Wiring) -> Iterator[Check]:
    """Against the recovery point's blob snapshots, as long as they are kept."""
    report = opened.signed.report
    store = wiring.stores.replicas(report.point.seed_account, report.point.seed_container)
    for disk in report.disks:
        leaves = opened.leaves(disk)
        assert leaves is not None
        try:
            yield verify.content(disk, leaves, partial(store.read, disk.seed, disk.point), "the recovery point")
        except NotFound:
            detail = "the recovery point is not kept any more: replication was stopped, its seed is gone"
            yield Check(f"content of {disk.label or disk.key}", "FAILED", detail)
        except PortError as error:
            yield Check(f"content of {disk.label or disk.key}", "FAILED", f"the recovery point cannot be read: {error}")


def _source(opened: Opened, wiring: Wiring) -> Iterator[Check]:
    """Against the powered-off source: a snapshot of it is taken, read whole and removed again."""
    report = opened.signed.report
    machine = report.machine
    if machine.source not in wiring.workspace.estate.sources:
        raise UserProblem(f"The estate has no source {machine.source!r}: its vCenter cannot be asked.")
    source = wiring.source(machine.source)
    found = source.facts((machine.machine,)).get(machine.machine)
    if found is None or found.power is not Power.OFF:
        why = "it is not in vCenter any more" if found is None else "it was powered on: its disks are not what they were"
        yield Check("source", "FAILED", why)
        return
    name = f"wavelift-{machine.estate}-{machine.machine}-verify"
    for ref in source.find_snapshots(machine.machine, name):  # of a check that died
        source.remove_snapshot(machine.machine, ref)
    ref = source.create_snapshot(machine.machine, name, "wavelift verify", False)
    try:
        snapshot = source.snapshot(machine.machine, ref)
        for disk in report.disks:
            leaves = opened.leaves(disk)
            assert leaves is not None
            with source.open_disk(machine.machine, snapshot, disk.key) as reader:
                yield verify.content(disk, leaves, reader.read, "the source")
                reader.confirm()
    finally:
        source.remove_snapshot(machine.machine, ref)


def _hashes(path: Path) -> Iterator[bytes]:
    """16 bytes each. Raises `ZstdError` for a damaged file."""
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        rest = b""
        for piece in iter(lambda: stream.read(_PIECE), b""):
            data = rest + piece
            cut = len(data) // DIGEST * DIGEST
            yield from verify.split(data[:cut])
            rest = data[cut:]
        if rest:
            yield rest


__all__ = ["Opened", "check", "fetch", "known_keys", "open_report"]
