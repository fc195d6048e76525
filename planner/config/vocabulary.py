"""What may be written where: a place in an estate -> everything that the schema says of it.

A path is dotted as in diagnostics; names that the user chooses may be given or left out: `waves.machines.size` and
`waves.shop.machines.web-01.size` are one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import schemas
from planner.wording import did_you_mean, listing, nearest, quote

Schema = Mapping[str, Any]

SCHEMA = "estate-1"
ADDING = frozenset({"tags", "blackout"})
"""Keys whose levels add up, instead of the nearest one being taken."""

_SINGULAR = {"waves": "wave", "machines": "machine", "targets": "target", "sources": "source", "appliances": "appliance"}
_MACHINE = "waves.<wave>.machines.<machine>"
_LEVELS = ("defaults", "targets.<target>.defaults", "waves.<wave>.defaults", "waves.<wave>", _MACHINE)
"""Where a machine's values come from, the farthest first (users.md, The estate 2)."""


class UnknownPlace(LookupError):
    """The text is a sentence with the nearest key."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping."""

    name: str
    description: str
    required: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One place. `kinds` in words; `default` and `examples` are JSON values; `absent` says in words what holds when the key
    is left out and no fixed value does; `levels` are the places that a machine's value falls through, the farthest first."""

    path: str
    title: str
    description: str
    kinds: tuple[str, ...]
    required: bool
    allowed: tuple[Any, ...]
    form: str
    default: Any
    absent: str
    examples: tuple[Any, ...]
    keys: tuple[Key, ...]
    names: str
    """What the names of a mapping of names must be like; "" for any other place."""
    levels: tuple[str, ...]
    places: tuple[str, ...]
    """Other places where the same key means the same."""
    note: str = ""
    """A sentence, where the last part was taken for a name and may have been meant for a key."""


def look_up(path: str) -> Entry:
    """The place that `path` names; "" is a whole file. Raises UnknownPlace."""
    parts = tuple(part for part in path.split(".") if part)
    try:
        found = _Search(schemas.load(SCHEMA)).find(parts)
        return replace(_entry(found), note=_note(found, parts[-1]) if parts else "")
    except UnknownPlace as error:
        ends = [place for place in _places() if _plain(place)[-len(parts) :] == parts]
        if not ends:
            raise
        raise UnknownPlace(f"{error} It stands at {listing(ends[:6], 'and')}.") from error


def _note(found: _Place, last: str) -> str:
    if not found.path[-1].startswith("<") or last.startswith("<"):
        return ""
    guess = nearest(last, _keys_below(schemas.load(SCHEMA), found))
    return f"{quote(last)} is taken for a name. Did you mean the key {quote(guess)}?" if guess else ""


def _plain(path: str) -> tuple[str, ...]:
    """The keys of a path, without the names that the user chooses."""
    return tuple(part for part in path.split(".") if not part.startswith("<"))


@dataclass(frozen=True, slots=True)
class _Place:
    """`schema` has what it refers to merged in; `path` has `<name>` for a name that the user chooses."""

    path: tuple[str, ...]
    schema: Schema
    required: bool = False
    reference: str = ""


class _Search:
    """Finds the place that a list of parts names, the names left out or not; remembers where it could not go on."""

    def __init__(self, document: Schema) -> None:
        self._document = document
        self._deepest: tuple[int, str] = (-1, "")

    def find(self, parts: tuple[str, ...]) -> _Place:
        found = self._from(_Place((), self._document), parts, 0)
        if found is None:
            raise UnknownPlace(self._deepest[1])
        return found

    def _from(self, place: _Place, parts: tuple[str, ...], at: int) -> _Place | None:
        if at == len(parts):
            return place
        for following, taken in self._steps(place, parts[at]):
            found = self._from(following, parts, at + taken)
            if found is not None:
                return found
        self._miss(place, parts[at], at)
        return None

    def _steps(self, place: _Place, part: str) -> Iterator[tuple[_Place, int]]:
        """Places below that `part` may name, and whether it is used up: a key first, then a name, then a name left out."""
        for option in _options(self._document, place.schema):
            if part in option.get("properties", {}):
                yield _below(self._document, place, option, part), 1
        for option in _options(self._document, place.schema):
            if "items" in option:
                items = _Place(place.path, _merged(self._document, option["items"]))
                yield items, int(part.isdigit())
            if isinstance(option.get("additionalProperties"), dict):
                rest = _named(self._document, place, option, f"<{_singular(place.path)}>")
                if part in _keys_below(self._document, rest):
                    yield rest, 0
                if _is_name(self._document, option, part):
                    yield rest, 1
                yield rest, 0

    def _miss(self, place: _Place, part: str, at: int) -> None:
        if at <= self._deepest[0]:
            return
        keys = list(_keys_below(self._document, place))
        if not keys:
            for option in _options(self._document, place.schema):
                if isinstance(option.get("additionalProperties"), dict):
                    keys = list(_keys_below(self._document, _named(self._document, place, option, "<name>")))
        where = quote(".".join(place.path)) if place.path else "the top level"
        hint = did_you_mean(part, keys) if keys else f" {where[0].upper()}{where[1:]} holds no keys."
        self._deepest = (at, f"{quote(part)} is not a key of {where}.{hint}")


def _merged(document: Schema, schema: Schema) -> Schema:
    """The schema with what it refers to; its own annotations win."""
    if "$ref" not in schema:
        return schema
    target = document["$defs"][str(schema["$ref"]).removeprefix("#/$defs/")]
    return {**_merged(document, target), **{key: value for key, value in schema.items() if key != "$ref"}}


def _options(document: Schema, schema: Schema) -> list[Schema]:
    """The alternatives of a place, one for each kind of value."""
    if "oneOf" not in schema:
        return [schema]
    return [one for part in schema["oneOf"] for one in _options(document, _merged(document, part))]


def _below(document: Schema, place: _Place, option: Schema, key: str) -> _Place:
    written = option["properties"][key]
    reference = str(written.get("$ref", ""))
    return _Place((*place.path, key), _merged(document, written), key in option.get("required", ()), reference)


def _named(document: Schema, place: _Place, option: Schema, name: str) -> _Place:
    return _Place((*place.path, name), _merged(document, option["additionalProperties"]))


def _keys_below(document: Schema, place: _Place) -> Iterator[str]:
    for option in _options(document, place.schema):
        yield from option.get("properties", {})


def _is_name(document: Schema, option: Schema, part: str) -> bool:
    if part.startswith("<"):  # a placeholder, as paths are printed
        return True
    pattern = _merged(document, option.get("propertyNames", {})).get("pattern", "")
    return re.search(pattern, part) is not None


def _singular(path: Sequence[str]) -> str:
    return _SINGULAR.get(path[-1], "name") if path else "name"


def _entry(place: _Place) -> Entry:
    document = schemas.load(SCHEMA)
    options = _options(document, place.schema)
    path = ".".join(place.path)
    levels = _levels(place.path)
    default, absent = place.schema.get("default"), str(place.schema.get("x-default", ""))
    for level in levels:
        if default is None and level in _places():
            default = _places()[level].schema.get("default")
    return Entry(
        path=path,
        title=str(place.schema.get("title", "")),
        description=str(place.schema.get("description", "")),
        kinds=tuple(dict.fromkeys(_kind(document, option) for option in options)),
        required=place.required,
        allowed=tuple(dict.fromkeys(str(v) for option in options for v in option.get("enum", ()))),
        form=next((str(option["pattern"]) for option in options if "pattern" in option), ""),
        default=default,
        absent="" if place.required else absent,
        examples=tuple(place.schema.get("examples", ())),
        keys=tuple(key for option in options for key in _keys(document, option)),
        names=next((_names(document, option) for option in options if option.get("additionalProperties")), ""),
        levels=levels if len(levels) > 1 else (),
        places=tuple(p for p in _alike(place) if p != path and p not in levels),
    )


def _kind(document: Schema, option: Schema) -> str:
    match option.get("type"):
        case "object" if option.get("additionalProperties"):
            return "a mapping of names"
        case "object":
            return "a mapping"
        case "array":
            inner = " or ".join(dict.fromkeys(_kind(document, o) for o in _options(document, _merged(document, option["items"]))))
            return f"a list, each {inner}"
        case "integer":
            return "a whole number" + _range(option)
        case "number":
            return "a number" + _range(option)
        case "boolean":
            return "true or false"
        case _:
            return "text"


def _range(option: Schema) -> str:
    low, high = option.get("minimum", option.get("exclusiveMinimum")), option.get("maximum")
    if low is None or high is None:
        return ""
    return f" {'above' if 'exclusiveMinimum' in option else 'from'} {low} to {high}"


def _keys(document: Schema, option: Schema) -> Iterator[Key]:
    for name, written in option.get("properties", {}).items():
        schema = _merged(document, written)
        yield Key(name, str(schema.get("description", "")), name in option.get("required", ()))


def _names(document: Schema, option: Schema) -> str:
    return str(_merged(document, option.get("propertyNames", {})).get("description", ""))


@cache
def _places() -> Mapping[str, _Place]:
    """Every place of the schema by its path."""
    document = schemas.load(SCHEMA)
    found: dict[str, _Place] = {}
    waiting = [_Place((), document)]
    while waiting:
        place = waiting.pop(0)
        found.setdefault(".".join(place.path), place)
        for option in _options(document, place.schema):
            waiting += [_below(document, place, option, key) for key in option.get("properties", {})]
            if isinstance(option.get("additionalProperties"), dict):
                waiting.append(_named(document, place, option, f"<{_singular(place.path)}>"))
            if "items" in option:
                waiting.append(_Place((*place.path, "<number>"), _merged(document, option["items"])))
    return found


def every_path() -> tuple[str, ...]:
    """Every place that has a path, files first."""
    return tuple(_places())


def _levels(path: tuple[str, ...]) -> tuple[str, ...]:
    """The places that hold the same key of a machine; only the one itself for a value that falls through nothing."""
    whole = ".".join(path)
    for level in sorted(_LEVELS, key=len, reverse=True):
        if whole.startswith(f"{level}."):
            rest = whole.removeprefix(f"{level}.")
            if f"{_MACHINE}.{rest}" in _places():
                return tuple(f"{one}.{rest}" for one in _LEVELS if f"{one}.{rest}" in _places())
    return (whole,)


def _alike(place: _Place) -> Iterator[str]:
    """Paths that end in the same key and refer to the same part of the schema."""
    if place.reference:
        for path, other in _places().items():
            if other.reference == place.reference and other.path[-1:] == place.path[-1:]:
                yield path
