"""How long a machine is off must depend on the last delta, not on the size of its disks: cut-overs of two sparse machines."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from replication.model.record import Record
from tests.bench.figures import Measured
from tests.bench.process import median
from tests.bench.site import PATIENCE, Site, Stuck, site
from wavelift.planning.look import gateways
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace

RATE = 2
"""MiB a second that each guest writes on and on until it is shut down."""
EACH = 2
SIZES = {"small": ("cutover_downtime_10gib_s", 10), "large": ("cutover_downtime_1tib_s", 1024)}
"""Prefix of the VMs -> figure, GiB of the one sparse disk."""


def measure(folder: Path) -> Iterator[Measured]:
    names = [f"{prefix}-{number:02d}" for number in range(1, EACH + 1) for prefix in SIZES]  # by turns: load meets both alike
    disks = {name: f"gib: {SIZES[name.partition('-')[0]][1]}" for name in names}
    with site(folder, disks, interval=3600) as place:
        for name in names:
            place.cycle(name, 0)
        off = {name: _cut_over(place, name) for name in names}
    for prefix, (figure, gib) in SIZES.items():
        mine = sorted(seconds for name, seconds in off.items() if name.startswith(prefix))
        runs = " ".join(f"{seconds:.3g}" for seconds in mine)
        how = f"sparse disk of {gib} GiB, {RATE} MiB/s written until the shutdown; power-off asked to VM started ({runs})"
        yield Measured(figure, median(mine), how)


def _cut_over(place: Site, name: str) -> float:
    """Seconds from asking for the power-off until the Azure VM was started."""
    order = {"vm": name, "pattern": "sequential", "mib": 64, "rate": RATE}
    place.lab.control("vcenter", "POST", "write", order)
    path = place.estate / "estate.yaml"
    path.write_text(path.read_text().replace(f"{name}: Standard_D2s_v5", f"{name}: {{size: Standard_D2s_v5, phase: migrate}}"))
    place.run("apply", "--auto-approve", "--detach")
    until = time.monotonic() + PATIENCE
    with Wiring(Workspace.open(place.estate), "engine") as wiring:
        state = wiring.workspace.view().state
        known = state.by_name()[name]
        while time.monotonic() < until:
            record: Record | None = wiring.engine.records(gateways(state)[known.region]).get(known.uuid)
            progress = record.order if record is not None else None
            if progress is not None and progress.outcome is not None:
                if progress.outcome != "done":
                    raise Stuck(f"{name}: its cut-over ended {progress.outcome}: {progress.problem}")
                return float(progress.facts["started"]) - float(progress.facts["power_off_asked"])
            time.sleep(0.5)
    raise Stuck(f"{name} was not cut over")
