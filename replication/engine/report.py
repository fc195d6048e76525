"""Writes the integrity report of a machine that was migrated; what is missing after a crash, the next engine writes.

1. The migration's last journal write says that a report is due. It is drafted (leaves, then the report without a
   signature), journalled, signed, and only then is nothing due any more. Every part may be done again.
2. A draft needs no secret: a stop order drafts first, because the hashes and the recovery point go with it. The signature
   follows whenever the key can be had.
3. The signed report is written once (If-None-Match) and never replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.metadata import version

import zstandard

from replication import blocks, reporting
from replication.blocks import DIGEST, UNKNOWN
from replication.engine.checksums import SEGMENT
from replication.engine.work import Work
from replication.model.documents import load_evidence, load_order, order_name
from replication.model.errors import Conflict, PortError
from replication.model.extents import MIB
from replication.model.item import ItemDisk
from replication.model.record import Commit, Evidence, OrderProgress
from replication.model.report import Report, ReportCutover, ReportDisk, ReportMachine, ReportOrder, ReportPoint

DUE = "due"
READ_BACK = 1024 * MIB
"""So many bytes of blocks without a kept hash are read from the recovery point; more stay unknown and are counted."""


def write(work: Work) -> None:
    """Whatever is still due of the report. Raises a port's error (tried again later)."""
    draft(work)
    if work.record.report:
        _sign(work, int(work.record.report))


def draft(work: Work) -> None:
    """The report without its signature, when none was made yet."""
    record, order = work.record, work.record.order
    if record.report != DUE:
        return
    point = record.committed
    if order is None or order.outcome != "done" or point is None or str(point.cycle) != order.facts.get("final_cycle"):
        work.note("no integrity report: what was migrated is not the newest recovery point any more")
        work.machine.advance(report="")
        return
    work.guard.check()
    disks = tuple(_disk(work, order, point, disk) for disk in work.item.disks)
    made = reporting.unsigned(_report(work, order, point, disks))
    work.guard.check()
    name = f"{reporting.folder(work.uuid, order.number)}draft.json"
    work.retry(lambda: work.documents.put_any(name, reporting.dumps(made)))
    work.machine.advance(report=str(order.number))


def _sign(work: Work, number: int) -> None:
    folder = reporting.folder(work.uuid, number)
    found = work.retry(lambda: work.documents.get(f"{folder}draft.json"))
    done = work.retry(lambda: work.documents.get(f"{folder}report.json"))
    if found is not None and done is None:
        key_version, seed = work.retry(lambda: work.keys.current(work.item.report_key))
        signed = reporting.sign(reporting.loads(found[0]).report, seed, key_version, work.clock.now())
        assert signed.signature is not None
        public, text = reporting.pem(signed.signature), reporting.dumps(signed)
        work.guard.check()
        work.retry(partial(work.documents.put_any, reporting.key_name(signed.signature.fingerprint), public))
        try:
            work.retry(partial(work.documents.put, f"{folder}report.json", text, None))
        except Conflict:
            work.note("its integrity report was signed by somebody else meanwhile")
    work.retry(partial(work.documents.delete, f"{folder}draft.json"))
    work.machine.advance(report="", problem="", stuck=False)
    there = found is not None or done is not None
    work.note("its integrity report is written and signed" if there else "no integrity report: its draft is gone from the store")


def try_sign(work: Work) -> None:
    """Before the machine is forgotten: sign now if that can be done, without holding anything up."""
    if work.record.report.isdigit():
        try:
            _sign(work, int(work.record.report))
        except PortError as error:
            work.note(f"its integrity report is not signed yet: {error}")


# what it says


def _report(work: Work, order: OrderProgress, point: Commit, disks: tuple[ReportDisk, ...]) -> Report:
    item, record = work.item, work.record
    return Report(
        written=work.clock.now(),
        writer=f"wavelift {version('wavelift')}",
        machine=ReportMachine(
            *(item.name, item.machine, item.replication, item.estate, item.wave, item.source, item.region)
        ),
        disks=disks,
        point=ReportPoint(
            cycle=point.cycle,
            kind=point.kind.value,
            attempt=point.attempt,
            snapshot_time=point.snapshot_time,
            committed=point.committed,
            seed_account=item.seed_account,
            seed_container=item.seed_container,
        ),
        cutover=_cutover(work, order),
        cycles=tuple(_cycles(work)),
        orders=tuple(_orders(work)),
        interventions=tuple(reversed(record.interventions)),
        test_accepted=record.test_accepted,
    )


def _cutover(work: Work, order: OrderProgress) -> ReportCutover:
    facts = order.facts
    asked = next((o for o in _orders(work) if o.number == order.number), None)
    document = work.retry(lambda: work.documents.get(order_name(work.uuid, order.number)))
    mode = load_order(document[0]).shutdown.mode if document is not None else ""

    def when(name: str) -> float | None:
        return float(facts[name]) if facts.get(name) else None

    return ReportCutover(
        number=order.number,
        id=order.id,
        plan=asked.plan if asked else "",
        issued=asked.issued if asked else 0.0,
        steps=order.steps,
        vm=order.made.get("vm", ""),
        size=facts.get("size", ""),
        shutdown=mode,
        powered_off=when("powered_off"),
        started=when("started"),
        ready=when("ready"),
        made=order.made,
    )


def _orders(work: Work) -> Iterator[ReportOrder]:
    for name in sorted(work.retry(lambda: work.documents.list(f"orders/{work.uuid}/"))):
        found = work.retry(partial(work.documents.get, name))
        if found is not None:
            order = load_order(found[0])
            yield ReportOrder(order.number, order.id, order.kind.value, order.plan, order.issued)


def _cycles(work: Work) -> Iterator[Evidence]:
    """Of every cycle, oldest first; the newest may stand in the record alone."""
    found = {one.cycle: one for one in work.record.evidence}
    for name in work.retry(lambda: work.documents.list(f"evidence/{work.uuid}/{work.item.replication}/")):
        got = work.retry(partial(work.documents.get, name))
        if got is not None:
            one = load_evidence(got[0])
            found[one.cycle] = one
    yield from (found[number] for number in sorted(found))


def _disk(work: Work, order: OrderProgress, point: Commit, disk: ItemDisk) -> ReportDisk:
    """Write the disk's leaves, a frame for each segment, and sum them up."""
    checksums = work.checksums(disk)
    counts = {"unknown": 0, "read": 0}

    def leaves() -> Iterator[bytes]:
        for number, content in checksums.segments():
            content = _filled(work, disk, point, number * SEGMENT, content, checksums.size, counts)
            packed = zstandard.ZstdCompressor(level=1).compress(content)
            work.guard.check()
            work.retry(
                partial(
                    work.documents.put_any, reporting.leaves_name(work.uuid, order.number, disk.key, number), packed
                )
            )
            yield from (content[at : at + DIGEST] for at in range(0, len(content), DIGEST))

    root = blocks.root(leaves())
    return ReportDisk(
        key=disk.key,
        uuid=disk.uuid,
        label=disk.label,
        capacity=disk.capacity,
        block=checksums.size,
        blocks=blocks.number(disk.capacity, checksums.size),
        unknown=counts["unknown"],
        read_back=counts["read"],
        root=root,
        seed=disk.seed,
        point=point.points[disk.key],
        azure=order.made.get(f"disk/{disk.key}", ""),
    )


def _filled(
    work: Work, disk: ItemDisk, point: Commit, first: int, content: bytes, size: int, counts: dict[str, int]
) -> bytes:
    """`content` with the hashes that nobody kept taken from the recovery point, as far as `READ_BACK` goes."""
    if UNKNOWN not in content:
        return content
    out = bytearray(content)
    for at in range(0, len(content), DIGEST):
        if content[at : at + DIGEST] != UNKNOWN:
            continue
        if (counts["read"] + 1) * size > READ_BACK:
            counts["unknown"] += 1
            continue
        offset = (first + at // DIGEST) * size
        length = min(size, disk.capacity - offset)
        data = work.retry(partial(work.replicas.read, disk.seed, point.points[disk.key], offset, length))
        out[at : at + DIGEST] = blocks.digest(data)
        counts["read"] += 1
    return bytes(out)


__all__ = ["DUE", "draft", "try_sign", "write"]
