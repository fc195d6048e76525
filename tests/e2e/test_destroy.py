"""issue 4, Protection: `wavelift destroy` through the command, on the real providers and the lab (users.md, The weeks 38)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.site import Site, Vm, standing, until
from wavelift.problems import DENIED


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path, [Vm("web-01"), Vm("db-01", (20, 3)), Vm("wiki-01")]) as made:
        yield made


@pytest.mark.timeout(400)
def test_a_machine_then_the_estate_with_kill_9_between(site: Site) -> None:
    """One machine by itself; then all: the number is asked for, evidence is out first, kill -9 in the middle, the same command
    again goes on, what was migrated to stays and runs, and the soft-deleted key vault is named."""
    site.engine()
    site.apply()
    site.phase("migrate", "wiki-01")
    site.apply()

    out = site.folder / "evidence"
    asked = site.here("destroy", "--machine", "web-01")
    assert asked.code == DENIED and "--allow-destroy 1" in asked.said and "seed_disk.web-01/2000" in asked.said, asked.said
    assert "seed_disk.web-01/2000" in site.state["artifacts"]
    wrong = site.here("destroy", "--machine", "web-1", "--auto-approve")
    assert wrong.code == 1 and "Did you mean `web-01`" in wrong.said, wrong.said
    file = str(site.folder / "web-01.destroy")
    wrong = site.here("destroy", "--machine", "web-01", "--allow-destroy", "2", "--out", file)
    assert wrong.code == 1 and "WL330" in wrong.said and not Path(file).exists(), wrong.said
    kept = site.here("destroy", "--machine", "web-01", "--out", file, "--json")
    told = json.loads(kept.out)
    assert kept.code == 0 and told["number"] == 1 and "seed_disk.web-01/2000" in site.state["artifacts"], kept.said
    shown = json.loads(site.run("show", file, "--json").out)
    assert shown["data"] == told["data"] and shown["valid_until"]
    unsaid = site.here("apply", file, "--auto-approve")
    assert unsaid.code == DENIED and "--allow-destroy 1" in unsaid.said, unsaid.said
    denied = site.here("apply", file, "--auto-approve", "--expect-sha", "0" * 64)
    assert denied.code == DENIED and "seed_disk.web-01/2000" in site.state["artifacts"], denied.said
    one = site.here("apply", file, "--auto-approve", "--expect-sha", shown["sha256"])
    assert one.code == 0 and "Still in the files: web-01" in one.said, one.said
    left = site.state["artifacts"]
    assert not [a for a in left if "web-01" in a] and "seed_disk.db-01/2000" in left and "vault" in left
    uuid = site.uuid("web-01")
    where = next(line.partition("Evidence: ")[2] for line in one.out.splitlines() if line.startswith("Destroyed: "))
    files = json.loads((site.folder / where / "manifest.json").read_text())["files"]
    assert f"koreacentral/records/{uuid}.json" in files and not [n for n in files if site.uuid("db-01") in n]

    whole = ("destroy", "--allow-destroy", "8", "--auto-approve", "--evidence", str(out / "all"))
    shown = site.here("destroy")
    assert shown.code == DENIED and "--allow-destroy 8" in shown.said and "vm.wiki-01" in shown.said, shown.said
    running = site.beside(*whole)
    until("the first stop is done", lambda: not [a for a in site.state["artifacts"] if a.startswith("replication.")])
    running.kill()
    again = site.here(*whole)
    assert again.code == 0, again.said
    assert not site.state["artifacts"], site.state["artifacts"].keys()
    assert "Soft-deleted: key_vault.koreacentral" in again.said and "az keyvault purge" in again.said, again.said
    manifest = json.loads((out / "all" / "manifest.json").read_text())
    assert manifest["finished"] and any(n.endswith("/report.json") for n in manifest["files"])
    report = next(p.parent for p in (out / "all").rglob("report.json"))
    checked = site.run("verify", str(report), "--key", str(report / "key.pem"))
    assert checked.code == 0, checked.said
    azure = json.loads(site.run("lab", "status", "--dir", str(site.lab.folder), "--json").out)["azure"]
    assert [v["power"] for v in azure["vms"].values()] == ["running"], "what was migrated to stays"
    assert not site.vm("db-01")["snapshots"] and site.vm("db-01")["power"] == "poweredOn"
    nothing = site.here("destroy", "--auto-approve")
    assert nothing.code == 0 and "nothing to destroy" in nothing.said, nothing.said
