"""Drift as plain text: a nightly summary that fits a screen."""

from __future__ import annotations

from collections.abc import Iterator

from planner.drift import lines
from planner.drift.model import Drift


def text(drift: Drift) -> str:
    """The whole of it, ending in a newline."""
    return "\n".join(_lines(drift)) + "\n"


def _lines(drift: Drift) -> Iterator[str]:
    yield f"{lines.title(drift)}  {lines.headline(drift)}"
    for line in lines.of(drift.findings, drift):
        yield f"{line.severity.value.upper():<7} {line}"
    yield from (f"UNMANAGED {one}" for one in lines.unmanaged(drift))
    yield from (f"{label:<7} {said}" for label, said in lines.foot(drift))
    if not drift.findings and not drift.unmanaged and not drift.blind:
        yield "No drift: what is there is what was recorded."
