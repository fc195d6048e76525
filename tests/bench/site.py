"""A lab, an estate on it and its engine, as the commands make them; everything is stopped when the block ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from replication.model.record import Evidence, Record, Stage
from wavelift.demo import engine
from wavelift.labs.connection import write_connection
from wavelift.labs.lab import SERVICES, Lab
from wavelift.planning.look import gateways
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace

PATIENCE = 300.0
"""Seconds after which something has gone wrong."""

_ESTATE = """\
estate: {{name: bench, schema: 1}}
appliances: {{gw-1: {{role: primary, source: lab, schedule: brisk{limits}}}}}
policies: {{schedule: {{brisk: {{delta_minimum: {interval}s}}}}}}
targets:
  korea: {{region: koreacentral, resource_group: {{name: rg-bench-vms, managed: true}}, network_group: rg-network, vnet: vnet,
          subnets: {{VLAN110: snet}}}}
waves: {{bench: {{target: korea, phase: replicate, machines: {{{machines}}}}}}}
"""
_DATACENTER = """\
datacenters: [Seoul]
hosts: [esx-01]
datastores: [{{name: ds-01, capacity_gib: 65536}}]
networks: [VLAN110]
vms:
{vms}
"""


class Stuck(Exception):
    """Something that always comes did not; the engine's log ends in the message."""


@dataclass(frozen=True, slots=True)
class Used:
    """Processor seconds (user + system) since its start, and the peak resident size in MiB, of one process."""

    cpu: float
    rss: float


class Site:
    """Machines with one disk each, replicating on a lab."""

    def __init__(self, folder: Path, disks: Mapping[str, str], interval: int, limits: str = "") -> None:
        """`disks`: VM name -> its disk as the lab's inventory has it ("gib: 10" or "image: x.raw"), `interval` seconds,
        `limits` the appliance's (S9, S10) as the estate has them."""
        self._folder = folder
        self._disks = disks
        self._interval = interval
        self._limits = f", limits: {limits}" if limits else ""
        self.estate = folder / "estate"
        self.lab = Lab(folder / "lab")
        self._engine: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Lab, landing zone, estate, apply; the engine begins to replicate."""
        vms = "\n".join(
            f"  - {{name: {name}, cbt: true, disks: [{{{disk}}}], nics: [{{network: VLAN110, ip: 10.0.0.{number}}}]}}"
            for number, (name, disk) in enumerate(self._disks.items(), 4)
        )
        inventory = self._folder / "datacenter.yaml"
        inventory.write_text(_DATACENTER.format(vms=vms))
        self.lab.start(["--inventory", str(inventory)], [])
        self.estate.mkdir()
        machines = ", ".join(f"{name}: Standard_D2s_v5" for name in self._disks)
        (self.estate / "estate.yaml").write_text(_ESTATE.format(machines=machines, interval=self._interval, limits=self._limits))
        write_connection(self.estate, self.lab.known, "koreacentral", "rg-bench")
        self._wavelift("init")
        self._wavelift("lab", "networks")
        self._wavelift("apply", "--auto-approve", "--detach")
        self._engine = engine.begin(self.estate, self._log)

    def close(self) -> None:
        if self._engine is not None:
            engine.end(self._engine)
        self.lab.stop()

    def cycle(self, machine: str, changed: int, after: int = 0) -> Evidence:
        """The next cycle of `machine` later than number `after` that was to copy at least `changed` bytes, when committed."""
        until = time.monotonic() + PATIENCE
        with Wiring(Workspace.open(self.estate), "engine") as wiring:
            state = wiring.workspace.view().state
            known = state.by_name()[machine]
            account = gateways(state)[known.region]
            while time.monotonic() < until:
                record: Record | None = wiring.engine.records(account).get(known.uuid)
                for evidence in record.evidence if record else ():
                    if evidence.cycle > after and sum(d.changed_bytes for d in evidence.disks) >= changed:
                        return evidence
                if self._engine is None or self._engine.poll() is not None:
                    break
                time.sleep(0.5)
        raise Stuck(f"{machine}: no such cycle came. The engine said last: {self._log.read_text()[-2000:]}")

    def under_way(self) -> int:
        """Disks of machines that have a cycle under way now, by the engine's records; one disk each."""
        with Wiring(Workspace.open(self.estate), "engine") as wiring:
            accounts = gateways(wiring.workspace.view().state).values()
            records = [record for account in accounts for record in wiring.engine.records(account).values()]
        return sum(record.attempt is not None and record.attempt.stage is Stage.READING for record in records)

    def used(self) -> dict[str, Used]:
        """ "engine", "vcenter" and "azure" -> what each process has used since it began."""
        running = self.lab.running()
        pids: dict[str, int] = {service: running[service] for service in SERVICES}
        if self._engine is not None:
            pids["engine"] = self._engine.pid
        return {name: _used(pid) for name, pid in pids.items()}

    @property
    def _log(self) -> Path:
        return self._folder / "engine.log"

    def run(self, *arguments: str) -> None:
        """A `wavelift` command on this estate. `Stuck` when it fails."""
        self._wavelift(*arguments)

    def _wavelift(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "wavelift", *arguments, "-C", str(self.estate)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise Stuck(f"wavelift {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")


@contextmanager
def site(folder: Path, disks: Mapping[str, str], interval: int, limits: str = "") -> Iterator[Site]:
    made = Site(folder, disks, interval, limits)
    try:
        made.begin()
        yield made
    finally:
        made.close()


def _used(pid: int) -> Used:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return Used((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), peak / 1024)
