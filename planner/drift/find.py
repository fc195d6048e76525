"""Drift put together from what is recorded and what was seen (pure): the one way to a `Drift`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from planner.drift import azure, items, source
from planner.drift.allowed import sort_out
from planner.drift.model import Cycles, Drift, Finding, Lag, Severity
from planner.drift.source import Vcenter, lag
from planner.engine import Damaged
from planner.estate import Estate
from planner.plan.life import ORDER_AGAIN, Stage, record_gone, stage, under_way
from planner.ports import Observed, Tagged
from planner.state import OVER, State
from replication.model.item import Item
from replication.model.record import Record
from replication.model.status import ORDER_GONE, RECORD_GONE, Status

SILENT = 600.0
"""Seconds after which an engine that writes nothing is drift; `status` says so after one minute."""

_ORDER = {severity: number for number, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was looked at. `records` were read before the rest, so that an order that ended meanwhile still
    counts as under way. `blind`: sides that could not be read, in words."""

    artifacts: Mapping[str, Observed | None]
    records: Mapping[str, Record]
    statuses: Mapping[str, Status] = field(default_factory=dict)
    vcenter: Vcenter | None = None
    tagged: tuple[Tagged, ...] = ()
    blind: tuple[str, ...] = ()
    cost: tuple[str, ...] = ()
    items: Mapping[str, Item | Damaged] | None = None
    """By instance uuid: what the gateway stores hold; None: not looked at."""


def find(estate: Estate, state: State, seen: Seen, now: float) -> Drift:
    """`state` must have been refreshed (`planner.refresh.absorb`) with `seen.records`. `now`: unix time."""
    busy = {m.name for u, m in state.machines.items() if m.life not in OVER and under_way(m, seen.records.get(u))}
    artifacts = azure.compare(estate, state, seen.artifacts, busy)
    found: list[Finding] = list(artifacts.findings)
    if seen.vcenter is not None:
        found += source.compare(estate, state, seen.records, seen.vcenter, now)
    if seen.items is not None:
        found += items.compare(estate, state, seen.records, seen.items)
    found += _forgotten(estate, state, seen.records)
    found += _silent(estate, state, seen, now)
    count, allowed, expires = sort_out(estate, found, now)
    return Drift(
        estate=estate.name,
        lineage=state.lineage,
        serial=state.serial,
        at=now,
        time_zone=estate.time_zone,
        findings=_ordered(count),
        allowed=_ordered(allowed),
        expires=expires,
        unmanaged=_unmanaged(state, seen),
        unchecked=unchecked(artifacts.unreadable),
        blind=seen.blind,
        in_progress=artifacts.in_progress,
        lag=_worst(estate, state, seen.records, now),
        cycles=_cycles(seen.records),
        cost=seen.cost,
    )


def replicating(state: State, records: Mapping[str, Record]) -> Iterator[tuple[str, str]]:
    """(uuid, name) of the machines whose replication goes on."""
    for uuid, machine in state.machines.items():
        if stage(machine, records.get(uuid)) in (Stage.INITIAL, Stage.DELTA):
            yield uuid, machine.name


def appliance_of(state: State, name: str) -> str:
    """The appliance that a machine's item names, or nothing."""
    item = state.artifacts.get(f"replication.{name}")
    return str(item.spec.get("appliance", "")) if item else ""


def _silent(estate: Estate, state: State, seen: Seen, now: float) -> Iterator[Finding]:
    """An appliance of which no machine has been heard for long: nobody replicates, and nobody else would say so."""
    beats: dict[str, float] = {}
    for uuid, name in replicating(state, seen.records):
        said = seen.statuses.get(uuid)
        if said is not None:
            appliance = appliance_of(state, name)
            beats[appliance] = max(beats.get(appliance, 0.0), said.written)
    for appliance, beat in sorted(beats.items()):
        if now - beat > SILENT:
            then = f"look at its host and log; `wavelift engine run` starts one, `wavelift doctor {appliance}` looks"
            origin = estate.appliances[appliance].span if appliance in estate.appliances else None
            yield Finding(
                Severity.URGENT, f"appliance.{appliance}", "heartbeat", "the engine is silent", then, since=beat, origin=origin
            )


def _forgotten(estate: Estate, state: State, records: Mapping[str, Record]) -> Iterator[Finding]:
    for uuid, machine in state.machines.items():
        record = records.get(uuid)
        if record is not None and record.problem == RECORD_GONE and machine.life not in OVER:
            wave, origin = azure.place(estate, machine.name)
            then, at = record_gone(stage(machine, record)), f"replication.{machine.name}"
            yield Finding(Severity.URGENT, at, "record", RECORD_GONE, then, machine=machine.name, wave=wave, origin=origin)
        if record is not None and record.problem == ORDER_GONE and machine.life not in OVER:
            wave, origin = azure.place(estate, machine.name)
            at = f"replication.{machine.name}"
            yield Finding(Severity.URGENT, at, "order", ORDER_GONE, ORDER_AGAIN, machine=machine.name, wave=wave, origin=origin)


def _unmanaged(state: State, seen: Seen) -> tuple[Tagged, ...]:
    """What carries our tag, is not recorded, and is in no machine's record (an order under way has just made it)."""
    known = {recorded.id.lower() for recorded in state.artifacts.values()}
    for record in seen.records.values():
        known |= {arm_id.lower() for arm_id in record.test.values()}
        known |= {record.rollback["vm"].lower()} if record.rollback.get("vm") else set()
        if record.order is not None:
            known |= {arm_id.lower() for arm_id in (*record.order.made.values(), *record.order.facts.values())}
    return tuple(sorted((t for t in seen.tagged if t.id.lower() not in known), key=lambda t: t.id.lower()))


def unchecked(addresses: Iterable[str]) -> tuple[str, ...]:
    """One sentence for each kind that this login may not read."""
    kinds: dict[str, int] = {}
    for address in addresses:
        kind = address.partition(".")[0]
        kinds[kind] = kinds.get(kind, 0) + 1
    return tuple(
        f"{count} {kind.replace('_', ' ')}{'s' if count > 1 else ''}: this login may not read their data plane"
        for kind, count in sorted(kinds.items())
    )


def _worst(estate: Estate, state: State, records: Mapping[str, Record], now: float) -> Lag | None:
    behind = [(lag(records.get(uuid), now), name) for uuid, name in replicating(state, records)]
    known = [(seconds, name) for seconds, name in behind if seconds is not None]
    return Lag(max(known)[1], max(known)[0], estate.drift.lag) if known else None


def _cycles(records: Mapping[str, Record]) -> Cycles:
    kept = [cycle for record in records.values() for cycle in record.evidence]
    lost = sum(abs(d.requested_sectors - d.applied_sectors) for cycle in kept for d in cycle.disks)
    return Cycles(len(kept), sum(cycle.attempts > 1 for cycle in kept), lost)


def _ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda f: (_ORDER[f.severity], f.address, f.property, f.what)))
