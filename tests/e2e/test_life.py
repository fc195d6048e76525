"""The life of a machine, end to end: the whole of issue 2's main job through the command, on two small machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import MIB, Site, Vm, standing, until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path, [Vm("web-01", (20,)), Vm("db-01", (4, 24), data=3, cbt=False)]) as made:
        yield made


def shown(site: Site, wanted: dict[str, str]) -> None:
    """`status --json` says so; the engine writes a machine's status within a second or two."""
    until(f"status to show {wanted}", lambda: states(site) == wanted)


def states(site: Site) -> dict[str, str]:
    ran = site.here("status", "--json")
    assert ran.code == 0, ran.said
    return {row["machine"]: row["state"] for row in json.loads(ran.out)}


@pytest.mark.timeout(300)
def test_from_plan_to_empty_plan(site: Site) -> None:
    """D1-D3, S1.2-S1.5, S2, S5.1, S7, S8.2, S11: plan, apply, initial replication, guest writes, deltas, test migration,
    clean-up, migration, completion, empty plan; managed disks equal to their sources, sector for sector."""
    first_plan = site.run("plan", "-C", str(site.estate), "--detailed-exitcode", again=False)
    assert first_plan.code == 2, first_plan.said

    # replicate; the tracking of db-01 is switched on by a step of its own
    site.engine()
    first = site.apply()
    assert "tracking" in first.said
    assert site.vm("db-01")["cbt"] is True
    shown(site, {"web-01": "test migration pending", "db-01": "test migration pending"})
    assert site.here("plan", "--detailed-exitcode").code == 0

    # a second apply changes nothing: the serial is the same
    serial, text = site.state["serial"], (site.estate / ".wavelift" / "state.json").read_bytes()
    site.apply()
    assert site.state["serial"] == serial
    assert (site.estate / ".wavelift" / "state.json").read_bytes() == text

    # the guests write; a delta carries what changed, and not much more
    site.write("web-01", 0, b"\xa5" * 4096)
    site.control("vcenter", "POST", "write", {"vm": "db-01", "disk": 2001, "pattern": "random", "mib": 1, "seed": 3})
    site.replica_is_equal("web-01")
    site.replica_is_equal("db-01")
    web = site.known("web-01")
    changed = [d.changed_bytes for e in web.evidence if e.kind.value == "delta" for d in e.disks]
    assert 4096 <= sum(changed) < MIB
    assert all(d.requested_sectors == d.applied_sectors for e in web.evidence for d in e.disks)

    # test migration beside the running source, and gone again
    site.phase("test", "web-01")
    site.apply()
    tested = [address for address in site.state["artifacts"] if "test" in address]
    assert any(address.startswith("test_vm.web-01") for address in tested), site.state["artifacts"].keys()
    assert site.vm("web-01")["power"] == "poweredOn"
    shown(site, {"web-01": "test migration pending", "db-01": "test migration pending"})
    site.phase("replicate", "web-01")
    site.apply()
    assert [address for address in site.state["artifacts"] if "test" in address] == []
    assert site.control("azure", "GET", "status")["vms"] == {}

    # cut over both
    site.control("vcenter", "POST", "write", {"vm": "web-01", "pattern": "every-other-sector", "mib": 0.25})
    site.phase("migrate", "web-01", "db-01")
    site.apply()
    site.migrated_is_equal("web-01")
    site.migrated_is_equal("db-01")

    # complete: the seeds go, nothing is left to do
    site.phase("complete", "web-01", "db-01")
    site.apply()
    shown(site, {"web-01": "not applicable", "db-01": "not applicable"})
    item = site.item("db-01")
    seeds = site.blobs(item.seed_account).get_container_client(item.seed_container)
    until("the replicas to be gone", lambda: not list(seeds.list_blobs(include=["snapshots"])))
    last = site.here("plan", "--detailed-exitcode")
    assert last.code == 0, last.said
    serial = site.state["serial"]
    site.apply()
    assert site.state["serial"] == serial
