"""Work a forecast out: the schedule's `decide` with a clock that jumps, the engine's own downtime forecast, price times size."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from math import ceil

from planner.artifact import Kind
from planner.desired import DesiredMachine
from planner.estate import Appliance, CutoverPolicy, Estate, Phase
from planner.legal import Asked, Legal, legal_starts
from planner.plan.life import Stage
from planner.plan.within import Within
from planner.steps import Adopt, Create, Delete, Forget, SendOrder
from replication.engine.orders.forecast import BEHIND
from replication.engine.orders.forecast import Forecast as Downtime
from replication.engine.orders.forecast import forecast as downtime
from replication.model.item import OrderKind, Shutdown
from replication.model.record import CycleKind, Record
from replication.schedule import Decision
from replication.schedule import Start as Begin
from replication.simulate import DAY, GIB, MBIT, Simulation
from replication.windows import Blackout, closed
from wavelift.forecasting.fleet import WITH_DELTAS, all_blackouts, appliances, assumptions, churn, fleet, stages
from wavelift.forecasting.model import Cutover, Forecast, Start
from wavelift.forecasting.seedcost import held
from wavelift.planning.look import Looked

LONGEST = 60
"""Days that are looked ahead."""
_NOTHING: Mapping[str, float] = {}


def forecast(looked: Looked, now: float, progress: Mapping[str, float] = _NOTHING, most: int | None = None) -> Forecast:
    """`progress`: instance uuid -> share of its initial cycle that is done. `most`: what the plan itself begins and cuts over
    is all that is wanted; where more machines replicate than this, its initial replications are not simulated, and the
    forecast says so."""
    estate, known = looked.desired.estate, appliances(looked)
    begun = {step.machine for step in looked.plan.steps if isinstance(step, Create | Adopt) and step.kind is Kind.REPLICATION}
    within = Within(looked.plan.asked.scope, estate, looked.state).machines if most is not None else looked.desired.machines
    of = {name: at for name, at in stages(looked).items() if at is not Stage.NEW or name in begun}
    wanted = (Stage.NEW, Stage.INITIAL) if most is None else (Stage.NEW,)
    beginning = [name for name, at in of.items() if at in wanted and name in known]
    replicating = [name for name, at in of.items() if at in (Stage.NEW, Stage.INITIAL, Stage.DELTA) and name in known]
    left_out = ""
    starts: tuple[Start, ...] = ()
    before = (*wanted, Stage.DELTA) if most is None else (Stage.DELTA,)
    if beginning and most is not None and len(replicating) > most:
        count = f"{len(beginning)} initial replications"
        left_out = f"when {count} end is not simulated here (more than {most} machines): run `wavelift forecast`"
    elif beginning:
        starts = tuple(_starts(looked, beginning, known, now, progress, replicating))
    prices = estate.prices.seed_gib_month if estate.prices is not None else {}
    change = _change(looked)
    there: dict[str, int] = dict.fromkeys(change, 0)
    for region, held_size in held(looked.state).values():
        there[region] = there.get(region, 0) + held_size
    seeds = {region: size + change.get(region, 0) for region, size in sorted(there.items())}

    def priced(sizes: Mapping[str, int]) -> dict[str, float | None]:
        return {region: size / GIB * prices[region] if region in prices else None for region, size in sizes.items()}

    return Forecast(
        at=now,
        zone=estate.time_zone,
        starts=starts,
        cutovers=tuple(_cutovers(looked, {name: of[name] for name in within if name in of}, known, now, before)),
        seeds=seeds,
        change=change,
        cost=priced(seeds),
        added=priced(change),
        currency=estate.prices.currency if estate.prices is not None else "",
        assumed=_assumed(estate, len(replicating)),
        left_out=left_out,
    )


# ---- initial replications


def _starts(
    looked: Looked,
    names: list[str],
    known: Mapping[str, Appliance],
    now: float,
    progress: Mapping[str, float],
    replicating: Collection[str],
) -> Iterator[Start]:
    sims = fleet(looked, now, progress, replicating)
    simulation = Simulation(sims, now, assumed=assumptions(looked.desired.estate.forecast, len(replicating)), reasons=False)
    waiting, begun, ended = set(names), dict[str, float](), dict[str, float]()

    def seen(at: Simulation, decisions: list[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, Begin) and decision.kind is CycleKind.INITIAL:
                begun.setdefault(decision.machine, at.now)
        for name in [name for name in waiting if name in at.points]:
            waiting.discard(name)
            ended[name] = at.now

    for _ in range(LONGEST * 4):
        simulation.run(simulation.now + DAY / 4, seen)
        if not waiting:
            break
    sizes = {machine.name: machine.used for machine in sims.machines}
    for name in names:
        yield _start(looked, looked.desired.machines[name], known[name], sizes[name], begun.get(name), ended.get(name))


def _start(
    looked: Looked, one: DesiredMachine, appliance: Appliance, size: float, begins: float | None, ends: float | None
) -> Start:
    rate, measured = churn(one, looked.records.get(one.uuid), looked.desired.estate.forecast)
    blackouts = all_blackouts(looked, appliance, one.machine.name)
    shut = list(_shut(blackouts, begins, ends)) if begins is not None and ends is not None else []
    opened = None
    if begins is not None and ends is not None:
        stretch = ends - begins
        if appliance.schedule.initial_in_blackout == "release-and-resume":
            resumed = [begins, *(opens for _, opens in shut)]
            stretch = max(end - begin for begin, end in zip(resumed, [*(closes for closes, _ in shut), ends], strict=True))
        opened = min(stretch, appliance.limits.snapshot_hours * 3600)
    grown: dict[str, int] = {}
    whole = sum(disk.capacity for disk in one.disks) or 1
    for disk in one.disks if opened is not None else ():
        share = min(rate * opened * disk.capacity / whole, disk.capacity) if opened is not None else 0.0
        grown[disk.datastore] = grown.get(disk.datastore, 0) + int(share)
    return Start(
        *(one.machine.name, one.machine.wave, int(size), begins, ends, opened, grown),
        churn="measured" if measured else "assumed",
        windows=len(shut),
        free={store: looked.free[at] for store in grown if (at := (one.machine.source, store)) in looked.free},
    )


def _shut(blackouts: tuple[Blackout, ...], begin: float, end: float) -> Iterator[tuple[float, float]]:
    """When windows close and open again between the two, in order; what runs together is one."""
    at = begin
    while at < end:
        closes = min((c for b in blackouts if (c := b.next_closing(at)) is not None), default=end)
        if closes >= end:
            return
        shut = closed(blackouts, closes)
        at = shut.until if shut is not None else closes + 1  # a clock change has left nothing of it
        yield closes, at


# ---- cut-overs


def _cutovers(
    looked: Looked, of: Mapping[str, Stage], known: Mapping[str, Appliance], now: float, before: Collection[Stage]
) -> Iterator[Cutover]:
    """Of every machine that is asked to be cut over and is as far as one of `before`."""
    estate = looked.desired.estate
    wanted = [
        looked.desired.machines[name]
        for wave in estate.waves.values()
        for name in wave.machines
        if name in known and of.get(name) in before and estate.machines[name].phase.rank >= Phase.MIGRATE.rank
    ]
    told = {one.machine.name: predicted(looked.records.get(one.uuid), one.machine.cutover) for one in wanted}
    asked = []
    for one in wanted:
        name, found = one.machine.name, told[one.machine.name]
        asked.append(Asked(one.machine, all_blackouts(looked, known[name], name), found.p90 if found else 0.0))
    legal = legal_starts(estate, asked, now)
    for one in wanted:
        record, found = looked.records.get(one.uuid), told[one.machine.name]
        assumed = found is not None and record is not None and "azure" not in record.measured
        point = record.committed.snapshot_time if record is not None and record.committed is not None else None
        lag = None if point is None else max(0.0, now - point)
        yield replace(_cutover(one, found, legal[one.machine.name]), azure_assumed=assumed, lag=lag)


def predicted(record: Record | None, cutover: CutoverPolicy) -> Downtime | None:
    """The engine's own forecast; None while no delta cycle was measured."""
    if record is None or not any(cycle.kind is not CycleKind.INITIAL for cycle in record.evidence):
        return None
    policy = cutover.shutdown
    return downtime(record.evidence, record.measured, Shutdown(policy.mode, policy.wait, policy.otherwise), BEHIND)


def _cutover(one: DesiredMachine, told: Downtime | None, legal: Legal) -> Cutover:
    policy, short = one.machine.cutover, ""
    if told is not None and policy.opens is not None and policy.closes is not None and told.p90 > policy.closes - policy.opens:
        short = f"its window is {policy.closes - policy.opens:.0f} s long and it may take {ceil(told.p90)} s"
    elif told is not None and policy.downtime is not None and told.p90 > policy.downtime:
        short = f"its budget is {policy.downtime:.0f} s and it may be down for {ceil(told.p90)} s: it would not be powered off"
    return Cutover(
        *(one.machine.name, one.machine.wave),
        p50=told.p50 if told else None,
        p90=told.p90 if told else None,
        bytes50=told.bytes50 if told else None,
        budget=policy.downtime,
        window=policy.window,
        legal=legal,
        short=short,
        on_failure=policy.on_failure,
    )


# ---- money


def _change(looked: Looked) -> dict[str, int]:
    """Region -> bytes of seeds that the plan's steps add and take away, of machines that left the files too."""
    out: dict[str, int] = {}
    recorded = looked.state.artifacts
    regions = {machine.name: machine.region for machine in looked.state.machines.values()}

    def count(region: str | None, size: int) -> None:
        if region is not None:
            out[region] = out.get(region, 0) + size

    def goes(address: str) -> None:
        if address in recorded and recorded[address].kind is Kind.SEED_DISK:
            count(regions.get(recorded[address].machine or ""), -int(recorded[address].spec["size"]))

    for step in looked.plan.steps:
        match step:
            case Create(kind=Kind.SEED_DISK) | Adopt(kind=Kind.SEED_DISK):
                count(looked.desired.machines[step.machine or ""].target.region, int(step.spec["size"]))
            case SendOrder(order=OrderKind.STOP):
                for address in step.removes:
                    goes(address)
            case Delete() | Forget():
                goes(step.address)
    return {name: size for name, size in sorted(out.items()) if size}


def _assumed(estate: Estate, machines: int) -> dict[str, str]:
    assumed = assumptions(estate.forecast, machines)

    def rate(bytes_per_s: float | None) -> str:
        return f"{bytes_per_s / MBIT:g} Mbit/s" if bytes_per_s else "no limit"

    return {
        "link": rate(assumed.link),
        "appliance": rate(assumed.appliance),
        "host": rate(assumed.host),
        "disk": rate(assumed.disk),
        "data": f"{estate.forecast.used:.0%} of capacity",
        "churn where not measured": f"{estate.forecast.churn:.0%} a day",
        "settling of a cycle": f"{assumed.settle:g} s",
        "delta cycles": "simulated beside" if assumed.deltas else f"not simulated (more than {WITH_DELTAS} machines)",
        "schedule looked at": f"every {assumed.grid:g} s",
    }
