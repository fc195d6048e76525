"""What is told of one address, as a value; `planner.about.words` makes text and JSON of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from planner.artifact import Json
from planner.estate import Span
from planner.ports import Observed
from planner.state import Recorded
from planner.steps import Note, Step


@dataclass(frozen=True, slots=True)
class Link:
    """Something that is waited for, or that waits, and why."""

    address: str
    why: str


@dataclass(frozen=True, slots=True)
class About:
    """`kind` in words ("seed_disk", "order", "machine", "wave"). `steps` is what the plan does with it, `notes` what the plan
    says of it without doing anything, each with the list it stands in ("deferred"). `idle` says why nothing is to do.

    `looked`: whether it was looked for outside; `observed` None is then "not there".
    """

    address: str
    kind: str
    steps: tuple[Step, ...] = ()
    notes: tuple[tuple[str, Note], ...] = ()
    idle: str = ""
    waits_for: tuple[Link, ...] = ()
    waited_for_by: tuple[Link, ...] = ()
    asked_by: Span | None = None
    machine: str | None = None
    wave: str | None = None
    life: str = ""
    recorded: Recorded | None = None
    looked: bool = False
    observed: Observed | None = None
    facts: Mapping[str, Json] | None = None
    """Of an order or a replication item: what it sets, shortened."""
