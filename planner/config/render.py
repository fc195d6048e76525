"""Diagnostics for people (text with the line and a caret) and for scripts (JSON-ready values)."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from planner.config.carried import veiled
from planner.config.document import split_lines
from planner.estate import Diagnostic, Span

_WIDTH = 100
"""Columns of source text that are shown of a long line, around the place."""

_WHOLE, _SHORT = 3, 20
"""Of more than `_SHORT` diagnostics that are alike so many are told with their lines, and so many at all."""

_SECRET = re.compile(
    r"""((?<![\w-])(?:[\w-]{0,40}?(?:pass|pwd|secret|token|credential|api_?key|webhook)\w{0,20}|login|plan|engine)["']?\s{0,9}[:=]\s{0,99})"""
    r"""(?!env:|file:|keyvault:|["']?(?:env|file|keyvault):|[{\[&*|>\s])("[^"]*"?|'[^']*'?|[^,}\]#]+)""",
    re.IGNORECASE,
)
"""What follows a key that may hold a secret and is no reference: never shown, for many read pull request logs. All
repetitions are bounded, since a line can be megabytes long."""


def read_sources(diagnostics: Iterable[Diagnostic]) -> dict[str, str]:
    """The text of every file that the diagnostics name; files that cannot be read are left out."""
    files = {span.file for d in diagnostics for span in (d.span, *(s for _, s in d.related)) if span}
    sources = {}
    for file in sorted(files):
        try:
            sources[file] = Path(file).read_bytes().decode("utf-8-sig", "replace")
        except OSError:  # it is gone or unreadable, which one of the diagnostics says already
            continue
    return sources


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    """All diagnostics as text, an empty line between them. `sources` maps a span's file to its text.

    One cause can have a thousand places (a port group that no subnet stands for): of what is alike only the first are told
    with their line, some more in a line each, and the rest is counted.
    """
    diagnostics = list(diagnostics)
    lines = _Lines(sources, diagnostics)
    return "\n".join(_folded(diagnostics, lines))


def _folded(diagnostics: list[Diagnostic], lines: _Lines) -> Iterator[str]:
    alike = Counter(_kind(diagnostic) for diagnostic in diagnostics)
    told: Counter[tuple[str, str]] = Counter()
    for diagnostic in diagnostics:
        kind = _kind(diagnostic)
        told[kind] += 1
        if alike[kind] <= _SHORT or told[kind] <= _WHOLE:
            yield _one(diagnostic, lines)
        elif told[kind] <= _SHORT:
            yield _short(diagnostic)
        elif told[kind] == alike[kind]:
            more = alike[kind] - _SHORT
            yield f"… and {more} more {diagnostic.severity}s {diagnostic.code}: {diagnostic.summary} (--json names all)\n"


class _Lines:
    """Source lines as they may be shown; each is made fit once, for one line can hold thousands of problems."""

    def __init__(self, sources: Mapping[str, str], diagnostics: Iterable[Diagnostic]) -> None:
        self._files = {file: split_lines(text) for file, text in sources.items()}
        self._shown: dict[tuple[str, int], str] = {}
        self._cuts: dict[tuple[str, int], int] = {}
        for diagnostic in diagnostics:
            span = diagnostic.span
            if span is not None and ("login" in diagnostic.path.split(".") or diagnostic.code == "WL192"):
                # wrong inside a sign-in, or written out: what stands from there on may be the secret itself
                place = (span.file, span.line)
                self._cuts[place] = min(span.column - 1, self._cuts.get(place, span.column))

    def get(self, span: Span) -> str:
        """The line of `span` without secrets and control characters; "" when there is none."""
        place = (span.file, span.line)
        if place not in self._shown:
            known = self._files.get(span.file, [])
            line = known[span.line - 1] if span.line <= len(known) else ""
            if place in self._cuts:
                line = line[: self._cuts[place]] + "…"
            self._shown[place] = veiled(_SECRET.sub(lambda match: match[1] + "…", _clean(line)))
        return self._shown[place]


def to_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """One JSON-ready object for each diagnostic, in the same order; file, line and column are null without a place."""
    return [
        {
            "severity": d.severity,
            "code": d.code,
            "summary": d.summary,
            "detail": d.detail,
            "path": d.path,
            **_place(d.span),
            "related": [{"text": text, **_place(span)} for text, span in d.related],
        }
        for d in diagnostics
    ]


def _place(span: Span | None) -> dict[str, object]:
    if span is None:
        return {"file": None, "line": None, "column": None}
    return {"file": span.file, "line": span.line, "column": span.column}


def _kind(diagnostic: Diagnostic) -> tuple[str, str]:
    return diagnostic.code, diagnostic.summary


def _short(diagnostic: Diagnostic) -> str:
    return f"{_head(diagnostic)}: {diagnostic.detail}"


def _head(diagnostic: Diagnostic) -> str:
    place = f"{_clean(str(diagnostic.span))}: " if diagnostic.span else ""
    return f"{place}{diagnostic.severity} {diagnostic.code}: {diagnostic.summary}"


def _one(diagnostic: Diagnostic, lines: _Lines) -> str:
    text = [_head(diagnostic)]
    text += _excerpt(diagnostic.span, lines)
    text.append(f"  {diagnostic.detail}")
    for words, span in diagnostic.related:
        text.append(f"  {words}: {_clean(str(span))}")
        text += _excerpt(span, lines)
    return "\n".join(text) + "\n"


def _excerpt(span: Span | None, lines: _Lines) -> list[str]:
    """The line of `span` and a caret below its column."""
    line = lines.get(span) if span else ""
    if span is None or not line.strip():
        return []
    column = span.column - 1
    start = max(0, column - _WIDTH // 2) if len(line) > _WIDTH else 0
    shown = line[start : start + _WIDTH]
    before, after = ("…" if start else ""), ("…" if start + _WIDTH < len(line) else "")
    caret = " " * (len(before) + sum(_cells(c) for c in line[start:column]))
    number = str(span.line)
    return [f"  {number} | {before}{shown}{after}", f"  {' ' * len(number)} | {caret}^"]


def _clean(text: str) -> str:
    """One cell for every tab and control character, so that a file can neither move the cursor nor colour a log."""
    return "".join(" " if c == "\t" else c if c.isprintable() else "·" for c in text)


def _cells(character: str) -> int:
    """Columns of a terminal that a character takes."""
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
