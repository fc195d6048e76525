"""What the engine's host tells others while it runs: metrics as a text file, and a POST for each new need of somebody."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from replication.model.errors import PortError
from wavelift.wholefile import write_whole

EVERY = 15.0
"""Seconds between two looks."""

Row = Mapping[str, Any]
"""One machine as `status --json` shows it."""

_GAUGES = (
    ("lag_seconds", "lag", "Seconds that the newest recovery point is behind the source."),
    ("progress_ratio", "progress", "How much of the cycle under way is done."),
    ("rate_bytes_per_second", "rate", "Rate of the cycle under way."),
    ("heartbeat_age_seconds", "heartbeat", "Seconds since the engine last wrote about the machine."),
    ("cycles_total", "cycle", "Committed cycles of this replication."),
)


def metrics(estate: str, rows: Sequence[Row], now: float) -> str:
    """Prometheus' text format: gauges by machine, how many need somebody, and when this was written."""
    lines: list[str] = []

    def family(name: str, text: str, values: Sequence[tuple[Row | None, float]]) -> None:
        kind = "counter" if name.endswith("_total") else "gauge"
        lines.extend((f"# HELP wavelift_{name} {text}", f"# TYPE wavelift_{name} {kind}"))
        for row, value in values:
            labels = {"estate": estate, **({} if row is None else {"wave": row["wave"], "machine": row["machine"]})}
            written = ",".join(f'{key}="{_escaped(str(label))}"' for key, label in labels.items())
            lines.append(f"wavelift_{name}{{{written}}} {value:g}")

    for name, key, text in _GAUGES:
        family(name, text, [(row, float(row[key])) for row in rows if row.get(key) is not None])
    family("needs_somebody", "1 while the machine needs a person.", [(row, 1.0 if row.get("needs") else 0.0) for row in rows])
    family("written_timestamp_seconds", "When this file was written.", [(None, round(now))])
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def write(path: Path, text: str) -> None:
    """In one piece: whoever reads it never sees half of it."""
    write_whole(path, text.encode(), 0o644)


Post = Callable[[str, Mapping[str, object], str], None]
"""(address, document, key); raises a port's error."""


class Needs:
    """Posts each new need once. What could not be posted is tried at the next look; a need that went and came is new.

    It keeps nothing: an engine that is started anew tells what is there once more, under the same ids.
    """

    def __init__(self, post: Post, say: Callable[[str], None]) -> None:
        self._post, self._say = post, say
        self._told: set[str] = set()

    def look(self, estate: str, address: str, rows: Sequence[Row]) -> None:
        now = {str(row["needs"]): str(row["machine"]) for row in rows if row.get("needs")}
        self._told &= now.keys()
        for text, machine in now.items():
            if text in self._told:
                continue
            key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"wavelift:{estate}/{text}"))
            try:
                self._post(address, {"estate": estate, "machine": machine, "text": text, "id": key}, key)
            except PortError as error:
                self._say(f"the webhook of `notify` was not told: {error}")
                return
            self._told.add(text)
