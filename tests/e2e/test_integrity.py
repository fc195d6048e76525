"""End to end: what stored block hashes are good for, free space, foreign snapshots, seeds that vanish, churn shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from replication.model.record import Life
from tests.e2e.site import MIB, Site, Vm, standing, until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path, [Vm("web-01", (8,), data=3)]) as made:
        made.engine()
        made.apply()
        made.in_delta_sync("web-01")
        yield made


@pytest.mark.timeout(300)
def test_a_resync_holds_and_pause_by_hand(site: Site) -> None:
    """Design, resync; S12; moments 7 and 15; issue 3, stopping: through the command and the lab's own vCenter."""
    site.write("web-01", 64 * 1024, b"\x5a" * 4096)
    site.control("vcenter", "POST", "vm/web-01", {"reset_cbt": True})

    def resynced() -> bool:
        return any("compared whole" in d.note for e in site.known("web-01").evidence for d in e.disks)

    until("the resync", resynced)
    (found,) = [d for e in site.known("web-01").evidence for d in e.disks if "compared whole" in d.note]
    assert found.requested_sectors == found.applied_sectors == 8 * MIB // 512
    assert found.sent_bytes < 256 * 1024, "only what differed was sent"
    site.replica_is_equal("web-01")

    ran = site.here("churn", "--json")
    assert ran.code == 0, ran.said
    (row,) = json.loads(ran.out)
    assert row["machine"] == "web-01" and {"changed", "altered", "read", "sent", "pattern"} <= row["cycles"][0]["disks"][0].keys()
    assert site.here("churn", "web-01").code == 0 and site.here("churn", "no-such").code == 1

    site.control("vcenter", "POST", "vm/web-01", {"foreign_snapshot": "nightly backup"})
    until("the hold", lambda: "foreign snapshot 'nightly backup' since" in str(said(site).get("held")), 60)
    site.control("vcenter", "POST", "vm/web-01", {"foreign_snapshot": False})
    site.replica_is_equal("web-01")

    ran = site.run("replication", "pause", "web-01", "-C", str(site.estate), "--why", "maintenance")
    assert ran.code == 0 and "until it is resumed" in ran.out, ran.said
    until("the pause", lambda: str(said(site).get("held")).startswith("paused by "))
    ran = site.run("replication", "resume", "web-01", "-C", str(site.estate), "--why", "done")
    assert ran.code == 0, ran.said

    site.control("vcenter", "POST", "datastore/ds-01", {"free": 1 << 30})
    until("the guard", lambda: "1.0 GiB free" in str(said(site)))
    site.control("vcenter", "POST", "datastore/ds-01", {"free": None})
    site.replica_is_equal("web-01")


@pytest.mark.timeout(300)
def test_a_seed_that_vanished_is_stopped_and_begun_anew(site: Site) -> None:
    """S11: the next plan orders a stop, the one after enables it under a new replication uuid; sectors equal."""
    item = site.item("web-01")
    seed = site.blobs(item.seed_account).get_blob_client(item.seed_container, item.disks[0].seed)
    seed.delete_blob(delete_snapshots="include")
    until("the problem", lambda: "does not hold recovery point" in site.known("web-01").problem)
    site.apply()
    until("the stop", lambda: site.known("web-01").life is not Life.DELTA)
    site.apply()
    until("another replication", lambda: site.known("web-01").replication != item.replication)
    site.in_delta_sync("web-01")
    site.replica_is_equal("web-01")
    assert site.document_names(f"hashes/{site.uuid('web-01')}/{item.replication}/") == []
    assert site.here("plan", "--detailed-exitcode").code == 0


def said(site: Site) -> dict[str, object]:
    ran = site.here("status", "--json")
    assert ran.code == 0, ran.said
    found: dict[str, object] = json.loads(ran.out)[0]
    return found
