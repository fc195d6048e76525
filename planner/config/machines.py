"""Waves and machines, with every default resolved: estate -> target -> wave -> machine, the nearest level wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from planner.config.context import Context
from planner.config.forms import seconds
from planner.config.landing import LANDING, read_landing
from planner.config.policies import Policies
from planner.config.sites import source_of
from planner.config.tree import Item, entries, flag, number, text
from planner.estate import (
    USUAL_CUTOVER,
    USUAL_LANDING,
    USUAL_TRIAL,
    CutoverPolicy,
    DiskWish,
    Hold,
    Landing,
    Machine,
    NicWish,
    Phase,
    Span,
    TrialPolicy,
    Wave,
)
from planner.wording import quote

MAX_TAGS = 45
"""Azure allows 50 on an artifact; 5 are the product's own."""

STANDARD_DISK = "StandardSSD_LRS"

_INHERITED = ("disk", "ip", "quiesce", "protect", "cutover")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a wave's machines take on one target when they say nothing: resolved once for all of them."""

    disk: str
    ip: Literal["keep", "dynamic"]
    quiesce: bool
    protect: bool
    test: TrialPolicy
    cutover: CutoverPolicy
    tags: Mapping[str, str]
    landing: Landing
    spans: Mapping[str, Span]


def resolve_waves(context: Context, policies: Policies) -> tuple[dict[str, Wave], dict[str, Machine]]:
    """All waves and machines in the order of the files; a machine that is in two waves stays in the first."""
    waves: dict[str, Wave] = {}
    machines: dict[str, Machine] = {}
    places: dict[str, Span] = {}
    _check_defaults(context, policies)
    for name, item in context.known("waves").items():
        reader = _WaveReader(context, policies, name, item)
        names = []
        for key, entry in entries(item.map, "machines").items():
            if key in places:
                detail = f"{quote(key)} is already in another wave. Leave it in one of them."
                path = f"waves.{name}.machines.{key}"
                context.problems.add("WL150", detail, entry.key, path, (("first given here", places[key]),))
                continue
            places[key] = entry.key
            names.append(key)
            machine = reader.machine(key, entry)
            if machine is not None:
                machines[key] = machine
        waves[name] = reader.wave(tuple(names))
    return waves, machines


def _check_defaults(context: Context, policies: Policies) -> None:
    """Policies named by defaults that no machine uses are wrong all the same."""
    levels = [("defaults", entries(context.tree, "defaults"))]
    for kind in ("targets", "waves"):
        levels += [(f"{kind}.{n}.defaults", entries(i.map, "defaults")) for n, i in context.known(kind).items()]
    for path, items in levels:
        if "cutover" in items:
            policies.cutover(items["cutover"], path)


class _WaveReader:
    """One wave: its own values, and the defaults of each target that its machines use."""

    def __init__(self, context: Context, policies: Policies, name: str, item: Item) -> None:
        self._context = context
        self._policies = policies
        self._name = name
        self._path = f"waves.{name}"
        self._item = item
        self._target = self._target_of(item.map, f"{self._path}.target")
        self._phase = Phase(text(item.map, "phase") or "replicate")
        self._blackout = policies.blackout(item.map, self._path)
        self._defaults: dict[str, Defaults] = {}
        self._source: str | None = None
        self._source_known = False
        cutover, inherited = item.map.get("cutover"), entries(item.map, "defaults").get("cutover")
        if cutover is not None and inherited is not None:
            detail = "`cutover` of the wave and `defaults.cutover` of the wave mean the same. Remove one."
            related = (("first given here", min(cutover.key, inherited.key)),)
            context.problems.add(
                "WL121", detail, max(cutover.key, inherited.key), f"{self._path}.cutover", related
            )

    def wave(self, machines: tuple[str, ...]) -> Wave:
        after = {
            name: cast(Literal["migrated", "completed"], item.text)
            for name, item in entries(self._item.map, "after").items()
            if self._context.refer(
                name, self._context.known("waves"), "WL143", item.key, f"{self._path}.after.{name}"
            )
        }
        return Wave(self._name, self._target or "", self._phase, machines, after, self._item.key, self._blackout)

    def machine(self, name: str, item: Item) -> Machine | None:
        """The machine, or None when a part that it cannot do without is wrong."""
        path = f"{self._path}.machines.{name}"
        own = item.map
        size = own.get("size", item)
        target = self._target_of(own, f"{path}.target") if "target" in own else self._target
        source = self._source_of(own, path)
        defaults = self._defaults_for(target or "")
        cutover = own.get("cutover")
        machine = Machine(
            name=name,
            wave=self._name,
            target=target or "",
            source=source or "",
            phase=Phase(text(own, "phase")) if "phase" in own else self._phase,
            size=_sizes(size),
            vm=text(own, "vm"),
            disk_type=text(own, "disk") or defaults.disk,
            disks={key: _disk(value) for key, value in entries(own, "disks").items()},
            nics={int(key): _nic(value) for key, value in entries(own, "nics").items() if key.isdigit()},
            ip=cast(Literal["keep", "dynamic"], text(own, "ip") or defaults.ip),
            tags=self._tags(defaults.tags, own, path),
            hold=_hold(own.get("hold")),
            acknowledge=text(own, "acknowledge") or "",
            protect=defaults.protect if (protect := flag(own, "protect")) is None else protect,
            quiesce=defaults.quiesce if (quiesce := flag(own, "quiesce")) is None else quiesce,
            test=_test(own.get("test"), defaults.test),
            cutover=self._policies.cutover(cutover, path) if cutover else defaults.cutover,
            blackout=self._policies.blackout(own, path),
            start_after=text(own, "start_after"),
            landing=read_landing(own, defaults.landing),
            spans={
                **defaults.spans,
                **{key: value.span for key, value in own.items()},
                "size": size.span,
                "": item.key,
            },
        )
        return machine if target and source and machine.size else None

    def _target_of(self, items: Mapping[str, Item], path: str) -> str | None:
        item = items.get("target")
        if item is None or item.text is None:
            return None
        known = self._context.known("targets")
        return item.text if self._context.refer(item.text, known, "WL140", item.span, path) else None

    def _source_of(self, own: Mapping[str, Item], path: str) -> str | None:
        """The machine's source; where it says none, the wave's answer, which is looked up (and complained of) once."""
        if "source" in own:
            return source_of(self._context, (own,), f"{path}.source", self._item.key)
        if not self._source_known:
            self._source_known = True
            self._source = source_of(self._context, (self._item.map,), f"{self._path}.source", self._item.key)
        return self._source

    def _defaults_for(self, target: str) -> Defaults:
        """The levels above a machine, the nearest last, folded into one."""
        known = self._defaults.get(target)
        if known is not None:
            return known
        place = self._context.known("targets").get(target)
        levels = [
            (entries(self._context.tree, "defaults"), "defaults"),
            (entries(place.map, "defaults") if place else {}, f"targets.{target}.defaults"),
            (entries(self._item.map, "defaults"), f"{self._path}.defaults"),
            ({key: self._item.map[key] for key in ("cutover", "test", "protect") if key in self._item.map}, self._path),
        ]
        found: dict[str, tuple[Item, str]] = {}
        tags: Mapping[str, str] = {}
        test, landing = USUAL_TRIAL, USUAL_LANDING
        spans: dict[str, Span] = {}
        for items, path in levels:
            found |= {key: (items[key], path) for key in _INHERITED if key in items}
            if "test" in items:
                test = _test(items["test"], test)
                spans["test"] = items["test"].span
            landing = read_landing(items, landing)
            spans |= {key: items[key].span for key in LANDING if key in items}
            if "tags" in items:
                tags = self._tags(tags, items, path)
                spans["tags"] = items["tags"].span
        plain = {key: item for key, (item, _) in found.items()}
        spans |= {key: item.span for key, item in plain.items()}
        spans |= {
            key: self._item.map[key].span for key in ("target", "source", "phase") if key in self._item.map
        }
        self._defaults[target] = Defaults(
            disk=text(plain, "disk") or STANDARD_DISK,
            ip=cast(Literal["keep", "dynamic"], text(plain, "ip") or "dynamic"),
            quiesce=flag(plain, "quiesce") or False,
            protect=flag(plain, "protect") or False,
            test=test,
            cutover=self._policies.cutover(*found["cutover"]) if "cutover" in found else USUAL_CUTOVER,
            tags=tags,
            landing=landing,
            spans=spans,
        )
        return self._defaults[target]

    def _tags(self, above: Mapping[str, str], items: Mapping[str, Item], path: str) -> Mapping[str, str]:
        """Tags of one level over those of the levels above; Azure takes names that differ only in case for one."""
        own = entries(items, "tags")
        if not own:
            return above
        names: dict[str, Item] = {}
        for name, item in own.items():
            first = names.setdefault(name.casefold(), item)
            if first is not item:
                detail = f"The tag {quote(name)} stands here twice, in two spellings. Remove one."
                self._context.problems.add(
                    "WL151", detail, item.key, f"{path}.tags.{name}", (("first given here", first.key),)
                )
        kept = {name: value for name, value in above.items() if name.casefold() not in names}
        whole = kept | {name: item.text or "" for name, item in own.items()}
        if len(whole) > MAX_TAGS >= len(own):
            detail = (
                f"With the tags of the levels above these are {len(whole)}; at most {MAX_TAGS} are possible."
            )
            self._context.problems.add("WL157", detail, items["tags"].key, f"{path}.tags")
        return whole


def _sizes(item: Item) -> tuple[str, ...]:
    if isinstance(item.value, list):
        return tuple(dict.fromkeys(entry.text for entry in item.value if entry.text))
    return (item.text,) if item.text else ()


def _disk(item: Item) -> DiskWish:
    """A type, `skip`, or type and size."""
    if item.text is not None:
        return DiskWish(skip=True, span=item.key) if item.text == "skip" else DiskWish(item.text, span=item.key)
    gib = number(item.map, "gib")
    return DiskWish(text(item.map, "type"), None if gib is None else int(gib), span=item.key)


def _nic(item: Item) -> NicWish:
    """`skip`, or address and subnet."""
    if item.text is not None:
        return NicWish(skip=True, span=item.key)
    return NicWish(text(item.map, "ip"), text(item.map, "subnet"), span=item.key)


def _test(item: Item | None, above: TrialPolicy) -> TrialPolicy:
    """What a level says over what the levels above have said."""
    if item is None:
        return above
    ttl, refresh = text(item.map, "ttl"), text(item.map, "refresh")
    return TrialPolicy(seconds(ttl) if ttl else above.ttl, refresh or above.refresh)


def _hold(item: Item | None) -> Hold | None:
    """A reason, or reason and date."""
    if item is None:
        return None
    if item.text is not None:
        return Hold(item.text)
    return Hold(text(item.map, "why") or "", text(item.map, "until"))


def names_by_case(names: Iterable[str]) -> dict[str, list[str]]:
    """Names grouped by their folded spelling, groups of two and more only."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.casefold(), []).append(name)
    return {folded: group for folded, group in groups.items() if len(group) > 1}
