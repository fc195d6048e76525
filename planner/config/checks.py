"""What the files alone can tell about the whole: circles, phases that cannot be reached, names and addresses twice."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from planner.config.collect import Problems
from planner.config.context import Context
from planner.config.machines import names_by_case
from planner.config.tree import entries
from planner.estate import TEST_SUFFIX, Machine, Phase, Span, Target, Wave
from planner.wording import did_you_mean, quote

_NEEDED = {"migrated": Phase.MIGRATE, "completed": Phase.COMPLETE}


def check_waves(context: Context, waves: Mapping[str, Wave], machines: Mapping[str, Machine]) -> None:
    """Circles first: inside one, what a wave waits for has no meaning."""
    circles = _circles(waves)
    for circle in circles:
        _tell_circle(context, circle)
    inside = {name for circle in circles for name in circle}
    for wave in waves.values():
        if wave.name not in inside:
            _check_after(context, wave, waves, machines)


def _circles(waves: Mapping[str, Wave]) -> list[tuple[str, ...]]:
    """Each circle once, beginning with the wave that stands first in the files; depth first without recursion."""
    done: set[str] = set()
    found: list[tuple[str, ...]] = []
    for start in waves:
        if start in done:
            continue
        trail: list[str] = [start]
        on_trail = {start}
        pending = [iter(waves[start].after)]
        while pending:
            name = next((n for n in pending[-1] if n in waves and n not in done), None)
            if name is None:
                done.add(trail[-1])
                on_trail.discard(trail.pop())
                pending.pop()
            elif name in on_trail:
                found.append(tuple(trail[trail.index(name) :]))
            else:
                trail.append(name)
                on_trail.add(name)
                pending.append(iter(waves[name].after))
    return found


def _tell_circle(context: Context, circle: tuple[str, ...]) -> None:
    places = []
    for name, awaited in zip(circle, (*circle[1:], circle[0]), strict=True):
        after = entries(context.known("waves")[name].map, "after")
        places.append((f"{name} waits for {awaited}", after[awaited].key))
    way = " -> ".join((*circle, circle[0]))
    detail = f"{way}: none of them could ever be cut over. Remove one `after`."
    path = f"waves.{circle[0]}.after"
    context.problems.add("WL146", detail, places[0][1], path, tuple(places[1:]))


def _check_after(
    context: Context, wave: Wave, waves: Mapping[str, Wave], machines: Mapping[str, Machine]
) -> None:
    """A machine that is to be cut over needs the awaited waves to go that far."""
    cut_over = next(
        (machines[n] for n in wave.machines if n in machines and machines[n].phase.rank >= Phase.MIGRATE.rank),
        None,
    )
    if cut_over is None:
        return
    for name, awaited in wave.after.items():
        other, needed = waves[name], _NEEDED[awaited]
        if other.phase.rank >= needed.rank:
            continue
        place = entries(context.known("waves")[wave.name].map, "after")[name].key
        detail = (
            f"{quote(cut_over.name)} is to go to `{cut_over.phase.value}` after {quote(name)} is {awaited}, but "
            f"{quote(name)} only goes to `{other.phase.value}`. Give {quote(name)} phase `{needed.value}`, or leave "
            f"{quote(wave.name)} at `replicate` or `test` for now."
        )
        related = ((f"{name} is declared here", other.span),) if other.span else ()
        context.problems.add("WL147", detail, place, f"waves.{wave.name}.after.{name}", related)


def check_machines(
    problems: Problems,
    waves: Mapping[str, Wave],
    machines: Mapping[str, Machine],
    targets: Mapping[str, Target],
) -> None:
    """Machines against their wave, their target and each other."""
    for machine in machines.values():
        _check_phase(problems, machine, waves[machine.wave], targets.get(machine.target))
        _check_hold(problems, machine)
    _check_start_after(problems, machines)
    _check_case(problems, machines)
    _check_test_names(problems, machines)
    _check_vms(problems, machines)
    _check_addresses(problems, machines, targets)


def _check_start_after(problems: Problems, machines: Mapping[str, Machine]) -> None:
    """Whoever is waited for is there and goes as far, and nobody waits for itself in the end."""
    for machine in machines.values():
        name = machine.start_after
        if name is None:
            continue
        place, path = machine.spans.get("start_after"), _path(machine, "start_after")
        other = machines.get(name)
        if other is None:
            problems.add("WL162", f"There is no machine {quote(name)}.{did_you_mean(name, machines)}", place, path)
            continue
        if machine.phase.rank >= Phase.MIGRATE.rank > other.phase.rank:
            detail = f"{quote(name)} only goes to `{other.phase.value}`, so {quote(machine.name)} would wait for ever."
            problems.add("WL162", detail, place, path)
        trail = [machine.name]
        while other is not None and other.name not in trail:
            trail.append(other.name)
            other = machines.get(other.start_after) if other.start_after else None
        if other is not None and other.name == machine.name:
            detail = f"{' -> '.join((*trail, machine.name))}: none of them could ever be cut over."
            problems.add("WL162", detail, place, path)


def _path(machine: Machine, key: str) -> str:
    return f"waves.{machine.wave}.machines.{machine.name}.{key}"


def _check_phase(problems: Problems, machine: Machine, wave: Wave, target: Target | None) -> None:
    place = machine.spans.get("phase")
    if machine.phase is not wave.phase and machine.phase.rank < wave.phase.rank:
        related = (("the wave", wave.span),) if wave.span else ()
        detail = (
            f"{quote(machine.name)} goes to `{machine.phase.value}` while its wave {quote(wave.name)} goes to "
            f"`{wave.phase.value}`. Waves after {quote(wave.name)} wait for it too."
        )
        problems.add("WL148", detail, place, _path(machine, "phase"), related)
    if machine.phase is Phase.TEST and target is not None and target.test_vnet is None:
        related = (("the target", target.span),) if target.span else ()
        detail = f"{quote(machine.name)} is to be tested, but target {quote(target.name)} names no `test_vnet`."
        problems.add("WL149", detail, place, _path(machine, "phase"), related)


def _check_hold(problems: Problems, machine: Machine) -> None:
    if machine.hold is None or machine.hold.until is None:
        return
    try:
        date.fromisoformat(machine.hold.until)
    except ValueError:
        detail = f"The calendar has no day {quote(machine.hold.until)}."
        problems.add("WL156", detail, machine.spans.get("hold"), _path(machine, "hold.until"))


def _check_case(problems: Problems, machines: Mapping[str, Machine]) -> None:
    for group in names_by_case(machines).values():
        for name in group[1:]:
            detail = f"{quote(name)} and {quote(group[0])} would be the same name in Azure. Rename one."
            _tell_pair(
                problems, "WL151", detail, machines[group[0]].span, machines[name].span, machines[name], ""
            )


def _check_test_names(problems: Problems, machines: Mapping[str, Machine]) -> None:
    """A test VM carries its machine's name with a suffix: where the same group holds a machine of that name, one waits."""
    known = {(m.target, m.landing.group, name.casefold()): m for name, m in machines.items()}
    for name, machine in machines.items():
        other = known.get((machine.target, machine.landing.group, f"{name}{TEST_SUFFIX}".casefold()))
        if other is not None:
            detail = (
                f"The test VM of {quote(name)} would be called {quote(other.name)}, as this machine: while one of the two is in "
                "Azure, the other is refused before anything is changed. Rename one, or give one another `resource_group`."
            )
            related = (("the machine whose test VM it is", machine.span),) if machine.span else ()
            problems.add("WL580", detail, other.span, _path(other, "").rstrip("."), related)


def _check_vms(problems: Problems, machines: Mapping[str, Machine]) -> None:
    """The same name or path of one source; whether a name and a path are the same VM only the inventory knows."""
    seen: dict[tuple[str, str], Machine] = {}
    for machine in machines.values():
        vm = machine.vm or machine.name
        first = seen.setdefault((machine.source, vm), machine)
        if first is not machine:
            detail = f"{quote(machine.name)} and {quote(first.name)} are both the VM {quote(vm)}. Remove one."
            here = machine.spans.get("vm", machine.span)
            _tell_pair(problems, "WL152", detail, first.spans.get("vm", first.span), here, machine, "vm")


def _check_addresses(
    problems: Problems, machines: Mapping[str, Machine], targets: Mapping[str, Target]
) -> None:
    seen: dict[tuple[str, str, str, str], tuple[Machine, Span | None]] = {}
    for machine in machines.values():
        target = targets.get(machine.target)
        for number, nic in machine.nics.items():
            if nic.ip is None or target is None:
                continue
            group = target.network_group or target.resource_group.name
            network = (target.subscription, group.casefold(), target.vnet.casefold(), nic.ip)
            first, place = seen.setdefault(network, (machine, nic.span))
            if place is not nic.span:
                detail = (
                    f"{quote(nic.ip)} is already the address of {quote(first.name)} in {quote(target.vnet)}."
                )
                _tell_pair(problems, "WL153", detail, place, nic.span, machine, f"nics.{number}.ip")


def _tell_pair(
    problems: Problems,
    code: str,
    detail: str,
    first: Span | None,
    here: Span | None,
    machine: Machine,
    key: str,
) -> None:
    related = (("first given here", first),) if first else ()
    problems.add(code, detail, here, _path(machine, key).rstrip("."), related)
