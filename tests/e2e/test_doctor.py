"""Users, The weeks 1: what runs where. `doctor` tests readers' ports, the proxy and clocks, each fault with what to do."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from tests.e2e.site import Site, Vm, standing
from wavelift import reaching
from wavelift.doctor import examine
from wavelift.reaching import Finding
from wavelift.wiring import Wiring
from wavelift.workspace import Workspace


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("doctor"), [Vm("web-01")], ["web-01"]) as made:
        yield made


def disks(site: Site, reader: str, role: str = "engine") -> list[dict[str, str]]:
    """What the command says about reading disks, with this reader in the estate."""
    lab = site.estate / "lab.yaml"
    text = lab.read_text()
    try:
        lab.write_text(text + (f"    reader: {reader}\n" if reader else ""))
        ran = site.here("doctor", "--role", role, "--json")
        return [one for one in json.loads(ran.out)["checks"] if one["check"] == "disks"]
    finally:
        lab.write_text(text)


def test_the_https_reader_needs_no_esxi_host(site: Site) -> None:
    """issue 4, doctor: each reader's own ports, and only where disks are read."""
    [one] = disks(site, "")
    assert one["state"] == "note" and "no ESXi host" in one["detail"]
    assert disks(site, "", "plan") == disks(site, "", "apply") == []


def test_an_nbd_server_is_tried(site: Site) -> None:
    """issue 4, doctor: a server that answers, and one that does not."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(4)
        port = server.getsockname()[1]
        [one] = disks(site, f"{{nbd: {{host: 127.0.0.1, port: {port}}}}}")
        assert (one["state"], one["detail"]) == ("ok", "answers")
    [one] = disks(site, f"{{nbd: {{host: 127.0.0.1, port: {port}}}}}")
    assert one["state"] == "bad" and "refused" in one["detail"] and "NBD server" in one["todo"]


def test_vddk_needs_902_of_the_hosts_of_our_machines(site: Site) -> None:
    """issue 4, doctor: ESXi hosts by name at 902, for VDDK alone."""
    found = disks(site, "{nbd: {command: [nbdkit, -U, '{socket}', vddk, 'vm=moref={moref}', 'file={file}']}}")
    assert len(found) == 1, "the one host of the one machine"
    assert found[0]["subject"].endswith(":902") and found[0]["state"] == "bad" and "902" in found[0]["todo"]
    [one] = disks(site, "{nbd: {command: [nbdkit, -U, '{socket}', memory, 1G]}}")
    assert one["state"] == "note"


def findings(site: Site, check: str) -> list[Finding]:
    """Of an examination in this process."""
    with Wiring(Workspace.open(site.estate), "plan") as wiring:
        return [one for one in examine(wiring, "plan") if one.check == check]


@pytest.mark.parametrize(("ahead", "state"), [(-3600, "bad"), (0, "ok"), (240, "ok"), (360, "bad")])
def test_a_clock_that_is_wrong(site: Site, monkeypatch: pytest.MonkeyPatch, ahead: float, state: str) -> None:
    """issue 4, doctor: five minutes are what tokens and SAS addresses bear."""
    monkeypatch.setattr(reaching, "time", SimpleNamespace(time=lambda: time.time() + ahead))
    found = findings(site, "clock")
    assert len(found) == 3, "vCenter, sign-in and Resource Manager"
    assert {one.state for one in found} == {state}
    assert all("NTP" in one.todo for one in found if state == "bad")


def test_permissions_alone_have_an_exit_code_of_their_own(site: Site) -> None:
    """issue 4, doctor: what lacks is named with what to do; 5 as in plan, 1 when anything else is wrong besides."""
    site.control("vcenter", "POST", "settings", {"denied": ["VirtualMachine.State.CreateSnapshot"]})
    lab = site.estate / "lab.yaml"
    text = lab.read_text()
    try:
        ran = site.here("doctor", "--role", "engine")
        assert ran.code == 5 and "BAD permissions WL444: " in ran.out and "CreateSnapshot" in ran.out, ran.said
        lab.write_text(text + "    reader: {nbd: {host: 127.0.0.1, port: 9}}\n")
        assert site.here("doctor", "--role", "engine").code == 1
    finally:
        lab.write_text(text)
        site.control("vcenter", "POST", "settings", {"denied": []})


def test_a_proxy_before_vcenter(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """issue 4, doctor: vCenter is spoken to directly, so a proxy that is set for it is a fault; Azure is tried through it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    ran = site.run("doctor", "-C", str(site.estate), "--role", "plan", "--json", again=False)
    assert ran.code == 1
    found = [one for one in json.loads(ran.out)["checks"] if one["check"] == "proxy"]
    assert [(one["state"], bool(one["todo"])) for one in found] == [("bad", True)] * 3
    assert "the proxy 127.0.0.1:9 cannot be reached" in found[1]["detail"] and "HTTPS_PROXY" in found[1]["todo"]
    assert "NO_PROXY" in found[0]["todo"]
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    ran = site.run("doctor", "-C", str(site.estate), "--role", "plan", "--json", again=False)
    assert ran.code == 0, ran.said
    assert not [one for one in json.loads(ran.out)["checks"] if one["check"] == "proxy"]
