"""From what planning looked at to the fleet that the simulation runs: who begins, who is in delta sync, on which appliance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from planner.artifact import Kind
from planner.desired import DesiredMachine
from planner.desired.replicating import choose_appliance
from planner.estate import Appliance, ForecastPolicy
from planner.plan.life import Stage, stage
from replication.model.record import CycleKind, Record
from replication.simulate import DAY, Assumptions, Fleet, SimMachine
from replication.windows import Blackout
from wavelift.forecasting.simulating import blackouts_of
from wavelift.hosting.policies import blackout_of, policy_of, throttle_of
from wavelift.planning.look import Looked


def stages(looked: Looked) -> dict[str, Stage]:
    """Machine -> where it is, of every machine that has a VM."""
    return {
        name: stage(looked.state.machines.get(one.uuid), looked.records.get(one.uuid))
        for name, one in looked.desired.machines.items()
    }


def appliances(looked: Looked) -> dict[str, Appliance]:
    """Machine -> the appliance that replicates it, or would."""
    estate, out = looked.desired.estate, {}
    taken: Counter[str] = Counter()
    recorded = {
        a.machine: str(a.spec.get("appliance", "")) for a in looked.state.artifacts.values() if a.kind is Kind.REPLICATION
    }
    taken.update(recorded.values())
    for name, one in looked.desired.machines.items():
        known = estate.appliances.get(recorded.get(name, ""))
        chosen = known or choose_appliance(estate, one.machine.source, taken)
        if chosen is not None:
            out[name] = chosen
            taken[chosen.name] += known is None
    return out


def all_blackouts(looked: Looked, appliance: Appliance, machine: str) -> tuple[Blackout, ...]:
    own = blackouts_of(looked.desired.estate, machine, appliance.time_zone)
    return tuple(b for b in (blackout_of(appliance), *own) if b.windows)


def fleet(looked: Looked, now: float, progress: Mapping[str, float], names: Iterable[str]) -> Fleet:
    """The machines that replicate or begin to. `progress`: uuid -> share of an initial cycle that is done."""
    known, of = appliances(looked), stages(looked)
    machines = tuple(
        _machine(looked, one, known[name], of[name], now, progress.get(one.uuid, 0.0))
        for name, one in ((name, looked.desired.machines[name]) for name in names)
    )
    every = looked.desired.estate.appliances.values()
    return Fleet(machines, {a.name: policy_of(a) for a in every}, {a.name: throttle_of(a) for a in every})


def _machine(looked: Looked, one: DesiredMachine, appliance: Appliance, now: Stage, at: float, progress: float) -> SimMachine:
    machine, record = one.machine, looked.records.get(one.uuid)
    whole = used(one, looked.desired.estate.forecast)
    point = record.committed.snapshot_time if record is not None and record.committed is not None else at
    return SimMachine(
        name=machine.name,
        wave=machine.wave,
        appliance=appliance.name,
        host=one.vm.host,
        disks=len(one.disks),
        datastores=Counter(disk.datastore for disk in one.disks),
        used=whole * (1.0 - progress) if now is Stage.INITIAL else whole,
        churn=churn(one, record, looked.desired.estate.forecast)[0] * DAY,
        begins=at,
        blackouts=tuple(blackouts_of(looked.desired.estate, machine.name, appliance.time_zone)),
        in_blackout=machine.cutover.in_blackout,
        synced=min(point, at) if now is Stage.DELTA else None,
    )


def used(one: DesiredMachine, policy: ForecastPolicy) -> float:
    return sum(disk.capacity for disk in one.disks) * policy.used


def churn(one: DesiredMachine, record: Record | None, policy: ForecastPolicy) -> tuple[float, bool]:
    """(bytes a second that the guest writes, whether that was measured)."""
    rates = list(_rates(record)) if record is not None else []
    if rates:
        return sorted(rates)[len(rates) // 2], True
    return used(one, policy) * policy.churn / DAY, False


def _rates(record: Record) -> Iterator[float]:
    for cycle, before in zip(record.evidence, record.evidence[1:], strict=False):
        if cycle.kind is not CycleKind.INITIAL:
            changed = sum(disk.changed_bytes for disk in cycle.disks)
            yield changed / max(1.0, cycle.started - before.started)


WITH_DELTAS = 150
"""Up to so many machines delta cycles are simulated beside the initial ones."""
PER_MACHINE = 0.36
"""Seconds between two looks of the schedule for every machine beyond that, so that thousands take seconds: an hour of 10,000."""


def assumptions(policy: ForecastPolicy, machines: int) -> Assumptions:
    """Rates of the policy are bits a second, those of a simulation bytes. A short settling time is looked at as closely."""
    standard = Assumptions()
    few = machines <= WITH_DELTAS

    def rate(given: int | None, usual: float | None) -> float | None:
        return usual if given is None else given / 8

    return Assumptions(
        link=rate(policy.link, standard.link),
        appliance=rate(policy.appliance, standard.appliance),
        host=rate(policy.host, standard.host),
        disk=rate(policy.disk, standard.disk),
        settle=policy.settle,
        grid=max(1.0, min(standard.grid, policy.settle)) if few else max(standard.grid, PER_MACHINE * machines),
        deltas=few,
    )
