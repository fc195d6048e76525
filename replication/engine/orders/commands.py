"""What people say in an emergency (`hold`, `resume`, `rollback`), obeyed between the jobs of a machine and written down.

Rules
1. A command is looked at once, in the order of the numbers; obeyed or refused, its answer stands in the record with who
   and why.
2. A machine that is held begins nothing and powers nothing off; its replication goes on. `resume` ends it, or the date
   that was given with it. Where a cut-over has ended, the `resume` that ends a hold begins nothing: that takes another one.
3. `rollback` loses nothing as long as there certainly is no Azure VM: it was not asked for, or Azure has refused it, or
   the way back has looked (`back`). Otherwise it stops and keeps the Azure VM, and only when the person has typed what is
   lost; it needs the seeds.
4. `acknowledge` ends exactly the hold, or the latch after a rollback, that a pull request named, and begins nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from replication.engine.orders import late, waves
from replication.engine.orders.asking import fate
from replication.engine.orders.byhand import by_hand
from replication.engine.work import Work
from replication.lifecycle import MIGRATION_STEPS
from replication.model.command import Command, Verb
from replication.model.documents import number_of
from replication.model.item import OrderKind
from replication.model.record import HoldMark, Intervention, Life, OrderProgress, OrderStep, Record
from replication.model.source import Power
from replication.model.standing import ACKNOWLEDGED, ROLLED_BACK, rolled_back, standing

KEPT = 12
"""Interventions that stay in the record."""


@dataclass(frozen=True, slots=True)
class Rollback:
    """A task: the rollback that stands in the record."""


def waiting(work: Work) -> bool:
    """A person has said something that was not looked at yet."""
    names = work.retry(lambda: work.documents.list(f"commands/{work.uuid}/"))
    return any((number_of(name) or 0) > work.record.commands for name in names)


def sentence(record: Record) -> str:
    """What a person types to roll back a machine whose Azure VM has run: what is lost, and since when (UTC)."""
    order = record.order
    since = float(order.facts.get("started") or order.facts.get("powered_off") or 0.0) if order is not None else 0.0
    return f"what was written in Azure since {time.strftime('%Y-%m-%d %H:%M', time.gmtime(since))} UTC is lost"


def end_hold(work: Work) -> None:
    """A hold with a date ends by itself, and the record says so."""
    mark, now = work.record.hold, work.clock.now()
    if mark is None or not mark.over(now):
        return
    told = Intervention(work.record.commands, "hold ended", mark.who, mark.why, now, f"it was to last until {mark.until_text}")
    work.machine.advance(hold=None, interventions=(told, *work.record.interventions)[:KEPT], retry_at=None)
    work.note(f"held no more: the hold by {mark.who} was to last until {mark.until_text}")


def asked_for_vm(record: Record) -> bool:
    """Whether the machine's migration has asked for its Azure VM (so that it may exist)."""
    order = record.order
    return order is not None and order.kind is OrderKind.MIGRATE and "announced/vm" in order.facts


def needs_sentence(record: Record) -> bool:
    """Whether the machine's Azure VM was made or seen, so that it may have written something that a rollback loses."""
    return asked_for_vm(record) and record.order is not None and fate(record.order) == "there"


def obey(work: Work, command: Command) -> None:
    """Look at one command: one write of the record, with what follows from it."""
    record = work.record
    changes: dict[str, Any]
    match command.verb:
        case Verb.HOLD:
            mark = HoldMark(
                command.who, command.why, work.clock.now(), command.until, command.until_text, command.number
            )
            end = f" until {mark.until_text}" if mark.until_text else ""
            answer, changes = f"held{end}: nothing of it begins or is powered off", {"hold": mark}
        case Verb.RESUME:
            answer, changes = _resume(work, command)
        case Verb.ROLLBACK:
            answer, changes = _rollback(work, command)
        case Verb.ACCEPT_TEST:
            answer, changes = _accept(work, command)
        case Verb.ACKNOWLEDGE:
            answer, changes = _acknowledge(record, command)
        case Verb.PAUSE | Verb.CONTINUE | Verb.RESYNC:
            answer, changes = by_hand(work, command)
    told = Intervention(command.number, command.verb.value, command.who, command.why, work.clock.now(), answer)
    changes |= {"commands": command.number, "interventions": (told, *record.interventions)[:KEPT], "retry_at": None}
    work.machine.advance(**changes)
    work.note(f"{command.verb.value} by {command.who} ({command.why}): {answer}")


def _resume(work: Work, command: Command) -> tuple[str, dict[str, Any]]:
    record = work.record
    changes: dict[str, Any] = {"hold": None}
    said = ["held no more"] if record.hold is not None else []
    waves.release(work)
    order = record.order
    if order is None or order.kind is not OrderKind.MIGRATE or record.life is not Life.DELTA:
        return "; ".join(said) or "there was nothing to resume", changes
    asked = {"size asked": command.size} if command.size else {}
    if order.outcome is None and "back" in order.facts:
        said.append("its cut-over is on its way back, which goes on")
    elif order.outcome is None:
        said.append("the cut-over is tried again now" + (f", with {command.size} first" if command.size else ""))
        waived = {} if "powered_off" in order.facts else {"wave waived": command.who}
        changes["order"] = replace(order, facts={**order.facts, **asked, **waived})
    elif order.outcome != "done" and record.hold is not None:
        said.append("its cut-over, which has ended, begins again only by another `resume` or another plan")
    elif late.off(record):
        return "refused: its source is off; `wavelift rollback` powers it on again", {}
    elif order.outcome != "done" and record.orders_done == order.number:
        steps = tuple(OrderStep(name) for name in MIGRATION_STEPS)
        facts = {**asked, "resumed": f"{command.who}: {command.why}", "window waived": command.who}
        window = order.facts.get("window")
        facts |= {"window": window} if window else {}
        changes["order"] = OrderProgress(order.number, order.id, order.kind, steps, facts=facts)
        changes["orders_done"] = order.number - 1
        said.append("its cut-over begins once more, at once, whatever its window says")
    return "; ".join(said) or "there was nothing to resume", changes


def _rollback(work: Work, command: Command) -> tuple[str, dict[str, Any]]:
    record, order = work.record, work.record.order
    mark = HoldMark(command.who, ROLLED_BACK + command.why, work.clock.now(), number=command.number)
    if order is None or order.kind is not OrderKind.MIGRATE:
        return "refused: no cut-over of it is under way or done", {}
    if record.committed is None or record.life not in (Life.DELTA, Life.MIGRATED):
        return "refused: its seeds are gone, so nothing could be resumed from them", {}
    if late.off(record):
        under_way = {"who": command.who, "why": command.why, "number": str(command.number)}
        return "the source is powered on again, nothing is lost", {"rollback": under_way}
    if record.life is Life.DELTA and order.outcome is not None:
        return "refused: its last cut-over has ended already, and the source is as it was", {}
    if not needs_sentence(record):
        looks = fate(order) in ("refused", "open")
        facts = {**order.facts, "back": f"rolled back by {command.who}: {command.why}", "back as": "aborted"}
        changes = {"hold": mark, "order": replace(order, facts=facts)}
        first = "once a look has found no VM of it in Azure, " if looks else ""
        return f"{first}the source is powered on again, nothing is lost, delta sync goes on", changes
    if command.confirm != sentence(record):
        return f"refused: to confirm, type {sentence(record)!r}", {}
    vm = order.made.get("vm") or order.facts["announced/vm"]
    under_way = {"vm": vm, "who": command.who, "why": command.why, "number": str(command.number)}
    return "the Azure VM is stopped and kept, then the source is powered on", {"hold": mark, "rollback": under_way}


def _acknowledge(record: Record, command: Command) -> tuple[str, dict[str, Any]]:
    """It waives nothing: windows, a wave that is held and every other gate stand as they stood."""
    found, order = standing(record), record.order
    if found is None or found.since != command.since:
        return "nothing was changed: what it acknowledges does not stand any more", {}
    changes: dict[str, Any] = {"hold": None, "acknowledged": command.word}
    said = ["held no more"] if found.held else []
    if order is not None and rolled_back(order):
        changes["order"] = replace(order, facts={**order.facts, ACKNOWLEDGED: command.who})
        said.append("its cut-over begins again only by another order")
    return "; ".join(said), changes


def _accept(work: Work, command: Command) -> tuple[str, dict[str, Any]]:
    if not work.record.test:
        return "refused: there is no test of it", {}
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(command.issued))
    return "the test is accepted", {"test_accepted": f"{command.who}, {when}: {command.why}"}


def roll_back(work: Work) -> None:
    """After the Azure VM was asked for: stop it and keep it, power the source on, go on with deltas from the seeds.

    Journalled before by `obey`; every part may be done again. Raises a port's error (tried again later).
    """
    under_way, old = work.record.rollback, work.record.order
    if old is None:
        raise AssertionError("a rollback without its order")
    if "vm" not in under_way:
        late.power_on(work)
        return
    cloud = work.cloud(under_way["vm"].split("/")[2])
    # Both must never run at once: first the one stops, certainly, then the other starts.
    if work.retry(partial(cloud.exists, under_way["vm"])):
        work.guard.check()
        work.retry(partial(cloud.stop_vm, under_way["vm"]))
        work.note("the Azure VM is stopped and kept")
    work.guard.check()
    work.retry(partial(work.source.connect_nics, work.uuid, True))
    work.retry(partial(work.source.annotate, work.uuid, ""))
    if old.facts.get("power_before") != Power.OFF.value:
        work.retry(partial(work.source.power_on, work.uuid))
    waves.release(work)
    problem = f"rolled back by {under_way['who']}: {under_way['why']}; the Azure VM is stopped and kept"
    ended = replace(old, outcome="aborted", problem=problem, facts={**old.facts, "rolled back": under_way["who"], "waits": ""})
    work.machine.advance(
        rollback={}, life=Life.DELTA, order=ended, orders_done=old.number,
        retry_at=None, queued_since=None, problem="", stuck=False,
    )  # fmt: skip
    work.note(problem)
