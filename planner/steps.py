"""Steps: the union of things that a plan can hold. Explain prints them and apply does them: the same list.

Every step is frozen and says all that apply needs; nothing is looked up again but references to what earlier steps made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from planner.artifact import Artifact, Json, Kind
from planner.diff import Change
from planner.estate import Span
from planner.state import MachineState
from replication.model.item import OrderKind
from replication.model.quick import quick


@dataclass(frozen=True, slots=True)
class _Kept:
    """An artifact that the state has once the step is done, under `id` and with `spec`. `why` in words."""

    address: str
    kind: Kind
    id: str
    spec: Mapping[str, Json]
    needs: tuple[str, ...]
    deps: tuple[str, ...]
    why: str
    machine: str | None = None
    wave: str | None = None
    origin: Span | None = field(default=None, compare=False)


@quick
@dataclass(frozen=True, slots=True)
class Create(_Kept):
    """Make what is not there."""

    enables: MachineState | None = None
    """For a replication item: the machine's entry in the state once it is written."""


@dataclass(frozen=True, slots=True)
class Update(_Kept):
    """Change what is there: `changes` against what was recorded (or observed, for drift)."""

    changes: tuple[Change, ...] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Adopt(_Kept):
    """It exists, carries our tag and is not in the state: an apply was cut off. Only recorded."""


@dataclass(frozen=True, slots=True)
class Delete:
    address: str
    kind: Kind
    id: str
    needs: tuple[str, ...]
    why: str
    machine: str | None = None
    wave: str | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """Taken out of the state; nothing outside changes (it is gone already, or it is the user's now)."""

    address: str
    kind: Kind
    needs: tuple[str, ...]
    why: str
    machine: str | None = None
    wave: str | None = None
    ends: MachineState | None = None
    """With the last thing of a machine: its entry in the state, so that it can begin anew one day."""


@dataclass(frozen=True, slots=True)
class Rename:
    """A machine is called otherwise now: addresses move in the state, nothing outside changes."""

    address: str
    machine: str
    old: str
    uuid: str
    needs: tuple[str, ...] = ()
    why: str = ""
    wave: str | None = None


@dataclass(frozen=True, slots=True)
class Protect:
    """A machine's protection is recorded (`on`) or released; nothing outside changes."""

    address: str
    machine: str
    uuid: str
    on: bool
    needs: tuple[str, ...] = ()
    why: str = ""
    wave: str | None = None
    origin: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SendOrder:
    """An order to the engine, written as a document. The engine makes `makes` and removes `removes`; apply records that.

    `document` are the fields of `replication.model.item.Order` but `issued` and `plan`.
    """

    address: str
    order: OrderKind
    uuid: str
    region: str
    document: Mapping[str, Json]
    makes: tuple[Artifact, ...]
    removes: tuple[str, ...]
    needs: tuple[str, ...]
    why: str
    irreversible: str | None = None
    """What cannot be undone, in words, or None."""
    machine: str | None = None
    wave: str | None = None
    closed: str = ""
    """MIGRATE: whose blackout windows may keep it waiting, in words; empty where there are none. Decides nothing."""
    origin: Span | None = field(default=None, compare=False)

    @property
    def number(self) -> int:
        return int(self.document["number"])


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A person's hold, or the latch after a rollback, ends: the files acknowledge it. It begins nothing by itself.

    `who` and `reason` are of the intervention, `since` (unix time, the engine's clock) is what tells it from others, `word`
    is what the files say. `held`: a hold; else the latch of a cut-over that was rolled back.
    """

    address: str
    machine: str
    uuid: str
    region: str
    who: str
    reason: str
    since: float
    word: str
    held: bool
    goes_on: str = ""
    """The order that is under way and was held, in `OrderKind`'s word; empty: none."""
    needs: tuple[str, ...] = ()
    why: str = ""
    wave: str | None = None
    origin: Span | None = field(default=None, compare=False)


Step = Create | Update | Adopt | Delete | Forget | Rename | Protect | SendOrder | Acknowledge


@dataclass(frozen=True, slots=True)
class Note:
    """Something that the plan says and does not do: deferred, in progress, kept. `why` in words."""

    machine: str
    what: str
    why: str
    wave: str | None = None
    origin: Span | None = field(default=None, compare=False)
    gate: bool = False
    """Deferred by something that people decide or that was asked for: a hold, an approval, a wave that goes first."""
