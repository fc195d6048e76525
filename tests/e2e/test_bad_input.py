"""Issue 2, "Bad input and faults that must be right already": each a clear error that names the object and the remedy,
exit code 1, no traceback (`Site.run` looks), and nothing changed."""

from __future__ import annotations

import json
import os
import pty
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.tls import ensure_ca
from replication.model.record import Life
from tests.e2e.command import Ran, decent
from tests.e2e.site import PATIENCE, Site, Vm, standing, until
from wavelift.problems import ERROR, LOCKED, STALE

SECRETS = Path(".wavelift") / "secrets"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    vms = [
        Vm("web-01"),
        Vm("web-02"),
        Vm("web-03"),
        Vm("twin", more={"folder": "/Seoul/vm/a"}),
        Vm("twin", more={"folder": "/Seoul/vm/b", "uuid": "52f1c6de-0000-4000-8000-000000000001"}),
        Vm("odd-01", (4,), more={"disks": [{"gib": 0.02}, {"gib": 0.02, "mode": "independent_persistent"}]}),
        Vm("odd-02", (4,), more={"disks": [{"gib": 0.02}, {"gib": 0.02, "rdm": True}]}),
        Vm("odd-03", (4,), cbt=False),
        Vm("many", (1,) * 6, data=0.1),
    ]
    with standing(tmp_path_factory.mktemp("bad"), vms, ["web-01"]) as made:
        made.control("vcenter", "POST", "vm/odd-03", {"foreign_snapshot": "nightly backup"})
        yield made


@pytest.fixture(autouse=True)
def unharmed(site: Site) -> Iterator[None]:
    """Whatever a test writes into the estate is as it was for the next."""
    files = {path: path.read_bytes() for path in site.estate.rglob("*") if path.is_file() and path.suffix != ".lock"}
    machines = {name: dict(entry) for name, entry in site.machines.items()}
    yield
    site.machines = machines
    keep = {"state.json"}  # what a test applied stays applied
    for path in site.estate.rglob("*"):
        if path.is_file() and path not in files and path.suffix in (".yaml", ".yml"):
            path.unlink()
    for path, data in files.items():
        if path.name not in keep and path.parent.exists():
            path.write_bytes(data)


def everything(site: Site) -> dict[str, Any]:
    """What must not change: the state, all of Azure, all of vCenter."""
    path = site.estate / ".wavelift" / "state.json"
    azure = site.control("azure", "GET", "status")
    return {
        "state": path.read_bytes() if path.exists() else None,
        "azure": {key: azure[key] for key in ("disks", "vms", "resources")},
        "vcenter": site.control("vcenter", "GET", "status")["vms"],
    }


@contextmanager
def unchanged(site: Site) -> Iterator[None]:
    before = everything(site)
    yield
    assert everything(site) == before


def refused(ran: Ran, *words: str, code: int = ERROR) -> None:
    """The exit code, and everything that a person needs is said."""
    assert ran.code == code, ran.said
    missing = [word for word in words if word not in ran.said]
    assert not missing, f"{missing} not in:\n{ran.said}"


def swap(site: Site, old: str, new: str) -> None:
    """Another word in lab.yaml."""
    path = site.estate / "lab.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


# ---- what is outside


def test_wrong_vcenter_password(site: Site) -> None:
    """Issue: "A wrong password": the source and the user are named, the password is not."""
    path = site.estate / SECRETS / "vcenter.json"
    path.write_text(json.dumps({"user": "administrator@vsphere.local", "password": "not-the-password"}))
    with unchanged(site):
        ran = site.here("plan")
        refused(ran, "administrator@vsphere.local", "password", "refused", "source lab")
    assert "not-the-password" not in ran.said


def test_vcenter_that_is_not_there(site: Site) -> None:
    """Issue: "A vCenter that is not there": host and port, and what to look at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    swap(site, f"vcenter: 127.0.0.1:{site.lab.known['vcenter']['port']}", f"vcenter: 127.0.0.1:{port}")
    with unchanged(site):
        refused(site.here("plan"), f"127.0.0.1:{port}", "check")


def test_vcenter_with_another_ca(site: Site, tmp_path: Path) -> None:
    """S6: a server whose certificate the named CA did not sign is not spoken to."""
    other = ensure_ca(tmp_path).ca_pem
    swap(site, f"tls: {{ca: {site.lab.known['ca']}}}", f"tls: {{ca: {other}}}")
    with unchanged(site):
        refused(site.here("plan"), "certificate", "tls")


def test_wrong_azure_secret(site: Site) -> None:
    """Issue: "A wrong password", Azure's side: where the login stands in the estate is named, the secret is not."""
    path = site.estate / SECRETS / "azure.json"
    client = json.loads(path.read_text())["client_id"]
    path.write_text(json.dumps({"client_id": client, "client_secret": "not-the-secret"}))
    with unchanged(site):
        ran = site.here("plan")
        refused(ran, "client secret is wrong", "azure.login")
    assert "not-the-secret" not in ran.said


# ---- what is asked for


def test_machines_that_cannot_be_found_or_replicated(site: Site) -> None:
    """Issue: "A VM that does not exist or exists twice; a VM with an independent disk, a physical RDM, an existing snapshot where
    tracking must be switched on; an unknown VM size": all in one plan, each with its line and its remedy."""
    size = "Standard_D2s_v5"
    site.machines = {"web-1": {"size": size}, "twin": {"size": size}}
    site.write_wave()
    with unchanged(site):
        ran = site.here("plan")
        refused(ran, "web-1", "Did you mean 'web-01'", "twin", "/Seoul/vm/a/twin", "/Seoul/vm/b/twin", "wave.yaml:", "vm:")
    site.machines = {name: {"size": size} for name in ("odd-01", "odd-02", "odd-03")}
    site.write_wave()
    with unchanged(site):
        ran = site.here("apply", "--auto-approve")
        refused(ran, "odd-01", "independent", "odd-02", "raw device mapping in physical mode", ": skip", "wave.yaml:")
        refused(ran, "odd-03", "1 snapshot", "tracking", "delete or commit")


def test_a_machine_that_does_not_fit_where_it_goes(site: Site) -> None:
    """Users, The weeks 23: a size that cannot take the machine and an address that is not to be had are seen in plan, each at its
    line, and not in the night of the cut-over."""
    size = "Standard_D2s_v5"
    fixed = {"many": "10.20.1.3", "web-03": "10.99.0.7", "web-02": "10.20.1.10"}
    site.machines = {"web-01": {"size": size, "ip": "keep"}}
    site.machines |= {name: {"size": size, "nics": {0: {"ip": ip}}} for name, ip in fixed.items()}
    site.write_wave()
    with unchanged(site):
        ran = site.here("plan")
        refused(ran, "WL430", "Standard_D2s_v5 takes 4 data disks, many has 5", "wave.yaml:")
        refused(ran, "WL431", "10.99.0.7 is outside of subnet", "10.20.1.3 is kept by Azure")
        refused(ran, "10.20.1.10 in snet-a, and so does web-01")
    network = f"/subscriptions/{site.subscription}/resourceGroups/rg-network/providers/Microsoft.Network/virtualNetworks"
    subnet = f"{network}/vnet-prod/subnets/snet-a"
    nics = site.wiring().azure.network(site.subscription).network_interfaces
    held: Any = {"subnet": {"id": subnet}, "privateIPAllocationMethod": "Static", "privateIPAddress": "10.20.1.77"}
    body: Any = {"location": "koreacentral", "properties": {"ipConfigurations": [{"name": "one", "properties": held}]}}
    nics.begin_create_or_update("rg-network", "printer", body).result()
    try:
        site.machines = {"web-03": {"size": size, "ip": "dynamic", "nics": {0: {"ip": "10.20.1.77"}}}}
        site.write_wave()
        warned = site.here("plan")
        assert warned.code == 0 and "WL432" in warned.said and "/networkinterfaces/printer holds it" in warned.said, warned.said
        site.machines["web-03"]["phase"] = "migrate"
        site.write_wave()
        refused(site.here("plan"), "WL431", "/networkinterfaces/printer holds it", "wave.yaml:")
    finally:
        nics.begin_delete("rg-network", "printer").result()


def test_too_small_a_quota(site: Site) -> None:
    """Users, The weeks 23: Azure's own list of usages says so, with numbers, while there is time to ask for more."""
    site.control("azure", "POST", "azure/quota", {"family": "standardDSv5Family", "limit": 1})
    try:
        site.machines = {"web-01": {"size": "Standard_D2s_v5", "phase": "migrate"}}
        site.write_wave()
        warned = site.here("plan")
        assert "WL433" in warned.said and "2 vCPUs of standardDSv5Family in koreacentral; 1 of 1" in warned.said, warned.said
    finally:
        site.control("azure", "POST", "azure/quota", {"family": "standardDSv5Family", "limit": 1000})


def test_unknown_vm_size(site: Site) -> None:
    """Issue: "An unknown VM size": the machine, the region and how to list what there is."""
    site.machines["web-01"]["size"] = "Standard_D2s_v55"
    site.write_wave()
    with unchanged(site):
        refused(
            site.here("apply", "--auto-approve"), "web-01", "Standard_D2s_v55", "koreacentral", "az vm list-sizes", "wave.yaml:"
        )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(range(256)) * 64, ("rubbish.yaml",)),
        (b"waves:\n\tw2:\n\t\ttarget: korea\n", ("rubbish.yaml:2", "tab")),
        (b"\xff\xfew\x00a\x00v\x00e\x00s\x00", ("rubbish.yaml",)),
        (b"- a list\n- not a mapping\n", ("rubbish.yaml:1",)),
        (b"{" * 5000, ("rubbish.yaml",)),
        (b"a: &a [*a, *a]\n", ("rubbish.yaml",)),
    ],
    ids=["binary", "tabs", "utf-16", "list", "deep", "recursive"],
)
def test_rubbish_yaml(site: Site, content: bytes, words: tuple[str, ...]) -> None:
    """Rubbish files are problems of a file with a line, not of Python."""
    (site.estate / "rubbish.yaml").write_bytes(content)
    with unchanged(site):
        refused(site.here("validate"), *words)


def test_empty_files_and_an_empty_estate(site: Site, tmp_path: Path) -> None:
    """An empty file is no problem; a folder without an estate is one that says what to do."""
    (site.estate / "empty.yaml").write_bytes(b"")
    assert site.here("validate").code == 0
    refused(site.run("plan", "-C", str(tmp_path)), str(tmp_path), "wavelift init")


# ---- the state


def test_damaged_state(site: Site) -> None:
    """A state that cannot be read, or is another estate's, is never written over."""
    path = site.estate / ".wavelift" / "state.json"
    good = path.read_bytes() if path.exists() else None
    try:
        for rubbish in (b"", b'{"schema": 1, "lin', b"\x00\x01\x02", b"[]"):
            path.write_bytes(rubbish)
            with unchanged(site):
                refused(site.here("apply", "--auto-approve", "--detach"), "state.json")
    finally:
        path.unlink()
        if good is not None:
            path.write_bytes(good)


def test_lock_held_and_who_holds_it(site: Site) -> None:
    """Issue: "A lock held": a second apply while one runs is refused with user, host and process of the first, which finishes."""
    rule = site.fault("azure", "arm PUT Microsoft.Storage/storageAccounts ", "delay", count=1, seconds=6)
    first = site.beside("apply", "--auto-approve", "--detach")
    site.struck("azure", rule)
    second = site.here("apply", "--auto-approve", "--detach")
    refused(second, "locked by", f"process {first.pid}", "Wait until it is done", code=LOCKED)
    assert first.wait(PATIENCE) == 0, first.said
    site.heal()
    assert site.here("plan", "--detailed-exitcode").code == 0


class Terminal:
    """A command on a terminal, so that it asks."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        command = [sys.executable, "-m", "wavelift", *arguments]
        self._process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)
        self.said = ""

    def expect(self, words: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while words not in self.said:
            assert time.monotonic() < deadline, self.said
            self._read(0.2)

    def answer(self, text: str) -> None:
        os.write(self._master, text.encode())

    def end(self) -> Ran:
        deadline = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < deadline:
            self._read(0.2)
        self._process.kill()
        code = self._process.wait()
        while self._read(0.1):
            continue
        os.close(self._master)
        return Ran(code, self.said, "")

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            return False
        self.said += data.decode(errors="replace")
        return bool(data)


def test_stale_state(site: Site) -> None:
    """Issue: "A stale state": the state moved between the plan that was shown and the yes; it says so and changes nothing."""
    site.apply("--detach")
    site.machines["web-02"] = {"size": "Standard_D2s_v5"}
    site.write_wave()
    terminal = Terminal("apply", "-C", str(site.estate), "--detach")
    terminal.expect("Only 'yes' is taken")
    site.apply("--detach")
    with unchanged(site):
        terminal.answer("yes\n")
        ran = terminal.end()
        refused(ran, "stale", "serial", "replication.web-02", "plan again", code=STALE)
    decent(ran.said)


def test_a_no_at_the_prompt_changes_nothing(site: Site) -> None:
    """Anything but yes leaves everything as it is; without a terminal there is nobody to ask."""
    site.machines["web-03"] = {"size": "Standard_D4s_v5"}
    site.write_wave()
    with unchanged(site):
        refused(site.here("apply"), "replication.web-03", "--auto-approve", "Nothing was changed")
        terminal = Terminal("apply", "-C", str(site.estate))
        terminal.expect("Only 'yes' is taken")
        terminal.answer("y\n")
        refused(terminal.end(), "Nothing was changed")


def test_leaving_the_estate(site: Site) -> None:
    """Issue: "Leaving the estate destroys nothing without --allow-destroy N": not without, not with another number; with
    the right one the engine stops its replication and the seeds go."""
    site.machines = {name: {"size": "Standard_D2s_v5"} for name in ("web-01", "web-02")}
    site.write_wave()
    site.engine()
    site.apply()
    assert site.known("web-02").life is Life.DELTA
    kept = site.item("web-02")
    del site.machines["web-02"]
    site.write_wave()
    plan = site.here("plan")
    assert plan.code == 0
    assert "web-02" in plan.said and "--allow-destroy" in plan.said
    site.apply()
    assert site.known("web-02").life is Life.DELTA
    seeds = site.blobs(kept.seed_account).get_container_client(kept.seed_container)
    assert kept.disks[0].seed in [blob.name for blob in seeds.list_blobs()]

    serial = site.state["serial"]
    wrong = site.here("apply", "--auto-approve", "--allow-destroy", "7")
    refused(wrong, "7", "1", "--allow-destroy")
    assert site.state["serial"] == serial
    assert site.known("web-02").life is Life.DELTA

    right = site.here("apply", "--auto-approve", "--allow-destroy", "1")
    assert right.code == 0, right.said
    until("web-02 to be stopped", lambda: site.known("web-02").life is Life.STOPPED)
    assert kept.disks[0].seed not in [blob.name for blob in seeds.list_blobs()]
    assert site.known("web-01").life is Life.DELTA
    assert site.here("plan", "--detailed-exitcode").code == 0
