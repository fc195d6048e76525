"""Azure's models find out what their fields are when the first of a class is made; here one thread at a time does that.

Two threads at once (two machines whose networks are looked at) leave a plain `dict` in a field of the first answer, about once in
a hundred: its attributes are then missing, and nothing says why. What is found out stays, so nobody waits afterwards.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

_LOCK = threading.RLock()
_GUARDED: set[str] = set()


def guard(client: type) -> None:
    """Guard the models of a client's package. Again changes nothing; an older package without such models stays as it is."""
    package = client.__module__.rpartition(".")[0]
    with _LOCK:
        if package in _GUARDED:
            return
        _GUARDED.add(package)
        try:
            model: Any = import_module(f"{package}._utils.model_base").Model
        except ModuleNotFoundError:
            return
        made, known = model.__new__, model._calculated

        def first(cls: Any, *given: Any, **named: Any) -> Any:
            if f"{cls.__module__}.{cls.__qualname__}" in known:
                return made(cls, *given, **named)
            with _LOCK:
                return made(cls, *given, **named)

        model.__new__ = first
