"""What the seeds that are there cost a month, and what waits for nothing but `complete` to cost less. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from planner.artifact import Kind
from planner.estate import Estate, Machine, Phase
from planner.plan.gates import migrated_at
from planner.state import State
from replication.model.extents import GIB
from replication.model.record import Record
from replication.schedule import words


def lines(estate: Estate, state: State, records: Mapping[str, Record], now: float) -> Iterator[str]:
    """`seeds 1,240.00 USD/month`, and for each wave whose machines may be completed since when and what that saves. `now`: unix
    time. Nothing where no seeds are; a region without a price is unknown, never 0."""
    seeds = held(state)
    if not seeds:
        return
    yield f"seeds {_price(estate, seeds.values())}"
    ready: dict[str, dict[str, float]] = {}
    migrated = {machine.name: uuid for uuid, machine in state.machines.items() if machine.life == "migrated"}
    for name, machine in estate.machines.items():
        since = _ready(machine, records.get(migrated[name]), now) if name in migrated else None
        if since is not None and name in seeds:
            ready.setdefault(machine.wave, {})[name] = since
    for wave, since_when in ready.items():
        whole = len(since_when) == len(estate.waves[wave].machines)
        who = wave if whole else f"{wave} ({', '.join(since_when)})"
        ago = words.span(now - max(since_when.values()))
        yield f"{who} ready to complete since {ago}: -{_price(estate, [seeds[name] for name in since_when])}"


def held(state: State) -> dict[str, tuple[str, int]]:
    """Machine -> (region, bytes of its seeds)."""
    regions = {machine.name: machine.region for machine in state.machines.values()}
    out: dict[str, tuple[str, int]] = {}
    for recorded in state.artifacts.values():
        if recorded.kind is Kind.SEED_DISK and recorded.machine in regions:
            region, size = out.get(recorded.machine, (regions[recorded.machine], 0))
            out[recorded.machine] = region, size + int(recorded.spec["size"])
    return out


def _ready(machine: Machine, record: Record | None, now: float) -> float | None:
    """Since when nothing but the files' phase keeps its way back; None: something does, or it is asked for already."""
    done = migrated_at(record)
    if done is None or machine.phase is not Phase.MIGRATE or machine.hold is not None:
        return None
    since = done + (machine.cutover.complete_after or 0.0)
    return since if since <= now else None


def _price(estate: Estate, seeds: Iterable[tuple[str, int]]) -> str:
    sizes: dict[str, int] = {}
    for region, size in seeds:
        sizes[region] = sizes.get(region, 0) + size
    prices = estate.prices.seed_gib_month if estate.prices is not None else {}
    known = [size / GIB * prices[region] for region, size in sizes.items() if region in prices]
    without = [f"{region} {size / GIB:,.1f} GiB" for region, size in sorted(sizes.items()) if region not in prices]
    told = [f"{sum(known):,.2f} {estate.prices.currency}/month"] if known and estate.prices is not None else []
    return ", ".join([*told, *([f"unknown for {', '.join(without)} (no price under `prices`)"] if without else [])])
