"""Where a value comes from: the level (file:line) that said it, and what the levels below and above it say.

    origins = Origins.read(folder)
    origins.of("waves.shop.machines.web-01.disk").place      # "targets.korea.defaults.disk"

Reads the files and nothing else; files with problems give what of them is right.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from planner.config.carried import HIDDEN, secrets_of, veiled
from planner.config.collect import Problems
from planner.config.reading import read_files
from planner.config.tree import Item, Tree, entries, plain, text
from planner.config.vocabulary import ADDING, UnknownPlace, look_up
from planner.estate import Span
from planner.wording import did_you_mean, quote

POLICIES = ("schedule", "limits", "blackout", "throttle", "cutover")
"""Keys whose text is the name of a policy of that kind."""

_POSTED = ("url", "webhook")
"""Keys whose addresses may be secrets as a whole: of these only the host is told."""


@dataclass(frozen=True, slots=True)
class Level:
    """One place where the value may stand. `value` is None, and so is `span`, where it does not. `by` is the place that names
    the policy in which it stands, where it stands in one. `hidden`: an overlay says something else at this place."""

    place: str
    value: object = None
    span: Span | None = None
    by: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Origin:
    """`value` as JSON has it. `place` and `span` say where it was said: both empty for a default of wavelift's own, which
    `default` then explains. `levels` run from the farthest to the nearest; of those that say something the last counts, or
    all of them where `adds` is true."""

    path: str
    value: object
    place: str
    span: Span | None
    default: str
    levels: tuple[Level, ...]
    adds: bool = False


class Origins:
    """The merged files of one folder; look-ups cost nothing."""

    def __init__(self, tree: Tree, overlay: str = "", below: Tree | None = None) -> None:
        """`below` is what the files say without the `overlay`, the file of that name."""
        self._tree = tree
        self._overlay = overlay
        self._below = Origins(below) if below is not None else None
        self._waves = {
            machine: wave for wave, item in entries(tree, "waves").items() for machine in entries(item.map, "machines")
        }

    @classmethod
    def read(cls, folder: Path, env: Mapping[str, str] | None = None) -> Origins:
        """All files of `folder` and the overlay that `env` names; what is wrong with them is for `load` to tell."""
        files = read_files(folder, os.environ if env is None else env, Problems())
        return cls(files.tree, files.overlay, files.below() if files.overlay else None)

    def of(self, path: str) -> Origin:
        """The origin of the value at `path`; `web-01.disk` is short for a machine's. Raises UnknownPlace."""
        parts = self._whole(path)
        if not parts:
            raise UnknownPlace("Name a value, such as waves.shop.machines.web-01.disk or web-01.disk.")
        entry = look_up(".".join(parts))
        levels = tuple(self._levels(parts))
        adds = parts[-1] in ADDING and len(levels) > 1
        said = [level for level in levels if level.span is not None]
        own = _default(entry.default, entry.absent, entry.required)
        shown = tuple(self._twofold(levels, parts))
        if not said:
            return Origin(".".join(parts), entry.default, "", None, own, shown, adds)
        value = _added(said) if adds else said[-1].value
        place = next(level.place for level in reversed(shown) if level.span == said[-1].span and not level.hidden)
        return Origin(".".join(parts), value, place, said[-1].span, "", shown, adds)

    def names(self, *path: str) -> tuple[str, ...]:
        """The keys below a place of the files; none where there is no such place."""
        items: Mapping[str, Item] = self._tree
        for part in path:
            items = entries(items, part)
        return tuple(items)

    def machine(self, name: str) -> tuple[Origin, ...]:
        """Every key of a machine that some level says something about, in the schema's order. Raises UnknownPlace."""
        parts = self._whole(name)
        found = (self.of(".".join([*parts, key.name])) for key in look_up(".".join(parts)).keys)
        return tuple(origin for origin in found if origin.span is not None)

    def _whole(self, path: str) -> list[str]:
        parts = [part for part in path.split(".") if part]
        if parts and parts[0] in self._waves:
            return ["waves", self._waves[parts[0]], "machines", *parts]
        known: object = self._tree
        for number, part in enumerate(parts[:4]):
            named = number == 1 and parts[0] in ("waves", "targets", "sources", "appliances")
            named = named or (number == 3 and parts[0] == "waves" and parts[2] == "machines")
            held = known.map if isinstance(known, Item) else known
            if named and isinstance(held, Mapping) and part not in held:
                raise UnknownPlace(f"The files have no {quote('.'.join(parts[: number + 1]))}.{did_you_mean(part, held)}")
            known = held.get(part) if isinstance(held, Mapping) else None
        return parts

    def _twofold(self, levels: Sequence[Level], parts: Sequence[str]) -> Iterator[Level]:
        """Every level, and where the overlay says or removes something the overlay as a level of its own above it."""
        known: dict[str, Level] = {}
        if self._below is not None and (parts[0] != "waves" or len(parts) < 5 or parts[3] in self._below._waves):
            known = {level.place: level for level in self._below._levels(parts)}
        for level in levels:
            below = known.get(level.place)
            ours = level.span is not None and level.span.file == self._overlay
            if below is not None and below.span is not None and level.value != below.value:
                ours = True
                yield replace(below, hidden=True)
            yield replace(level, place=f"{level.place} (overlay)") if ours else level

    def _levels(self, parts: Sequence[str]) -> Iterator[Level]:
        """Every place of the value, the farthest first."""
        if parts[0] != "waves" or "machines" not in parts[2:3] or len(parts) < 5:
            yield self._level((), self._tree, parts)
            return
        wave, machine, key = parts[1], parts[3], parts[4]
        written = entries(self._tree, "waves")[wave].map
        own = entries(written, "machines")[machine]
        target = text(own.map, "target") or text(written, "target") or ""
        aim = entries(self._tree, "targets").get(target)
        places: dict[str, tuple[tuple[str, ...], Mapping[str, Item]]] = {
            "defaults": (("defaults",), entries(self._tree, "defaults")),
            "targets.<target>.defaults": (("targets", target, "defaults"), entries(aim.map, "defaults") if aim else {}),
            "waves.<wave>.defaults": (("waves", wave, "defaults"), entries(written, "defaults")),
            "waves.<wave>": (("waves", wave), written),
            "waves.<wave>.machines.<machine>": (tuple(parts[:4]), own.map or {"size": own}),
        }
        known = look_up(f"waves.{wave}.machines.{machine}.{key}").levels
        nearest = [tuple(parts[:4])] if not known else [places[place.rpartition(".")[0]][0] for place in known]
        chosen = [self._level(where, items, parts[4:]) for where, items in places.values() if where in nearest]
        yield from _whole_policies(chosen, key, [items for where, items in places.values() if where in nearest])

    def _level(self, where: tuple[str, ...], items: Mapping[str, Item], rest: Sequence[str]) -> Level:
        """What one level says; a policy that it names is followed."""
        place = ".".join([*where, *rest])
        item: Item | None = None
        for number, part in enumerate(rest):
            item = _get(items, part)
            if item is None:
                return Level(place)
            deeper = rest[number + 1 :]
            if deeper and part in POLICIES:
                return self._policy(part, item, deeper, place)
            items = item.map or ({"size": item} if part == rest[-2:-1] and rest[-1] == "size" else {})
        return Level(place) if item is None else Level(place, _shielded(plain(item), place), item.span)

    def _policy(self, kind: str, item: Item, deeper: Sequence[str], place: str) -> Level:
        """A value inside a policy: in place, or in the one that is named, there or as `policy`."""
        if item.text is None:
            found = self._level((), item.map, deeper)
            named = item.map.get("policy")
            if found.span is not None or named is None:
                return Level(place, found.value, found.span)
            item = named
        name = item.text or ""
        policies = entries(entries(self._tree, "policies"), kind)
        if name not in policies:
            return Level(place)
        found = self._level(("policies", kind, name), policies[name].map, deeper)
        level = ".".join(place.split(".")[: -len(deeper)])
        return replace(found, by=level) if found.span is not None else Level(place)


def _shielded(value: object, place: str) -> object:
    """Without secrets that are written out: files that `validate` refuses are explained all the same."""
    match value:
        case dict():
            return {key: _shielded(one, str(key)) for key, one in value.items()}
        case list():
            hidden = set(secrets_of([one if isinstance(one, str) else "" for one in value]))
            return [HIDDEN if number in hidden else _shielded(one, place) for number, one in enumerate(value)]
        case str() if place.rpartition(".")[2] in _POSTED:
            return re.sub(r"://(?:[^/?]*@)?([^/?@]+).*", rf"://\1/{HIDDEN}", value)
        case str():
            return veiled(value)
    return value


def _added(said: Sequence[Level]) -> object:
    """The value of levels that add up: tags in one mapping, the nearer spelling of a name instead of the farther one;
    windows as a list."""
    if not said[-1].place.endswith(".tags"):
        return [level.value for level in said]
    whole: dict[str, object] = {}
    for level in said:
        own = level.value if isinstance(level.value, dict) else {}
        folded = {str(name).casefold() for name in own}
        whole = {name: value for name, value in whole.items() if name.casefold() not in folded} | own
    return whole


def _get(items: Mapping[str, Item], part: str) -> Item | None:
    return items.get(part) or next((item for key, item in items.items() if key.casefold() == part.casefold()), None)


def _whole_policies(levels: list[Level], key: str, items: list[Mapping[str, Item]]) -> Iterator[Level]:
    """A level with a cut-over of its own hides those above whole: what it does not say is the default, not theirs."""
    for number, level in enumerate(levels):
        hidden = key == "cutover" and any(key in later for later in items[number + 1 :])
        yield Level(level.place) if hidden else level


def _default(value: object, absent: str, required: bool) -> str:
    if value is not None:
        return "wavelift's own default"
    return absent or ("it must be given" if required else "nothing is said")


def shown(value: object) -> str:
    """A value on one line, as the files write it."""
    match value:
        case None:
            return "-"
        case dict():
            return "{" + ", ".join(f"{key}: {shown(entry)}" for key, entry in value.items()) + "}"
        case list():
            return "[" + ", ".join(shown(entry) for entry in value) + "]"
        case bool():
            return str(value).lower()
        case _:
            return re.sub(r"\s+", " ", str(value))
