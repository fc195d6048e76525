"""What differs between two JSON values: a generator of (op, path, old, new); lists are compared whole.

Property: `patched(old, diff(old, new)) == new`, and `diff(x, x)` is empty.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from planner.artifact import Json


@dataclass(frozen=True, slots=True)
class Change:
    """`path` is the way into the value; `old` is None for "add", `new` for "remove"."""

    op: Literal["add", "change", "remove"]
    path: tuple[str, ...]
    old: Json = None
    new: Json = None


def diff(old: Json, new: Json, path: tuple[str, ...] = ()) -> Iterator[Change]:
    if old == new:  # most of what is planned is as it was: one comparison in C instead of a walk
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            if key not in new:
                yield Change("remove", (*path, key), old[key])
            elif key not in old:
                yield Change("add", (*path, key), None, new[key])
            else:
                yield from diff(old[key], new[key], (*path, key))
    elif _plain(old) != _plain(new):
        yield Change("change", path, old, new)


def patched(old: Json, changes: Iterable[Change]) -> Json:
    """`old` with `changes` made; `old` itself stays as it was."""
    out = copy.deepcopy(old)
    for change in changes:
        if not change.path:
            out = copy.deepcopy(change.new)
            continue
        at = out
        for key in change.path[:-1]:
            at = at[key]
        if change.op == "remove":
            del at[change.path[-1]]
        else:
            at[change.path[-1]] = copy.deepcopy(change.new)
    return out


def _plain(value: Json) -> Json:
    """Tuples and lists are one thing in JSON."""
    return list(value) if isinstance(value, tuple) else value
