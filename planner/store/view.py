"""A state and its journal read together, wherever they are kept, and what is refused of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from planner.estate import Estate
from planner.state import BadState, State
from planner.store.effects import applied
from planner.store.journal import Doubt, Replay


class Locked(Exception):
    """Somebody else changes this state now; the message says who, where and since when."""


class LockLost(Locked):
    """The lock was ours and is not any more: nothing more was written, and the journal has what was begun."""


class Unwritable(OSError):
    """The state's place did not take a write: unreachable, full, or the permission is gone."""


@dataclass(frozen=True, slots=True)
class View:
    """The state as the file and the journal together say, and what a cut-off apply left in doubt.

    `base` is the state without the journal; None where none was ever written.
    """

    state: State
    doubts: tuple[Doubt, ...] = ()
    interrupted: bool = False
    base: State | None = None


def lineage_of(estate: Estate) -> str:
    """Name, project subscription and group make an estate what it is."""
    azure = estate.azure
    parts = (estate.name, azure.project_subscription.lower(), azure.project_group.name.lower())
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "wavelift:" + "/".join(parts)))


def check_estate(state: State, estate: str, where: str) -> None:
    if state.estate and state.estate != estate:
        raise BadState(
            f"{where} is the state of estate {state.estate!r}, not of {estate!r}. "
            "Name another place for the state, or put the estate's name back.",
            "WL422",
        )


def check_reached(base: State | None, reached: int, where: str, mark: str) -> None:
    """`reached`: the highest serial that was ever recorded here, which `mark` beside the state says; 0 for none."""
    if reached <= (base.serial if base is not None else 0):
        return
    now = f"is at serial {base.serial}, an older one was put back" if base is not None else "is gone"
    raise BadState(
        f"{where} {now}: serial {reached} was recorded here. Restore the newest one (a backup, the deleted or a later version of "
        f"the blob). Where there is none, delete {mark}: what was made since, a plan finds again by its tags.",
        "WL425",
    )


def joined(base: State | None, empty: State, told: Replay | None, journal: str, where: str) -> View:
    """The view of a state and what its journal says. `empty` is what a state begins as."""
    state = base or empty
    if told is None:
        return View(state, base=base)
    if told.lineage != state.lineage:
        raise BadState(
            f"{journal} belongs to another state (lineage {told.lineage}, not {state.lineage}). "
            "Was the state replaced by hand? Put the right one back, or move the journal aside.",
            "WL423",
        )
    if told.serial != state.serial:
        if told.serial < state.serial:
            return View(state, base=base)  # already compacted: the process died between the write and the removal
        raise BadState(
            f"{journal} goes on from serial {told.serial}, and {where} is at {state.serial}: an older state "
            "was put back. Restore the newest one; the journal holds what was done since.",
            "WL423",
        )
    return View(applied(state, told.effects), told.doubts, interrupted=True, base=base)
