"""Diagnostics for people (text with the line and a caret) and for scripts (JSON-ready values)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from planner.config.document import split_lines
from planner.estate import Diagnostic, Span

_WIDTH = 100
"""Columns of source text that are shown of a long line, around the place."""

_SECRET = re.compile(
    r"""((?<![\w-])(?:[\w-]{0,40}?(?:pass|pwd|secret|token|credential|api_?key)\w{0,20}|login|plan|engine)["']?\s{0,9}:\s{0,99})"""
    r"""(?!env:|file:|["']?(?:env|file):|[{\[&*|>\s])("[^"]*"?|'[^']*'?|[^,}\]#]+)""",
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
    """All diagnostics as text, an empty line between them. `sources` maps a span's file to its text."""
    lines = {file: split_lines(text) for file, text in sources.items()}
    return "\n".join(_one(diagnostic, lines) for diagnostic in diagnostics)


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


def _one(diagnostic: Diagnostic, lines: Mapping[str, list[str]]) -> str:
    place = f"{_clean(str(diagnostic.span))}: " if diagnostic.span else ""
    text = [f"{place}{diagnostic.severity} {diagnostic.code}: {diagnostic.summary}"]
    text += _excerpt(diagnostic.span, lines)
    text.append(f"  {diagnostic.detail}")
    for words, span in diagnostic.related:
        text.append(f"  {words}: {_clean(str(span))}")
        text += _excerpt(span, lines)
    return "\n".join(text) + "\n"


def _excerpt(span: Span | None, lines: Mapping[str, list[str]]) -> list[str]:
    """The line of `span` and a caret below its column."""
    known = lines.get(span.file, []) if span else []
    if span is None or span.line > len(known) or not known[span.line - 1].strip():
        return []
    column = span.column - 1
    line = _SECRET.sub(lambda match: match[1] + "…", _clean(known[span.line - 1]))
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
