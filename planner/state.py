"""Recorded state: what we made, under which id, with which spec. A versioned JSON document.

Rules
1. `lineage` is made once; a state of another lineage is never merged or applied over.
2. `serial` rises by one when what is recorded changed, and not otherwise (a no-op raises nothing).
3. Only direct dependencies are kept; no secret and no progress is ever in it.
4. Unknown newer `version`: refused, with what to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from planner.artifact import Json, Kind
from planner.garbage import paused_gc
from replication.model.parse import parsed
from replication.model.quick import quick
from replication.model.release import RELEASE, skewed

VERSION = 1
HISTORY = 100
"""Changes that are kept."""
PLANS = 200
"""Plans that are remembered; older ones have long expired."""
OVER = frozenset({"stopped", "released"})
"""Lives of machines of which nothing is replicated, migrated or looked after any more."""


class BadState(Exception):
    """The state cannot be used; the message says why and what to do, `code` (WL42x) is looked up in docs/errors.md."""

    def __init__(self, text: str, code: str = "WL420") -> None:
        super().__init__(f"{text} [{code}]")
        self.code = code


@quick
@dataclass(frozen=True, slots=True)
class Recorded:
    """One artifact that exists as far as we know. `attributes` are what the provider answered (endpoints, urls)."""

    address: str
    kind: Kind
    id: str
    spec: Mapping[str, Json]
    deps: tuple[str, ...] = ()
    attributes: Mapping[str, Json] = field(default_factory=dict)
    machine: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class MachineState:
    """What we know of a machine by its instance uuid, whatever it is called now.

    `generation` counts how often replication was enabled (each has a replication uuid of its own); `orders` is the number
    of the last order written; `life` is the last known class ("replicating", "migrated", "completed", "stopped"), or
    "forgotten" where it left the estate and what exists was kept, or "released" where it was handed over. `protect`: nothing
    destroys what it has until that ends. `released`: by whom, when (unix time), why, and what it had then (`planner.release`).
    """

    name: str
    uuid: str
    region: str
    generation: int
    replication: str
    orders: int = 0
    life: str = "replicating"
    protect: bool = False
    released: Mapping[str, Json] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON. What only a released machine has is left out of others, which older releases of wavelift read."""
        return {name: value for name, value in asdict(self).items() if name != "released" or value}


@dataclass(frozen=True, slots=True)
class Change:
    """One rise of the serial: which, when (unix time), by whom, on which host, doing what, and what is known `about` it
    (plan digest, approver, pull request, link to the run)."""

    serial: int
    at: float
    who: str
    host: str
    doing: str
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Begun:
    """A plan that was begun, by its digest: which of its steps are done, as a bit set in hex (the first step is the lowest
    bit) or "all", so that an interrupted plan goes on and a used one is never applied again."""

    digest: str
    steps: int
    done: str = "0"

    @classmethod
    def of(cls, digest: str, steps: int, bits: int) -> Begun:
        return cls(digest, steps, "all" if bits == (1 << steps) - 1 else f"{bits:x}")

    @property
    def bits(self) -> int:
        return (1 << self.steps) - 1 if self.used else int(self.done, 16)

    @property
    def used(self) -> bool:
        return self.done == "all"


@dataclass(frozen=True, slots=True)
class State:
    lineage: str
    serial: int = 0
    estate: str = ""
    artifacts: Mapping[str, Recorded] = field(default_factory=dict)
    machines: Mapping[str, MachineState] = field(default_factory=dict)
    """By instance uuid."""
    history: tuple[Change, ...] = ()
    """The last `HISTORY` changes, oldest first; no part of what is recorded."""
    plans: Mapping[str, Begun] = field(default_factory=dict)
    """The last `PLANS` that were begun, by digest, oldest first."""

    def by_name(self) -> dict[str, MachineState]:
        return {m.name: m for m in self.machines.values()}


def dumps(state: State) -> bytes:
    """Canonical text on one line: sorted keys, so that equal states are equal bytes."""
    document = {
        "version": VERSION,
        "lineage": state.lineage,
        "serial": state.serial,
        "estate": state.estate,
        "artifacts": {a: _recorded(r) for a, r in state.artifacts.items()},
        "machines": {u: m.document() for u, m in state.machines.items()},
        "wavelift": RELEASE,
    }
    if state.history:
        document["history"] = [asdict(c) for c in state.history[-HISTORY:]]
    if state.plans:
        document["plans"] = [asdict(p) for p in state.plans.values()]
    return (json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


@paused_gc()
def loads(data: bytes, where: str) -> State:
    try:
        document = parsed(data)
    except ValueError as error:
        raise BadState(f"{where} is not a state file: {error}. Restore it from a backup or from version control.") from error
    if not isinstance(document, dict) or not isinstance(document.get("version"), int):
        raise BadState(f"{where} is not a wavelift state file (no version). Was another file named as the state?")
    if document["version"] > VERSION:
        raise BadState(
            f"{where} has state version {document['version']}, written by wavelift {document.get('wavelift', '(unknown)')}; "
            f"this is {RELEASE} and reads up to {VERSION}. Upgrade wavelift here.",
            "WL421",
        )
    try:
        return State(
            lineage=str(document["lineage"]),
            serial=int(document["serial"]),
            estate=str(document["estate"]),
            artifacts={a: _read(a, r) for a, r in document["artifacts"].items()},
            machines={u: MachineState(**m) for u, m in document["machines"].items()},
            history=tuple(Change(**c) for c in document.get("history", ())),
            plans={p["digest"]: Begun(**p) for p in document.get("plans", ())},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error).replace("__init__() got an ", "has an ")
        side = skewed(document.get("wavelift"))
        raise BadState(
            f"{where} is damaged or of another release ({'; '.join(filter(None, (what, side)))}). "
            "Restore it from a backup or from version control."
        ) from error


def _recorded(r: Recorded) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": r.kind.value, "id": r.id, "spec": r.spec}
    if r.deps:
        out["deps"] = list(r.deps)
    if r.attributes:
        out["attributes"] = dict(r.attributes)
    if r.machine:
        out["machine"] = r.machine
    return out


_KINDS = {kind.value: kind for kind in Kind}


def _read(address: str, r: Mapping[str, Any]) -> Recorded:
    kind = _KINDS.get(r["kind"]) or Kind(r["kind"])  # a look-up; the class says what is wrong with another value
    return Recorded(address, kind, r["id"], r["spec"], tuple(r.get("deps", ())), r.get("attributes", {}), r.get("machine"))


def same(left: State, right: State) -> bool:
    """Equal in all but the serial."""
    return (left.artifacts, left.machines, left.estate, left.plans) == (
        right.artifacts,
        right.machines,
        right.estate,
        right.plans,
    )


def digest(value: Json) -> str:
    """sha256 of canonical JSON, hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
