"""The decommission list in words, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

from planner.decommission import Row, Verdict

FIELDS = ("verdict", "machine", "vm", "uuid", "source", "folder", "host", "datastores", "gib", "wave", "why", "note")
HEADS = {
    Verdict.MAY_GO: "May go",
    Verdict.STAYS: "Stays",
    Verdict.GONE: "Gone from vCenter already",
}
NEVER = "wavelift deletes no VM of vCenter. Its owner does, with the uuid in hand: names may be taken twice."


def text(rows: Sequence[Row]) -> str:
    out = []
    for verdict, head in HEADS.items():
        some = [r for r in rows if r.verdict is verdict]
        if some:
            out.append(f"{head} ({_sum(some, verdict)}):")
            out += [line for row in some for line in _lines(row)]
            out.append("")
    return "\n".join([*(out or ["No machine of this estate was migrated or replicates.", ""]), NEVER]) + "\n"


def markdown(rows: Sequence[Row]) -> str:
    out = ["# Source VMs", ""]
    for verdict, head in HEADS.items():
        some = [r for r in rows if r.verdict is verdict]
        if not some:
            continue
        out += [f"## {head} ({_sum(some, verdict)})", ""]
        out += ["| machine | VM | uuid | host | datastores | GiB | |", "|---|---|---|---|---|---:|---|"]
        for row in some:
            where = f"{row.folder}/{row.vm}" if row.vm else ""
            told = "; ".join((*row.why, *row.note))
            cells = (row.machine, where, f"`{row.uuid}`", row.host, ", ".join(row.datastores), f"{row.gib:g}", told)
            out.append("| " + " | ".join(_cell(c) for c in cells) + " |")
        out.append("")
    return "\n".join([*out, NEVER]) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """Several values in a cell are parted by "; ". No cell begins like a formula of a spreadsheet."""
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(FIELDS)
    for row in rows:
        values = asdict(row)
        table.writerow([_harmless("; ".join(v) if isinstance(v := values[f], tuple) else str(v)) for f in FIELDS])
    return stream.getvalue()


def as_json(rows: Sequence[Row]) -> str:
    document = {
        "sources": [asdict(r) for r in rows],
        "gib_that_may_go": round(sum(r.gib for r in rows if r.verdict is Verdict.MAY_GO), 1),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _sum(rows: Sequence[Row], verdict: Verdict) -> str:
    count = f"{len(rows)} VM{'' if len(rows) == 1 else 's'}"
    return f"{count}, up to {sum(r.gib for r in rows):g} GiB" if verdict is Verdict.MAY_GO else count


def _lines(row: Row) -> list[str]:
    where = f"{row.folder}/{row.vm} · {row.host} · {', '.join(row.datastores)} · {row.gib:g} GiB" if row.vm else "not in vCenter"
    told = [*(f"      - {why}" for why in row.why), *(f"      ({note})" for note in row.note)]
    return [f"  {row.machine}  {row.uuid}  {where}", *told]


def _cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")


def _harmless(value: str) -> str:
    return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t") else value
