"""Small fleets for the simulation's tests, and the limits counted anew from what runs."""

from collections import Counter
from datetime import datetime
from zoneinfo import ZoneInfo

from replication.model.record import CycleKind
from replication.schedule import Policy
from replication.simulate import GIB, MBIT, Assumptions, SimMachine

HOUR = 3600.0
URGENT = (CycleKind.ON_DEMAND, CycleKind.FINAL)
SLOW = Assumptions(link=1000 * MBIT, appliance=800 * MBIT, host=400 * MBIT, disk=200 * MBIT)


def at(text, zone="Asia/Seoul"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def sim_machine(name, begins, gib=20.0, disks=1, host="esx-01", on="ds-01", appliance="gw-01", churn=0.05, **more):
    used = gib * GIB
    return SimMachine(name, "wave-01", appliance, host, disks, {on: disks}, used, used * churn, begins, **more)


def over_limits(simulation):
    """S9.1, S9.2, S9.3: every place where more is in use than allowed, but for the one exception."""
    running = [(flight.cycle, simulation.machines[name]) for name, flight in simulation.running.items()]
    found = []
    for name, policy in simulation.fleet.policies.items():
        if sum(c.disks for c, _ in running if c.appliance == name) > policy.disks_per_appliance:
            found.append(name)
    policy = next(iter(simulation.fleet.policies.values()), Policy())
    for host, disks in _sums((c.host, c.disks) for c, _ in running).items():
        if disks > policy.disks_per_host:
            found.append(host)
    for store, disks in _sums(pair for c, _ in running for pair in c.datastores.items()).items():
        there = [m for c, m in running if store in c.datastores]
        alone = len(there) == 1 and there[0].disks > policy.snapshots_per_datastore
        if disks > policy.snapshots_per_datastore and not alone:
            found.append(store)
    return found


def _sums(pairs):
    out = Counter()
    for key, count in pairs:
        out[key] += count
    return out
