"""What can be checked of an integrity report without asking anybody, and holding disks against its leaves. Pure.

Every check has a result of its own; what was not looked at is said as well, so that nobody reads more into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from replication import blocks, reporting
from replication.blocks import DIGEST, UNKNOWN
from replication.model.extents import MIB
from replication.model.report import ReportDisk, Signed

PIECE = 4 * MIB
SHOWN = 8
"""So many differing ranges are named."""


@dataclass(frozen=True, slots=True)
class Check:
    """`what` was looked at, and what came of it. Anything but "ok" and "not checked" means: do not rely on it."""

    what: str
    result: Literal["ok", "FAILED", "not checked"]
    detail: str


def signature(signed: Signed, known: frozenset[str] | None) -> Iterator[Check]:
    """`known`: fingerprints of keys that the reader trusts; None when nobody could say."""
    differ = reporting.changed(signed)
    if differ:
        yield Check("sections", "FAILED", f"not what was signed: {', '.join(differ)}")
    else:
        yield Check("sections", "ok", f"all {len(signed.sections)} are what their digests say")
    found = signed.signature
    if found is None:
        yield Check("signature", "FAILED", "the report is not signed")
        return
    if not reporting.genuine(signed):
        yield Check("signature", "FAILED", "it does not fit: the digests, the key or the signature were changed")
        return
    yield Check("signature", "ok", f"Ed25519 by {found.fingerprint}, version {found.version} of the key")
    if known is None:
        detail = "nothing says whose key it is: give it with --key, or the estate's folder with -C"
        yield Check("signer", "FAILED", detail)
    elif found.fingerprint in known:
        yield Check("signer", "ok", "the key is known")
    else:
        yield Check("signer", "FAILED", "signed by a key that is none of those known: " + ", ".join(sorted(known)))


def evidence(signed: Signed) -> Iterator[Check]:
    """S5.1 once more, from the figures: in every cycle and disk what was asked for is what was applied; no gap in the
    chain of cycles up to the one that was migrated."""
    report = signed.report
    bad = [
        f"cycle {cycle.cycle} disk {disk.key}: {disk.requested_sectors} sectors asked for, {disk.applied_sectors} applied"
        for cycle in report.cycles
        for disk in cycle.disks
        if disk.requested_sectors != disk.applied_sectors
    ]
    numbers = [cycle.cycle for cycle in report.cycles]
    gaps = sorted(set(range(1, report.point.cycle + 1)) - set(numbers))
    if gaps:
        bad.append(f"no evidence of cycle {', '.join(map(str, gaps))}")
    if bad:
        yield Check("evidence", "FAILED", "; ".join(bad[:SHOWN]))
    else:
        yield Check("evidence", "ok", f"{len(numbers)} cycles, in each of them requested = applied")


def leaves_fit(disk: ReportDisk, leaves: Iterable[bytes] | None) -> Check:
    """The leaves are those that the signed root stands for."""
    what = f"block hashes of {disk.label or disk.key}"
    if leaves is None:
        return Check(what, "FAILED", "the leaves do not lie beside the report")
    if blocks.root(leaves) != disk.root:
        return Check(what, "FAILED", "the leaves are not those that the root stands for")
    unknown = f", {disk.unknown} of them unknown" if disk.unknown else ""
    return Check(what, "ok", f"{disk.blocks} of {disk.block // 1024} KiB{unknown}, root {disk.root[:16]}…")


def content(disk: ReportDisk, leaves: Iterable[bytes], read: Callable[[int, int], bytes], where: str) -> Check:
    """Read the whole disk and hold every block against its leaf. `read(offset, length)` gives exactly that."""
    differ: list[tuple[int, int]] = []
    many = unknown = checked = 0
    piece = max(1, PIECE // disk.block) * disk.block
    each = iter(leaves)
    for offset in range(0, disk.capacity, piece):
        data = read(offset, min(piece, disk.capacity - offset))
        for at, found in blocks.hashes(offset, data, disk.block):
            wanted = next(each)
            if wanted == UNKNOWN:
                unknown += 1
                continue
            checked += 1
            if wanted == found:
                continue
            many += 1
            start, end = at * disk.block, min((at + 1) * disk.block, disk.capacity)
            if differ and differ[-1][1] == start:
                differ[-1] = (differ[-1][0], end)
            elif len(differ) < SHOWN:
                differ.append((start, end))
    what = f"content of {disk.label or disk.key}"
    if many:
        ranges = ", ".join(f"{start}..{end}" for start, end in differ)
        return Check(what, "FAILED", f"{many} of {checked} blocks of {where} differ, at bytes {ranges}")
    left = f"; {unknown} blocks have no known hash" if unknown else ""
    return Check(what, "ok", f"{checked} blocks of {where} are what was migrated{left}")


def split(data: bytes) -> Iterator[bytes]:
    """16-byte hashes; a torn end is a leaf of its own, which fits no root."""
    return (data[at : at + DIGEST] for at in range(0, len(data), DIGEST))
