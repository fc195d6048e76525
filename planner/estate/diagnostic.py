"""One problem with the place that it stands at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from replication.model.quick import quick


@quick
@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file: path as the user gave it, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem: what is wrong, which object, where, what to do.

    `summary` is the same text each time (no user values); `detail` is full sentences with the values and the remedy;
    `path` is the dotted YAML path; `related` names other places ("first given here").
    """

    code: str
    summary: str
    detail: str
    path: str = ""
    span: Span | None = None
    related: tuple[tuple[str, Span], ...] = ()
    severity: Literal["error", "warning"] = "error"
