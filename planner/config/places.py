"""The exact place of a diagnostic that names a key: what is found long after the files were read knows the key alone.

Only the files that can hold the key are read again, so a plan of many machines pays for a small file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from planner.config.collect import Problems
from planner.config.files import find, read_one, read_text
from planner.config.tree import Item, Tree
from planner.estate import Diagnostic, Span


def located(diagnostics: Iterable[Diagnostic], folder: Path) -> tuple[Diagnostic, ...]:
    """The diagnostics, those with a key's path at the line and column of that key's value.

    One without a place gets the nearest that its path leads to; one with the place of a whole part (a target, a source) the
    exact one inside it. Those of waves and machines have theirs already.
    """
    found = tuple(diagnostics)
    if not any(_asks(diagnostic) for diagnostic in found):
        return found
    files = _Files(folder)
    return tuple(_placed(diagnostic, files) if _asks(diagnostic) else diagnostic for diagnostic in found)


def _asks(diagnostic: Diagnostic) -> bool:
    if not diagnostic.path:
        return False
    return diagnostic.span is None or not diagnostic.path.startswith("waves.")


def _placed(diagnostic: Diagnostic, files: _Files) -> Diagnostic:
    parts = diagnostic.path.split(".")
    ends = (_deepest(tree, parts) for tree in files.holding(parts[0], diagnostic.span))
    deep, span = max(ends, key=lambda end: end[0], default=(0, None))
    if span is None or (diagnostic.span is not None and deep < len(parts)):
        return diagnostic
    return replace(diagnostic, span=span)


def _deepest(tree: Tree, parts: list[str]) -> tuple[int, Span | None]:
    """How many parts of a path there are, and the place of the last: of its value, or of its key where that is a mapping."""
    items: Mapping[str, Item] = tree
    span: Span | None = None
    for number, part in enumerate(parts):
        item = items.get(part)
        if item is None:
            return number, span
        span = item.key if item.map else item.span
        items = item.map
    return len(parts), span


class _Files:
    """The estate's files, each read and parsed at most once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parsed = cache(self._parse)
        self._texts: dict[str, str] | None = None

    def holding(self, key: str, span: Span | None) -> Iterator[Tree]:
        """The trees that have a top-level key: of the file of `span`, or of all that have such a line."""
        texts = self._all()
        if span is not None:
            if span.file in texts:
                yield self._parsed(span.file)
            return
        line = re.compile(rf"""^["'{{]?\s*{re.escape(key)}["']?\s*:""", re.MULTILINE)
        for file, text in texts.items():
            if line.search(text):
                yield self._parsed(file)

    def _all(self) -> dict[str, str]:
        if self._texts is None:
            unheard = Problems()
            read = ((str(path), read_text(path, unheard)) for path in find(self._folder, unheard))
            self._texts = {file: text for file, text in read if text is not None}
        return self._texts

    def _parse(self, file: str) -> Tree:
        return read_one(file, self._all()[file]).items
