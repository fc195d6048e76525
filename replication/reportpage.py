"""An integrity report as a page for people: one file, no script, no request, the signed report inside it. Pure.

Made from the signed report alone, byte for byte the same each time: `authentic` makes it again and compares.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterable, Iterator

from replication import reporting
from replication.model.jsonform import BadDocument
from replication.model.record import Evidence
from replication.model.report import ReportDisk, Signed

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left;"
    "vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85em;word-break:break-all}"
)
_DATA = re.compile(r'<script type="application/json" id="report">(.*?)</script>', re.DOTALL)


def page(signed: Signed) -> str:
    """The whole page."""
    report = signed.report
    name = html.escape(report.machine.name)
    data = reporting.dumps(signed).decode().strip().replace("<", "\\u003c")
    parts = [
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Integrity report: {name}</title>',
        f"<style>{_STYLE}</style></head><body><h1>Integrity report: {name}</h1>",
        *_facts(signed),
        "<h2>Disks</h2>",
        _table(
            ("disk", "size", "block hashes", "unknown", "root", "managed disk"), map(_disk, report.disks), numbers=(1, 2, 3)
        ),
        "<h2>Cut-over</h2>",
        _table(
            ("step", "state", "began", "took", "what"),
            ((s.name, s.state.value, _at(s.started), _took(s.started, s.ended), s.detail) for s in report.cutover.steps),
        ),
        "<h2>Cycles</h2>",
        _table(
            ("cycle", "kind", "completed", "took s", "snapshot open s", "changed", "altered", "read", "sent", "sectors asked",
             "applied", "attempts"),
            map(_cycle, report.cycles),
            numbers=range(3, 12),
        ),
        "<h2>Orders</h2>",
        _table(
            ("number", "what", "issued", "plan"), ((str(o.number), o.kind, _at(o.issued), o.plan) for o in report.orders)
        ),
    ]  # fmt: skip
    if times := [row for one in report.cycles for row in snapshot_rows(one)]:  # pages of reports without them stay what they were
        parts += ["<h2>Snapshots</h2>", _table(("cycle", "quiesced", "taken in s", "removed in s"), times, numbers=(2, 3))]
    if report.interventions:
        rows = ((_at(i.when), i.verb, i.who, i.why, i.answer) for i in report.interventions)
        parts += ["<h2>What people did</h2>", _table(("when", "what", "who", "why", "answer"), rows)]
    parts += [
        "<p>To check it: <code>wavelift verify</code> with this file, its <code>leaves</code> beside it. The page is made "
        "from the signed report below and from nothing else.</p>",
        f'<script type="application/json" id="report">{data}</script>',
        "</body></html>\n",
    ]
    return "\n".join(parts)


def embedded(text: str) -> Signed:
    """The report in a page. Raises `BadDocument`."""
    found = _DATA.search(text)
    if found is None:
        raise BadDocument("there is no integrity report in this page")
    return reporting.loads(found[1].encode())


def authentic(text: str, signed: Signed) -> bool:
    """Whether the page says what the report in it says, and nothing else."""
    return page(signed) == text


def _facts(signed: Signed) -> Iterator[str]:
    report = signed.report
    at, cut, machine = report.point, report.cutover, report.machine
    off = _took(cut.powered_off, cut.ready or cut.started)
    rows = [
        ("machine", f"{machine.name} ({machine.machine}), source {machine.source}, wave {machine.wave}, estate {machine.estate}"),
        ("Azure VM", f"{cut.vm} ({cut.size}), {machine.region}"),
        ("recovery point", f"cycle {at.cycle} ({at.kind}): the source as it was at {_at(at.snapshot_time)}"),
        ("source shut down", f"{_at(cut.powered_off)} ({cut.shutdown})" if cut.powered_off else "no: it went on running"),
        ("from power-off to ready", off or "-"),
        ("ordered by plan", cut.plan),
        ("test accepted", report.test_accepted or "no"),
        ("written", f"{_at(report.written)} by {report.writer}"),
    ]
    if signed.signature is not None:
        rows.append(("signed with key", f"{signed.signature.fingerprint}, version {signed.signature.version}"))
    yield _table(("", ""), rows)


def _disk(disk: ReportDisk) -> tuple[str, ...]:
    return disk.label or str(disk.key), f"{disk.capacity:,}", f"{disk.blocks:,}", f"{disk.unknown:,}", disk.root, disk.azure


def _cycle(one: Evidence) -> tuple[str, ...]:
    altered = [d.altered_bytes for d in one.disks]
    known = [a for a in altered if a is not None]
    return (
        str(one.cycle),
        one.kind.value,
        _at(one.completed),
        f"{one.completed - one.started:.1f}",
        f"{one.snapshot_seconds:.1f}",
        f"{sum(d.changed_bytes for d in one.disks):,}",
        f"{sum(known):,}" if len(known) == len(altered) else "not known",
        f"{sum(d.read_bytes for d in one.disks):,}",
        f"{sum(d.sent_bytes for d in one.disks):,}",
        f"{sum(d.requested_sectors for d in one.disks):,}",
        f"{sum(d.applied_sectors for d in one.disks):,}",
        str(one.attempts),
    )


def snapshot_rows(one: Evidence) -> Iterator[tuple[str, ...]]:
    if one.snapshot is not None:
        took = ("not known" if seconds is None else f"{seconds:.1f}" for seconds in (one.snapshot.take, one.snapshot.remove))
        yield str(one.cycle), "yes" if one.snapshot.quiesced else "no", *took


def _table(heads: Iterable[str], rows: Iterable[tuple[str, ...]], numbers: Iterable[int] = ()) -> str:
    right = set(numbers)
    head = "".join(f"<th>{html.escape(h)}</th>" for h in heads)
    body = "\n".join(
        "<tr>" + "".join(_cell(text, at in right) for at, text in enumerate(row)) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _cell(text: str, number: bool) -> str:
    return f'<td class="n">{html.escape(text)}</td>' if number else f"<td>{html.escape(text)}</td>"


def _at(when: float | None) -> str:
    return "-" if when is None else time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(when))


def _took(began: float | None, ended: float | None) -> str:
    return f"{ended - began:.1f} s" if began is not None and ended is not None else ""
