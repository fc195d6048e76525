"""Whether a plan of a file is still what would be planned now, step by step; and if not, all that moved. Pure.

The planner itself is the judge: from what is there now it makes a plan, and a step of the file holds when that plan has the
same step. So the facts that count are exactly those that a step is made from: what exists under which id, the properties that
we set, the class of a machine's life. Progress, cycles, hosts, free space and serials are no input of the planner, so they
make nothing stale. The steps that are carried out are those of the file, never those of the new plan.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from planner.artifact import Json, Kind
from planner.concerns import is_of_a_machine, machine_of
from planner.diff import Change, diff
from planner.estate import Diagnostic
from planner.plan.model import Plan
from planner.plan.orders import order_id
from planner.planfile.codec import step_json
from planner.steps import Adopt, Create, Delete, SendOrder, Step

_WORDS = frozenset({"needs", "deps", "why", "wave", "closed"})
"""Fields of a step that change nothing of what it does. (What it needs is judged by itself.)"""


@dataclass(frozen=True, slots=True)
class Moved:
    """A step of the file that is not what would be planned now, and what moved, in words."""

    address: str
    why: str


def moved(
    planned: Plan, now: Plan, done: Collection[str], begun: bool, orders: Mapping[str, int]
) -> tuple[list[Moved], list[Diagnostic]]:
    """All that moved, in the file's order, and the errors of the new plan that do not concern other machines only.

    `done`: addresses of the file's steps that an earlier apply of this very plan has done; `begun`: there was one. `orders`:
    machine uuid -> number of its last order.
    """
    judge = _Judge(planned, now, done, begun, orders)
    found = [Moved(s.address, why) for s in planned.steps if (why := judge.undone(s) if s.address in done else judge.why_not(s))]
    return found, list(judge.errors())


class _Judge:
    def __init__(self, planned: Plan, now: Plan, done: Collection[str], begun: bool, orders: Mapping[str, int]) -> None:
        self._now = {s.address: s for s in now.steps}
        self._plan = now
        self._done = done
        self._begun = begun
        self._orders = orders
        self._mine = {s.address: s for s in planned.steps}
        self._machines = {s.machine for s in planned.steps if s.machine}

    def undone(self, step: Step) -> str:
        """What has become of a step that is done; nothing when it has stayed so."""
        again = step.address in self._now
        return "was done by an earlier apply of this plan, and would have to be done again now" if again else ""

    def why_not(self, step: Step) -> str:
        """What moved for this step; nothing when it holds."""
        now = self._now.get(step.address)
        if now is None:
            return "" if self._goes_on(step) else self._why_missing(step)
        if isinstance(step, Create) and isinstance(now, Adopt) and self._begun:
            now = _made_already(now, step)
        if type(now) is not type(step):
            return f"was to {_verb(step)}, now it would {_verb(now)} ({now.why})"
        if now != step and (why := "; ".join(_differences(step, now))):
            return why
        return "; ".join(self._lost_needs(now))

    def _goes_on(self, step: Step) -> bool:
        """An order behind another one of this plan that has been sent: as long as nobody has put one of his own between."""
        if not isinstance(step, SendOrder) or not self._begun:
            return False
        before = [self._mine[n] for n in step.needs if n in self._done]
        return any(isinstance(b, SendOrder) and b.uuid == step.uuid for b in before) and (
            self._orders.get(step.uuid) == step.number - 1
        )

    def _lost_needs(self, now: Step) -> Iterator[str]:
        """Things that would have to be made first now, and that the file takes as there."""
        for need in now.needs:
            first = self._now.get(need)
            if need not in self._mine and isinstance(first, Create | Delete | Adopt):
                yield f"needs {need}, which is not there as recorded any more ({first.why})"

    def _why_missing(self, step: Step) -> str:
        for error in self._plan.errors:
            if error.path == step.address or (step.machine and machine_of(error, (step.machine,))):
                return error.detail
        for title, notes in (("deferred", self._plan.deferred), ("in progress", self._plan.in_progress)):
            for note in notes:
                if note.machine in (step.machine, step.address):
                    return f"{title} now: {note.what}: {note.why}"
        for note in self._plan.kept:
            if note.machine in (step.machine, step.address):
                return f"kept now: {note.what}: {note.why}"
        other = [s.address for s in self._now.values() if isinstance(s, SendOrder) and s.machine == step.machine]
        if isinstance(step, SendOrder) and other:
            return f"another order would be sent now: {', '.join(other)}"
        if self._begun and isinstance(step, Create) and step.kind is Kind.TRACKING:
            return ""  # switched on by the apply that was cut off before it could write that down; again changes nothing
        return f"would not be planned any more: there is nothing left to {_verb(step)}"

    def errors(self) -> Iterator[Diagnostic]:
        for error in self._plan.errors:
            # the planned number of destroyed things is smaller once some are gone: the file's steps are judged one by one
            if error.code != "WL330" and (not is_of_a_machine(error) or machine_of(error, self._machines)):
                yield error


def _made_already(found: Adopt, step: Create) -> Create:
    """What this plan has begun to make, and nobody wrote down: making it again is taking it over."""
    given = {f.name: getattr(found, f.name) for f in dataclasses.fields(found)}
    return Create(**given, enables=step.enables)


def _differences(step: Step, now: Step) -> Iterator[str]:
    before, after = step_json(step), step_json(now)
    if isinstance(step, SendOrder):
        _without_derived(before, after)
    for change in _told(before, after) or _told(before, after, _as_it_is):
        yield f"{'.'.join(change.path)}: {_short(change.old)} -> {_short(change.new)}"


def _named(value: Json) -> Json:
    """Lists of things that have a name (disks and adapters by key, artifacts by address) by it: one disk more is told as one."""
    if isinstance(value, Mapping):
        return {name: _named(member) for name, member in value.items()}
    if isinstance(value, list | tuple) and value and all(isinstance(member, Mapping) for member in value):
        for name in ("address", "key"):
            if len(found := {str(member[name]): _named(member) for member in value if name in member}) == len(value):
                return found
    return value


def _as_it_is(value: Json) -> Json:
    return value


def _told(before: Json, after: Json, form: Callable[[Json], Json] = _named) -> list[Change]:
    """What an order makes follows from what it says: that is not told a second time."""
    found = [change for change in diff(form(before), form(after)) if change.path[0] not in _WORDS]
    return [change for change in found if change.path[0] != "makes"] or found


def _without_derived(*orders: dict[str, Json]) -> None:
    """An order's id is made of what it says: it differs because something else does."""
    for order in orders:
        said = {k: v for k, v in order["document"].items() if k != "id"}
        if order["document"]["id"] == order_id(said["replication"], said["number"], said):
            order["document"] = said


def _verb(step: Step) -> str:
    match step:
        case Create():
            return "create"
        case Delete():
            return "delete"
        case SendOrder():
            return f"send the order {step.order.value}"
        case _:
            return type(step).__name__.lower()


def _short(value: Json) -> str:
    if value is None:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False, default=str)  # tuples and lists are one thing there
    return text if len(text) <= 200 else f"{text[:199]}…"
