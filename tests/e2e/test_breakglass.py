"""Break glass, end to end: hold, resume and rollback through the command, on the real providers and the lab."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from replication.model.record import Life
from tests.e2e.site import Site, Vm, standing


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path, [Vm("web-01", (20,))]) as made:
        yield made


@pytest.mark.timeout(300)
def test_held_resumed_cut_over_and_rolled_back(site: Site) -> None:
    """Weeks, 30, 31 and 33: with who and why on record; the Azure VM is stopped and kept, the source runs, deltas resume."""
    site.engine()
    site.apply()
    for rubbish in ("2001-01-20", "next Friday"):
        assert site.here("hold", "web-01", "--why", "INC-881", "--until", rubbish).code == 1
    held = site.here("hold", "web-01", "--why", "INC-881", "--until", "2097-01-20")
    assert held.code == 0 and "held until 2097-01-20" in held.said, held.said
    site.phase("migrate", "web-01")
    plan = site.here("plan")
    assert "INC-881" in plan.said and "wavelift resume web-01" in plan.said, plan.said
    assert "INC-881 until 2097-01-20" in site.here("status", "web-01").said
    assert site.here("resume", "web-01", "--why", "solved").code == 0
    site.apply()
    site.migrated_is_equal("web-01")
    assert site.vm("web-01")["power"] == "poweredOff"

    refused = site.here("rollback", "web-01", "--why", "INC-9")
    sentence = re.search(r"what was written in Azure since [0-9: -]+ UTC is lost", refused.said)
    assert refused.code != 0 and sentence is not None, refused.said
    back = site.here("rollback", "web-01", "--why", "INC-9", "--confirm", sentence[0])
    assert back.code == 0, back.said
    assert site.known("web-01").life is Life.DELTA and site.vm("web-01")["power"] == "poweredOn", "it comes back when that is so"
    (azure,) = site.control("azure", "GET", "status")["vms"].values()
    assert azure["power"] == "deallocated", azure
    site.write("web-01", 0, b"\x5a" * 4096)
    site.replica_is_equal("web-01")
    plan = site.here("plan", "--detailed-exitcode")
    assert "rolled back" in plan.said, plan.said
    assert "destroy 0" in plan.said or "0 destroy" in plan.said or plan.code == 0, plan.said

    site.machines["web-01"]["acknowledge"] = "INC-9"
    site.write_wave()
    plan = site.here("plan", "--out", "ack.plan")
    assert "end the hold of web-01: INC-9 (" in plan.said and "order.web-01" not in plan.said, plan.said
    approved = ("--approver", "lee", "--pull-request", "https://git.example/pull/7")
    done = site.here("apply", "ack.plan", "--auto-approve", *approved)
    assert done.code == 0 and "1 done" in done.said, done.said
    told = site.known("web-01").interventions[0]
    assert (told.verb, told.answer) == ("acknowledge", "held no more; its cut-over begins again only by another order")
    assert "approver lee" in told.why and site.known("web-01").hold is None
    assert site.vm("web-01")["power"] == "poweredOn", "an acknowledgement powers nothing off"
    plan = site.here("plan")
    assert "cut over web-01" in plan.said and "WL540" in plan.said, plan.said
