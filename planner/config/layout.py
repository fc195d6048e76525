"""Lays one YAML text out anew: indents, spaces between tokens, blank lines. Nothing but white space ever changes.

The scanner's tokens say where the text has meaning; what lies between two tokens (blanks, line breaks, comments) is written
anew. A scalar's own text is copied, so `22:00`, `0123`, `on` and quotes stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import yaml

STEP = 2
"""Columns of one level."""

_OPENS = (yaml.FlowMappingStartToken, yaml.FlowSequenceStartToken)
_CLOSES = (yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


class CannotLayOut(Exception):
    """`line` and `column` count from 0; the text says what stands there and what to do."""

    def __init__(self, mark: yaml.Mark, text: str) -> None:
        super().__init__(text)
        self.line, self.column = mark.line, mark.column


@dataclass(slots=True)
class _Frame:
    """A block collection: the column of its entries in the old text and in the new one (-1: not known yet).

    `bare` is a list that is indented no more than its key; the scanner does not announce it.
    """

    kind: Literal["mapping", "list", "bare"]
    old: int
    new: int = -1


@dataclass(slots=True)
class _Writer:
    """The new text, and the column at which it goes on."""

    parts: list[str] = field(default_factory=list)
    column: int = 0

    def put(self, text: str) -> None:
        self.parts.append(text)
        _, broken, last = text.rpartition("\n")
        self.column = len(last) if broken else self.column + len(text)


def lay_out(text: str) -> str:
    """The text laid out. Its line breaks are `\\n`. Raises `CannotLayOut`, and yaml's errors for what is no YAML."""
    return _Layout(text).run()


def comments(text: str) -> list[str]:
    """Every comment of a text, in order."""
    found: list[str] = []
    end = 0
    for token in yaml.scan(text, Loader=yaml.CLoader):
        found += _comments_in(text[end : token.start_mark.index])
        end = max(end, token.end_mark.index)
    return found + _comments_in(text[end:])


def _comments_in(gap: str) -> list[str]:
    return [line.strip() for line in gap.split("\n") if line.strip().startswith("#")]


class _Layout:
    def __init__(self, text: str) -> None:
        self._text = text
        self._out = _Writer()
        self._frames: list[_Frame] = []
        self._closed: list[_Frame] = []
        """Frames that ended since the last token: a comment at their column still belongs to them."""
        self._brackets: list[tuple[int, int]] = []
        """Old and new column of every bracket that is open."""
        self._line = (0, 0)
        """Old and new column at which the present line begins."""
        self._end = 0
        self._before: yaml.Token | None = None

    def run(self) -> str:
        for token in yaml.scan(self._text, Loader=yaml.CLoader):
            self._token(token)
        return "".join(self._out.parts)

    def _token(self, token: yaml.Token) -> None:
        wide = token.start_mark.index < token.end_mark.index
        match token:
            case yaml.BlockMappingStartToken():
                self._frames.append(_Frame("mapping", token.start_mark.column))
            case yaml.BlockSequenceStartToken():
                self._frames.append(_Frame("list", token.start_mark.column))
            case yaml.BlockEndToken():
                self._end_bare()
                self._closed.append(self._frames.pop())
            case yaml.StreamEndToken():
                self._finish()
            case yaml.KeyToken() if not wide:
                if not self._brackets:
                    self._end_bare()
            case yaml.KeyToken():
                raise CannotLayOut(token.start_mark, "A key that is written with `?` is not laid out: write `key: value`.")
            case yaml.DirectiveToken() | yaml.DocumentStartToken() | yaml.DocumentEndToken():
                raise CannotLayOut(token.start_mark, "Marks of documents (`---`, `...`, `%`) are not laid out: remove them.")
            case _ if wide:
                self._place(token)

    def _end_bare(self) -> None:
        if self._frames and self._frames[-1].kind == "bare":
            self._closed.append(self._frames.pop())

    def _place(self, token: yaml.Token) -> None:
        """Writes the gap before a token, and the token."""
        old = token.start_mark.column
        gap = self._text[self._end : token.start_mark.index]
        if isinstance(token, yaml.BlockEntryToken) and self._frames[-1].kind == "mapping":
            self._frames.append(_Frame("bare", old, self._frames[-1].new + STEP))
        if self._before is None or "\n" in gap or not self._out.column:
            new = self._first(token, old)
            self._between(gap, (old, new))
            self._out.put(" " * new)
            self._line = (old, new)
        else:
            self._out.put(_space(self._before, token, gap))
        for frame in self._frames:
            if frame.new < 0:
                frame.new = self._out.column
        self._closed.clear()
        self._write(token, old)
        self._end = token.end_mark.index
        self._before = token

    def _write(self, token: yaml.Token, old: int) -> None:
        text = self._text[token.start_mark.index : token.end_mark.index]
        new = self._out.column
        if isinstance(token, _OPENS):
            self._brackets.append((old, new))
        elif isinstance(token, _CLOSES) and self._brackets:
            self._brackets.pop()
        if "\n" in text and isinstance(token, yaml.ScalarToken):
            text = self._block(text) if token.style in ("|", ">") else self._folded(text, (old, new))
        self._out.put(text)

    def _first(self, token: yaml.Token, old: int) -> int:
        """The new column of a token that begins a line."""
        if self._brackets:
            return self._inside(old, 0 if isinstance(token, _CLOSES) else STEP)
        if not self._frames:
            return 0
        top = self._frames[-1]
        if top.new < 0:  # the collection begins here
            above = next((frame for frame in reversed(self._frames) if frame.new >= 0), None)
            return above.new + STEP if above else 0
        if isinstance(token, yaml.BlockEntryToken) or (old == top.old and top.kind == "mapping"):
            return top.new
        return top.new + STEP

    def _inside(self, old: int, least: int) -> int:
        """The new column of a line inside brackets: it keeps its distance from the nearest bracket that it stands behind,
        and where it stands behind none, from the line that it continues."""
        floor = (self._frames[-1].new if self._frames else 0) + (least if self._frames else 0)
        for before, after in reversed(self._brackets):
            if old > before:
                return max(old - before + after, floor)
        return max(old - self._line[0] + self._line[1], floor)

    def _block(self, text: str) -> str:
        """A literal or folded scalar: its lines move with the collection that holds it."""
        if not self._frames:
            return text
        head, *lines = text.split("\n")
        by = self._frames[-1].new - self._frames[-1].old
        return "\n".join([head.rstrip(), *(_moved(line, by) for line in lines)])

    def _folded(self, text: str, place: tuple[int, int]) -> str:
        """A plain or quoted scalar over several lines, whose indents mean nothing: they keep their distance."""
        head, *lines = text.split("\n")
        floor = (self._frames[-1].new if self._frames else 0) + STEP
        out = [head]
        for line in lines:
            rest = line.lstrip(" \t")
            old = len(line) - len(rest)
            start = place if old > place[0] or self._brackets else self._line
            out.append(" " * max(old - start[0] + start[1], floor) + rest if rest else "")
        return "\n".join(out)

    def _between(self, gap: str, following: tuple[int, int]) -> None:
        """The rest of a line, and the lines up to the next token, whose old and new column is `following`."""
        rest, *lines = gap.split("\n") if self._out.column or self._before is None else ["", *gap.split("\n")]
        if self._before is None:
            lines = [rest, *lines]
        elif self._out.column:
            self._remark(rest)
            self._out.put("\n")
        blank = self._before is None
        for line in lines[:-1]:
            words = line.strip()
            if not words:
                blank, skip = True, blank
                if not skip:
                    self._out.put("\n")
                continue
            blank = False
            column = self._comment(len(line) - len(line.lstrip()), following)
            self._out.put(f"{' ' * column}{words}\n")

    def _remark(self, rest: str) -> None:
        """A comment at the end of a line: one or two blanks before it stay, others keep its column where they can."""
        words = rest.strip()
        if not words:
            return
        gap = len(rest) - len(rest.lstrip())
        old = self._column_of(self._end) + gap
        blanks = gap if gap <= 2 else max(old - self._out.column, 2)
        self._out.put(" " * blanks + words)

    def _column_of(self, index: int) -> int:
        return index - (self._text.rfind("\n", 0, index) + 1)

    def _comment(self, old: int, following: tuple[int, int]) -> int:
        """The new column of a comment that has a line of its own."""
        if old == following[0]:
            return following[1]
        if self._brackets:
            return self._inside(old, 0)
        for frame in reversed([*self._frames, *self._closed]):
            if frame.old == old and frame.new >= 0:
                return frame.new
        return following[1]

    def _finish(self) -> None:
        gap = self._text[self._end :]
        if self._before is None:
            self._between(gap + "\n", (-1, 0))
        elif self._out.column or gap.strip():
            self._between(gap.rstrip() + "\n", (-1, 0))


def _moved(line: str, by: int) -> str:
    """A line of a block scalar `by` columns further right; a line that holds nothing stays so."""
    if not line or by == 0:
        return line
    if by > 0:
        return " " * by + line
    return line[min(-by, len(line) - len(line.lstrip(" "))) :]


def _space(before: yaml.Token, token: yaml.Token, gap: str) -> str:
    """What stands between two tokens of one line."""
    if isinstance(token, yaml.FlowEntryToken | yaml.FlowMappingEndToken | yaml.FlowSequenceEndToken):
        return gap and " " if isinstance(before, yaml.ValueToken) else ""  # `{a: }`: a key without its value
    if isinstance(token, yaml.ValueToken):
        return " " if isinstance(before, yaml.AliasToken) else ""
    if isinstance(before, _OPENS):
        return ""
    if isinstance(before, yaml.FlowEntryToken | yaml.ValueToken | yaml.BlockEntryToken | yaml.AnchorToken | yaml.TagToken):
        return " "
    return gap
