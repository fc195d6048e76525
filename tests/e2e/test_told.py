"""What a real `wavelift engine run` tells others (hooks, `notify`), tests that are refreshed, and report keys that change; all
of it on the lab, with secrets planted in the engine's environment and searched for in everything that was written."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from replication.model.record import Life
from tests.e2e.site import PATIENCE, Site, Vm, differing, standing, until
from tests.planner.test_hooks import server
from wavelift.problems import CHECK_FAILED

PLANTED = {"OPS_WEBHOOK": "sesame-of-the-webhook", "DNS_HOOK": "sesame-of-the-hook", "AMBIENT": "sesame-of-the-engine"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path, [Vm("web-01", (20,)), Vm("web-02", (3,))]) as made:
        yield made


@contextmanager
def engine(site: Site, **more: str) -> Iterator[Path]:
    """`wavelift engine run` as a service manager would start it; where it writes."""
    log = site.folder / "engine.log"
    command = [sys.executable, "-m", "wavelift", "engine", "run", "-C", str(site.estate)]
    command += ["--metrics", str(site.folder / "m.prom")]
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **more}, cwd=site.folder)
        try:
            yield log
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(PATIENCE)


def told_by(site: Site, out: Path) -> None:
    """The estate names hooks and a webhook; the addresses stand in the engine's environment."""
    code = f"import json, os, sys; json.dump([dict(os.environ), sys.argv[1:]], open({str(out)!r}, 'w'))"
    code += "; print('sesame-of-the-output')"
    file = site.estate / "estate.yaml"
    found = yaml.safe_load(file.read_text())
    found["estate"] |= {"time_zone": "Etc/UTC"}
    found["notify"] = {"webhook": "env:OPS_WEBHOOK"}
    found["policies"]["cutover"]["quick"]["hooks"] = {
        "before": [{"name": "silence", "command": [sys.executable, "-c", code, "{machine}"], "timeout": "20s"}],
        "after": [{"name": "dns", "url": "env:DNS_HOOK", "timeout": "20s"}],
    }
    file.write_text(yaml.safe_dump(found, sort_keys=False))


def disk_of_the_test(site: Site) -> bytes:
    """The content of the test VM's disk, as the lab keeps it."""
    ran = site.run("lab", "status", "--dir", str(site.lab.folder), "--json")
    disks: dict[str, Any] = {arm.lower(): disk for arm, disk in json.loads(ran.out)["azure"]["disks"].items()}
    return Path(disks[site.known("web-01").test["disk/2000"].lower()]["path"]).read_bytes()




def planted(site: Site, *words: str) -> list[str]:
    """Files of the site (its estate, outputs, engine's log, and all that the lab's vCenter and Azure hold) with such a word."""
    found = []
    for file in site.folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            found += [f"{file}: {word}" for word in words if word.encode() in data]
    return found


@pytest.mark.timeout(400)
def test_others_are_told_and_no_secret_is_written_anywhere(site: Site) -> None:
    """Weeks, 17, 20, 26 and screen 5: NEEDS YOU reaches the webhook once, hooks run around the cut-over with none of the
    engine's environment, a refreshed test holds what the guest wrote since, a report outlives the rotation of its key."""
    seen = site.folder.parent / f"{site.folder.name}-hook.json"
    told_by(site, seen)
    with server(204) as (address, got):
        secret = {name: f"{address}?token={word}" if name != "AMBIENT" else word for name, word in PLANTED.items()}
        with engine(site, **secret) as log:
            site.apply()
            site.phase("test", "web-01")
            site.apply()
            site.write("web-01", 0, b"\x5a" * 4096)
            site.cycles("web-01")
            assert differing(site.source("web-01"), disk_of_the_test(site)) != 0
            number = site.known("web-01").orders_done
            assert site.run("test", "refresh", "web-01", "--why", "new release", "-C", str(site.estate)).code == 0
            until("the test to be refreshed", lambda: site.known("web-01").orders_done > number)
            assert differing(site.source("web-01"), disk_of_the_test(site)) == 0
            (azure,) = site.control("azure", "GET", "status")["vms"].values()
            assert azure["power"] == "running"
            silent = site.here("drift")
            assert silent.code == 0, silent.said

            site.here("hold", "web-01", "--why", "INC-881")
            until("the webhook to be told", lambda: [b for _, b in got if "INC-881" in b.get("text", "")])
            site.here("resume", "web-01", "--why", "solved")
            site.phase("migrate", "web-01")
            site.apply()
            site.migrated_is_equal("web-01")
            assert [b["machine"] for _, b in got if b.get("hook") == "dns"] == ["web-01"]
            assert len([b for _, b in got if "INC-881" in b.get("text", "")]) == 1
            env, words = json.loads(seen.read_text())
            assert words == ["web-01"] and env["WAVELIFT_MACHINE"] == "web-01" and not set(PLANTED) & set(env)

            _rotated(site)
    assert "web-01" in log.read_text() and "wavelift_needs_somebody" in (site.folder / "m.prom").read_text()
    assert planted(site, *PLANTED.values(), "sesame-of-the-output\n") == []
    assert "sesame" not in seen.read_text().replace("sesame-of-the-output", "")


def _rotated(site: Site) -> None:
    """web-01's report is signed by the first key, web-02's by the second; each is good, and only with its own."""
    first = _report(site, "web-01")
    made = site.state["artifacts"]
    vault = next(a["attributes"]["vault_uri"] for a in made.values() if a["kind"] == "key_vault")
    client = site.wiring().azure.secrets(vault)
    name = next(a["spec"]["name"] for a in made.values() if a["kind"] == "secret" and "report-key" in a["spec"]["name"])
    old = client.get_secret(name)
    key = base64.b64encode(os.urandom(32)).decode()
    client.set_secret(name, key, content_type=old.properties.content_type, tags=old.properties.tags)
    assert site.here("plan", "--detailed-exitcode").code == 0, "a rotation is nothing to plan about"
    site.phase("migrate", "web-02")
    site.apply()
    second = _report(site, "web-02")
    assert (first / "key.pem").read_bytes() != (second / "key.pem").read_bytes()
    for folder, other in ((first, second), (second, first)):
        assert site.here("verify", str(folder)).code == 0
        assert site.run("verify", str(folder), "--key", str(folder / "key.pem")).code == 0
        assert site.run("verify", str(folder), "--key", str(other / "key.pem")).code == CHECK_FAILED
    vaults = str(site.lab.folder / "azure" / "arm.journal")  # where the lab's Azure keeps its Key Vault
    assert [one for one in planted(site, key) if not one.startswith(vaults)] == []


def _report(site: Site, name: str) -> Path:
    out = site.folder / "out"
    until(f"a report of {name}", lambda: site.known(name).life is Life.MIGRATED and not site.known(name).report)
    got = site.here("report", name, "--out", str(out), "--html")
    assert got.code == 0, got.said
    return out / name
