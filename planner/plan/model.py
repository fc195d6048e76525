"""The plan and what it is made from besides the desired state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from planner.artifact import DATA_BEARING
from planner.estate import Diagnostic
from planner.plan.scope import EVERYTHING, Scope
from planner.ports import Observed
from planner.steps import Adopt, Create, Delete, Forget, Note, Protect, Rename, SendOrder, Step, Update
from replication.model.record import Record

UNCHECKED = frozenset({"WL340", "WL346", "WL442", "WL445"})
"""Codes of warnings that say what could not be looked at: a result of its own, neither right nor wrong."""


@dataclass(frozen=True, slots=True)
class World:
    """Observed. `artifacts`: address -> what is there, None for nothing; an address that is missing was not looked at.

    `machines`: instance uuid -> the engine's record; `issues`: what else the clouds say against this plan (permissions).
    """

    artifacts: Mapping[str, Observed | None] = field(default_factory=dict)
    machines: Mapping[str, Record] = field(default_factory=dict)
    issues: tuple[Diagnostic, ...] = ()
    approvals: frozenset[str] = frozenset()
    """What this plan may take for approved ("CHG0042")."""
    now: float | None = None
    """Unix time, for what waits for a date; None: nothing does."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan was asked with besides the files: a plan that is made to check another one is asked the same."""

    allow_destroy: int | None = None
    scope: Scope = EVERYTHING


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered steps (every step after all it needs) and what the plan says without doing it.

    `lineage` and `serial` name the state it was made from. `errors` non-empty: nothing of it may be applied.
    """

    estate: str
    lineage: str
    serial: int
    steps: tuple[Step, ...]
    deferred: tuple[Note, ...] = ()
    in_progress: tuple[Note, ...] = ()
    kept: tuple[Note, ...] = ()
    drift: tuple[Note, ...] = ()
    left_out: tuple[Note, ...] = ()
    """Of a narrowed plan: steps that the whole one has besides, by reason."""
    pulled_in: tuple[Note, ...] = ()
    """Of a narrowed plan: steps that were not asked for, and are needed."""
    warnings: tuple[Diagnostic, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    inputs: str = ""
    """Digest of the estate that it was made from."""
    asked: Asked = Asked()
    again: int = 0
    """How often the very same plan was begun before: what it made was undone since. So no two uses have one digest."""

    @property
    def unchecked(self) -> tuple[Diagnostic, ...]:
        """Those of the warnings that say what nobody could look at."""
        return tuple(w for w in self.warnings if w.code in UNCHECKED)

    @property
    def remarks(self) -> tuple[Diagnostic, ...]:
        """The other warnings: what could go wrong."""
        return tuple(w for w in self.warnings if w.code not in UNCHECKED)

    @property
    def destroys(self) -> int:
        """Data-bearing artifacts that go; `--allow-destroy` must name this number."""
        return destroyed(self.steps)

    @property
    def counts(self) -> dict[str, int]:
        """How many artifacts are created, changed, destroyed; what the engine makes and removes included."""
        of = Counter[type](map(type, self.steps))
        orders = [s for s in self.steps if isinstance(s, SendOrder)] if of[SendOrder] else []
        return {
            "create": of[Create] + sum(len(s.makes) for s in orders),
            "change": of[Update],
            "destroy": of[Delete] + sum(len(s.removes) for s in orders),
            "record": of[Adopt] + of[Forget] + of[Rename] + of[Protect],
        }

    def __bool__(self) -> bool:
        raise TypeError("ask for plan.steps, plan.errors or plan.changes: a plan is neither true nor false")


def destroyed(steps: Iterable[Step]) -> int:
    """How many data-bearing artifacts these steps destroy, those that the engine removes included."""
    found = 0
    for step in steps:
        if isinstance(step, Delete):
            found += step.kind in DATA_BEARING
        elif isinstance(step, SendOrder):
            found += _seeds(step)
    return found


def _seeds(order: SendOrder) -> int:
    return sum(1 for a in order.removes if a.startswith("seed_disk."))
