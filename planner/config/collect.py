"""Where problems go while an estate is read."""

from __future__ import annotations

from collections.abc import Mapping

from planner.config.codes import CODES
from planner.estate import Diagnostic, Span

Related = tuple[tuple[str, Span], ...]


class Problems:
    """Collects diagnostics; nothing is raised and nothing is printed, so that all of them can be shown at once."""

    def __init__(self, removed: Mapping[str, Span] | None = None) -> None:
        """`removed`: paths that an overlay has removed, and where it does."""
        self.found: list[Diagnostic] = []
        self._removed = removed or {}

    def add(
        self, code: str, detail: str, span: Span | None, path: str = "", related: Related = (), *, missing: str = ""
    ) -> None:
        """Adds one problem of a known code; `detail` is full sentences with the values and the remedy. `missing`: the path of
        what is not there; where an overlay has removed it, that is the place to mend and `span` the other one."""
        gone = self._removed.get(missing)
        if gone is not None:
            detail = f"{detail} The overlay removes it here: leave it, or give it another value."
            related = (*related, *((("needed here", span),) if span is not None else ()))
            span = gone
        known = CODES[code]
        self.found.append(Diagnostic(code, known.summary, detail, path, span, related, known.severity))

    @property
    def any_error(self) -> bool:
        return any(d.severity == "error" for d in self.found)
