"""kill -9 of the engine at the worst moments (issue 2): the next engine finishes, sectors are equal, no snapshot of ours is
left in vCenter, and no machine stays off without its Azure VM."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from replication.bitmap import SectorSet
from replication.model.record import CycleKind, Life, Stage
from tests.e2e.command import Process
from tests.e2e.site import MIB, Site, Vm, standing, until

WINDOW = 256
"""MiB of an initial replication between two entries in the journal (`replication.engine.config.Limits`)."""


@dataclass
class Engines:
    """The site with one engine at a time."""

    site: Site
    process: Process | None = None

    def start(self) -> None:
        if self.process is None or not self.process.running:
            self.process = self.site.engine()

    def kill(self) -> None:
        """kill -9, and the lease that it held cut short so that nobody waits for its minute."""
        assert self.process is not None
        self.process.kill()
        self.site.break_lease()


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    vms = [
        Vm("big-01", (WINDOW + 44,), zeros=WINDOW, data=24),
        Vm("seal-01"),
        Vm("seal-02"),
        Vm("cut-01", (4, 4), data=2),
        Vm("cut-02"),
        Vm("cut-03"),
    ]
    with standing(tmp_path_factory.mktemp("kills"), vms) as site:
        site.apply("--detach")
        # All but the first 64 chunks of big-01: the kill falls into its second window.
        log = site.item("big-01").replication
        site.fault("azure", f"blob PutBlob .*/log/{log}/.*/2000/000000(6[4-9]|[7-9].)$", "delay", count=0, seconds=20)
        engines = Engines(site)
        engines.start()
        yield engines


def done(site: Site, name: str) -> int:
    """Sectors that the journal of an initial replication has as copied for good."""
    names = site.document_names(f"progress/{site.uuid(name)}/")
    data = site.document(names[0]) if names else None
    if data is None:
        return 0
    head, _, rest = data.partition(b"\n")
    return SectorSet.from_bytes(rest[: json.loads(head)["sets"][0]]).sectors


def is_past(site: Site, name: str, cycle: int) -> bool:
    return site.known(name).cycle > cycle


def snapshots(site: Site) -> dict[str, list[str]]:
    """Snapshots of ours that are open now, by VM."""
    vms = site.control("vcenter", "GET", "status")["vms"]
    return {name: [s["name"] for s in vm["snapshots"] if s["name"].startswith("wavelift-")] for name, vm in vms.items()}


@pytest.mark.timeout(240)
def test_twice_in_mid_initial_replication(engines: Engines) -> None:
    """S1.2, "kill -9 of the engine in the middle of initial replication (twice in a row)": it goes on in mid-disk, with what
    the guest wrote meanwhile, and what was copied is not read again."""
    site = engines.site
    window = WINDOW * MIB // 512
    until("the first window in the journal", lambda: done(site, "big-01") >= window)
    until("the copy in mid-disk", lambda: (s := site.shown("big-01")) is not None and (s.progress or 0) > 0.8)
    assert site.known("big-01").life is Life.INITIAL
    engines.kill()
    assert snapshots(site)["big-01"], "killed while its snapshot was open"

    site.write("big-01", 3 * MIB, b"\x11" * 512)  # in what is done
    site.write("big-01", (WINDOW + 30) * MIB, b"\x22" * 512)  # in a hole
    site.heal()
    log = site.item("big-01").replication
    slow = site.fault("azure", f"blob PutBlob .*/log/{log}/", "delay", nth=3, count=0, seconds=20)
    engines.start()
    site.struck("azure", slow)
    assert len(snapshots(site)["big-01"]) == 1, "what the first attempt left is gone"
    assert done(site, "big-01") >= window
    engines.kill()

    site.write("big-01", 5 * MIB, b"\x33" * 512)
    site.heal()
    reads = site.fault("vcenter", "ReadDatastore .*big-01", "delay", count=0)  # counts, delays by nothing
    engines.start()
    site.in_delta_sync("big-01")
    assert 0 < site.faults("vcenter")[reads]["seen"] < WINDOW // 4, "the first window was read again"
    site.heal()
    first = site.known("big-01").evidence[-1]
    assert (first.kind, first.attempts) == (CycleKind.INITIAL, 3)
    assert [(d.requested_sectors, d.applied_sectors) for d in first.disks] == [((WINDOW + 44) * 2048,) * 2]
    site.replica_is_equal("big-01")


@pytest.mark.timeout(240)
def test_between_seal_and_apply(engines: Engines) -> None:
    """Issue: "Between seal and apply": a sealed cycle is rolled forward by the next engine. Page writes of the first that
    hang on the wire meanwhile are refused when they land (412), and the replica stays equal."""
    site = engines.site
    engines.start()
    site.in_delta_sync("seal-01", "seal-02")
    for name in ("seal-01", "seal-02"):
        site.cycles(name)
    log, seed = site.item("seal-01").replication, site.item("seal-02").disks[0].seed
    fetch = site.fault("azure", f"blob GetBlob .*/log/{log}/", "delay", count=0, seconds=20)
    page = site.fault("azure", f"blob PutPage .*{seed}", "hold", count=0)
    for name in ("seal-01", "seal-02"):
        site.write(name, 0, b"\x77" * 8192)
    site.struck("azure", fetch)
    site.struck("azure", page)
    stages = {}
    for name in ("seal-01", "seal-02"):
        attempt = site.known(name).attempt
        assert attempt is not None
        stages[name] = attempt.stage
    assert stages == {"seal-01": Stage.SEALED, "seal-02": Stage.APPLYING}
    cycles = {name: site.known(name).cycle for name in stages}
    engines.kill()
    site.heal()
    engines.start()
    for name in stages:
        until(f"{name} rolled forward", partial(is_past, site, name, cycles[name]))
        rolled = next(e for e in site.known(name).evidence if e.cycle == cycles[name] + 1)
        assert sum(d.requested_sectors for d in rolled.disks) == sum(d.applied_sectors for d in rolled.disks) > 0
        site.replica_is_equal(name)
    site.write("seal-02", 0, b"\x88" * 8192)
    site.cycles("seal-02")
    late = site.control("azure", "POST", "faults/release")["released"]
    assert late and {one["status"] for one in late} == {412}, late
    site.replica_is_equal("seal-02")


@pytest.mark.timeout(300)
def test_between_power_off_and_vm_creation(engines: Engines) -> None:
    """Issue: "Between power-off and VM creation": S1.4, S7. The engine dies while one machine's disks cannot be closed to
    their writer, one's VM is refused, and one's VM is on the wire, to land late; the next engine finishes all, once."""
    site = engines.site
    cut = ("cut-01", "cut-02", "cut-03")
    engines.start()
    site.in_delta_sync(*cut)
    for name in cut:
        site.write(name, MIB, name.encode() * 512)
    disks = site.fault("azure", "arm POST .*/disks/.*cut-01.*/endGetAccess", "fail", count=0, status=503)
    refused = site.fault("azure", "arm PUT Microsoft.Compute/virtualMachines .*cut-02", "fail", count=0, status=503)
    held = site.fault("azure", "arm PUT Microsoft.Compute/virtualMachines .*cut-03", "hold", count=0)
    site.phase("migrate", *cut)
    site.apply("--detach")
    for rule in (disks, refused, held):
        site.struck("azure", rule)
    assert {site.vm(name)["power"] for name in cut} == {"poweredOff"}
    assert site.control("azure", "GET", "status")["vms"] == {}
    engines.kill()
    site.heal()
    engines.start()
    site.apply()
    late = site.control("azure", "POST", "faults/release")["released"]
    assert late
    assert all(site.known(name).life is Life.MIGRATED for name in cut)
    for name in cut:
        site.migrated_is_equal(name)
    assert len(site.control("azure", "GET", "status")["vms"]) == len(cut)
    assert not any(snapshots(site)[name] for name in cut)
