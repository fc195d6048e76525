"""What comes after a migration: `release`, `export terraform`, `report decommission`, on the real providers and the lab."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.site import Site, Vm, standing
from tests.hcl import read_hcl


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """web-01 (completed), web-02 (migrated, with its way back), db-01 (replicates)."""
    vms = [Vm("web-01", (20, 3)), Vm("web-02"), Vm("db-01", (4,), data=1)]
    with standing(tmp_path_factory.mktemp("after"), vms) as made:
        made.engine()
        made.apply()
        made.phase("migrate", "web-01", "web-02")
        made.apply()
        made.phase("complete", "web-01")
        made.apply()
        yield made


def refused(site: Site, *arguments: str) -> str:
    before = (site.estate / ".wavelift" / "state.json").read_bytes()
    ran = site.run(*arguments, "-C", str(site.estate))
    assert ran.code == 1, ran.said
    assert "Traceback" not in ran.said
    assert (site.estate / ".wavelift" / "state.json").read_bytes() == before
    return ran.said


def tags(site: Site, id: str) -> dict[str, str]:
    return dict(site.wiring().azure.resources(id.split("/")[2]).tags.get_at_scope(id).properties.tags or {})


def recorded(site: Site) -> dict[str, Any]:
    return {m["name"]: m for m in site.state["machines"].values()}


def test_the_night_of_a_wave_is_read_from_the_engine_s_documents(site: Site) -> None:
    """users.md screen 3: machines whose last order is a migration, also when it has ended; no other."""
    rows = {row["machine"]: row for row in json.loads(site.run("status", "--json", "-C", str(site.estate)).out)}
    told = site.run("status", rows["web-02"]["wave"], "-C", str(site.estate))
    assert "CUT-OVER NIGHT" in told.out and "web-02" in told.out, told.said
    assert "web-01" not in told.out and "db-01" not in told.out


def test_what_has_a_way_back_is_not_released(site: Site) -> None:
    """W35: seeds must be gone, or release refuses with what to do; nothing is changed."""
    said = refused(site, "release", "web-02", "--why", "handed over", "--yes")
    assert "still has its way back (1 seed disk)" in said and "phase: complete" in said and "estate" in said
    assert "delta sync" in refused(site, "release", "db-01", "--why", "handed over", "--yes")
    assert "web-01" in refused(site, "release", "wbe-01", "--why", "handed over", "--yes")
    assert "Say why" in refused(site, "release", "web-01", "--why", " ", "--yes")


def test_what_was_migrated_is_terraform(site: Site) -> None:
    """W35: each VM, disk, NIC and attachment once, imported by the id that Azure has; the same again is the same bytes."""
    out = site.folder / "tf"
    ran = site.run("export", "terraform", "web-01", "--out", str(out), "-C", str(site.estate))
    assert ran.code == 0, ran.said
    text = (out / "web-01.tf").read_text()
    parsed = read_hcl(text)
    ids = {r["id"] for r in site.state["artifacts"].values() if r.get("machine") == "web-01"}
    vm = next(id for id in ids if "virtualMachines" in id)
    imported = {one["to"]: one["id"] for one in parsed["import"]}
    assert len(imported) == len(parsed["import"]) == 5
    assert set(imported.values()) == ids | {f"{vm}/dataDisks/web-01-data-0"}
    made = {f"{kind}.{label}": body for one in parsed["resource"] for kind, by in one.items() for label, body in by.items()}
    assert made.keys() == imported.keys()
    machine = made["azurerm_linux_virtual_machine.web-01"]
    assert machine["os_managed_disk_id"] == "azurerm_managed_disk.web-01-os.id" and machine["size"] == "Standard_D2s_v5"
    assert made["azurerm_virtual_machine_data_disk_attachment.web-01-data-0"]["lun"] == 0
    assert all(body["lifecycle"][0]["prevent_destroy"] is True for body in made.values())
    assert not re.search("sas|secret|password *=|sig=", text, re.IGNORECASE)

    again = site.run("export", "terraform", "web-01", "--out", str(out), "-C", str(site.estate))
    assert again.code == 0 and (out / "web-01.tf").read_text() == text
    (out / "web-01.tf").write_text(text + "# mine\n")
    mine = refused(site, "export", "terraform", "web-01", "--out", str(out))
    assert "web-01.tf" in mine and (out / "web-01.tf").read_text().endswith("# mine\n")
    assert "was not migrated" in refused(site, "export", "terraform", "db-01", "--out", str(out))
    assert "Say what" in refused(site, "export", "terraform", "--out", str(out))


def judged(site: Site, *more: str) -> dict[str, dict[str, Any]]:
    ran = site.run("report", "decommission", "--json", "-C", str(site.estate), *more)
    assert ran.code == 0, ran.said
    return {row["machine"]: row for row in json.loads(ran.out)["sources"]}


def test_which_sources_may_go(site: Site) -> None:
    """W37: only what is migrated and completed, off, without snapshots of ours, with a report that holds; every reason else."""
    found = judged(site, "--compare-content")
    web = found["web-01"]
    assert web["verdict"] == "may go" and web["why"] == [] and "every block is what was migrated" in web["note"][0]
    assert web["uuid"] == site.uuid("web-01") and web["folder"] and web["host"] and web["datastores"] and web["gib"] == 0.02
    assert found["web-02"]["verdict"] == "stays" and "way back" in found["web-02"]["why"][0]
    assert found["db-01"]["verdict"] == "stays" and "replicates" in found["db-01"]["why"][0]
    assert not site.vm("web-01")["snapshots"], "a comparison leaves nothing"

    site.control("vcenter", "POST", "vm/web-01", {"power": "poweredOn"})
    running = judged(site)["web-01"]
    assert running["verdict"] == "stays" and "poweredOn" in running["why"][0]
    site.write("web-01", 0, b"\x77" * 4096)
    site.control("vcenter", "POST", "vm/web-01", {"power": "poweredOff"})
    assert judged(site)["web-01"]["verdict"] == "may go" and "not known" in judged(site)["web-01"]["note"][0]
    written = judged(site, "--compare-content")["web-01"]
    assert written["verdict"] == "stays" and "not what was migrated" in written["why"][0]

    text = site.here("report", "decommission")
    assert "May go (1 VM" in text.out and "Stays (2 VMs)" in text.out and "deletes no VM" in text.out
    page = site.here("report", "decommission", "--markdown")
    assert f"`{site.uuid('web-01')}`" in page.out and "## May go (1 VM" in page.out
    table = list(csv.DictReader(io.StringIO(site.here("report", "decommission", "--csv").out)))
    assert [row["machine"] for row in table if row["verdict"] == "may go"] == ["web-01"]
    other = site.here("report", "decommission", "--json", "--key", "sha256:" + "0" * 64)
    assert "integrity report does not hold" in other.out, other.said
    assert site.here("report", "decommission", "--json", "--csv").code == 1


def test_a_release_that_is_killed_is_begun_again(site: Site) -> None:
    """W35, kill -9 with a call on the wire: some tags are off, the state says nothing of it, and the next release ends it."""
    before = recorded(site)["web-01"]
    rule = site.fault("azure", "arm PATCH Microsoft.Resources/tags ", "delay", nth=3, count=1, seconds=0.5)
    dying = site.beside("release", "web-01", "--why", "killed", "--yes")
    site.struck("azure", rule, seconds=30)
    dying.kill()
    site.heal()
    assert recorded(site)["web-01"] == before and before["life"] == "completed"
    assert site.here("plan", "--detailed-exitcode").code == 0


def test_a_released_machine_is_its_owners(site: Site) -> None:
    """W35: our tags come off, the state forgets it with a history entry, files that still hold it make nothing again."""
    mine = {a: r["id"] for a, r in site.state["artifacts"].items() if r.get("machine") == "web-01"}
    assert {a.partition(".")[0] for a in mine} == {"vm", "disk", "nic"}
    ran = site.here("release", "web-01", "--why", "handed to the shop team", "--yes")
    assert ran.code == 0, ran.said
    state = site.state
    assert not [a for a, r in state["artifacts"].items() if r.get("machine") == "web-01"]
    assert recorded(site)["web-01"]["life"] == "released"
    told = state["history"][-1]
    assert told["doing"] == "state release" and told["about"]["why"] == "handed to the shop team" and told["who"]
    for id in mine.values():
        left = tags(site, id)
        assert {name for name in left if name.startswith("wavelift-")} == {"wavelift-released", "wavelift-source"}

    again = site.here("release", "web-01", "--why", "handed to the shop team", "--yes")
    assert again.code == 0 and "released already" in again.said and site.state["serial"] == state["serial"]
    plan = site.here("plan", "--detailed-exitcode")
    assert plan.code == 0 and "WL530" in plan.said, plan.said
    drift = site.here("drift")
    assert "web-01" not in drift.said, drift.said

    out = site.folder / "released"
    handed = site.run("export", "terraform", "--released", "--out", str(out), "-C", str(site.estate))
    assert handed.code == 0 and "wavelift-released" in (out / "web-01.tf").read_text(), handed.said

    assert judged(site)["web-01"]["verdict"] == "may go"

    site.phase("replicate", "web-01")
    back = site.here("plan")
    assert back.code == 1 and "WL531" in back.said and "--undo" in back.said, back.said
    site.phase("complete", "web-01")
    kept = site.machines.pop("web-01")
    site.write_wave()
    left = site.here("plan", "--detailed-exitcode")
    assert left.code == 0 and "WL53" not in left.said and "web-01" not in left.said, left.said
    site.machines["web-01"] = kept
    site.write_wave()

    undone = site.here("release", "web-01", "--undo", "--why", "a mistake")
    assert undone.code == 0 and recorded(site)["web-01"]["life"] == "stopped", undone.said
