"""Integrity reports: signed values, what a change of any part does to them, and the page for people."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from replication import blocks, reporting, verify
from replication.model.item import OrderKind
from replication.model.jsonform import BadDocument
from replication.model.record import CycleKind, DiskEvidence, Evidence, OrderStep
from replication.model.report import (
    Report,
    ReportCutover,
    ReportDisk,
    ReportMachine,
    ReportOrder,
    ReportPoint,
    Signed,
)
from replication.reportpage import authentic, embedded, page
from replication.verify import Check

SEED, OTHER = bytes(range(32)), bytes(range(32, 64))
CONTENT = random.Random(1).randbytes(256_000)
BLOCK = 4096
LEAVES = [value for _, value in blocks.hashes(0, CONTENT, BLOCK)]


def report() -> Report:
    disk = DiskEvidence(2000, 500, 500, 0, 256000, 256000, 256000, 1000, 1)
    root = blocks.root(LEAVES)
    return Report(
        written=100.0,
        writer="wavelift test",
        machine=ReportMachine("<b>web</b>-01", "uuid-1", "r-1", "lab", "shop", "vc", "koreacentral"),
        disks=(
            ReportDisk(
                *(2000, "disk-uuid", "Hard disk 1", len(CONTENT), BLOCK, len(LEAVES), 0, 0, root), "seed.vhd", "p1", "/d"
            ),
        ),
        point=ReportPoint(1, "final", "a-1", 50.0, 60.0, "https://seed/", "seeds"),
        cutover=ReportCutover(
            *(1, "o-1", "plan-1", 40.0, (OrderStep("start"),), "/vm", "Standard_A", "guest", 45.0, 70.0, 71.0, {"vm": "/vm"})
        ),
        cycles=(Evidence(1, CycleKind.FINAL, "a-1", 1, 46.0, 60.0, 3.0, (disk,)),),
        orders=(ReportOrder(1, "o-1", OrderKind.MIGRATE.value, "plan-1", 40.0),),
        interventions=(),
        test_accepted="",
    )


@pytest.fixture
def signed() -> Signed:
    return reporting.sign(report(), SEED, "v1", 200.0)


def results(found: list[Check]) -> dict[str, str]:
    return {one.what: one.result for one in found}


def test_what_was_signed_holds_and_reads_back_the_same(signed: Signed) -> None:
    assert reporting.loads(reporting.dumps(signed)) == signed
    assert signed.signature is not None
    found = list(verify.signature(signed, frozenset({signed.signature.fingerprint})))
    assert results(found) == {"sections": "ok", "signature": "ok", "signer": "ok"}
    assert reporting.fingerprint_of_pem(reporting.pem(signed.signature)) == signed.signature.fingerprint


def test_a_changed_section_is_named() -> None:
    """Issue 3: a tampered report is refused and what differs is named: every field of the document, one after the other."""
    whole = json.loads(reporting.dumps(reporting.sign(report(), SEED, "v1", 200.0)))
    sections = whole["body"]["report"]
    count = 0

    def paths(value: object, at: tuple[object, ...]) -> list[tuple[object, ...]]:
        if isinstance(value, dict):
            return [p for k, v in value.items() for p in paths(v, (*at, k))]
        if isinstance(value, list):
            return [p for k, v in enumerate(value) for p in paths(v, (*at, k))]
        return [at]

    for path in paths(sections, ()):
        copy = json.loads(json.dumps(whole))
        inside = copy["body"]["report"]
        for key in path[:-1]:
            inside = inside[key]
        value = inside[path[-1]]
        inside[path[-1]] = value + 1 if isinstance(value, int | float) else (value or "") + "x"
        try:
            tampered = reporting.loads(json.dumps(copy).encode())
        except BadDocument:
            continue  # no report any more: refused with its place
        found = list(verify.signature(tampered, None))
        assert found[0].result == "FAILED" and str(path[0]) in found[0].detail, path
        count += 1
    assert count > 40


def test_digests_made_to_fit_do_not_fit_the_signature(signed: Signed) -> None:
    other = replace(signed.report, written=101.0)
    forged = Signed(other, reporting.sections(other), signed.signature)
    assert results(list(verify.signature(forged, None)))["signature"] == "FAILED"


def test_a_forger_with_a_key_of_his_own_is_told_apart(signed: Signed) -> None:
    """A signature proves nothing unless somebody knows whose key it is."""
    forged = reporting.sign(replace(report(), test_accepted="me"), OTHER, "v1", 200.0)
    assert signed.signature is not None
    assert results(list(verify.signature(forged, frozenset({signed.signature.fingerprint}))))["signer"] == "FAILED"
    assert results(list(verify.signature(forged, None)))["signer"] == "FAILED"
    assert results(list(verify.signature(reporting.unsigned(report()), None)))["signature"] == "FAILED"


def test_leaves_are_held_against_the_root_and_content_against_the_leaves(signed: Signed) -> None:
    """Another leaf, a missing one, one more; and on the disk one bit, whose place is named."""
    (disk,) = signed.report.disks
    assert verify.leaves_fit(disk, LEAVES).result == "ok"
    for wrong in ([*LEAVES[:-1], bytes(15) + b"\1"], LEAVES[:-1], [*LEAVES, bytes(16)], [LEAVES[1], LEAVES[0], *LEAVES[2:]]):
        assert verify.leaves_fit(disk, wrong).result == "FAILED"
    assert verify.leaves_fit(disk, None).result == "FAILED"
    flipped = bytearray(CONTENT)
    flipped[5 * BLOCK + 7] ^= 1
    found = verify.content(disk, LEAVES, lambda at, length: bytes(flipped[at : at + length]), "the source")
    assert found.result == "FAILED" and f"{5 * BLOCK}..{6 * BLOCK}" in found.detail
    same = verify.content(disk, LEAVES, lambda at, length: CONTENT[at : at + length], "the source")
    assert same.result == "ok" and f"{len(LEAVES)} blocks" in same.detail


def test_evidence_that_does_not_add_up_is_found(signed: Signed) -> None:
    """S5.1 from the figures alone: a sector not applied, a cycle without evidence."""
    (cycle,) = signed.report.cycles
    short = replace(cycle, disks=(replace(cycle.disks[0], applied_sectors=499),))
    for cycles in ((short,), ()):
        made = reporting.sign(replace(signed.report, cycles=cycles), SEED, "v1", 1.0)
        assert [one.result for one in verify.evidence(made)] == ["FAILED"]


def test_the_page_carries_the_report_and_nothing_else(signed: Signed) -> None:
    """Any change of the page that people see is seen; names cannot break out of it."""
    text = page(signed)
    assert embedded(text) == signed and authentic(text, signed) and page(signed) == text
    assert "<b>web" not in text and "&lt;b&gt;web" in text and "\\u003cb>web" in text
    assert not authentic(text.replace("Standard_A", "Standard_B", 1), signed)
    with pytest.raises(BadDocument):
        embedded("<html></html>")


def test_the_root_is_that_of_the_whole_tree() -> None:
    """Streamed in memory for one node a level, equal to building every level: 0 to 70 leaves."""
    from blake3 import blake3

    def whole(leaves: list[bytes]) -> str:
        level = [blake3(b"\0" + leaf).digest() for leaf in leaves]
        count = len(level)
        while len(level) > 1:
            paired = [blake3(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
            level = paired + level[len(paired) * 2 :]
        return blake3(b"\2" + count.to_bytes(8, "big") + b"".join(level)).hexdigest()

    for number in range(71):
        leaves = [bytes([n]) * 16 for n in range(number)]
        assert blocks.root(leaves) == whole(leaves)
