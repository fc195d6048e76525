"""A site for a test: a small datacenter and cloud in processes of their own, an estate, and the `wavelift` command.

Everything goes through what a user has: the command as a process, the lab's control API, files, and Azure's own SDK. Only
the waiting reads the documents of the engine through `wavelift.planning.documents`: a process for every look is too slow.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from azure.identity import ClientSecretCredential
from azure.storage.blob import BlobServiceClient

from replication.model.item import Item
from replication.model.record import Life, Record
from replication.model.status import Status
from tests.e2e.command import Process, Ran, fresh
from wavelift.labs.lab import Lab, Service
from wavelift.planning.look import gateways
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace

T = TypeVar("T")
MIB = 1024 * 1024
PATIENCE = 90.0
"""Seconds that anything awaited may take on a busy machine; an idle one needs a few."""

ESTATE = """\
estate: {name: e2e, schema: 1, time_zone: Etc/UTC}
appliances:
  gw-1: {role: primary, source: lab, schedule: quick}
policies:
  schedule:
    quick: {delta_minimum: 1s, retry_after: 1s}
  cutover:
    quick: {shutdown: {mode: guest, wait: 20s, then: fail}}
targets:
  korea:
    region: koreacentral
    resource_group: {name: rg-e2e, managed: true}
    network_group: rg-network
    vnet: vnet-prod
    test_vnet: vnet-bubble
    subnets: {VLAN10: snet-a}
defaults: {disk: StandardSSD_LRS, ip: keep, cutover: quick}
"""


@dataclass(frozen=True)
class Vm:
    """A source VM: `disks` in MiB. `data`: MiB of random content at the start of each disk, `zeros` MiB written as zero
    before it. `more` goes into the lab's inventory as it stands."""

    name: str
    disks: tuple[int, ...] = (20,)
    data: float = 4
    zeros: int = 0
    cbt: bool = True
    more: dict[str, Any] = field(default_factory=dict)


def until(what: str, look: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """The first answer of `look` that is something; AssertionError with `what` when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}"
        time.sleep(0.1)


class Site:
    """`folder` holds the lab, the images and the estate."""

    def __init__(self, folder: Path, vms: Sequence[Vm]) -> None:
        self.folder = folder
        self.estate = folder / "estate"
        self.lab = Lab(folder / "lab")
        self.machines: dict[str, dict[str, Any]] = {}
        self._vms = vms
        self._processes: list[Process] = []
        self._number = 0
        self._wiring: Wiring | None = None

    # ---- set up and gone again

    def start(self, machines: Sequence[str]) -> None:
        """Lab, landing zone, estate with these machines in phase `replicate`, pinned."""
        inventory = self.folder / "datacenter.yaml"
        inventory.write_text(yaml.safe_dump(_inventory(self.folder, self._vms)))
        ran = self.run("lab", "start", "--dir", str(self.lab.folder), "--inventory", str(inventory))
        assert ran.code == 0, ran.said
        self.control("azure", "POST", "azure/settings", {"latency": 0.02})
        self.estate.mkdir()
        (self.estate / "estate.yaml").write_text(ESTATE)
        self.machines = {name: {"size": "Standard_D2s_v5"} for name in machines}
        self.write_wave()
        ran = self.run("init", "-C", str(self.estate), "--lab", str(self.lab.folder))
        assert ran.code == 0, ran.said
        ran = self.run("lab", "networks", "-C", str(self.estate))
        assert ran.code == 0, ran.said

    def close(self) -> None:
        """Stop everything by its process id; nothing that belongs to this site is left running."""
        for process in self._processes:
            if process.running:
                process.signal(signal.SIGTERM)
                process.wait(PATIENCE)
        if self._wiring is not None:
            self._wiring.__exit__(None, None, None)
        self.lab.stop()
        left = [pid for pid in _pids_about(self.folder) if pid != os.getpid()]
        assert not left, f"still running: {left}"

    # ---- commands

    def run(self, *arguments: str, again: bool = True) -> Ran:
        """A command to its end. `again=False`: as the shell would start it, not forked (see `command`)."""
        if not again:
            return fresh(arguments, self.folder, 2 * PATIENCE)
        process = self._process(arguments, arguments[0])
        code = process.wait(2 * PATIENCE)
        return Ran(code, process.out.read_text(), process.err.read_text())

    def here(self, command: str, *arguments: str) -> Ran:
        """A command on the estate."""
        return self.run(command, "-C", str(self.estate), *arguments)

    def apply(self, *arguments: str) -> Ran:
        """`apply --auto-approve` that succeeds."""
        ran = self.here("apply", "--auto-approve", *arguments)
        assert ran.code == 0, ran.said
        return ran

    def beside(self, *arguments: str) -> Process:
        """A command on the estate that runs while the test goes on."""
        process = self._process([*arguments, "-C", str(self.estate)], arguments[0])
        self._processes.append(process)
        return process

    def _process(self, arguments: Sequence[str], name: str) -> Process:
        self._number += 1
        log = self.folder / f"{self._number:03}-{name}"
        return Process(arguments, self.folder, log.with_suffix(".out"), log.with_suffix(".err"))

    def engine(self) -> Process:
        """`wavelift engine run`."""
        return self.beside("engine", "run")

    # ---- the estate

    def write_wave(self) -> None:
        wave = {"target": "korea", "phase": "replicate", "machines": self.machines}
        (self.estate / "wave.yaml").write_text(yaml.safe_dump({"waves": {"w": wave}}, sort_keys=False))

    def phase(self, phase: str, *machines: str) -> None:
        """What a pull request would change."""
        for name in machines:
            self.machines[name]["phase"] = phase
        self.write_wave()

    @property
    def state(self) -> dict[str, Any]:
        """The state file as it stands."""
        found: dict[str, Any] = json.loads((self.estate / ".wavelift" / "state.json").read_text())
        return found

    # ---- the lab

    def control(self, service: Service, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.lab.control(service, method, path, body)

    def vm(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.control("vcenter", "GET", "status")["vms"][name]
        return found

    def fault(self, service: Service, match: str, action: str, **more: Any) -> str:
        """Order a fault; its id."""
        rule: str = self.control(service, "POST", "faults", {"match": match, "action": action, **more})["id"]
        return rule

    def faults(self, service: Service) -> dict[str, dict[str, Any]]:
        return {rule["id"]: rule for rule in self.control(service, "GET", "faults")["rules"]}

    def struck(self, service: Service, rule: str, times: int = 1, seconds: float = PATIENCE) -> None:
        """Wait until a fault has hit so often."""
        until(f"fault {rule} to hit {times} times", lambda: self.faults(service)[rule]["hits"] >= times, seconds)

    def heal(self) -> None:
        """Forget all faults; what is held on the wire stays there."""
        for service in ("vcenter", "azure"):
            self.control(service, "DELETE", "faults")

    def write(self, vm: str, offset: int, data: bytes, disk: int = 2000) -> None:
        """One write of the guest."""
        body = {"vm": vm, "disk": disk, "offset": offset, "data_b64": base64.b64encode(data).decode()}
        self.control("vcenter", "POST", "write", body)

    # ---- the engine's documents

    def wiring(self) -> Wiring:
        """Documents and clients, without a process for every look."""
        if self._wiring is None:
            self._wiring = Wiring(Workspace.open(self.estate), "engine")
        return self._wiring

    @property
    def subscription(self) -> str:
        return self.wiring().workspace.estate.azure.project_subscription

    def uuid(self, name: str) -> str:
        wiring = self.wiring()
        wiring.refresh()
        return wiring.workspace.locked[name]

    def gateway(self) -> str:
        """Endpoint of the gateway store; empty before the first apply made one."""
        return gateways(self.wiring().workspace.view().state).get("koreacentral", "")

    def record(self, name: str) -> Record | None:
        account = self.gateway()
        return self.wiring().engine.records(account).get(self.uuid(name)) if account else None

    def known(self, name: str) -> Record:
        found = self.record(name)
        assert found is not None, f"no record of {name}"
        return found

    def shown(self, name: str) -> Status | None:
        account = self.gateway()
        return self.wiring().engine.statuses(account).get(self.uuid(name)) if account else None

    def item(self, name: str) -> Item:
        return self.wiring().engine.items(self.gateway())[self.uuid(name)]

    def document(self, name: str) -> bytes | None:
        return self.wiring().engine.document(self.gateway(), name)

    def document_names(self, prefix: str) -> list[str]:
        return sorted(self.wiring().engine.open(self.gateway()).list(prefix))

    def in_delta_sync(self, *machines: str) -> None:
        """Wait for the end of the initial replication."""
        for name in machines:
            until(f"{name} in delta sync", partial(self._is_in_delta, name))

    def _is_in_delta(self, name: str) -> bool:
        found = self.record(name)
        return found is not None and found.life is Life.DELTA

    def cycles(self, name: str, more: int = 1) -> Record:
        """Wait until so many cycles *began and completed* after this call."""
        now = time.time()

        def look() -> Record | None:
            record = self.known(name)
            fresh = [e for e in record.evidence if e.started >= now and e.completed]
            return record if len(fresh) >= more and record.committed and record.attempt is None else None

        return until(f"{more} more cycles of {name}", look)

    # ---- content

    def blobs(self, account: str) -> BlobServiceClient:
        """Azure's own SDK with the lab's credentials."""
        azure = self.lab.known["azure"]
        credential = ClientSecretCredential(
            azure["tenant"],
            azure["client_id"],
            azure["client_secret"],
            authority=azure["authority"],
            disable_instance_discovery=True,
            connection_verify=self.lab.known["ca"],
        )
        return BlobServiceClient(account, credential=credential, connection_verify=self.lab.known["ca"])

    def replica(self, name: str, key: int = 2000, point: str | None = None) -> bytes:
        """Content of a replica disk: of a recovery point's blob snapshot, or as it stands."""
        item = self.item(name)
        seed = next(d.seed for d in item.disks if d.key == key)
        client = self.blobs(item.seed_account).get_blob_client(item.seed_container, seed, snapshot=point)
        return client.download_blob().readall()

    def source(self, name: str, key: int = 2000) -> bytes:
        """What the guest sees on a disk now."""
        target = self.folder / f"flat-{name}-{key}"
        body = {"vm": name, "disk": key, "path": str(target)}
        self.control("vcenter", "POST", "flatten", body)
        return target.read_bytes()

    def replica_is_equal(self, name: str) -> None:
        """After a cycle that began now, the newest recovery point is what the (silent) guest has, for every disk."""
        record = self.cycles(name)
        assert record.committed is not None and not record.dirty
        for disk in self.item(name).disks:
            point = self.replica(name, disk.key, record.committed.points[disk.key])
            assert differing(self.source(name, disk.key), point) == 0, f"{name} disk {disk.key} differs from its source"

    def migrated_is_equal(self, name: str) -> None:
        """Every managed disk of a migrated machine against its source, sector for sector, as `lab status --json` names them;
        no snapshot of ours is left, the source is off and the Azure VM runs."""
        ran = self.run("lab", "status", "--dir", str(self.lab.folder), "--json")
        assert ran.code == 0, ran.said
        found = json.loads(ran.out)
        vm = found["vcenter"]["vms"][name]
        managed = {arm.lower(): disk for arm, disk in found["azure"]["disks"].items()}
        assert vm["power"] == "poweredOff" and vm["snapshots"] == []
        for disk in vm["disks"]:
            assert len(disk["chain"]) == 1, f"a chain was left on {name} {disk['label']}"
            arm = self.state["artifacts"][f"disk.{name}/{disk['key']}"]["id"].lower()
            theirs = Path(managed[arm]["path"])
            assert differing(Path(disk["path"]).read_bytes(), theirs.read_bytes()) == 0, f"{name} {disk['label']} differs"
        azure = found["azure"]["vms"]
        mine = self.state["artifacts"][f"vm.{name}"]["id"]
        assert [one["power"] for arm, one in azure.items() if arm.lower() == mine.lower()] == ["running"]

    def break_lease(self) -> None:
        """The minute that a killed coordinator's lease still runs, cut short the way an operator can: Azure's own call."""
        store = self.blobs(self.gateway())
        from azure.storage.blob import BlobLeaseClient

        names = [c.name for c in store.list_containers()]
        for container in names:
            client = store.get_blob_client(container, "coordinator")
            if client.exists() and client.get_blob_properties().lease.state == "leased":
                BlobLeaseClient(client).break_lease(lease_break_period=0)


def differing(source: bytes, disk: bytes) -> int:
    """Sectors of `source` that `disk` has otherwise; what `disk` has beyond must be zero."""
    assert len(disk) >= len(source), f"{len(disk)} bytes for {len(source)}"
    assert not any(disk[len(source) :]), "not zero beyond the source"
    if disk[: len(source)] == source:
        return 0
    return sum(source[i : i + 512] != disk[i : i + 512] for i in range(0, len(source), 512))


@contextmanager
def standing(folder: Path, vms: Sequence[Vm], machines: Sequence[str] | None = None) -> Iterator[Site]:
    """A started site that is gone at the end. `machines`: those of the estate (all VMs)."""
    site = Site(folder, vms)
    try:
        site.start([vm.name for vm in vms] if machines is None else machines)
        yield site
    finally:
        site.close()


def _inventory(folder: Path, vms: Sequence[Vm]) -> dict[str, Any]:
    images = folder / "images"
    images.mkdir(exist_ok=True)
    return {
        "datacenters": ["Seoul"],
        "hosts": ["esx-01", "esx-02"],
        "datastores": [{"name": "ds-01"}, {"name": "ds-02"}],
        "networks": ["VLAN10"],
        "vms": [
            {
                "name": vm.name,
                "host": f"esx-0{1 + number % 2}",
                "datastore": f"ds-0{1 + number % 2}",
                "cbt": vm.cbt,
                "disks": [{"image": str(_image(images, vm, at))} for at in range(len(vm.disks))],
                "nics": [{"network": "VLAN10", "ip": f"10.20.1.{10 + number}"}],
                **vm.more,
            }
            for number, vm in enumerate(vms)
        ],
    }


def _image(folder: Path, vm: Vm, at: int) -> Path:
    """A sparse raw disk: zeros that were written, random content, and a hole."""
    seed = int.from_bytes(hashlib.sha256(f"{folder}{vm.name}{at}".encode()).digest()[:8], "big")
    path = folder / f"{seed:016x}.raw"
    with path.open("wb") as out:
        out.truncate(vm.disks[at] * MIB)
        out.write(bytes(vm.zeros * MIB))
        out.write(random.Random(seed).randbytes(int(min(vm.data, vm.disks[at] - vm.zeros) * MIB)))
    return path


def _pids_about(folder: Path) -> list[int]:
    """Processes that run in this folder or were told of it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            line = (entry / "cmdline").read_bytes() + os.readlink(entry / "cwd").encode()
        except OSError:
            continue  # it ended while we looked
        if str(folder).encode() in line:
            found.append(int(entry.name))
    return found
