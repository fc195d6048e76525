"""YAML text -> a tree of nodes with marks, without ever constructing a value.

YAML 1.1 would turn `7:00` into 420, `0123` into 83, `on` into True and a date into an object. So nothing is resolved
here: a scalar stays its source text, and `shape` reads it by the type that the schema has at its place.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import yaml
from yaml._yaml import CParser

from planner.config.collect import Problems, Related
from planner.estate import Span
from planner.garbage import paused_gc
from planner.wording import PATH, quote

MAX_DEPTH = 50
"""An estate is nested 8 deep. libyaml's composer recurses in C, where some 20,000 levels end the process."""

MAX_GROWTH = 200_000
"""Nodes that aliases may add to one file; more is an alias bomb or a mistake."""

_BREAKS = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


class _TooDeep(Exception):
    def __init__(self, node: yaml.Node | None) -> None:
        super().__init__("nested too deeply")
        self.node = node


class _Parser(CParser):
    """libyaml's composer with the resolver left out: every node has tag "" unless the text gives it one."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def descend_resolver(self, parent: yaml.Node | None, index: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep(parent)

    def ascend_resolver(self) -> None:
        self._depth -= 1

    resolve = staticmethod("".format)
    """Called for each node; an empty text, whatever is given, and made without a frame."""


def split_lines(text: str) -> list[str]:
    """The lines of a file as YAML counts them."""
    return _BREAKS.split(text)


class Elsewhere(NamedTuple):
    """The mark of a node that stands in a tree of another file (`planner.config.overlay`)."""

    file: str
    line: int
    column: int


def span_of(file: str, mark: yaml.Mark | Elsewhere) -> Span:
    """A mark counts lines and columns from 0, a span from 1."""
    return Span(mark.file if isinstance(mark, Elsewhere) else file, mark.line + 1, mark.column + 1)


def decode(data: bytes, file: str, problems: Problems) -> str | None:
    """The text of a file, a leading byte order mark left out, or None when it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rsplit(b"\n", 1)[-1].decode("utf-8", "replace")) + 1
        detail = f"Byte {error.start + 1} of {quote(file, PATH)} is no UTF-8 text. Save the file as UTF-8."
        problems.add("WL103", detail, Span(file, line, column))
        return None


def compose(text: str, file: str, problems: Problems) -> yaml.Node | None:
    """The root node of the one document of `text`, or None: when it is empty, or with a problem added."""
    try:
        with paused_gc():
            root = _Parser(text).get_single_node()
    except _TooDeep as error:
        span = span_of(file, error.node.start_mark) if error.node else None
        problems.add("WL109", f"{quote(file, PATH)} is nested more than {MAX_DEPTH} deep.", span)
        return None
    except yaml.MarkedYAMLError as error:
        _syntax(error, text, file, problems)
        return None
    except yaml.YAMLError as error:
        _unreadable(error, text, file, problems)
        return None
    if root is None or (isinstance(root, yaml.ScalarNode) and root.style == "" and root.value == ""):
        problems.add(
            "WL107",
            f"{quote(file, PATH)} holds no keys. Remove it, or leave it until it is needed.",
            Span(file, 1, 1),
        )
        return None
    if "&" in text and not _bounded(root, file, problems):
        return None
    return root


_CONFLICT = ("<<<<<<< ", ">>>>>>> ", "||||||| ")
"""How lines begin that git leaves where two branches changed the same."""


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str, problems: Problems) -> None:
    """Says what libyaml found, in words for people; `context` is where the construct began."""
    mark = error.problem_mark or error.context_mark
    span = span_of(file, mark) if mark else Span(file, 1, 1)
    lines = split_lines(text)
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    related: Related = ()
    if error.context_mark and error.context_mark.line + 1 != span.line:
        related = ((f"{error.context} that begins here", span_of(file, error.context_mark)),)
    conflict = next((n for n, one in enumerate(lines, 1) if one.startswith(_CONFLICT)), None)
    if conflict is not None:
        detail = (
            "A merge conflict is not resolved: keep what is meant, and remove the lines of `<<<<<<<`, `=======` and `>>>>>>>`. "
            "In a lock file keep both sides; `wavelift init` pins what is missing."
        )
        problems.add("WL104", detail, Span(file, conflict, 1))
    elif error.problem == "but found another document":
        problems.add("WL106", "A second document begins here. Put it into a file of its own.", span)
    elif "\t" in line[: span.column]:
        detail = "The line is indented with a tab. Indent it with spaces."
        problems.add("WL105", detail, Span(file, span.line, line.index("\t") + 1))
    else:
        problems.add(
            "WL104",
            f"YAML cannot be read from here on: {_remedy(error.problem or 'unknown error')}",
            span,
            "",
            related,
        )


def _remedy(problem: str) -> str:
    """libyaml's words, and what is mostly the reason."""
    match problem:
        case "mapping values are not allowed in this context":
            return "a second `: ` on one line. Put the value in quotes, or start a new line."
        case "found unexpected end of stream":
            return "the file ends inside a quoted text. Close the quotes."
        case "found character that cannot start any token":
            return "a value cannot begin with this character. Put the value in quotes."
        case "found undefined alias":
            return "the alias has no anchor (&name) before it."
        case "did not find expected ',' or '}'" | "did not find expected ',' or ']'":
            return f"{problem}. A comma or a closing bracket is missing before this place."
        case "could not find expected ':'" | "did not find expected key":
            return f"{problem}. The indentation of this or the line before does not fit, or a colon is missing."
        case _:
            return f"{problem}."


def _unreadable(error: yaml.YAMLError, text: str, file: str, problems: Problems) -> None:
    """Characters that YAML forbids; libyaml counts their position in UTF-8 bytes."""
    position = getattr(error, "position", 0) or 0
    before = text.encode()[:position].decode("utf-8", "ignore")
    lines = split_lines(before)
    detail = f"YAML forbids a character here: {getattr(error, 'reason', error)}. Remove it."
    problems.add("WL104", detail, Span(file, len(lines), len(lines[-1]) + 1))


def _bounded(root: yaml.Node, file: str, problems: Problems) -> bool:
    """Whether the tree stays small when every alias is written out, and no anchor contains itself.

    An anchor stands before its aliases, so in document order a shared node is always measured before it is met again;
    the recursion is therefore as deep as the text, not as the tree written out.
    """
    sizes: dict[int, int] = {}

    def measure(node: yaml.Node) -> int:
        known = sizes.get(id(node))
        if known is not None:
            if known == 0:
                raise _TooDeep(node)
            return known
        sizes[id(node)] = 0
        total = 1
        if isinstance(node, yaml.MappingNode):
            total += sum(measure(key) + measure(value) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            total += sum(measure(item) for item in node.value)
        sizes[id(node)] = total
        return total

    try:
        grown = measure(root) - len(sizes)
    except _TooDeep as error:
        span = span_of(file, error.node.start_mark) if error.node else None
        problems.add("WL110", "This anchor contains an alias to itself.", span)
        return False
    if grown > MAX_GROWTH:
        detail = (
            f"Written out, the aliases of {quote(file, PATH)} stand for {grown:,} further values; "
            f"at most {MAX_GROWTH:,} are read."
        )
        problems.add("WL110", detail, span_of(file, root.start_mark))
        return False
    return True
