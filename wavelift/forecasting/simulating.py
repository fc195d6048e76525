"""From an estate's files and what its vCenters hold to a fleet that can be simulated."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from planner.desired import DesiredMachine, build
from planner.desired.replicating import choose_appliance
from planner.estate import Estate
from planner.inventory import Inventory
from replication.simulate import Fleet, Migration, SimMachine, uneven
from replication.windows import Blackout
from replication.windowtext import parse
from wavelift.diagnostics import shown
from wavelift.hosting.policies import policy_of, throttle_of
from wavelift.problems import UserProblem


def fleet_of(
    estate: Estate, inventory: Inventory, locked: Mapping[str, str], begins: float, used: float, churn: float, seed: int
) -> Fleet:
    """Every machine of the estate, with its replication configured at `begins` (unix time). `used`: the share of a disk's
    capacity that is sent; `churn`: of these bytes, what is written a day on average. `UserProblem` for what does not fit."""
    desired = build(estate, inventory, locked)
    errors = tuple(d for d in desired.diagnostics if d.severity == "error")
    if errors:
        raise UserProblem(f"{shown(errors)}\n{len(errors)} problems between the estate and the inventory; nothing to simulate.")
    if not desired.machines:
        raise UserProblem(f"Estate {estate.name} has no machines to simulate. Name some in a wave, or use --machines N.")
    machines = tuple(_machines(estate, desired.machines, begins, used, churn, seed))
    policies = {a.name: policy_of(a) for a in estate.appliances.values()}
    return Fleet(machines, policies, {a.name: throttle_of(a) for a in estate.appliances.values()})


def _machines(
    estate: Estate, wanted: Mapping[str, DesiredMachine], begins: float, used: float, churn: float, seed: int
) -> Iterator[SimMachine]:
    taken: defaultdict[str, int] = defaultdict(int)
    for name, one in wanted.items():
        machine = one.machine
        appliance = choose_appliance(estate, machine.source, taken)
        if appliance is None:
            raise UserProblem(
                f"{name}: every appliance of source {machine.source} has as many machines as its limit allows (S10). "
                "Declare another one with `role: scale-out`."
            )
        taken[appliance.name] += 1
        size = sum(disk.capacity for disk in one.disks) * used
        yield SimMachine(
            name=name,
            wave=machine.wave,
            appliance=appliance.name,
            host=one.vm.host,
            disks=len(one.disks),
            datastores=Counter(disk.datastore for disk in one.disks),
            used=size,
            churn=size * churn * uneven(seed, name),
            begins=begins,
            hold=machine.hold.why if machine.hold else None,
            blackouts=tuple(blackouts_of(estate, name, appliance.time_zone)),
            in_blackout=machine.cutover.in_blackout,
        )


def blackouts_of(estate: Estate, name: str, zone: str) -> Iterator[Blackout]:
    """Of the machine's wave and its own, in its appliance's time zone."""
    machine = estate.machines[name]
    wave = estate.waves[machine.wave]
    for policy, whose in ((wave.blackout, f"wave {wave.name}"), (machine.blackout, name)):
        if policy is not None:
            yield Blackout(parse(policy.windows), zone, policy.name, whose)


def moment(text: str, zone: str) -> float:
    """Unix time of `2027-03-12T20:00`, by the clocks of `zone` where it names no offset. `UserProblem`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UserProblem(f"{text!r} is no time: give it as 2027-03-12T20:00 (clocks of {zone}).") from None
    return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).timestamp()


def migration(text: str, fleet: Fleet, zone: str, begin: float, end: float) -> Migration:
    """`WAVE@TIME` or `MACHINE@TIME`. `UserProblem` when there is no such thing or the time is outside the simulation."""
    name, sign, when = text.partition("@")
    if not sign:
        raise UserProblem(f"--migrate {text}: expected WAVE@TIME, such as wave-01@2027-03-15T20:00.")
    machines = tuple(m.name for m in fleet.machines if name in (m.wave, m.name))
    if not machines:
        waves = list(dict.fromkeys(m.wave for m in fleet.machines))
        known = ", ".join(waves[:8]) + (" …" if len(waves) > 8 else "")
        raise UserProblem(f"--migrate {text}: {name!r} is neither a wave nor a machine. The waves are {known}.")
    at = moment(when, zone)
    if not begin <= at < end:
        raise UserProblem(f"--migrate {text}: the time is outside what is simulated. Choose --start and --days to hold it.")
    return Migration(at, machines)
