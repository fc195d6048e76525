"""The cut-over night and the go/no-go list as lines for people, from the values of `night` and `golist`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from planner.wording import without_arm_ids
from replication.schedule import words
from wavelift.localtime import UTC, clock, named
from wavelift.watching.night import COLUMNS

Values = Mapping[str, Any]


def lines(night: Values, zone: str = UTC) -> Iterator[str]:
    """Screen 3 of one wave, its times in `zone`."""
    now = night["now"]
    closes = f" of {clock(night['closes'], zone)}" if night["closes"] else ""
    head = [f"CUT-OVER NIGHT {night['wave']}   {clock(now, zone)}{closes} {named(now, zone)}"]
    if night["latest_power_off"] is not None:
        late = night["latest_power_off"] < now
        head.append("latest safe power-off " + clock(night["latest_power_off"], zone) + (" IS OVER" if late else ""))
    if night["lease"] is not None:
        left = night["lease"]
        lease = f"lease {left:.0f} s" if left > 0 else f"LEASE RAN OUT {words.span(-left)} ago: another engine may go on"
        head.append(f"executor {night['executor'] or '?'} ({lease})")
    yield " · ".join(head)
    rows: list[tuple[str, ...]] = [("", *COLUMNS, "ready", "down", "budget (est)")]
    rows += [_row(name, row, zone) for name, row in night["machines"].items()]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row, name in zip(rows, ["", *night["machines"]], strict=True):
        text = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        why = _why(night["machines"][name]) if name else ""
        yield text + (f"   {why}" if why else "")
    yield _back(night["machines"])


def go_lines(found: Sequence[Values]) -> Iterator[str]:
    """The go/no-go list: a line for each machine, and one for each check that does not say yes."""
    if not found:
        return
    go = sum(one["go"] for one in found)
    yield f"GO / NO-GO   {go} GO · {len(found) - go} NO-GO"
    width = max(len(one["machine"]) for one in found)
    for one in found:
        yield f"{'GO   ' if one['go'] else 'NO-GO'}  {one['machine'].ljust(width)}  {one['summary']}"
        for check in one["checks"]:
            if check["result"] != "ok":
                yield f"       {' ' * width}  {check['check']}: {check['result']}: {check['detail']}"


def minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _row(name: str, row: Values, zone: str) -> tuple[str, ...]:
    cells = [_cell(step, row, zone) for step in row["steps"]]
    ready = f"ok {clock(row['ready'], zone)}" if row["ready"] else "-"
    budget = minutes(row["budget"]) if row["budget"] is not None else "none"
    return (name, *cells, ready, minutes(row["down"]), f"{budget} (est {minutes(row['estimate']['p90'])})")


def _cell(step: Values, row: Values, zone: str) -> str:
    match step["state"]:
        case "done":
            return f"ok {clock(step['ended'], zone)}"
        case "skipped":
            return "left out"
        case "failed":
            return "FAILED"
        case "running" if row["outcome"] is not None:
            return "ended"
        case "running":
            return f"{row['progress'] * 100:.0f} %" if row["progress"] is not None else "runs"
    return "-"


def _why(row: Values) -> str:
    if row["outcome"] == "done":
        return ""
    if row["outcome"] is not None:
        return f"{row['outcome'].upper()}: {without_arm_ids(row['problem'])}"
    if row["problem"]:
        return f"TROUBLE: {without_arm_ids(row['problem'])}"
    return str(row["waits"] or row["doing"])


def _back(machines: Mapping[str, Values]) -> str:
    """Who can go back now, in about how long, and what that loses."""
    groups: dict[tuple[bool, float, str], list[str]] = {}
    for name, row in machines.items():
        way = row["way_back"]
        groups.setdefault((way["possible"], way["seconds"] or 0.0, way["loses"]), []).append(name)
    parts = []
    for (possible, seconds, loses), names in groups.items():
        who = f"all {len(names)}" if len(names) == len(machines) and len(names) > 1 else ", ".join(names)
        if not possible:
            parts.append(f"{who}: {loses}")
        elif not seconds:
            parts.append(f"{who}: the source runs, no data lost")
        else:
            parts.append(f"{who}: about {seconds / 60:.0f} min (assumed), {loses + ' is lost' if loses else 'no data lost'}")
    return "WAY BACK NOW: " + " · ".join(parts)
