"""A plan narrowed to some machines: what they need comes along, what would miss a need stays out, and both are said.

Rules
1. Asked for are the steps of the chosen machines; where nothing is chosen and only something excluded, everything else.
2. Steps that those need are pulled in; so is what all machines of a region, a target or the project share, as far as a
   machine that is worked on uses it, whether or not a step names it (the engine's roles are needed and named by nobody).
3. A cut-over is never pulled in: an order whose machine starts after another one, which is to be cut over too and left out, is
   left out itself.
4. What needs something excluded is left out, and so is what needs that; and tracking and seed disks whose replication is.
5. Nothing shared is destroyed by a narrowed plan: whether anybody still uses it is for the whole plan to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from planner.artifact import Kind
from planner.desired import Desired
from planner.desired.shared import Shared
from planner.plan.within import Within
from planner.steps import Adopt, Create, Delete, Forget, Note, SendOrder, Step, Update
from planner.wording import some
from replication.model.item import OrderKind

_NOT_ASKED = "not asked for"


@dataclass(frozen=True, slots=True)
class Narrowed:
    steps: tuple[Step, ...]
    left_out: tuple[Note, ...] = ()
    pulled_in: tuple[Note, ...] = ()


def narrow(steps: Sequence[Step], within: Within, desired: Desired) -> Narrowed:
    """`steps` in order, before anything is judged by their number; those that stay keep their order."""
    return _Narrowing(steps, within, desired).result()


class _Narrowing:
    def __init__(self, steps: Sequence[Step], within: Within, desired: Desired) -> None:
        self._steps = steps
        self._within = within
        self._at = {s.address: s for s in steps}
        self._foundations = _Foundations(desired, self._at)
        self._cutovers = {s.uuid: s for s in steps if isinstance(s, SendOrder) and s.order is OrderKind.MIGRATE}
        self._out: dict[str, str] = {}
        """Address -> why it is left out although it was asked for or is needed."""

    def result(self) -> Narrowed:
        asked = [s for s in self._steps if self._asked(s)]
        wanted, why = self._with_needs(asked)
        self._leave_out(wanted)
        if self._out:
            wanted, why = self._with_needs([s for s in asked if s.address not in self._out])
        kept = tuple(s for s in self._steps if s.address in wanted)
        first = {s.address for s in asked}
        pulled = tuple(self._pulled(s, why[s.address]) for s in kept if s.address not in first)
        return Narrowed(kept, tuple(self._left(wanted)), pulled)

    def _asked(self, step: Step) -> bool:
        if self._within.scope.excludes(step.address):
            self._out[step.address] = "excluded"
            return False
        if step.machine is not None:
            return step.machine in self._within.machines
        if isinstance(step, Delete | Forget):
            self._out[step.address] = "shared, and a narrowed plan destroys nothing shared"
            return False
        return not self._within.scope.chooses

    def _needs(self, step: Step) -> tuple[str, ...]:
        return (*step.needs, *self._foundations.of(step))

    def _with_needs(self, steps: Iterable[Step]) -> tuple[set[str], dict[str, list[str]]]:
        """The addresses of `steps` and of all that they need; address -> those that need it."""
        found: set[str] = set()
        why: dict[str, list[str]] = {}
        stack = list(steps)
        while stack:
            step = stack.pop()
            if step.address in found:
                continue
            found.add(step.address)
            for need in self._needs(step):
                if need in self._at and need != step.address:
                    why.setdefault(need, []).append(step.address)
                    stack.append(self._at[need])
        return found, why

    def _leave_out(self, wanted: set[str]) -> None:
        """Add to `_out` all that would miss a need, in the plan's order: every step comes after those it needs."""
        for step in self._steps:
            if step.address not in wanted or step.address in self._out:
                continue
            lost = next((n for n in self._needs(step) if n in self._out), None)
            if lost is not None:
                self._out[step.address] = f"needs {lost}, which is left out"
        for step in self._steps:
            served = f"{Kind.REPLICATION}.{step.machine}"
            if isinstance(step, Create) and step.kind in (Kind.TRACKING, Kind.SEED_DISK) and served in self._out:
                self._out.setdefault(step.address, f"is of no use without {served}, which is left out")
        for step in self._in_order_of_starts(wanted):
            first = self._starts_after(step)
            if first is not None and (first.address not in wanted or first.address in self._out):
                self._out[step.address] = f"starts after {first.machine}, whose cut-over is left out"

    def _in_order_of_starts(self, wanted: set[str]) -> Iterator[SendOrder]:
        """Cut-overs, each after the one that it starts after; that never leads back (WL162)."""
        told: set[str] = set()
        for order in self._cutovers.values():
            line: list[SendOrder] = []
            at: SendOrder | None = order
            while at is not None and at.address not in told:
                told.add(at.address)
                line.append(at)
                at = self._starts_after(at)
            yield from (o for o in reversed(line) if o.address in wanted and o.address not in self._out)

    def _starts_after(self, step: SendOrder) -> SendOrder | None:
        first = (step.document.get("cutover") or {}).get("start_after")
        return self._cutovers.get(first) if first else None

    def _pulled(self, step: Step, users: Sequence[str]) -> Note:
        machines = list(dict.fromkeys(m for u in users if (m := self._at[u].machine)))
        named = machines or list(dict.fromkeys(users))
        return Note(step.address, type(step).__name__.lower(), f"needed by {some(named)}", step.wave)

    def _left(self, wanted: set[str]) -> Iterator[Note]:
        """By reason: how many steps, of whom."""
        reasons: dict[str, list[Step]] = {}
        for step in self._steps:
            if step.address not in wanted:
                reasons.setdefault(self._out.get(step.address) or self._reason(step), []).append(step)
        for why, steps in reasons.items():
            names = list(dict.fromkeys(s.machine or s.address for s in steps))
            waves = list(dict.fromkeys(s.wave for s in steps if s.wave))
            count = f"{len(steps)} step{'s' if len(steps) > 1 else ''}"
            of = f" of {'waves' if len(waves) > 1 else 'wave'} {some(waves)}" if waves else ""
            yield Note(some(names), count + of, why)

    def _reason(self, step: Step) -> str:
        if step.machine is None:
            return "shared, and nothing that was asked for needs it"
        wave = f"wave.{step.wave}"
        return "excluded" if self._within.scope.excludes(step.machine, f"machine.{step.machine}", wave) else _NOT_ASKED


class _Foundations:
    """What a machine's work rests on besides what its steps name: the steps of the project, its region and its target."""

    def __init__(self, desired: Desired, steps: Mapping[str, Step]) -> None:
        self._desired = desired
        self._shared = Shared(desired.estate, desired.names)
        self._steps = steps
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, step: Step) -> tuple[str, ...]:
        begins = isinstance(step, Create | Update | Adopt) and step.kind is Kind.REPLICATION
        makes = isinstance(step, SendOrder) and step.order in (OrderKind.TEST, OrderKind.MIGRATE)
        machine = self._desired.estate.machines.get(step.machine or "")
        return self._below(machine.target) if machine is not None and (begins or makes) else ()

    def _below(self, name: str) -> tuple[str, ...]:
        if name not in self._known:
            target = self._desired.estate.targets[name]
            artifacts = (*self._shared.project(True), *self._shared.region(target.region), *self._shared.target(target))
            changed = (a.address for a in artifacts if a.address in self._steps)
            self._known[name] = tuple(a for a in changed if not isinstance(self._steps[a], Delete | Forget))
        return self._known[name]
