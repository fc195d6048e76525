"""Hold ARM JSON strictly against the SDK's generated models: a stand-in for validation against Azure's own schemas.

`problems(Model, document)` lists unknown keys, wrong scalar types and values outside of enumerations. The models'
annotations are read as they are, so nothing has to be kept in step with the packages.
"""

from __future__ import annotations

import datetime
import enum
import importlib
import inspect
import sys
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any


def problems(model: Any, document: Any) -> list[str]:
    """All places where a document is not what the model says."""
    return list(_check(model, document, model.__name__))


@cache
def _fields(model: Any) -> dict[str, Any]:
    """REST name -> type of a model's fields, inherited ones included."""
    package = importlib.import_module(model.__module__.rsplit(".", 1)[0])
    names = {**vars(typing), **vars(sys.modules[model.__module__]), "_models": package, "datetime": datetime}
    found: dict[str, Any] = {}
    for base in reversed(model.__mro__):
        for attribute, hint in inspect.get_annotations(base).items():
            rest = base.__dict__.get(attribute)
            if type(rest).__name__ == "_RestField":
                found[rest._rest_name_input or attribute] = _resolve(hint, names)
    return found


def _resolve(hint: Any, names: dict[str, Any]) -> Any:
    """A hint without strings: a class, or (origin, arguments without None)."""
    if isinstance(hint, str):
        hint = eval(hint, names)  # the SDK's own annotations, which are strings
    if isinstance(hint, typing.ForwardRef):
        hint = eval(hint.__forward_arg__, names)
    origin = typing.get_origin(hint)
    if origin is None or origin is typing.Literal:
        return hint if origin is None else (origin, typing.get_args(hint))
    return origin, tuple(_resolve(one, names) for one in typing.get_args(hint) if one is not type(None))


def _check(kind: Any, value: Any, path: str) -> Iterator[str]:
    if value is None:
        return
    if isinstance(kind, tuple):
        yield from _check_generic(kind[0], kind[1], value, path)
    elif isinstance(kind, enum.EnumMeta):
        yield from _check_enum(kind, value, path)
    elif isinstance(kind, type) and hasattr(kind, "_deserialize"):
        yield from _check_model(kind, value, path)
    elif kind in (str, int, float, bool):
        allowed = (int, float) if kind is float else kind
        if not isinstance(value, allowed) or (kind is not bool and isinstance(value, bool)):
            yield f"{path}: {value!r} is not {kind.__name__}"
    elif kind is datetime.datetime and not isinstance(value, str):
        yield f"{path}: {value!r} is not a date"


def _check_generic(origin: Any, arguments: tuple[Any, ...], value: Any, path: str) -> Iterator[str]:
    if origin is typing.Union:
        enums = [one for one in arguments if isinstance(one, enum.EnumMeta)]
        if enums and isinstance(value, str):
            yield from _check_enum(enums[0], value, path)
        else:
            yield from min((list(_check(one, value, path)) for one in arguments), key=len)
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for number, one in enumerate(value):
            yield from _check(arguments[0], one, f"{path}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{path}: not an object"
            return
        for key, one in value.items():
            yield from _check(arguments[1], one, f"{path}.{key}")
    elif origin is typing.Literal and value not in arguments:
        yield f"{path}: {value!r} not in {arguments}"


_STALE = ("VirtualMachineSizeTypes",)  # the package's list ended years ago; the service takes any size it has


def _check_enum(kind: Any, value: Any, path: str) -> Iterator[str]:
    if kind.__name__ in _STALE:
        return
    if str(value).lower() not in {member.value.lower() for member in kind}:
        yield f"{path}: {value!r} is no {kind.__name__}"


def _check_model(model: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    fields = _fields(model)
    for key, one in value.items():
        if key in fields:
            yield from _check(fields[key], one, f"{path}.{key}")
        else:
            yield f"{path}.{key}: unknown"
