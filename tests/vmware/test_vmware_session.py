"""Signing in, staying signed in, and saying plainly what is wrong when neither works."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from providers.secrets import Credentials
from providers.vmware import tls
from providers.vmware.source import VSphereSource
from replication.model.errors import Denied, Permanent, Temporary, UnknownFate
from tests.vmware.support import Lab, running_lab


def test_importing_the_provider_loads_no_sdk() -> None:
    """Design, providers: `wavelift --help` must not pay for pyVmomi."""
    code = "import providers.vmware.source, sys; sys.exit(any(m.startswith('pyV') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_wrong_password_names_host_and_user(lab: Lab) -> None:
    """Issue 2, bad input: Denied, with the remedy; asked once only, since vCenter locks accounts."""
    source = lab.source(password="wrong")
    for _ in range(2):
        with pytest.raises(Denied) as caught:
            source.inventory()
        assert f"127.0.0.1:{lab.port}" in str(caught.value)
        assert lab.user in str(caught.value)
        assert "login of source lab" in caught.value.remedy
        assert "wrong" not in str(caught.value)
    source.close()


def test_a_password_that_was_changed_is_read_again(faults: Lab) -> None:
    """Users, The weeks 1: a session that ends after its account got another password; mended where the secret is kept, it
    goes on at once, though the old one is not tried again for a minute."""
    known = [faults.password]
    source = VSphereSource(faults.endpoint(), lambda: Credentials(faults.user, known[0]))
    assert source.inventory().vms
    try:
        faults.process.control("POST", "password", {"password": "another"})
        assert source.inventory().vms, "a session that stands goes on"
        faults.expire_sessions()
        for _ in range(2):
            with pytest.raises(Denied, match=faults.user):
                source.inventory()
        known[0] = "another"
        assert source.inventory().vms
    finally:
        faults.process.control("POST", "password", {"password": faults.password})
        source.close()


def test_a_certificate_that_was_changed_is_looked_at_again(tmp_path: Path) -> None:
    """Users, The weeks 1: vCenter shows another certificate in mid-run: said plainly, and over when the CA file is mended."""
    ca = tmp_path / "ca.pem"
    with running_lab(tmp_path / "lab") as lab:
        shutil.copy(lab.ca, ca)
        source = lab.source(endpoint=lab.endpoint(ca=str(ca)))
        assert source.inventory().vms
        lab.process.stop()
        shutil.rmtree(Path(lab.ca).parent)
        lab.process.start()
        for _ in range(2):
            with pytest.raises(Permanent, match="not trusted"):
                source.inventory()
        shutil.copy(lab.ca, ca)
        assert source.inventory().vms
        source.close()


def _closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_vcenter_that_is_not_there(lab: Lab) -> None:
    """Issue 2, bad input: nothing listens; a name that does not resolve; both say what to check."""
    with pytest.raises(Temporary, match="nothing listens there"):
        lab.source(endpoint=lab.endpoint(port=_closed_port())).inventory()
    with pytest.raises(Permanent, match="cannot be resolved"):
        lab.source(endpoint=lab.endpoint(host="vc.invalid")).inventory()


def test_a_certificate_that_is_not_trusted(lab: Lab, tmp_path: Path) -> None:
    """S6: the system's CAs do not know it, another pin is not it; a CA file that is none is named."""
    with pytest.raises(Permanent, match="not trusted"):
        lab.source(endpoint=lab.endpoint(ca=None)).inventory()
    with pytest.raises(Permanent, match=r"not trusted.*thumbprint is"):
        lab.source(endpoint=lab.endpoint(ca=None, thumbprint="00" * 32)).inventory()
    with pytest.raises(Permanent, match="is not there"):
        lab.source(endpoint=lab.endpoint(ca=str(tmp_path / "none.pem"))).inventory()
    (tmp_path / "bad.pem").write_text("nonsense")
    with pytest.raises(Permanent, match="no usable certificate"):
        lab.source(endpoint=lab.endpoint(ca=str(tmp_path / "bad.pem"))).inventory()
    with pytest.raises(Permanent, match="hexadecimal"):
        lab.source(endpoint=lab.endpoint(thumbprint="12:34")).inventory()


def test_a_pinned_certificate_is_enough(lab: Lab) -> None:
    """Pitfall 20: pinned thumbprint, colons or not; every connection is checked against it."""
    certificate = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", lab.port)))
    pin = hashlib.sha256(certificate).hexdigest().upper()
    source = lab.source(endpoint=lab.endpoint(ca=None, thumbprint=":".join(pin[i : i + 2] for i in range(0, 64, 2))))
    assert source.inventory().vms
    source.close()


def test_tls_below_1_2_is_not_spoken(lab: Lab) -> None:
    """S6: TLS 1.2 or newer on every connection, pinned or not."""
    assert tls.context(lab.endpoint()).minimum_version == ssl.TLSVersion.TLSv1_2
    assert tls.context(lab.endpoint(thumbprint="00" * 32)).minimum_version == ssl.TLSVersion.TLSv1_2


def test_what_is_no_vcenter_is_told_apart(lab: Lab) -> None:
    """Bad input: TLS is missing, or something else answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.0 400 no\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(Permanent, match=r"no TLS 1\.2"):
            lab.source(endpoint=lab.endpoint(port=server.getsockname()[1])).inventory()
        thread.join()


def test_a_session_that_ended_is_renewed_by_one_thread(lab: Lab) -> None:
    """Pitfall 18: session expiry is invisible, also to many threads at once, and costs one login."""
    source = lab.source()
    machine = lab.uuid("threads-01")
    assert source.facts((machine,))
    before = source.session.generation
    for _ in range(3):
        lab.expire_sessions()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: source.facts((machine,))[machine].name, range(24)))
        assert found == ["threads-01"] * 24
    assert before + 3 <= source.session.generation <= before + 6
    source.close()


def test_reads_go_on_over_a_broken_connection(faults: Lab) -> None:
    """Pitfall 18: a read may be asked again; after too many breaks it is Temporary and names vCenter."""
    source = faults.source()
    machine = faults.uuid("threads-01")
    assert source.facts((machine,))
    faults.fault("vcenter RetrievePropertiesEx", "break", nth=1, count=1)
    assert source.facts((machine,))[machine].name == "threads-01"
    faults.healthy()
    faults.fault("vcenter RetrievePropertiesEx", "break", count=0)
    with pytest.raises(Temporary, match="connection to vCenter broke"):
        source.facts((machine,))
    source.close()


def test_a_change_whose_answer_is_lost_is_not_repeated_blindly(faults: Lab) -> None:
    """Ports: `create_snapshot` is not idempotent. Done but unanswered: found by its name. Not done: UnknownFate."""
    source = faults.source()
    machine = faults.uuid("threads-01")
    faults.fault("vcenter CreateSnapshot_Task", "fail", when="after", count=1)
    ref = source.create_snapshot(machine, "wavelift/lost-answer", "", False)
    assert source.find_snapshots(machine, "wavelift/") == {ref: "wavelift/lost-answer"}
    source.remove_snapshot(machine, ref)
    faults.healthy()
    faults.fault("vcenter CreateSnapshot_Task", "fail", when="before", count=1)
    with pytest.raises(UnknownFate, match="threads-01"):
        source.create_snapshot(machine, "wavelift/never-made", "", False)
    assert source.find_snapshots(machine, "wavelift/") == {}
    source.close()


def test_missing_rights_are_named(faults: Lab) -> None:
    """S4: a refusal names the VM and what was being done, and says who can help."""
    source = faults.source()
    machine = faults.uuid("threads-01")
    source.facts((machine,))
    faults.fault("vcenter CreateSnapshot_Task", "fail", status=500, code="NoPermission")
    with pytest.raises(Denied, match=r"threads-01: making a snapshot.*NoPermission.*role"):
        source.create_snapshot(machine, "wavelift/x", "", False)
    source.close()


def test_privileges_are_checked_before_anything_is_done(lab: Lab) -> None:
    """S4 and azure.md facts 3: `plan` names the privileges that the login lacks, VM by VM."""
    source = lab.source()
    machine = lab.uuid("threads-01")
    assert source.missing_privileges((machine, lab.uuid("web-01"))) == {}
    lab.process.control("POST", "settings", {"denied": ["VirtualMachine.State.CreateSnapshot"]})
    try:
        assert source.missing_privileges((machine,)) == {machine: ("VirtualMachine.State.CreateSnapshot",)}
    finally:
        lab.process.control("POST", "settings", {"denied": []})
        source.close()


def test_closing_ends_the_session(lab: Lab) -> None:
    """Nothing is left behind at vCenter; a source may be used again afterwards."""
    source = lab.source()
    source.facts((lab.uuid("threads-01"),))
    before = lab.process.control("GET", "status")["sessions"]
    source.close()
    source.close()
    assert lab.process.control("GET", "status")["sessions"] == before - 1
    assert source.facts((lab.uuid("threads-01"),))
    source.close()
