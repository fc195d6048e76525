"""JSON Schema -> rules that the reader walks. The schema is the only place where the shape of an estate is written.

The subset that the quick reader knows: type, enum, pattern, minLength/maxLength, minimum/maximum/exclusiveMinimum,
properties, additionalProperties, propertyNames, required, dependentRequired, minProperties/maxProperties, items,
minItems/maxItems, $ref, oneOf with one alternative for each kind of node (text, mapping, list), and allOf. What stands in
allOf is judged by `jsonschema` itself; its `description` is what the user reads. Any other keyword is refused here, so
that no part of the schema can be overlooked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import schemas
from planner.config.written import flow

_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description", "default", "examples", "x-default"})
_SCALAR = frozenset(
    {"type", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "writeOnly"}
)
_MAP = frozenset(
    {"type", "properties", "additionalProperties", "propertyNames", "required", "dependentRequired", "allOf"}
    | {"minProperties", "maxProperties"}
)
_LIST = frozenset({"type", "items", "minItems", "maxItems"})
_SHORT = 80
"""Characters of an example that still fits a sentence."""


@dataclass(frozen=True, slots=True)
class ScalarRule:
    """How one value is read from its text and checked."""

    kind: Literal["text", "integer", "number", "boolean"]
    title: str
    enum: tuple[str, ...] = ()
    pattern: re.Pattern[str] | None = None
    shortest: int = 0
    longest: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    secret: bool = False
    examples: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class Allied:
    """A condition over several keys, for jsonschema; `message` says what is wrong when it does not hold."""

    message: str
    schema: Mapping[str, Any]


@dataclass(slots=True)
class MapRule:
    """Keys of a mapping; `rest` reads the keys that `properties` does not name, None refuses them."""

    title: str
    properties: dict[str, Rule] = field(default_factory=dict)
    rest: Rule | None = None
    names: ScalarRule | None = None
    required: tuple[str, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fewest: int = 0
    most: int | None = None
    allied: tuple[Allied, ...] = ()


@dataclass(slots=True)
class ListRule:
    title: str
    items: Rule
    fewest: int = 0
    most: int | None = None


@dataclass(slots=True)
class Rule:
    """What may stand at one place: at most one alternative for each kind of node."""

    title: str
    scalar: ScalarRule | None = None
    mapping: MapRule | None = None
    sequence: ListRule | None = None
    examples: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """The kinds that may stand here, in words."""
        kinds = [
            (self.scalar, "a single value"),
            (self.mapping, "a mapping (`key: value`)"),
            (self.sequence, "a list"),
        ]
        return " or ".join(words for rule, words in kinds if rule)


@cache
def compiled(name: str) -> Rule:
    """The rules of the schema `name`, compiled once. Raises ValueError for a keyword outside the subset."""
    document = schemas.load(name)
    return _Compiler(document).rule(document)


class _Compiler:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._defs: Mapping[str, Any] = document.get("$defs", {})
        self._known: dict[str, Rule] = {}

    def rule(self, schema: Mapping[str, Any]) -> Rule:
        if "$ref" in schema:
            return self._reference(schema)
        title = str(schema.get("title", ""))
        rule = Rule(title, examples=tuple(text for value in schema.get("examples", ()) if len(text := flow(value)) <= _SHORT))
        for option in schema.get("oneOf", [schema]):
            self._alternative(rule, option, title)
        return rule

    def _reference(self, schema: Mapping[str, Any]) -> Rule:
        if unknown := schema.keys() - _ANNOTATIONS - {"$ref"}:
            raise ValueError(f"keywords beside $ref: {sorted(unknown)}")
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        if name not in self._known:
            self._known[name] = self.rule(self._defs[name])
        return self._known[name]

    def _alternative(self, rule: Rule, option: Mapping[str, Any], title: str) -> None:
        """Adds one alternative of a oneOf (or the schema itself); two of one kind cannot be told apart."""
        if "$ref" in option:
            other = self._reference(option)
            found = [other.scalar, other.mapping, other.sequence]
        else:
            found = [self._one(option, title)]
        for one in found:
            match one:
                case ScalarRule() if rule.scalar is None:
                    rule.scalar = one
                case MapRule() if rule.mapping is None:
                    rule.mapping = one
                case ListRule() if rule.sequence is None:
                    rule.sequence = one
                case None:
                    pass
                case _:
                    raise ValueError(f"two alternatives of one kind at {title!r}")

    def _one(self, schema: Mapping[str, Any], title: str) -> ScalarRule | MapRule | ListRule:
        title = str(schema.get("title", title))
        match schema["type"]:
            case "object":
                return self._mapping(schema, title)
            case "array":
                _only(schema, _LIST)
                most = schema.get("maxItems")
                return ListRule(title, self.rule(schema["items"]), int(schema.get("minItems", 0)), most)
            case _:
                return _scalar(schema, title)

    def _mapping(self, schema: Mapping[str, Any], title: str) -> MapRule:
        _only(schema, _MAP)
        rest = schema.get("additionalProperties")
        if rest is None or rest is True:
            raise ValueError(f"additionalProperties of {title!r} must be false or a schema")
        names = schema.get("propertyNames")
        return MapRule(
            title=title,
            properties={key: self.rule(value) for key, value in schema.get("properties", {}).items()},
            rest=self.rule(rest) if rest else None,
            names=self.rule(names).scalar if names else None,
            required=tuple(schema.get("required", ())),
            needs={key: tuple(value) for key, value in schema.get("dependentRequired", {}).items()},
            fewest=int(schema.get("minProperties", 0)),
            most=schema.get("maxProperties"),
            allied=tuple(_allied(part) for part in schema.get("allOf", ())),
        )


def _scalar(schema: Mapping[str, Any], title: str) -> ScalarRule:
    _only(schema, _SCALAR)
    declared = schema["type"]
    kinds = [declared] if isinstance(declared, str) else list(declared)
    kind: Literal["text", "integer", "number", "boolean"]
    if "string" in kinds:  # beside others it means: any scalar, as it is written
        kind = "text"
    elif kinds in (["integer"], ["number"], ["boolean"]):
        kind = kinds[0]
    else:
        raise ValueError(f"type {declared!r} of {title!r}")
    # `$` of Python also matches before a last line break; `\Z` does not
    pattern = re.compile(schema["pattern"].removesuffix("$") + r"\Z") if "pattern" in schema else None
    return ScalarRule(
        kind=kind,
        title=title,
        enum=tuple(dict.fromkeys(str(value) for value in schema.get("enum", ()))),
        pattern=pattern,
        shortest=int(schema.get("minLength", 0)),
        longest=schema.get("maxLength"),
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        above=schema.get("exclusiveMinimum"),
        secret=bool(schema.get("writeOnly")),
        examples=_examples(schema),
        help=str(schema.get("description", "")),
    )


def _allied(part: Mapping[str, Any]) -> Allied:
    """It is judged by itself, so it may refer to nothing."""
    if '"$ref"' in json.dumps(part):
        raise ValueError("$ref inside allOf")
    return Allied(str(part["description"]), part)


def _examples(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in schema.get("examples", ()) if not isinstance(value, dict | list))


def _only(schema: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if unknown := schema.keys() - allowed - _ANNOTATIONS:
        raise ValueError(f"keywords that the reader does not know: {sorted(unknown)}")
