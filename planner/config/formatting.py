"""Formats one file of an estate, and proves that nothing but its looks has changed.

    made = formatted("estate.yaml", text)      # Formatted, or Refused with diagnostics

Kept: every value as it is written, quotes, comments, anchors, the order of waves and machines, the kind of line ending.
Changed: indents (two columns a level), spaces in brackets and after colons and commas, blank lines (one at most), blanks at
the end of lines, and the order of the top-level keys (the schema's) where no anchor forbids it. A text whose meaning would
not stay is refused, never written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

import schemas
from planner.config.collect import Problems
from planner.config.document import compose
from planner.config.layout import CannotLayOut, comments, lay_out
from planner.estate import Diagnostic, Span
from planner.wording import PATH, quote

_BOM = "\ufeff"
_ODD_BREAK = re.compile("[\x85\u2028\u2029]|\r(?!\n)")
_ROUNDS = 4
"""Layouts until nothing changes any more; one is enough but for comments that found their place late."""


@dataclass(frozen=True, slots=True)
class Formatted:
    text: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The file stays as it is, for these reasons."""

    diagnostics: tuple[Diagnostic, ...]


def formatted(file: str, text: str) -> Formatted | Refused:
    """`text` laid out; `file` is its name in diagnostics. A leading byte order mark stays."""
    problems = Problems()
    mark, body = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    odd = _ODD_BREAK.search(body)
    if odd:
        line = body.count("\n", 0, odd.start()) + 1
        detail = "A line ends here in a character that few programs take for a line break. Replace it by a plain one."
        problems.add("WL190", detail, Span(file, line, odd.start() - body.rfind("\n", 0, odd.start())))
        return Refused(tuple(problems.found))
    first = body.find("\n")
    ending = "\r\n" if first > 0 and body[first - 1] == "\r" else "\n"
    plain = body.replace("\r\n", "\n")
    root = compose(plain, file, problems)
    if problems.any_error:
        return Refused(tuple(problems.found))
    if root is None and not plain.strip():
        return Formatted(text)
    made = _laid_out(plain, root, file, problems)
    return Refused(tuple(problems.found)) if made is None else Formatted(mark + made.replace("\n", ending))


def _laid_out(plain: str, root: yaml.Node | None, file: str, problems: Problems) -> str | None:
    made = plain
    try:
        for _ in range(_ROUNDS):
            before, made = made, lay_out(made)
            if root is not None:
                made = _ordered(made)
            if made == before:
                break
    except CannotLayOut as error:
        problems.add("WL190", str(error), Span(file, error.line + 1, error.column + 1))
        return None
    if lay_out(made) != made or not _same(plain, root, made):
        detail = f"{quote(file, PATH)} would not keep its meaning or its comments when it is laid out, so it is left as it is."
        problems.add("WL190", detail, Span(file, 1, 1))
        return None
    return made


def _same(before: str, root: yaml.Node | None, after: str) -> bool:
    """Whether both texts mean the same: nodes, quotes, anchors and comments."""
    again = compose(after, "", Problems())
    if sorted(comments(before)) != sorted(comments(after)):
        return False
    if root is None or again is None:
        return root is again
    return _value(root, {}, top=True) == _value(again, {}, top=True)


def _value(node: yaml.Node, seen: dict[int, int], top: bool = False) -> object:
    """A node as a value that can be compared. A node that is met again (an alias) is its number."""
    if id(node) in seen:
        return ("again", seen[id(node)])
    match node:
        case yaml.ScalarNode():
            found: object = (node.tag, node.style, node.value)
        case yaml.MappingNode():
            entries = [(_value(key, seen), _value(value, seen)) for key, value in node.value]
            if top:
                entries = sorted(entries, key=lambda entry: repr(entry[0]))
            found = (node.tag, node.flow_style, entries)
        case yaml.SequenceNode():
            found = (node.tag, node.flow_style, [_value(item, seen) for item in node.value])
        case _:
            raise AssertionError(f"no such node: {node!r}")
    seen[id(node)] = len(seen)
    return found


def _ordered(text: str) -> str:
    """The top-level keys in the schema's order, each with the comments directly above it."""
    starts = list(_starts(text))
    order = {key: number for number, key in enumerate(schemas.load("estate-1")["properties"])}
    names = [name for name, _ in starts]
    clear = set(names) <= order.keys() and len(set(names)) == len(names)
    if not clear or names == sorted(names, key=order.__getitem__):
        return text
    lines = text.split("\n")[:-1]
    begins = [_with_comments(lines, line, number == 0) for number, (_, line) in enumerate(starts)]
    head = lines[: begins[0]]
    chunks = [lines[begin:end] for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True)]
    spaced = any(not chunk[-1].strip() for chunk in chunks[:-1])
    trimmed = ["\n".join(chunk).strip("\n") for chunk in chunks]
    inside = sorted(range(len(chunks)), key=lambda number: order[names[number]])
    body = ("\n\n" if spaced else "\n").join(trimmed[number] for number in inside)
    return "\n".join([*head, body]) + "\n"


def _starts(text: str) -> Iterator[tuple[str, int]]:
    """The top-level keys with the line (from 0) at which each begins; none where an anchor binds them to their order."""
    root = compose(text, "", Problems())
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        return
    if any(isinstance(token, yaml.AnchorToken | yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.CLoader)):
        return
    for key, _ in root.value:
        if isinstance(key, yaml.ScalarNode):
            yield str(key.value), key.start_mark.line


def _with_comments(lines: list[str], line: int, first: bool) -> int:
    """Where the part of a key begins: at the comments above it. Comments that begin the file belong to the file."""
    while line > 0 and lines[line - 1].startswith("#") and not first:
        line -= 1
    return line
