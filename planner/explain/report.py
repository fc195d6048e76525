"""What a reader is told of a plan, in the order in which it is told: the value that text, Markdown and JSON are views of.

First what was changed outside and what changes in vCenter and in what all share; then wave by wave what starts to replicate,
changes, is cleaned up after a test, is tested, is cut over, is destroyed; then what left the estate, waits, is deferred,
in progress, kept, not checked.
Identical changes are one group: the first of them in full, the others by name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TypeVar

from planner.artifact import Kind
from planner.explain.lines import Line, like, line, name_of, note_line, readable
from planner.plan.model import Plan
from planner.steps import Acknowledge, Adopt, Create, Delete, Forget, Note, Protect, Rename, SendOrder, Step, Update
from replication.model.item import OrderKind

_T = TypeVar("_T")

FEW = 3
"""So many identical changes are still shown one by one."""


UNCHECKED = "NOT CHECKED"
"""The section of what nobody could look at."""


class Part(Enum):
    """What is done to machines of a wave, in the order in which it is told."""

    START = "start to replicate"
    CHANGE = "change"
    CLEAN_UP = "clean up"
    TEST = "test"
    CUT_OVER = "cut over"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class Group:
    """`first` in full; `others` are the names of those that are like it, and `all` makes their lines."""

    first: Line
    others: tuple[str, ...]
    all: Callable[[], list[Line]]


@dataclass(frozen=True, slots=True)
class Section:
    """`count` in words ("3 machines, 24 GiB"), empty where it says nothing."""

    title: str
    count: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class WaveReport:
    """`steps`: what is done, by part, in the plan's order (seed disks stand with their machine); `size`: bytes that start."""

    name: str
    steps: dict[Part, list[Step]]
    size: int
    sections: tuple[Section, ...]

    def headline(self) -> Iterator[tuple[Part, str]]:
        for part, steps in self.steps.items():
            yield part, _counted(part, steps, self.size)


@dataclass(frozen=True, slots=True)
class Report:
    plan: Plan
    before: tuple[Section, ...]
    waves: tuple[WaveReport, ...]
    after: tuple[Section, ...]

    @property
    def irreversible(self) -> list[SendOrder]:
        """Steps that cannot be undone."""
        return [s for s in self.plan.steps if isinstance(s, SendOrder) and s.irreversible]

    def sections(self) -> Iterator[tuple[str, Section]]:
        """Every section with its wave's name, which is empty for what belongs to none."""
        yield from (("", s) for s in self.before)
        for wave in self.waves:
            yield from ((wave.name, s) for s in wave.sections)
        yield from (("", s) for s in self.after)


def report(plan: Plan) -> Report:
    tracking = [s for s in plan.steps if _tracks(s)]
    shared: list[Step] = []
    leaving: list[Step] = []
    waves: dict[str, list[Step]] = {}
    for step in plan.steps:
        if step.wave is None:
            (leaving if isinstance(step, SendOrder | Delete | Forget) else shared).append(step)
        elif not _tracks(step):
            waves.setdefault(step.wave, []).append(step)
    before = (
        _notes("Changed outside of wavelift", plan.drift, "! "),
        _steps("Changes in vCenter", tracking, {}),
        _steps("Shared", shared, {}),
    )
    after = (
        _steps("Not in the estate any more", leaving, {}),
        _notes("Waiting for a gate", [n for n in plan.deferred if n.gate]),
        _notes("Deferred (the next apply looks again)", [n for n in plan.deferred if not n.gate]),
        _notes("In progress (the engine carries it out)", plan.in_progress),
        _notes("Kept", plan.kept),
        _notes("Pulled in, because it is needed", plan.pulled_in),
        _notes(f"Left out ({plan.asked.scope})", plan.left_out),
        Section(UNCHECKED, "", tuple(_alone(Line("", f"{d.code} {d.detail}")) for d in plan.unchecked)),
    )
    return Report(plan, _filled(before), tuple(_wave(n, s) for n, s in waves.items()), _filled(after))


def _wave(name: str, steps: list[Step]) -> WaveReport:
    begun = {s.machine for s in steps if isinstance(s, Create) and s.kind is Kind.REPLICATION}
    seeds: dict[str, list[Create]] = {}
    parts: dict[Part, list[Step]] = {part: [] for part in Part}
    size = 0
    for step in steps:
        if isinstance(step, Create) and step.kind is Kind.SEED_DISK and step.machine in begun:
            seeds.setdefault(str(step.machine), []).append(step)
            continue
        if isinstance(step, Create) and step.kind is Kind.REPLICATION:
            size += sum(int(d["capacity"]) for d in step.spec["disks"])
        parts[_part(step)].append(step)
    parts = {part: found for part, found in parts.items() if found}
    sections = tuple(_steps(part.value, found, seeds, _counted(part, found, size)) for part, found in parts.items())
    return WaveReport(name, parts, size, sections)


def _part(step: Step) -> Part:
    match step:
        case Create(kind=Kind.REPLICATION):
            return Part.START
        case SendOrder(order=OrderKind.TEST):
            return Part.TEST
        case SendOrder(order=OrderKind.CLEAN_UP):
            return Part.CLEAN_UP
        case SendOrder(order=OrderKind.MIGRATE):
            return Part.CUT_OVER
        case SendOrder() | Delete():
            return Part.DESTROY
        case Acknowledge(goes_on=OrderKind.MIGRATE.value):
            return Part.CUT_OVER
        case Create() | Update() | Adopt() | Forget() | Rename() | Protect() | Acknowledge():
            return Part.CHANGE


def _counted(part: Part, steps: Sequence[Step], size: int) -> str:
    machines = len({s.machine for s in steps if s.machine})
    words = f"{machines} machine{'s' if machines != 1 else ''}" if machines else f"{len(steps)}"
    return f"{words}, {readable(size)}" if part is Part.START and size else words


def _steps(title: str, steps: Sequence[Step], seeds: dict[str, list[Create]], count: str = "") -> Section:
    def one(step: Step) -> Line:
        return line(step, seeds.get(step.machine or "", ()))

    return Section(title, count, tuple(_folded(steps, lambda s: like(s, seeds.get(s.machine or "", ())), one, name_of)))


def _notes(title: str, notes: Sequence[Note], mark: str = "") -> Section:
    def key(note: Note) -> Hashable:
        return (note.what, note.why, note.wave)

    return Section(title, "", tuple(_folded(notes, key, lambda n: note_line(n, mark), lambda n: n.machine)))


def _folded(
    things: Iterable[_T], key: Callable[[_T], Hashable], one: Callable[[_T], Line], name: Callable[[_T], str]
) -> Iterator[Group]:
    """In the order of the first of each; up to `FEW` of a kind stand alone, each at its own place."""
    keyed = [(key(thing), thing) for thing in things]
    alike: dict[Hashable, list[_T]] = {}
    for known, thing in keyed:
        alike.setdefault(known, []).append(thing)
    for known, thing in keyed:
        found = alike[known]
        if len(found) <= FEW:
            yield _alone(one(thing))
        elif thing is found[0]:
            yield Group(one(thing), tuple(map(name, found[1:])), partial(_each, found, one))


def _each(things: list[_T], one: Callable[[_T], Line]) -> list[Line]:
    return [one(thing) for thing in things]


def _alone(line: Line) -> Group:
    return Group(line, (), lambda: [line])


def _filled(sections: Iterable[Section]) -> tuple[Section, ...]:
    return tuple(s for s in sections if s.groups)


def _tracks(step: Step) -> bool:
    return isinstance(step, Create) and step.kind is Kind.TRACKING
