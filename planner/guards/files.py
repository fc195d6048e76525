"""What `rules` find in the files alone: sizes, regions, tags, the shape of waves, who goes with whom, which nights.

A machine that rules and files agree on may still wait in a plan: approvals and accepted tests are gates (`planner.plan.gates`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from fnmatch import fnmatchcase
from itertools import combinations
from zoneinfo import ZoneInfo

from planner.estate import Diagnostic, Estate, Machine, Phase, Rule, Span, Wave
from planner.guards.nights import night
from planner.wording import some
from replication.windows import meets
from replication.windowtext import parse

Check = Callable[[Estate, Rule], Iterator[Diagnostic]]


def broken_in_files(estate: Estate) -> tuple[Diagnostic, ...]:
    """Every breach of every rule, in the order of the rules and then of the files."""
    return tuple(found for rule in estate.rules for check in _CHECKS for found in check(estate, rule))


def _machines(estate: Estate, rule: Rule) -> Iterator[Machine]:
    for wave in _waves(estate, rule):
        yield from (estate.machines[name] for name in wave.machines if name in estate.machines)


def _waves(estate: Estate, rule: Rule) -> Iterator[Wave]:
    return (wave for wave in estate.waves.values() if rule.concerns(wave.name))


def broken(
    code: str, summary: str, rule: Rule, key: str, detail: str, path: str = "", span: Span | None = None, also: Span | None = None
) -> Diagnostic:
    """A breach at `span` (the rule itself when there is none); the rule's own line stands beside it."""
    place = rule.spans.get(key) or rule.span
    why = f" The rule says why: {rule.why}" if rule.why else ""
    related = [(f"rule {rule.name}", place)] if place is not None and span is not None else []
    related += [("the other one", also)] if also is not None else []
    return Diagnostic(code, summary, f"{detail} Rule `{rule.name}` ({key}) forbids it.{why}", path, span or place, tuple(related))


def _path(machine: Machine, key: str) -> str:
    return f"waves.{machine.wave}.machines.{machine.name}.{key}"


def _sizes(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    for machine in _machines(estate, rule) if rule.sizes else ():
        for size in machine.size:
            if not any(fnmatchcase(size, pattern) for pattern in rule.sizes):
                detail = f"{machine.name}: size {size} is none of {', '.join(rule.sizes)}."
                span = machine.spans.get("size") or machine.span
                yield broken("WL486", "not allowed by a rule", rule, "sizes", detail, _path(machine, "size"), span)


def _regions(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    for machine in _machines(estate, rule) if rule.regions else ():
        target = estate.targets.get(machine.target)
        if target is not None and target.region not in rule.regions:
            allowed = ", ".join(rule.regions)
            detail = f"{machine.name}: its target {target.name} is in {target.region}, which is none of {allowed}."
            span = machine.spans.get("target") or machine.span
            yield broken("WL486", "not allowed by a rule", rule, "regions", detail, _path(machine, "target"), span)


def _tags(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    for machine in _machines(estate, rule) if rule.required_tags else ():
        known = {name.casefold() for name in machine.tags}
        missing = [tag for tag in rule.required_tags if tag.casefold() not in known]
        if missing:
            detail = f"{machine.name}: without the tag {' and '.join(missing)}."
            span = machine.spans.get("tags") or machine.span
            yield broken("WL486", "not allowed by a rule", rule, "required_tags", detail, _path(machine, "tags"), span)


def _wave_size(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    if rule.wave_size is None:
        return
    fewest, most = rule.wave_size
    for wave in _waves(estate, rule):
        count = len(wave.machines)
        if count < fewest or (most is not None and count > most):
            wanted = f"{fewest} or more" if most is None else f"{fewest} to {most}"
            detail = f"Wave {wave.name} has {count} machine{'s' * (count != 1)}; {wanted} are allowed."
            yield broken("WL483", "wave too small or too large", rule, "wave_size", detail, f"waves.{wave.name}", wave.span)


def _depends_on(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    place = rule.spans.get("depends_on")
    for name, needed in rule.depends_on.items():
        machine = estate.machines.get(name)
        if machine is None:
            yield _nothing(rule, "depends_on", name, "machine")
            continue
        reachable = earlier(estate, machine.wave)
        for other_name in needed:
            other = estate.machines.get(other_name)
            if other is None:
                yield _nothing(rule, "depends_on", other_name, "machine")
            elif other.wave not in reachable:
                detail = (
                    f"{name} depends on {other_name}, which is in wave {other.wave}: neither the same nor one that wave "
                    f"{machine.wave} waits for (`after`)."
                )
                path, also = f"waves.{machine.wave}", other.span or place
                yield broken("WL481", "a dependency moves later", rule, "depends_on", detail, path, machine.span, also)


def earlier(estate: Estate, wave: str) -> set[str]:
    """The wave itself and all that it waits for, directly or not."""
    found: set[str] = set()
    pending = [wave]
    while pending:
        name = pending.pop()
        if name not in found and name in estate.waves:
            found.add(name)
            pending += estate.waves[name].after
    return found


def _never_together(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    found = []
    for name in rule.never_together:
        if name in estate.machines:
            found.append(estate.machines[name])
        else:
            yield _nothing(rule, "never_together", name, "machine")
    for one, other in combinations(found, 2):
        nights = {night(m.cutover.opens, estate.time_zone) if m.cutover.opens is not None else None for m in (one, other)}
        if one.wave == other.wave:
            detail = f"{one.name} and {other.name} are both in wave {one.wave}."
        elif len(nights) == 1 and None not in nights:
            detail = f"{one.name} and {other.name} are cut over in the same night ({nights.pop()})."
        else:
            continue
        path = f"waves.{other.wave}.machines.{other.name}"
        yield broken("WL482", "machines that never go together", rule, "never_together", detail, path, other.span, one.span)


def _nowhere(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    """A mistyped wave must not switch a rule off; a pattern may concern waves that are yet to come."""
    for name in rule.waves:
        if name not in estate.waves and not set("*?[") & set(name):
            yield _nothing(rule, "waves", name, "wave")


def _nothing(rule: Rule, key: str, name: str, kind: str) -> Diagnostic:
    place = rule.spans.get(key) or rule.span
    detail = f"Rule `{rule.name}` ({key}) names {name!r}, and the estate has no such {kind}: the rule could never be broken."
    return Diagnostic("WL480", "a rule names what is not there", detail, f"rules.{rule.name}.{key}", place)


def _nights(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    if rule.max_cutovers_a_night is None:
        return
    nights: dict[date, list[Machine]] = defaultdict(list)
    for machine in _machines(estate, rule):
        if machine.cutover.opens is not None and machine.phase.rank >= Phase.MIGRATE.rank:
            nights[night(machine.cutover.opens, estate.time_zone)].append(machine)
    for day, machines in sorted(nights.items()):
        if len(machines) > rule.max_cutovers_a_night:
            first = machines[rule.max_cutovers_a_night]
            most = f"at most {rule.max_cutovers_a_night} may be"
            detail = f"In the night of {day} {len(machines)} machines are cut over ({some([m.name for m in machines])}); {most}."
            span, key = first.spans.get("cutover") or first.span, "max_cutovers_a_night"
            yield broken("WL484", "too many cut-overs a night", rule, key, detail, _path(first, "cutover"), span)


def _no_cutover(estate: Estate, rule: Rule) -> Iterator[Diagnostic]:
    if rule.no_cutover is None:
        return
    periods, zone = parse(rule.no_cutover.windows), ZoneInfo(estate.time_zone)
    told: dict[tuple[float, float], bool] = {}
    for machine in _machines(estate, rule):
        opens, closes = machine.cutover.opens, machine.cutover.closes
        if opens is None or closes is None:
            continue
        if (opens, closes) not in told:
            told[opens, closes] = meets(periods, zone, opens, closes)
        if told[opens, closes]:
            detail = f"{machine.name}: its cut-over window {machine.cutover.window} meets {rule.no_cutover.windows}."
            span = machine.spans.get("cutover") or machine.span
            yield broken("WL485", "cut-over on a forbidden day", rule, "no_cutover", detail, _path(machine, "cutover"), span)


_CHECKS: tuple[Check, ...] = (
    _nowhere,
    _sizes,
    _regions,
    _tags,
    _wave_size,
    _depends_on,
    _never_together,
    _nights,
    _no_cutover,
)
