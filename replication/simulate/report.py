"""What a simulation found, as values, as plain JSON and as a page of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from replication.model.extents import GIB
from replication.model.record import CycleKind
from replication.simulate.run import Simulation

PLACES = {"appliance": "appliance disks", "host": "host buffers", "datastore": "datastore snapshots"}
SHOWN = 3
"""Of each kind of place, so many of the fullest are named."""


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a place was in use: mean and peak against its limit, and the share of the time at the limit."""

    kind: str
    name: str
    limit: int
    mean: float
    peak: int
    full: float


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds: how many, median, 95th of a hundred, worst, and whose the worst was."""

    count: int
    median: float
    p95: float
    worst: float
    who: str


@dataclass(frozen=True, slots=True)
class Report:
    """`lag`: age of the newest recovery point just before the next one, of machines in delta sync, the last ones of the run
    included. `first_lag`: the same when the first delta completes: the initial replication is in it. `held`: machine-hours."""

    days: float
    machines: int
    initial_done: int
    migrated: int
    used: tuple[Use, ...]
    link: float | None
    """Mean share of the link in use; None without a limit."""
    sent_gib: dict[str, float]
    cycles: dict[str, int]
    waits: dict[str, Spread]
    durations: dict[str, Spread]
    lag: Spread | None
    first_lag: Spread | None
    migrations: Spread | None
    held: dict[str, float]
    unfinished: tuple[str, ...]
    """Machines whose initial replication has not been completed."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def report(simulation: Simulation) -> Report:
    meter, seconds = simulation.meter, simulation.now - simulation.began
    link = simulation.assumed.link
    used = [
        Use(place[0], place[1], most, meter.area[place] / most / seconds, meter.peak[place], meter.full[place] / seconds)
        for place, most in sorted(meter.limits.items())
    ]
    open_lags = [(simulation.now - at, name) for name, at in simulation.points.items() if name not in simulation.migrated]
    return Report(
        days=seconds / 86400,
        machines=len(simulation.machines),
        initial_done=len(simulation.points),
        migrated=len(simulation.migrated),
        used=tuple(used),
        link=sum(meter.sent.values()) / seconds / link if link else None,
        sent_gib={kind.value: meter.sent[kind] / GIB for kind in CycleKind if meter.sent[kind]},
        cycles={kind.value: len(meter.durations[kind]) for kind in CycleKind if meter.durations[kind]},
        waits={kind.value: found for kind in CycleKind if (found := spread(meter.waits[kind]))},
        durations={kind.value: found for kind in CycleKind if (found := spread(meter.durations[kind]))},
        lag=spread([*meter.lags, *open_lags]),
        first_lag=spread(meter.first_lags),
        migrations=spread(meter.migrations),
        held={cause: held / 3600 for cause, held in sorted(meter.held.items(), key=lambda item: -item[1]) if held},
        unfinished=tuple(name for name in simulation.machines if name not in simulation.points),
    )


def spread(values: Iterable[tuple[float, str]]) -> Spread | None:
    ordered = sorted(values)
    if not ordered:
        return None
    worst, who = ordered[-1]
    return Spread(len(ordered), _rank(ordered, 0.5), _rank(ordered, 0.95), worst, who)


def text(found: Report) -> str:
    """A page for people."""
    lines = [
        f"{found.days:g} days, {found.machines} machines: {found.initial_done} through their initial replication, "
        f"{found.migrated} migrated.",
        "",
        "Use of what is scarce            mean   peak of limit   at the limit",
    ]
    for kind, title in PLACES.items():
        lines += _used(title, [use for use in found.used if use.kind == kind])
    if found.link is not None:
        lines.append(f"{'link (bytes sent)':30}{found.link:6.0%}")
    lines += ["", "Cycles            number       sent   duration: median    worst   queued: median      p95    worst"]
    for kind, count in found.cycles.items():
        took, waited, sent = found.durations[kind], found.waits[kind], found.sent_gib.get(kind, 0.0)
        lines.append(
            f"{kind:14}{count:10}{_size(sent):>11}{_time(took.median):>19}{_time(took.worst):>9}"
            f"{_time(waited.median):>17}{_time(waited.p95):>9}{_time(waited.worst):>9}  {waited.who}"
        )
    lines.append("")
    for title, lags in (
        ("Lag (age of the recovery point)", found.lag),
        ("Lag when the first delta ends", found.first_lag),
        ("Migrations, asked to final delta", found.migrations),
    ):
        if lags is not None:
            lines.append(
                f"{title:33} median {_time(lags.median):>7}, p95 {_time(lags.p95):>7}, worst {_time(lags.worst):>7}  {lags.who}"
            )
    if found.held:
        lines += ["", "Held while due, machine-hours"]
        lines += [f"  {cause:34}{hours:10.1f}" for cause, hours in found.held.items()]
    if found.unfinished:
        more = f" and {len(found.unfinished) - 5} more" if len(found.unfinished) > 5 else ""
        lines += ["", f"Not through their initial replication: {', '.join(found.unfinished[:5])}{more}."]
    return "\n".join(lines) + "\n"


def _used(title: str, uses: Sequence[Use]) -> list[str]:
    if not uses:
        return []
    room = sum(use.limit for use in uses)
    mean = sum(use.mean * use.limit for use in uses) / room
    full = sum(use.full for use in uses) / len(uses)
    lines = [f"{f'{title} ({len(uses)})':30}{mean:6.0%}{'':18}{full:12.0%}"]
    fullest = sorted(uses, key=lambda use: (-use.full, -use.mean, use.name))[:SHOWN]
    lines += [f"  {u.name:28}{u.mean:6.0%}{u.peak:7} of {u.limit:<8}{u.full:12.0%}" for u in fullest]
    return lines


def _rank(ordered: Sequence[tuple[float, str]], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))][0]


def _size(gib: float) -> str:
    return f"{gib / 1024:.1f} TiB" if gib >= 999.95 else f"{gib:.1f} GiB"


def _time(seconds: float) -> str:
    """`0 m`, `45 m`, `3 h 20`, `2 d 4 h`."""
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02}" if hours < 24 else f"{hours // 24} d {hours % 24} h"
