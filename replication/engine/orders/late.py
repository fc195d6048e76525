"""A source that is off although its cut-over was given up: a guest may obey the order to shut down after everybody has
stopped waiting for it. It is told and needs somebody; by the policy `power_on_source` it is powered on again.

Rules
1. Looked at as long as the ended cut-over is the machine's last order: it had asked a running machine to shut down.
2. By itself it is powered on only within `WATCH` of the end, only when the guest had been given up, and never when an
   Azure VM may exist: later, whoever finds it off may have meant it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from replication.engine.work import Work
from replication.lifecycle import OFF, given_up
from replication.model.record import Record
from replication.model.source import Power

WATCH = 3600.0
"""Seconds after the end of a cut-over in which its guest's late shutdown is taken back by policy."""
POLICY = "power on late"
"""Fact of an order whose guest was given up: until when (unix time) it is powered on again by policy."""


def look(work: Work, power: Power) -> None:
    """Journal that it is off, or that it is on again; with the policy a rollback is begun. One write of the record at most."""
    record, now = work.record, work.clock.now()
    order = record.order
    if order is None or not given_up(record) or (power is Power.OFF) == (OFF in order.facts):
        return
    if power is not Power.OFF:
        facts = {name: value for name, value in order.facts.items() if name != OFF}
        work.machine.advance(order=replace(order, facts=facts))
        work.note("the source is on again")
        return
    until = order.facts.get(POLICY)
    mine = until is not None and now <= float(until) and "announced/vm" not in order.facts
    again = {"who": "on_failure: power_on_source", "why": "its guest shut down after it was given up", "number": "0"}
    facts = {**order.facts, OFF: str(now)}
    work.machine.advance(order=replace(order, facts=facts), rollback=again if mine else {})
    work.note("the source is OFF although its cut-over was given up" + (": powered on again by policy" if mine else ""))


def power_on(work: Work) -> None:
    """The rollback of such a machine. Raises a port's error (tried again later)."""
    record = work.record
    order = record.order
    if order is None:
        raise AssertionError("a rollback without its order")
    work.guard.check()
    work.retry(partial(work.source.power_on, work.uuid))
    told = f"{order.problem}; powered on again ({record.rollback['who']}: {record.rollback['why']})"
    facts = {name: value for name, value in order.facts.items() if name != OFF}
    work.machine.advance(rollback={}, order=replace(order, facts=facts, problem=told), retry_at=None, problem="", stuck=False)
    work.note("the source is powered on again")


def off(record: Record) -> bool:
    """Whether this machine's source was found off after its cut-over had been given up."""
    return given_up(record) and record.order is not None and OFF in record.order.facts
