"""Findings about artifacts: each one recorded against what was observed of it (pure)."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from planner.artifact import DATA_BEARING, ENGINE_MADE, Json, Kind
from planner.compare import NOT_SET_BACK, TAGS, others, outside, told
from planner.diff import Change
from planner.drift.model import Finding, Severity
from planner.estate import Estate, Span
from planner.existing import EXISTING, is_existing, why_unfit
from planner.ports import Observed
from planner.state import Recorded, State

PORTAL_TAGS = ("hidden-*", "ms-resource-usage")
"""Tags that Azure's own services write on what they touch: never worth a word."""

_VITAL = DATA_BEARING | {Kind.VM, Kind.DISK, Kind.NIC, Kind.CONTAINER, Kind.SECRET}
"""Without one of these replication stops, or a migrated machine does."""

_RECOVERED = (Kind.KEY_VAULT, Kind.SECRET)
NOT_LOOKED_AT = frozenset({Kind.TRACKING, Kind.REPLICATION})
"""Artifacts that are no resources of Azure."""


@dataclass(frozen=True, slots=True)
class Artifacts:
    """`findings`, addresses that this login may not read, and how many an order has in hand just now."""

    findings: tuple[Finding, ...]
    unreadable: tuple[str, ...]
    in_progress: int


def compare(estate: Estate, state: State, seen: Mapping[str, Observed | None], busy: Collection[str]) -> Artifacts:
    """Every recorded artifact that was looked at. `busy`: machines with an order under way; what that makes or removes
    comes and goes while we look, so it is counted and not judged."""
    findings: list[Finding] = []
    unreadable, in_progress = [], 0
    yours = {m.name for m in state.machines.values() if m.life == "completed"}
    for address, recorded in state.artifacts.items():
        if recorded.kind in NOT_LOOKED_AT or address not in seen:
            continue
        there = seen[address]
        if recorded.machine in busy:
            in_progress += 1
        elif there is None:
            findings.append(_gone(estate, recorded, recorded.machine in yours))
        elif not there.readable:
            unreadable.append(address)
        else:
            findings += _differences(estate, recorded, there, recorded.machine in yours)
    return Artifacts(tuple(findings), tuple(unreadable), in_progress)


def _gone(estate: Estate, recorded: Recorded, yours: bool) -> Finding:
    kind = recorded.kind
    if is_existing(recorded.spec):
        severity, then = Severity.URGENT, "others have made it, and nothing makes it again"
    elif yours and kind in ENGINE_MADE:
        severity, then = Severity.FOREIGN, "its migration is complete: it was yours to remove"
    elif kind is Kind.SEED_DISK:
        severity, then = Severity.URGENT, "what was replicated is lost: the next apply stops it, the one after begins anew"
    elif kind in ENGINE_MADE:
        severity = Severity.URGENT if kind in _VITAL else Severity.OURS
        then = (
            "the next apply makes a new test"
            if kind not in _VITAL
            else "nothing makes it again by itself: `wavelift rollback` goes back to the source while seeds exist"
        )
    else:
        severity = Severity.URGENT if kind in _VITAL else Severity.OURS
        then = "the next apply makes it again" + (" (a deleted one is recovered)" if kind in _RECOVERED else "")
    return _finding(estate, recorded, severity, "", "is gone", then, recorded.id, None)


def _differences(estate: Estate, recorded: Recorded, seen: Observed, yours: bool) -> Iterator[Finding]:
    if is_existing(recorded.spec):
        for reason in why_unfit(recorded.kind, recorded.spec, seen):
            then = "others have made it, and no apply changes it: its owner sets it back"
            yield _finding(estate, recorded, Severity.OURS, EXISTING, reason, then)
        return
    if not seen.ours:
        what = "does not carry our tags any more"
        then = f"put the tag wavelift-estate={estate.name} back: until then apply refuses to touch it"
        yield _finding(estate, recorded, Severity.FOREIGN if yours else Severity.OURS, TAGS, what, then)
    for change in outside(recorded, seen):
        severity = Severity.FOREIGN if yours and recorded.kind in ENGINE_MADE else Severity.OURS
        severity = Severity.URGENT if change.path[0] in NOT_SET_BACK else severity
        name, then = ".".join(change.path), _then(recorded, yours, change)
        yield _finding(estate, recorded, severity, name, _changed(change), then, change.old, change.new)
    for change in others(recorded, seen):
        if change.path[0] == TAGS and _ignored(estate, change.path[1]):
            continue
        name, then = ".".join(change.path), "left alone"
        yield _finding(estate, recorded, Severity.FOREIGN, name, _added(change), then, None, change.new)


def _changed(change: Change) -> str:
    if change.path[0] in NOT_SET_BACK:
        return told(change)
    if change.path[0] == TAGS:
        return f"tag {change.path[1]}: {_short(change.old)} -> {_short(change.new)}"
    if isinstance(change.old, list | tuple) and isinstance(change.new, list | tuple):
        held = {str(one).casefold() for one in change.new}
        missing = [_short(one) for one in change.old if str(one).casefold() not in held]
        return f"{change.path[0]}: {', '.join(missing)} is missing"
    return f"{'.'.join(change.path)}: {_short(change.old)} -> {_short(change.new)}"


def _added(change: Change) -> str:
    if change.path[0] == TAGS:
        return f"tag {change.path[1]} was added"
    return f"{change.path[0]}: {_short(change.new)} was added"


def _then(recorded: Recorded, yours: bool, change: Change) -> str:
    if change.path[0] in NOT_SET_BACK:
        return NOT_SET_BACK[change.path[0]]
    if recorded.kind not in ENGINE_MADE:
        return "the next apply sets it back"
    if yours:
        return "its migration is complete: it is yours"
    return "no apply changes a machine that was made: set it back, or allow it"


def _ignored(estate: Estate, tag: str) -> bool:
    globs = (*PORTAL_TAGS, *estate.drift.ignore_tags)
    return any(fnmatch.fnmatchcase(tag.casefold(), one.casefold()) for one in globs)


def _short(value: Json) -> str:
    """A value in a few words: of an ARM id its name."""
    if value is None:
        return "nothing"
    text = str(value)
    return text.rpartition("/")[2] if text.startswith("/subscriptions/") else text


def _finding(
    estate: Estate, recorded: Recorded, severity: Severity, name: str, what: str, then: str, old: Json = None, new: Json = None
) -> Finding:
    wave, origin = place(estate, recorded.machine)
    return Finding(severity, recorded.address, name, what, then, old, new, recorded.machine, wave, None, origin)


def place(estate: Estate, machine: str | None) -> tuple[str | None, Span | None]:
    """Wave of a machine and the line that asks for it; nothing for one that is not in the files."""
    asked = estate.machines.get(machine) if machine else None
    return (asked.wave, asked.span) if asked else (None, None)
