"""The tables of `status`: machines, and a line for each wave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from planner.wording import without_arm_ids

if TYPE_CHECKING:
    from rich.table import Table

    from wavelift.workspace import Workspace


def table(found: list[dict[str, Any]], zone: str) -> Table:
    """The rows as a table for people, times in `zone`."""
    from rich.table import Table

    from replication.schedule import words

    out = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("wave", "machine", "asked", "state", "cycle", "progress", "rate", "lag", "next cycle / held"):
        out.add_column(column, overflow="fold")
    for row in found:
        progress = row.get("progress")
        rate = row.get("rate")
        finished = row.get("life") in ("migrated", "completed", "released", "stopped")
        out.add_row(
            row["wave"],
            row["machine"],
            row["asked"],
            row["state"] + (f": {row['step']}" if row.get("step") else "") + (f" ({row['life']})" if finished else ""),
            f"{row['cycle']}" + (f" {row['cycle_kind']}" if row.get("cycle_kind") else "")
            if row.get("cycle") is not None
            else "",
            f"{progress:.0%}" if progress is not None else "",
            f"{rate / 1024 / 1024:.0f} MiB/s" if rate else "",
            words.span(row["lag"]) if row.get("lag") is not None and not finished else "",
            _last(row, zone) if not finished else "",
        )
    return out


def _last(row: Mapping[str, Any], zone: str) -> str:
    """Why it does not go on, or when it does; what the head of `status` has told already is not told again."""
    if row.get("needs") and row.get("problem"):
        return "NEEDS YOU, above"
    return without_arm_ids(row.get("problem") or "") or str(row.get("held") or _at(row.get("next_cycle"), zone))


def waves_table(workspace: Workspace, found: list[dict[str, Any]], now: float) -> Table:
    """A line for each wave."""
    from rich.table import Table

    from wavelift.watching.overview import COLUMNS, waves

    out = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        out.add_column(column, overflow="fold")
    for line in waves(workspace.estate, found, now):
        out.add_row(*line)
    return out


def _at(when: float | None, zone: str) -> str:
    from wavelift.localtime import weekday

    return "" if when is None else weekday(when, zone)
