"""Reads one file's nodes by the rules of the schema: values, their places, and every problem of shape.

The result of one file depends on its text and the schema alone, so it could be kept by the text's digest.
"""

from __future__ import annotations

from typing import Any

import yaml

from planner.config.collect import Problems
from planner.config.document import span_of
from planner.config.rules import Allied, ListRule, MapRule, Rule
from planner.config.scalars import check_name, read_scalar
from planner.config.tree import Item, plain
from planner.estate import Span
from planner.wording import PATH, did_you_mean, listing, nearest, quote


def read(root: yaml.Node, rule: Rule, file: str, problems: Problems) -> dict[str, Item]:
    """The file's top-level keys; what is wrong is added to `problems` and left out."""
    if not isinstance(root, yaml.MappingNode):
        detail = f"{quote(file, PATH)} holds {_kind(root)}; expected are keys such as `estate:` or `waves:`."
        problems.add("WL108", detail, span_of(file, root.start_mark))
        return {}
    item = _Reader(file, problems).item(root, rule, None)
    return dict(item.map) if item else {}


def _kind(node: yaml.Node) -> str:
    match node:
        case yaml.MappingNode():
            return "a mapping"
        case yaml.SequenceNode():
            return "a list"
        case _:
            return "a single value"


_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
"""What YAML calls null, where it stands without quotes."""


class _Reader:
    def __init__(self, file: str, problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._path: list[str] = []
        self._read: dict[tuple[int, str, bool], str | int | float | bool | None] = {}
        """What was right once is right again: sizes and types of disks are written thousands of times."""

    def item(self, node: yaml.Node, rule: Rule, key: Span | None) -> Item | None:
        """The value of `node`, or None when it is wrong as a whole."""
        span = span_of(self._file, node.start_mark)
        if node.tag and not self._untagged(node, span):
            return None
        if isinstance(node, yaml.ScalarNode):
            text, bare = node.value, node.style == ""
            if bare and text in _NOTHING:
                return self._nothing(text, rule, key or span)
            if rule.scalar:
                known = (id(rule.scalar), text, bare)  # rules are made once and stay
                value = self._read.get(known)
                if value is None:
                    value = self._read[known] = read_scalar(text, bare, rule.scalar, self._refuse(span))
                return None if value is None else Item(value, span, key or span)
        elif isinstance(node, yaml.MappingNode) and rule.mapping:
            return Item(self._mapping(node, rule.mapping, span), span, key or span)
        elif isinstance(node, yaml.SequenceNode) and rule.sequence:
            return Item(self._list(node, rule.sequence, span), span, key or span)
        return self._wrong_kind(node, rule, span, key)

    def _wrong_kind(self, node: yaml.Node, rule: Rule, span: Span, key: Span | None) -> Item | None:
        form = "" if rule.title.startswith("a mapping") else f", written as {rule.expected}"
        detail = f"Expected is {rule.title}{form}; this is {_kind(node)}."
        if rule.examples:
            detail += f" Write it like {listing(rule.examples)}."
        self._add("WL123", detail, span)
        # the name stays known, so that what refers to it is not reported as well
        return Item({}, span, key or span) if rule.mapping else None

    def _nothing(self, text: str, rule: Rule, span: Span) -> Item | None:
        hint = " (`{}` is an empty one)" if rule.mapping and not rule.scalar else ""
        given = f'{quote(text)} is no value (a text that reads so stands in quotes: "{text}")' if text else "nothing is given"
        self._add("WL130", f"Expected is {rule.title}{hint}; {given}. Give a value, or remove the key.", span)
        return Item({}, span, span) if rule.mapping else None

    def _mapping(self, node: yaml.MappingNode, rule: MapRule, span: Span) -> dict[str, Item]:
        found: dict[str, Item] = {}
        places: dict[str, Span] = {}
        before = len(self._problems.found)
        whole = True  # a key that cannot be read may be the one that seems to be missing
        for key_node, value_node in node.value:
            place = span_of(self._file, key_node.start_mark)
            name = self._key(key_node, place)
            if name is None:
                whole = False
                continue
            self._path.append(name)
            if name in places:
                self._twice(name, place, places[name])
            else:
                places[name] = place
                item = self._entry(name, place, value_node, rule)
                if item is not None:
                    found[name] = item
            self._path.pop()
        self._counts(rule, places, span)
        if whole:
            self._required(rule, places, span)
        if rule.allied and len(self._problems.found) == before:
            for allied in rule.allied:
                self._allied(allied, found, span)
        return found

    def _entry(self, name: str, place: Span, value: yaml.Node, rule: MapRule) -> Item | None:
        known = rule.properties.get(name)
        if known is None:
            if rule.rest is None:
                where = f"{quote('.'.join(self._path[:-1]))}" if len(self._path) > 1 else "the top level"
                detail = f"{quote(name)} is not a key of {where}.{did_you_mean(name, rule.properties)}"
                self._add("WL120", detail, place)
                return None
            known = rule.rest
        if rule.names:
            check_name(name, rule.names, self._refuse(place))
        return self.item(value, known, place)

    def _key(self, node: yaml.Node, place: Span) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._add("WL129", f"A key is plain text; this is {_kind(node)}.", place)
            return None
        if node.value == "<<" and node.style == "":
            detail = "`<<` is not read. Put what machines share into `defaults` of the estate, a target or a wave."
            self._add("WL129", detail, place)
            return None
        if node.tag and not self._untagged(node, place):
            return None
        if node.value == "" and node.style == "":
            self._add("WL129", "A key is missing before the colon.", place)
            return None
        return str(node.value)

    def _twice(self, name: str, place: Span, first: Span) -> None:
        detail = f"{quote('.'.join(self._path))} is given twice. Remove one, or give it another name."
        self._add("WL121", detail, place, (("first given here", first),))

    def _required(self, rule: MapRule, places: dict[str, Span], span: Span) -> None:
        guessed = _guesses(rule, places) if rule.rest is None else set()
        for name in rule.required:
            if name not in places and name not in guessed:  # the misspelt key says it already
                path = ".".join(self._path)
                missing = f"{path}.{name}" if path else name
                self._problems.add("WL122", f"{quote(name)} is missing from {rule.title}.", span, path, missing=missing)

    def _counts(self, rule: MapRule, places: dict[str, Span], span: Span) -> None:
        for name, needed in rule.needs.items():
            for other in needed:
                if name in places and other not in places:
                    detail = f"{quote(name)} needs {quote(other)} beside it. Give both, or neither."
                    self._add("WL128", detail, places[name])
        if len(places) < rule.fewest:
            self._add("WL127", f"{_capital(rule.title)} holds nothing. Fill it, or remove the key.", span)
        if rule.most is not None and len(places) > rule.most:
            detail = f"{_capital(rule.title)} holds {len(places)} entries; at most {rule.most} are allowed."
            self._add("WL127", detail, span)

    def _allied(self, allied: Allied, found: dict[str, Item], span: Span) -> None:
        """Conditions over several keys are rare, so the import of jsonschema is paid only where one stands."""
        from jsonschema import Draft202012Validator

        value: dict[str, Any] = {key: plain(item) for key, item in found.items()}
        if not Draft202012Validator(allied.schema).is_valid(value):
            self._add("WL128", allied.message, span)

    def _list(self, node: yaml.SequenceNode, rule: ListRule, span: Span) -> list[Item]:
        found = []
        for index, child in enumerate(node.value):
            self._path.append(str(index))
            item = self.item(child, rule.items, None)
            if item is not None:
                found.append(item)
            self._path.pop()
        if len(node.value) < rule.fewest:
            self._add("WL127", "The list is empty. Fill it, or remove the key.", span)
        if rule.most is not None and len(node.value) > rule.most:
            self._add("WL127", f"The list holds {len(node.value)} entries; at most {rule.most} are allowed.", span)
        return found

    def _untagged(self, node: yaml.Node, span: Span) -> bool:
        self._add("WL131", f"Remove the tag {quote(node.tag)}; put a text in quotes where it needs them.", span)
        return False

    def _refuse(self, span: Span) -> Any:
        return lambda code, detail: self._add(code, detail, span)

    def _add(self, code: str, detail: str, span: Span, related: tuple[tuple[str, Span], ...] = ()) -> None:
        self._problems.add(code, detail, span, ".".join(self._path), related)


def _capital(title: str) -> str:
    return title[:1].upper() + title[1:]


def _guesses(rule: MapRule, places: dict[str, Span]) -> set[str | None]:
    """What the unknown keys of a mapping were most likely meant to be."""
    return {nearest(name, rule.properties) for name in places if name not in rule.properties}
