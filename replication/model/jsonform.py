"""Frozen dataclasses as plain JSON and back, led by their type hints alone. Strict in both directions; pure.

Understands what the model uses: str, int, float, bool, None, enums, Literal, `X | None`, tuples of any or of fixed
length, mappings with str or int keys, and dataclasses of these. A field that is missing takes its default, if it has one
(an older writer of the same schema); a field that is not known is refused.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import sys
import types
import typing
from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache

from replication.model.parse import reader
from replication.model.release import RELEASE, skewed

Json = typing.Any
"""What `json` reads and writes: checked here, value by value."""
_LARGEST = sys.float_info.max
_ENVELOPE = frozenset({"kind", "schema", "body", "release"})
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_T = typing.TypeVar("_T")
MANY = 200
"""Documents of one form, read one by one, after which a quicker way of reading them is worth its import."""
_read: Counter[type] = Counter()
LATER: Mapping[str, bool] = {"later": True}
"""Metadata of a field that came after documents were signed without it: None is left out, so that their bytes stay."""
_Load = Callable[[Json, str], typing.Any]


class BadDocument(ValueError):
    """This text is not the document that was expected; says which part is off and what was found there."""


class OtherRelease(BadDocument):
    """It may be whole: another release wrote it, in a form that this one does not know."""


def dumps(kind: str, schema: int, value: object, release: str = "") -> bytes:
    """Canonical JSON: sorted keys, no spaces, ASCII, one newline at the end; equal values give equal bytes.

    `release`: who wrote it, for whoever cannot read it."""
    found = {"kind": kind, "schema": schema, "body": plain(value)} | ({"release": release} if release else {})
    return json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def loads(kind: str, schema: int, form: type[_T], data: bytes) -> _T:
    """The `form` that `dumps` wrote. Raises `BadDocument` for another kind, a newer schema or anything not of the form."""
    _read[form] += 1
    if _read[form] > MANY:
        told = reader(typing.cast(typing.Any, form))(data)
        if told is not None and told[0] == kind and 1 <= told[1] <= schema:
            quickly: _T = told[2]
            return quickly
    try:
        found = _DECODER.decode(data.decode())
    except BadDocument:
        raise
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, a number or a nesting beyond all reason
        raise BadDocument(f"{kind}: not JSON: {error}") from error
    if type(found) is not dict:
        raise BadDocument(f"{kind}: expected an object, found {_shown(found)}")
    if found.get("kind") != kind:
        raise BadDocument(f"{kind}: this is a document of kind {_shown(found.get('kind'))}")
    if type(found.get("schema")) is not int or found["schema"] < 1:
        raise BadDocument(f"{kind}: schema {_shown(found.get('schema'))}")
    if found["schema"] > schema:
        raise OtherRelease(
            f"{kind}: schema {_shown(found.get('schema'))}, written by wavelift {_shown(found.get('release'))}; this is "
            f"wavelift {RELEASE}, which reads up to {schema}: upgrade wavelift here"
        )
    if not found.keys() <= _ENVELOPE:
        raise BadDocument(f"{kind}: {min(found.keys() - _ENVELOPE)}: not known")
    load = loader(typing.cast(typing.Any, form))
    try:
        loaded: _T = load(found.get("body"), "")
    except BadDocument:
        try:  # once more, to say where: 10,000 good documents need no words for each of their fields
            load(found.get("body"), kind)
        except BadDocument as error:
            side = skewed(found.get("release"))
            if side:
                raise OtherRelease(f"{error} ({side})") from None
            raise BadDocument(str(error)) from None
        raise
    return loaded


def plain(value: object) -> Json:
    """A value as JSON: enums by value, tuples as lists, mappings with text keys."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case float():
            if not math.isfinite(value):
                raise BadDocument(f"{value} cannot be written")
            return value
        case tuple():
            return [plain(member) for member in value]
    # Before the question whether it is a mapping: that asks each of the thousands of subclasses that Azure's models are.
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((f, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {f.name: plain(found) for f, found in pairs if found is not None or "later" not in f.metadata}
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    raise BadDocument(f"a {type(value).__name__} cannot be written")


@cache
def loader(hint: typing.Any) -> _Load:
    """A function (JSON, path) -> value of type `hint`; raises `BadDocument` with the path (with none for an empty one)."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in (str, int, bool):
        return _exactly(hint)
    if hint is float:
        return _number
    if hint is type(None):
        return _exactly(type(None))
    if origin is typing.Literal:
        return _one_of({value: value for value in args})
    if origin in (typing.Union, types.UnionType):
        (inner,) = (loader(a) for a in args if a is not type(None))
        return lambda found, path: None if found is None else inner(found, path)
    if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
        return _many(loader(args[0]))
    if origin is Mapping:
        return _mapping(args[0], loader(args[1]))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _one_of({member.value: member for member in hint})
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _dataclass(hint)
    raise TypeError(f"no JSON form for {hint}")


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadDocument(f"a key is given twice among {', '.join(sorted(found))}")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs)
"""Made once: a fleet's records are 10,000 small documents, and `json.loads` would make a decoder for each."""


def _exactly(kind: type) -> _Load:
    def load(found: Json, path: str) -> typing.Any:
        if type(found) is not kind:
            raise BadDocument(f"{path}: expected {_word(kind)}, found {_shown(found)}")
        return found

    return load


def _number(found: Json, path: str) -> float:
    if type(found) not in (int, float) or not -_LARGEST <= found <= _LARGEST:
        raise BadDocument(f"{path}: expected a number, found {_shown(found)}")
    return float(found)


def _one_of(known: dict[str, typing.Any]) -> _Load:
    def load(found: Json, path: str) -> typing.Any:
        if type(found) is not str or found not in known:
            raise BadDocument(f"{path}: expected one of {', '.join(known)}; found {_shown(found)}")
        return known[found]

    return load


def _many(inner: _Load) -> _Load:
    def load(found: Json, path: str) -> tuple[typing.Any, ...]:
        if type(found) is not list:
            raise BadDocument(f"{path}: expected a list, found {_shown(found)}")
        return tuple(inner(member, path and f"{path}[{i}]") for i, member in enumerate(found))

    return load


def _mapping(key: type, inner: _Load) -> _Load:
    def load(found: Json, path: str) -> dict[typing.Any, typing.Any]:
        if type(found) is not dict:
            raise BadDocument(f"{path}: expected an object, found {_shown(found)}")
        return {_key(key, name, path): inner(member, path and f"{path}.{name}") for name, member in found.items()}

    return load


def _key(kind: type, name: str, path: str) -> str | int:
    if kind is str:
        return name
    # Only the one spelling that is written: "+1", "01" or "1_0" would make two keys of one.
    if _WHOLE.fullmatch(name):
        return int(name)
    raise BadDocument(f"{path}: key {name!r} is not a whole number")


def _dataclass(kind: type) -> _Load:
    hints = typing.get_type_hints(kind)
    loaders = {f.name: loader(hints[f.name]) for f in dataclasses.fields(kind)}
    usual = {f.name: _usual(f) for f in dataclasses.fields(kind)}
    needed = frozenset(name for name, (form, _) in usual.items() if form is _Needed)

    def load(found: Json, path: str) -> typing.Any:
        if type(found) is not dict:
            raise BadDocument(f"{path}: expected an object, found {_shown(found)}")
        if not found.keys() <= loaders.keys():
            raise BadDocument(f"{path}.{min(found.keys() - loaders.keys())}: not known")
        if not needed <= found.keys():
            raise BadDocument(f"{path}.{next(name for name in loaders if name in needed - found.keys())}: missing")
        given = {}
        for name, value in found.items():
            form, written = usual[name]
            if type(value) is not form or value != written:  # most fields of most documents are as they are by default
                given[name] = loaders[name](value, path and f"{path}.{name}")
        return kind(**given)

    return load


class _Needed:
    """In place of a type where a field has no default."""


class _Looked:
    """In place of a type where a default holds values of its own, whose types would have to be looked at too."""


def _usual(field: dataclasses.Field[typing.Any]) -> tuple[type, Json]:
    """How a field's default is written, with its type there: `False` is not `0`."""
    if field.default is not dataclasses.MISSING:
        written = plain(field.default)
    elif field.default_factory is not dataclasses.MISSING:
        written = plain(field.default_factory())
    else:
        return _Needed, None
    return (_Looked if type(written) in (list, dict) and written else type(written)), written


def _word(kind: type) -> str:
    return {str: "text", int: "a whole number", bool: "true or false", type(None): "null"}[kind]


def _shown(found: Json) -> str:
    text = repr(found)
    return text if len(text) <= 60 else f"{text[:57]}..."
