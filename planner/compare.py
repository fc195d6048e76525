"""What was set against what is there: the one comparison that `plan` and `drift` share (pure).

Rules
1. Only what we set is compared. What others set, and what the provider cannot see, is left alone.
2. Values are brought into one form by kind and property before they are compared, so that what Azure spells otherwise
   (case of ids and SKUs, "Korea Central", order of sets, nothing for a default) is no change.
3. In sets (queues, disks and NICs of a VM) only what is missing counts; what somebody added beside it is theirs. Of
   what hangs on a VM each of ours is compared setting by setting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planner.artifact import Json, Kind
from planner.diff import Change
from planner.ports import Observed
from planner.state import Recorded

TAGS = "tags"
SETS = frozenset({"queues", "disks", "nics"})
"""Properties of which we ask that they hold at least what we put in."""

USABLE = "usable"
"""Of a secret: it can be read by those who may. Whoever disabled it, or let it expire, sets it right."""
POINT = "recovery_point"
"""Of a seed disk: it holds the recovery point that its machine's deltas go on from."""
NOT_SET_BACK = {
    USABLE: "nothing that needs it goes on: whoever looks after the key vault sets it right, no apply does",
    POINT: "nothing can be added to what it holds: `--allow-destroy` stops that machine and begins anew",
}
"""Properties that no step sets back, and what is to be done about them."""

_UNTAGGED = frozenset({Kind.LOCK, Kind.ROLE, Kind.TRACKING, Kind.REPLICATION})
"""Kinds that carry no tags."""


def outside(recorded: Recorded, seen: Observed) -> tuple[Change, ...]:
    """What was changed outside: `old` is what we set, `new` what is there. Tags are `("tags", name)`, by spec alone."""
    spec = recorded.spec
    if not seen.strayed and not spec.get(TAGS) and seen.properties.items() <= spec.items():
        return ()  # told in C, since it is so for nearly all of them
    return (*_properties(spec, seen), *_strayed(seen), *_tags(recorded, seen))


def _properties(spec: Mapping[str, Json], seen: Observed) -> Iterator[Change]:
    for key, value in spec.items():
        if key == TAGS or value is None or key not in seen.properties or _reference(value):
            continue
        now = seen.properties[key]
        if now == value:
            continue
        if isinstance(value, Mapping):
            yield from _inside(key, value, now)
        elif key in SETS:
            missing = _members(value) - _members(now)
            if missing:
                yield Change("change", (key,), value, now)
        elif _form(key, now) != _form(key, value):
            yield Change("change", (key,), value, now)


def _inside(key: str, value: Mapping[str, Json], now: Json) -> Iterator[Change]:
    """Member by member, setting by setting; a member that is gone is its set's to tell."""
    for name, settings in value.items():
        held = now.get(name) if isinstance(now, Mapping) else None
        if not isinstance(held, Mapping):
            continue
        for setting, wanted in settings.items():
            if setting in held and held[setting] != wanted:
                yield Change("change", (key, name, setting), wanted, held[setting])


def _strayed(seen: Observed) -> Iterator[Change]:
    for key, (wanted, now) in sorted(seen.strayed.items()):
        yield Change("change", (key,), wanted, now)


def _tags(recorded: Recorded, seen: Observed) -> Iterator[Change]:
    """Tags of the spec; their names are compared without case, since services flip it."""
    wanted = recorded.spec.get(TAGS)
    if not wanted or recorded.kind in _UNTAGGED:
        return
    held = {name.lower(): value for name, value in seen.tags.items()}
    for name, value in wanted.items():
        if held.get(name.lower()) != value:
            yield Change("change" if name.lower() in held else "remove", (TAGS, name), value, held.get(name.lower()))


def told(change: Change) -> str:
    """What happened to one of `NOT_SET_BACK`, in words."""
    return f"it is {change.new}" if change.path == (USABLE,) else f"recovery point {change.old} was deleted"


def others(recorded: Recorded, seen: Observed) -> tuple[Change, ...]:
    """What somebody put on it and nobody of us sets: tags beside ours, members beside ours, settings we leave empty."""
    return tuple(_others(recorded, seen))


def _others(recorded: Recorded, seen: Observed) -> Iterator[Change]:
    if recorded.kind not in _UNTAGGED:
        ours = {name.lower() for name in (recorded.spec.get(TAGS) or {})}
        for name in sorted(seen.tags):
            if name.lower() not in ours and not name.lower().startswith("wavelift-"):
                yield Change("add", (TAGS, name), None, seen.tags[name])
    for key in sorted(SETS & recorded.spec.keys() & seen.properties.keys()):
        known = _members(recorded.spec[key])
        for one in seen.properties[key] or ():
            if str(one).casefold() not in known:
                yield Change("add", (key,), None, one)
    for key, value in sorted(seen.beside.items()):
        if value not in (None, "", [], {}):
            yield Change("add", (key,), None, value)


def _reference(value: Json) -> bool:
    return isinstance(value, Mapping) and "$ref" in value


def _members(value: Json) -> frozenset[str]:
    return frozenset(str(one).casefold() for one in value or ())


def _form(key: str, value: Json) -> Json:
    """The one form in which values of a property are compared."""
    if key == "location" and isinstance(value, str):
        return value.replace(" ", "").casefold()
    if isinstance(value, str):
        return value.rstrip("/").casefold()
    if isinstance(value, list | tuple) and all(isinstance(v, str | int | float) for v in value):
        return sorted(str(v).casefold() for v in value)
    return value
