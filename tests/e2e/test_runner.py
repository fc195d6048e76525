"""Issue 4, "Where it runs": plan on a runner that cannot reach vCenter, from a recorded inventory whose age is shown."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import schemas
from tests.e2e.site import Site, Vm, standing, until


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("runner"), [Vm("web-01")], ["web-01"]) as made:
        yield made


@pytest.mark.parametrize("role", ["plan", "engine"])
def test_doctor(site: Site, role: str) -> None:
    """Users, The weeks 1: every check at once, with what to do; 0 when all is well, 1 when not; as JSON too."""
    ran = site.here("doctor", "--role", role)
    assert ran.code == 0, ran.said
    for check in ("name", "port", "certificate", "clock", "credentials", "permissions"):
        assert f"ok  {check}" in ran.out, ran.out
    lab = site.estate / "lab.yaml"
    secret = site.estate / ".wavelift" / "secrets" / "vcenter.json"
    text, password = lab.read_text(), secret.read_text()
    try:
        lab.write_text(text.replace(f"  ca: {site.lab.known['ca']}\n", "").replace("127.0.0.1", "localhost", 1))
        secret.write_text(json.dumps({"user": "administrator@vsphere.local", "password": "hidden-word"}))
        ran = site.here("doctor", "--role", role, "--json")
        assert ran.code == 1 and "hidden-word" not in ran.said, ran.said
        found = {one["check"] for one in json.loads(ran.out)["checks"] if one["state"] == "bad"}
        assert found >= {"certificate", "credentials"}
        assert all(one["todo"] for one in json.loads(ran.out)["checks"] if one["state"] == "bad")
    finally:
        lab.write_text(text)
        secret.write_text(password)


def test_a_login_out_of_a_key_vault(site: Site) -> None:
    """Users, The estate 11: the vCenter login lies in a Key Vault and is read with the Azure login; its value is nowhere else."""
    assert site.here("apply", "--auto-approve", "--detach").code == 0
    artifacts = site.state["artifacts"]
    vault = next(a["attributes"]["vault_uri"] for a in artifacts.values() if "vault_uri" in a["attributes"]).rstrip("/")
    secret = site.estate / ".wavelift" / "secrets" / "vcenter.json"
    site.wiring().azure.secrets(vault).set_secret("vcenter", secret.read_text())
    lab = site.estate / "lab.yaml"
    text = lab.read_text()
    try:
        lab.write_text(text.replace("file:.wavelift/secrets/vcenter.json", f"keyvault:{vault}/vcenter"))
        ran = site.here("plan", "--detailed-exitcode")
        assert ran.code == 0, ran.said
        assert json.loads(secret.read_text())["password"] not in ran.said
        lab.write_text(text.replace("file:.wavelift/secrets/vcenter.json", f"keyvault:{vault}/nothing"))
        ran = site.here("plan")
        assert ran.code == 1 and "nothing" in ran.said, ran.said
    finally:
        lab.write_text(text)


def test_plan_without_a_vcenter(site: Site, tmp_path: Path) -> None:
    """Users, The weeks 5: export where vCenter is; plan where no vCenter process runs; too old, damaged or made up: refused."""
    file = tmp_path / "inventory.json"
    ran = site.run("inventory", "export", "-C", str(site.estate), "--out", str(file))
    assert ran.code == 0, ran.said
    document = json.loads(file.read_text())
    Draft202012Validator(schemas.load("inventory-1")).validate(document)
    again = site.run("inventory", "export", "-C", str(site.estate))
    moved = json.loads(again.out)
    moved["sources"][0]["source"]["read_at"] = document["sources"][0]["source"]["read_at"]
    assert moved == document, "the same datacenter, another text"
    live = site.here("plan").out

    moved["sources"][0]["vms"][0][17][0][4] *= 2  # the disk grew, or somebody says so
    file.write_text(json.dumps(moved))
    assert site.here("plan", "--inventory", str(file), "--out", str(tmp_path / "moved.wlplan")).code == 0
    before = site.control("azure", "GET", "status")["resources"]
    refused = site.here("apply", str(tmp_path / "moved.wlplan"), "--auto-approve")
    assert refused.code == 3 and "web-01" in refused.said, refused.said
    assert site.control("azure", "GET", "status")["resources"] == before, "apply looks again, and does nothing"
    file.write_text(json.dumps(document))

    pid = int(site.lab.known["vcenter"]["pid"])
    os.kill(pid, signal.SIGTERM)
    command = Path(f"/proc/{pid}/cmdline")  # empty: it has ended, and nobody has asked how
    until("vCenter to be gone", lambda: not command.exists() or not command.read_bytes())
    refused = site.here("plan")
    assert refused.code == 1 and "connection refused" in refused.said, refused.said

    ran = site.here("plan", "--inventory", str(file))
    assert ran.code == 0, ran.said
    assert "NOT CHECKED" in ran.out and "WL445" in ran.out and " s ago. Apply looks again." in ran.out
    assert "WL442" in ran.out  # nobody could ask for privileges
    head, tail = ran.out.split("NOT CHECKED:")[0], live.splitlines()[-1]
    assert live.startswith(head) and ran.out.rstrip().endswith(tail), "another plan than the live one"

    less = json.loads(json.dumps(document))
    less["sources"][0]["vms"][0][0] = less["sources"][0]["source"]["instance_uuid"] = "11111111-2222-3333-4444-555555555555"
    file.write_text(json.dumps(less))
    foreign = site.here("plan", "--inventory", str(file))
    assert foreign.code == 1 and "WL491" in foreign.said and "11111111-2222" in foreign.said, foreign.said

    document["sources"][0]["source"]["read_at"] = time.time() - 3 * 86400
    file.write_text(json.dumps(document))
    old = site.here("plan", "--inventory", str(file))
    assert old.code == 1 and "WL448" in old.said and "3 d" in old.said and "1 d are allowed" in old.said, old.said
    for rubbish in ("{", "[]", json.dumps({**document, "format": "wavelift-inventory-9"}), "\x00"):
        file.write_text(rubbish)
        bad = site.here("plan", "--inventory", str(file))
        assert bad.code == 1 and "export" in bad.said, bad.said
    document["sources"][0]["vms"][0][8] = "four"
    file.write_text(json.dumps(document))
    bad = site.here("plan", "--inventory", str(file))
    assert bad.code == 1 and "cpus" in bad.said, bad.said
    assert site.here("apply", "--auto-approve").code == 1  # apply looks for itself
