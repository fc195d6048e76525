"""A made-up fleet: as fleets are, many small machines and a few that are large in every way. Seeded, so the same again."""

from __future__ import annotations

import random

from replication.model.extents import GIB
from replication.schedule import Policy
from replication.simulate.model import Fleet, SimMachine

PER_WAVE, PER_HOST, PER_DATASTORE, PER_APPLIANCE = 40, 20, 16, 300
DISKS = ((1, 30), (2, 40), (3, 15), (4, 8), (6, 4), (8, 3))
"""Number of disks, how many machines of a hundred have it."""
SPREAD = 0.75
"""Sigma of the log-normal spread of churn among machines."""


def made_up(machines: int, seed: int, begins: float, churn: float = 0.05, policy: Policy | None = None) -> Fleet:
    """`churn`: what a machine writes a day, as a share of its bytes, on average. Waves of 40 named `wave-01`; one machine
    of a hundred has 18 disks, one of two hundred holds 8 TiB. `policy` is that of every appliance, of which there are
    as many as S10 asks for."""
    policy = policy or Policy()
    chance = random.Random(seed)
    appliances = [f"gw-{n + 1:02}" for n in range(-(-machines // min(PER_APPLIANCE, policy.machines_per_appliance)))]
    hosts, datastores = max(1, machines // PER_HOST), max(1, machines // PER_DATASTORE)
    made = []
    for n in range(machines):
        disks = 18 if n % 100 == 60 else chance.choices([d for d, _ in DISKS], [share for _, share in DISKS])[0]
        used = 8192 * GIB if n % 200 == 150 else min(4096.0, chance.lognormvariate(3.9, 0.9) * disks) * GIB
        made.append(
            SimMachine(
                name=f"vm-{n + 1:04}",
                wave=f"wave-{n // PER_WAVE + 1:02}",
                appliance=appliances[n * len(appliances) // machines],
                host=f"esx-{chance.randrange(hosts) + 1:02}",
                disks=disks,
                datastores={f"ds-{chance.randrange(datastores) + 1:02}": disks},
                used=used,
                churn=used * churn * uneven(seed, f"vm-{n + 1:04}"),
                begins=begins,
            )
        )
    return Fleet(tuple(made), dict.fromkeys(appliances, policy))


def uneven(seed: int, machine: str) -> float:
    """How busy a machine is, 1 on average; another machine beside it changes nothing."""
    return random.Random(f"{seed}/{machine}").lognormvariate(-SPREAD * SPREAD / 2, SPREAD)
