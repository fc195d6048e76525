"""Where problems go while an estate is read."""

from __future__ import annotations

from planner.config.codes import CODES
from planner.estate import Diagnostic, Span

Related = tuple[tuple[str, Span], ...]


class Problems:
    """Collects diagnostics; nothing is raised and nothing is printed, so that all of them can be shown at once."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []

    def add(self, code: str, detail: str, span: Span | None, path: str = "", related: Related = ()) -> None:
        """Adds one problem of a known code; `detail` is full sentences with the values and the remedy."""
        known = CODES[code]
        self.found.append(Diagnostic(code, known.summary, detail, path, span, related, known.severity))

    @property
    def any_error(self) -> bool:
        return any(d.severity == "error" for d in self.found)
