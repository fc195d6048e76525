"""S5 and the fences at work: a page write that lands after its time is refused, and a log that is not what was sealed is
never written to a replica."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from replication.model.record import Record
from tests.e2e.command import Process
from tests.e2e.site import Site, Vm, differing, standing, until


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("late"), [Vm("late-01"), Vm("flip-01"), Vm("flip-02")]) as made:
        made.apply("--detach")
        yield made


@pytest.fixture(scope="module")
def engine(site: Site) -> Process:
    return site.engine()


def seed(site: Site, name: str) -> str:
    return site.item(name).disks[0].seed


def test_late_page_write_is_refused(site: Site, engine: Process) -> None:
    """Issue: "A page write that was held on the wire and lands after the next cycle (refused)": 412, whatever came meanwhile."""
    site.in_delta_sync("late-01")
    site.cycles("late-01")
    rule = site.fault("azure", f"blob PutPage .*{seed(site, 'late-01')}", "hold", count=1)
    site.write("late-01", 0, b"old " * 1024)
    site.struck("azure", rule)
    site.cycles("late-01")  # the cycle that the write belonged to has been finished without it, or repaired by the next
    site.write("late-01", 0, b"new " * 1024)
    site.replica_is_equal("late-01")
    landed = site.control("azure", "POST", "faults/release")["released"]
    assert [one["status"] for one in landed] == [412]
    assert site.replica("late-01")[:4096] == b"new " * 1024
    site.heal()
    site.replica_is_equal("late-01")


@pytest.mark.parametrize("way", ["on the wire", "at rest"])
def test_bit_flipped_in_a_log_blob(site: Site, engine: Process, way: str) -> None:
    """S5.2, "a bit flipped in a log blob (cycle fails, nothing of it written, next cycle repairs)"."""
    name = "flip-01" if way == "on the wire" else "flip-02"
    site.in_delta_sync(name)
    before = site.cycles(name)
    log = f"/log/{site.item(name).replication}/"
    held = site.fault("azure", f"blob PutPage .*{seed(site, name)}", "fail", count=0, status=503)
    if way == "on the wire":
        rule = site.fault("azure", f"blob GetBlob .*{log}.*/2000/", "flip", count=1)
        site.write(name, 0, b"\x5a" * 65536)
    else:
        rule = site.fault("azure", f"blob GetBlob .*{log}.*manifest", "delay", count=1, seconds=2)
        site.write(name, 0, b"\x5a" * 65536)
        site.struck("azure", rule)
        blobs = site.blobs(site.item(name).log_account).get_container_client(site.item(name).log_container)
        chunk = next(b for b in blobs.list_blobs(name_starts_with=log.removeprefix("/log/")) if "/2000/" in b.name)
        body = {"account": account_of(site, name), "container": "log", "blob": chunk.name, "byte": chunk.size // 2}
        site.control("azure", "POST", "azure/blob/flip", body)
    failed = until("the cycle to fail", lambda: problem(site, name))
    # Nothing of it was written: page writes would have been refused anyway, and none was even tried.
    assert failed.committed is not None and before.committed is not None
    assert site.faults("azure")[held]["seen"] == 0
    point = site.replica(name, 2000, failed.committed.points[2000])
    assert differing(point, site.replica(name)) == 0
    assert not failed.dirty
    site.heal()
    site.replica_is_equal(name)
    repaired = next(e for e in site.known(name).evidence if e.cycle == failed.cycle + 1)
    assert repaired.attempts == 2
    assert [d.requested_sectors == d.applied_sectors for d in repaired.disks] == [True]
    assert site.known(name).problem == ""
    assert f"{name}: attempt failed" in engine.said


def account_of(site: Site, name: str) -> str:
    return site.item(name).log_account.rstrip("/").rpartition("/")[2]


def problem(site: Site, name: str) -> Record | None:
    record = site.known(name)
    return record if record.problem else None
