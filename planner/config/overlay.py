"""One file that makes another estate out of a folder's: a rehearsal out of production.

It is laid over the files' YAML nodes before anything is checked against the schema, so that either may say what a whole
needs. Mappings come together key by key; `null` (or `~`) removes a key; a list or a value takes the place of the other.
Every node keeps its place, so that a problem is shown in the file in which it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from planner.config.collect import Problems
from planner.config.document import Elsewhere, span_of
from planner.estate import Span
from planner.wording import did_you_mean, quote

VARIABLE = "WAVELIFT_OVERLAY"
"""The environment variable that names the overlay; `--overlay` sets it for one command."""

NAMED = {"sources": 1, "appliances": 1, "targets": 1, "waves": 1, "policies": 2, "rules": 1}
"""Top-level keys that may be spread over files, and how many levels of names stand below them."""

_Path = tuple[str, ...]
_Pair = tuple[yaml.Node, yaml.Node]


@dataclass(frozen=True, slots=True)
class Laid:
    """`files` are the roots of the estate's own files with the overlay upon them; `rest` is what stands in none of them;
    `removed` are the paths that it takes away, and where it does."""

    files: dict[str, yaml.Node]
    rest: yaml.Node | None
    removed: dict[str, Span] = field(default_factory=dict)


def lay(over: yaml.Node, file: str, bases: dict[str, yaml.Node], problems: Problems) -> Laid:
    """`over`, the root of the overlay `file`, upon the roots of the estate's files, which are left as they are."""
    if not isinstance(over, yaml.MappingNode):
        return Laid(dict(bases), over)
    _stay(over, file)
    _given_once(over, (), file, problems)
    work = _Laying(file, problems)
    files = {name: work.onto(root, over) for name, root in bases.items()}
    return Laid(files, work.left(over, (), tuple(bases.values())), work.removed)


def _stay(root: yaml.Node, file: str) -> None:
    """Every node says from now on which file it is of."""
    for node in _nodes(root, set()):
        node.start_mark = Elsewhere(file, node.start_mark.line, node.start_mark.column)


def _nodes(node: yaml.Node, seen: set[int]) -> Iterator[yaml.Node]:
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    for child in node.value if isinstance(node, yaml.MappingNode | yaml.SequenceNode) else ():
        for part in child if isinstance(child, tuple) else (child,):
            yield from _nodes(part, seen)


def _given_once(over: yaml.MappingNode, path: _Path, file: str, problems: Problems) -> None:
    """A key twice in the overlay would be laid upon itself, and nobody would hear of it."""
    places: dict[str, yaml.Node] = {}
    for key, value in over.value:
        name = _name(key)
        if name in places:
            detail = f"{quote('.'.join((*path, name)))} is given twice. Remove one, or give it another name."
            related = (("first given here", span_of(file, places[name].start_mark)),)
            problems.add("WL121", detail, span_of(file, key.start_mark), ".".join((*path, name)), related)
        places.setdefault(name, key)
        if isinstance(value, yaml.MappingNode):
            _given_once(value, (*path, name), file, problems)


class _Laying:
    """`taken` are the keys of the overlay that were found in a file of the estate."""

    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._taken: set[int] = set()
        self.removed: dict[str, Span] = {}

    def onto(self, root: yaml.Node, over: yaml.MappingNode) -> yaml.Node:
        if not isinstance(root, yaml.MappingNode):
            return root
        return self._upon(root, self._about(root, over, ()), ())

    def _about(self, base: yaml.MappingNode, over: yaml.MappingNode, path: _Path) -> yaml.MappingNode:
        """What of `over` concerns what stands in `base`, one of several files."""
        known = {_name(key): value for key, value in base.value}
        found: list[_Pair] = []
        for key, value in over.value:
            name = _name(key)
            below = known.get(name)
            if below is None:
                continue
            inner = (*path, name)
            if _spread(inner) and isinstance(below, yaml.MappingNode) and isinstance(value, yaml.MappingNode):
                found.append((key, self._about(below, value, inner)))
            elif _removes(value) or id(key) not in self._taken:
                self._taken.add(id(key))
                found.append((key, value))
        return _mapping(over, found)

    def left(self, over: yaml.MappingNode, path: _Path, bases: tuple[yaml.Node, ...]) -> yaml.MappingNode | None:
        """What of `over` stands in no file of the estate: it is new. None where there is nothing of it."""
        found: list[_Pair] = []
        for key, value in over.value:
            if id(key) in self._taken:
                continue
            inner = (*path, _name(key))
            below = tuple(node for base in bases for node in _at(base, inner[-1]))
            if _spread(inner) and isinstance(value, yaml.MappingNode) and below:
                rest = self.left(value, inner, below)
                found += [(key, rest)] if rest is not None else []
            elif _removes(value):
                self._nothing(key, inner, [_name(k) for base in bases for k, _ in _pairs(base)])
            else:
                found.append((key, self._new(value, inner)))
        return _mapping(over, found) if found else None

    def _upon(self, base: yaml.Node, over: yaml.Node, path: _Path) -> yaml.Node:
        """Both together as a new node: either may be shared with other places by an alias."""
        if _is_machine(path):
            base, over = _long(base), _long(over)
        if not isinstance(base, yaml.MappingNode) or not isinstance(over, yaml.MappingNode):
            return self._new(over, path)
        pairs: list[_Pair] = list(base.value)
        for key, value in over.value:
            name = _name(key)
            place = next((number for number, (known, _) in enumerate(pairs) if _name(known) == name), None)
            inner = (*path, name)
            if place is None and _removes(value):
                self._nothing(key, inner, [_name(known) for known, _ in pairs])
            elif place is None:
                pairs.append((key, self._new(value, inner)))
            elif _removes(value):
                pairs = [pair for pair in pairs if _name(pair[0]) != name]
                self.removed[".".join(inner)] = span_of(self._file, key.start_mark)
            else:
                both = self._upon(pairs[place][1], value, inner)
                pairs[place] = (pairs[place][0] if isinstance(both, yaml.MappingNode) else key, both)
        return _mapping(base, pairs)

    def _new(self, node: yaml.Node, path: _Path) -> yaml.Node:
        """What the overlay brings whole; there is nothing to remove in it."""
        if not isinstance(node, yaml.MappingNode):
            return node
        pairs: list[_Pair] = []
        for key, value in node.value:
            if _removes(value):
                self._nothing(key, (*path, _name(key)), ())
            else:
                pairs.append((key, self._new(value, (*path, _name(key)))))
        return _mapping(node, pairs)

    def _nothing(self, key: yaml.Node, path: _Path, known: list[str] | tuple[()]) -> None:
        where = ".".join(path)
        guess = did_you_mean(path[-1], known) if known else ""
        detail = f"The estate has no {quote(where)} that could be removed.{guess}"
        self._problems.add("WL182", detail, span_of(self._file, key.start_mark), where)


def _spread(path: _Path) -> bool:
    """Whether the mapping at `path` may be spread over files."""
    return len(path) <= NAMED.get(path[0], 0)


def _is_machine(path: _Path) -> bool:
    return len(path) == 4 and path[0] == "waves" and path[2] == "machines"


def _long(node: yaml.Node) -> yaml.Node:
    """A machine that is written as its size alone, written out."""
    if not isinstance(node, yaml.ScalarNode) or _removes(node):
        return node
    key = yaml.ScalarNode("", "size", node.start_mark, node.end_mark)
    return yaml.MappingNode("", [(key, node)], node.start_mark, node.end_mark)


def _removes(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("null", "~")


def _name(key: yaml.Node) -> str:
    """The text of a key; what is no text is a key of its own, which the schema refuses."""
    return str(key.value) if isinstance(key, yaml.ScalarNode) else f"\0{id(key)}"


def _pairs(node: yaml.Node) -> list[_Pair]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _at(node: yaml.Node, name: str) -> list[yaml.Node]:
    return [value for key, value in _pairs(node) if _name(key) == name]


def _mapping(like: yaml.MappingNode, pairs: list[_Pair]) -> yaml.MappingNode:
    return yaml.MappingNode(like.tag, pairs, like.start_mark, like.end_mark)
