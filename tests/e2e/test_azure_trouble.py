"""Trouble of the kind that clouds and datacenters make every day: everything still finishes, and is equal."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from replication.model.record import Life
from tests.e2e.command import Process
from tests.e2e.site import MIB, Site, Vm, standing, until

STORM: tuple[tuple[str, dict[str, Any]], ...] = (
    ("arm PUT ", {"nth": 2, "count": 2, "status": 429, "code": "TooManyRequests", "retry_after": 0.2}),
    ("arm PUT ", {"nth": 7, "count": 2, "status": 503, "code": "ServerTimeout", "when": "after"}),
    ("arm GET ", {"nth": 4, "count": 3, "status": 429, "code": "TooManyRequests", "retry_after": 0.2}),
    ("arm POST ", {"nth": 1, "count": 2, "status": 503, "code": "ServiceUnavailable"}),
    ("login ", {"nth": 2, "count": 1, "status": 503, "code": "temporarily_unavailable"}),
    ("keyvault GET", {"nth": 1, "count": 2, "status": 429, "code": "Throttled", "retry_after": 0.2}),
    ("blob PutBlob .*/log/", {"nth": 2, "count": 3, "status": 503, "when": "after"}),
    ("blob PutBlob .*/gateway/records/", {"nth": 4, "count": 2, "status": 500, "when": "after"}),
    ("blob PutBlob .*/gateway/items/", {"nth": 1, "count": 1, "status": 503}),
    ("blob GetBlob ", {"nth": 6, "count": 3, "status": 503}),
    ("blob PutPage ", {"nth": 2, "count": 3, "status": 503, "when": "after"}),
    ("blob SnapshotBlob ", {"nth": 2, "count": 1, "status": 503, "when": "after"}),
    ("disk PutPageFromURL ", {"nth": 2, "count": 2, "status": 503}),
)
"""(calls, how they fail): an ordinary bad day, with answers lost after the work was done."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    vms = [Vm("storm-01", (8, 20), data=4), Vm("size-01"), Vm("chain-01"), Vm("reset-01", (4, 4), data=2)]
    with standing(tmp_path_factory.mktemp("trouble"), vms) as made:
        yield made


@pytest.fixture(scope="module")
def engine(site: Site) -> Process:
    return site.engine()


@pytest.fixture
def replicating(site: Site, engine: Process) -> Process:
    """The engine, with the estate applied (by the bad day, when that test ran)."""
    if not site.gateway():
        site.apply("--detach")
    return engine


@pytest.mark.timeout(240)
def test_a_bad_day(site: Site, engine: Process) -> None:
    """429 with Retry-After, 500 and 503 before and after the work, tokens and sessions that expire, in the middle of
    everything from the first apply to the last step of a migration."""
    rules = [site.fault("azure", match, "fail", **how) for match, how in STORM]
    until("an apply that goes through", lambda: site.here("apply", "--auto-approve").code == 0)
    site.write("storm-01", 0, b"\xee" * 4096)
    site.control("azure", "POST", "azure/tokens/expire")
    site.control("vcenter", "POST", "sessions/expire")
    site.replica_is_equal("storm-01")
    site.phase("migrate", "storm-01")
    site.control("vcenter", "POST", "sessions/expire")
    site.apply("--detach")
    site.control("azure", "POST", "azure/tokens/expire")
    until("storm-01 to be migrated", lambda: site.known("storm-01").life is Life.MIGRATED)
    site.apply()
    hits = {rule: site.faults("azure")[rule]["hits"] for rule in rules}
    site.heal()
    assert all(hits.values()), f"a fault that never struck shows nothing: {hits}"
    site.migrated_is_equal("storm-01")
    assert site.here("plan", "--detailed-exitcode").code == 0


@pytest.mark.timeout(240)
def test_no_capacity_for_the_first_size(site: Site, replicating: Process) -> None:
    """AllocationFailed for the first size of a machine: the second is taken."""
    site.in_delta_sync("size-01")
    site.control("azure", "POST", "azure/sizes", {"size": "Standard_D4s_v5", "code": "AllocationFailed"})
    site.machines["size-01"]["size"] = ["Standard_D4s_v5", "Standard_D2s_v5"]
    site.phase("migrate", "size-01")
    site.apply()
    order = site.known("size-01").order
    assert order is not None and order.outcome == "done" and order.facts["size"] == "Standard_D2s_v5"
    assert "no capacity for Standard_D4s_v5" in replicating.said
    site.migrated_is_equal("size-01")
    assert site.here("plan", "--detailed-exitcode").code == 0


def test_consolidation_that_fails(site: Site, replicating: Process) -> None:
    """S2: a chain that vCenter cannot merge holds the next cycle back, with the reason, until it is merged; the cycle is
    complete only then."""
    site.in_delta_sync("chain-01")
    site.cycles("chain-01")
    site.control("vcenter", "POST", "vm/chain-01", {"fail_consolidate": 1000})
    site.write("chain-01", 0, b"\x42" * 8192)
    until("the reason to be shown", lambda: (s := site.shown("chain-01")) is not None and "consolidated" in s.problem)
    vm = site.vm("chain-01")
    assert vm["consolidation_needed"] and vm["snapshots"] == []
    completed = site.known("chain-01").last_completed
    site.control("vcenter", "POST", "vm/chain-01", {"fail_consolidate": 0})
    until("the cycle to be complete", lambda: site.known("chain-01").last_completed != completed)
    site.replica_is_equal("chain-01")
    until("no snapshot and no chain", lambda: all(len(d["chain"]) == 1 for d in site.vm("chain-01")["disks"]) or None)


def test_change_tracking_that_was_reset(site: Site, replicating: Process) -> None:
    """A change id of another uuid means nothing: that disk is gone through whole again, by itself; the replica is equal."""
    site.in_delta_sync("reset-01")
    site.cycles("reset-01")
    site.control("vcenter", "POST", "vm/reset-01", {"reset_cbt": "Hard disk 2"})
    site.write("reset-01", MIB, b"\x24" * 512, disk=2001)
    site.replica_is_equal("reset-01")
    assert "reset-01: disk scsi0:1 (Hard disk 2) is compared whole: its change tracking was reset" in replicating.said
    assert "reset-01: disk scsi0:0" not in replicating.said


def test_an_engine_ends_at_once_though_azure_asks_for_patience(site: Site, replicating: Process) -> None:
    """Issue 3, stopping: SIGTERM while every call is to wait for 50 s: it ends, and no snapshot of ours stays open."""
    site.in_delta_sync("reset-01")
    rule = site.fault("azure", "blob ", "fail", status=503, code="ServerBusy", retry_after=50, count=10_000)
    site.struck("azure", rule, 2)
    replicating.signal(signal.SIGTERM)
    assert replicating.wait(12) == 0
    site.heal()
    assert site.vm("reset-01")["snapshots"] == []
