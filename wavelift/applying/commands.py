"""Break-glass: a person's word to the engine about one machine, written beside its orders."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from planner.state import MachineState
from replication.model.command import Command, Verb
from replication.model.documents import load_record, record_name
from replication.model.record import Record
from replication.ports import DocumentStore
from wavelift.applying.commanding import put_next, who
from wavelift.planning.look import gateways
from wavelift.problems import UserProblem
from wavelift.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Found:
    """A machine that the engine knows: its state, the store of its documents, and its record."""

    machine: MachineState
    documents: DocumentStore
    record: Record
    account: str = ""
    """Blob endpoint of that store."""


def find(wiring: Wiring, name: str) -> Found:
    """`UserProblem` when nothing of ours replicates or has migrated a machine of that name."""
    state = wiring.workspace.view().state
    machine = state.by_name().get(name)
    account = gateways(state).get(machine.region) if machine is not None else None
    if machine is None or account is None:
        known = ", ".join(sorted(state.by_name())[:10]) or "none"
        raise UserProblem(f"There is no machine {name!r} in the state (it has {known}). Nothing was changed.")
    documents = wiring.engine.open(account)
    found = documents.get(record_name(machine.uuid))
    if found is None:
        raise UserProblem(f"The engine has not seen {name} yet: start it with `wavelift engine run`. Nothing was changed.")
    return Found(machine, documents, load_record(found[0]), account)


def send(
    found: Found,
    verb: Verb,
    why: str,
    size: str | None = None,
    confirm: str = "",
    disks: tuple[int, ...] = (),
    until: tuple[float, str] | None = None,
) -> Command:
    """Write the next command of this machine; two people at once get two numbers."""
    if not why.strip():
        raise UserProblem("Say why: it stands in the record for whoever comes next. Nothing was changed.")
    made = Command(found.machine.uuid, 0, verb, who(), why, time.time(), size, confirm, disks, *(until or ()))
    return put_next(found.documents, found.record, made)


def ending(text: str, time_zone: str, now: float) -> tuple[float, str]:
    """(unix time, words) of a day, or a day with a time of day, in the estate's time zone; a day ends a hold when it begins,
    as in the files. `UserProblem` when it is none, or over."""
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=ZoneInfo(time_zone)) if at.tzinfo is None else at
    except ValueError as error:
        like = f"2027-01-20 or 2027-01-20T14:00 (time zone {time_zone})"
        raise UserProblem(f"{text!r} is no day: write `--until` like {like}. Nothing was changed.") from error
    if at.timestamp() <= now:
        raise UserProblem(f"{text} ({time_zone}) is over: a hold that ends then holds nothing. Nothing was changed.")
    return at.timestamp(), f"{at:%Y-%m-%d %H:%M} {at.tzinfo}".replace(" 00:00", "")


def answer(found: Found, number: int, seconds: float) -> str | None:
    """What the engine said to command `number`; None when no engine has looked at it within `seconds`."""
    until = time.monotonic() + seconds
    while True:
        for told in _record(found).interventions:
            if told.number == number:
                return told.answer
        if time.monotonic() > until:
            return None
        time.sleep(0.5)


def gone_back(found: Found, seconds: float, tell: Callable[[str], None]) -> bool:
    """Wait until a rollback that the engine has taken up is over; False when it still goes on. `tell`: what is in its way."""
    until = time.monotonic() + seconds
    while True:
        record = _record(found)
        order = record.order
        if not record.rollback and (order is None or order.outcome is not None or "back" not in order.facts):
            return True
        if time.monotonic() > until:
            return False
        tell(record.problem or "going back")
        time.sleep(0.5)


def _record(found: Found) -> Record:
    got = found.documents.get(record_name(found.machine.uuid))
    return load_record(got[0]) if got is not None else found.record
