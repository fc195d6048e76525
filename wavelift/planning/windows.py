"""What blackout windows and throttles mean at a moment: lines for `status`, and what `plan` says of initial replications."""

from __future__ import annotations

from collections.abc import Iterator

from planner.desired import Desired
from planner.estate import Appliance, Diagnostic, Estate
from planner.state import State
from replication.schedule.words import clock
from replication.windows import closed
from wavelift.applianceconfig import rate_text
from wavelift.hosting.policies import blackout_of, throttle_of

_INSIDE = {
    "continue": "an initial replication under way goes on inside, with its snapshot open",
    "release-and-resume": "an initial replication under way removes its snapshot then and resumes after it",
}


def appliance_lines(estate: Estate, now: float) -> list[str]:
    """One line for each appliance that has windows or a throttle: what holds now, and until when."""
    found = ((a.name, [*_rate(a, now), *_blackout(a, now)]) for a in estate.appliances.values())
    return [f"{name}: {' · '.join(parts)}" for name, parts in found if parts]


def _rate(one: Appliance, now: float) -> Iterator[str]:
    if one.throttle is None:
        return
    throttle = throttle_of(one)
    rate, change = throttle.rate_at(now), throttle.next_change(now)
    text = rate_text(rate)
    if change is not None:
        text += f" until {clock(change, now, one.time_zone)}, then {rate_text(throttle.rate_at(change))}"
    yield f"throttle {text}"


def _blackout(one: Appliance, now: float) -> Iterator[str]:
    blackout = blackout_of(one)
    shut, change = closed((blackout,), now), blackout.next_change(now)
    name = f" {blackout.name}" if blackout.name else ""
    if shut is not None:
        yield f"blackout{name} until {clock(shut.until, now, one.time_zone)}"
    elif change is not None:
        yield f"next blackout{name} {clock(change, now, one.time_zone)}"


def initial_in_windows(desired: Desired, state: State) -> Iterator[Diagnostic]:
    """Initial replications that this plan starts on an appliance with windows: one remark for each appliance."""
    new = [m for m in desired.machines.values() if m.uuid not in state.machines]
    for one in desired.estate.appliances.values():
        mine = [m for m in new if m.machine.source == one.source]
        if one.blackout is None or not mine:
            continue
        size = sum(disk.capacity for m in mine for disk in m.disks) / 2**30
        detail = (
            f"{len(mine)} machine{'s' if len(mine) > 1 else ''} ({size:,.0f} GiB) begin to replicate, and `{one.name}` is closed "
            f"at {one.blackout.windows} ({one.time_zone}): {_INSIDE[one.schedule.initial_in_blackout]} "
            f"(`initial_in_blackout: {one.schedule.initial_in_blackout}` of its schedule)."
        )
        path = f"appliances.{one.name}.blackout"
        yield Diagnostic("WL348", "initial replications meet blackout windows", detail, path, one.span, severity="warning")
