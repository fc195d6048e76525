"""The lab's vCenter for the provider's tests: a real process, spoken to by the real provider."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from providers.secrets import Credentials
from providers.vmware.source import VSphereSource
from providers.vmware.tls import Endpoint
from tests.lab.conftest import LabProcess

INVENTORY = """
datacenters: [Seoul]
hosts: [esx-01, esx-02]
datastores: [{name: ds-01}, {name: vsan-01, type: vsan}]
networks: [VLAN110-web, VLAN120-db]
vms:
  - name: web-01
    folder: /Seoul/vm/shop/front
    guest_id: windows2019srv_64Guest
    firmware: efi
    cpus: 4
    memory_mb: 8192
    cbt: true
    disks: [{gib: 0.0625, controller: "scsi0:0"}, {gib: 0.03125, controller: "scsi1:2"}]
    nics: [{network: VLAN110-web, mac: "00:50:56:00:00:01", ip: 10.20.1.11}, {network: VLAN120-db}]
  - {name: cycle-01, cbt: true, disks: [{gib: 0.0625}, {gib: 0.03125}], nics: [{network: VLAN110-web}]}
  - {name: areas-01, cbt: true, disks: [{gib: 0.0625}]}
  - {name: reader-01, cbt: true, disks: [{gib: 0.0625}]}
  - {name: vsan-vm, cbt: true, datastore: vsan-01, disks: [{gib: 0.03125}]}
  - {name: power-01, disks: [{gib: 0.03125}]}
  - {name: no-tools, tools: notInstalled, disks: [{gib: 0.03125}]}
  - {name: untracked-01, disks: [{gib: 0.03125}, {gib: 0.03125}]}
  - {name: untracked-02, disks: [{gib: 0.03125}]}
  - {name: old-01, hw: vmx-4, disks: [{gib: 0.03125}]}
  - {name: busy-01, disks: [{gib: 0.03125}]}
  - {name: threads-01, disks: [{gib: 0.03125}]}
  - {name: twin, folder: /Seoul/vm/a, disks: [{gib: 0.03125}]}
  - {name: twin, folder: /Seoul/vm/b, disks: [{gib: 0.03125}]}
  - {name: golden, template: true, disks: [{gib: 0.03125}]}
  - name: odd-01
    hw: vmx-4
    controllers: {scsi1: {shared_bus: physicalSharing}}
    disks:
      - {gib: 0.03125, controller: "scsi0:0", mode: independent_persistent}
      - {gib: 0.03125, controller: "scsi0:1", rdm: true}
      - {gib: 0.03125, controller: "scsi1:0"}
"""


class Lab:
    """A running vCenter of the lab; `source()` is a provider signed in to it."""

    def __init__(self, process: LabProcess) -> None:
        self.process = process
        document = process.document()
        self.ca: str = document["ca"]
        self.port: int = document["vcenter"]["port"]
        self.user: str = document["vcenter"]["user"]
        self.password: str = document["vcenter"]["password"]

    def endpoint(self, **other: Any) -> Endpoint:
        given: dict[str, Any] = {"name": "lab", "host": "127.0.0.1", "port": self.port, "ca": self.ca}
        return Endpoint(**{**given, **other})

    def source(self, *, password: str | None = None, endpoint: Endpoint | None = None, **options: Any) -> VSphereSource:
        known = Credentials(self.user, password or self.password)
        return VSphereSource(endpoint or self.endpoint(), lambda: known, **options)

    def status(self, vm: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.process.control("GET", f"vm/{quote(vm)}")
        return answer

    def uuid(self, vm: str) -> str:
        return str(self.status(vm)["uuid"])

    def set(self, vm: str, **settings: Any) -> None:
        self.process.control("POST", f"vm/{quote(vm)}", settings)

    def write(self, vm: str, disk: str, offset: int, data: bytes) -> None:
        """The guest writes these bytes."""
        body = {"vm": vm, "disk": disk, "offset": offset, "data_b64": base64.b64encode(data).decode()}
        self.process.control("POST", "write", body)

    def pattern(self, vm: str, pattern: str, mib: float) -> None:
        self.process.control("POST", "write", {"vm": vm, "pattern": pattern, "mib": mib})

    def fault(self, match: str, action: str, **more: Any) -> None:
        self.process.control("POST", "faults", {"match": match, "action": action, **more})

    def healthy(self) -> None:
        self.process.control("DELETE", "faults")

    def expire_sessions(self) -> None:
        self.process.control("POST", "sessions/expire")

    def content(self, vm: str, disk: int) -> bytes:
        """What the disk holds as the guest sees it now."""
        path = self.process.root / f"flat-{os.getpid()}.raw"
        label = next(entry["label"] for entry in self.status(vm)["disks"] if entry["key"] == disk)
        self.process.control("POST", "flatten", {"vm": vm, "disk": label, "path": str(path)})
        data = path.read_bytes()
        path.unlink()
        return data


@contextmanager
def running_lab(root: Path) -> Iterator[Lab]:
    root.mkdir(parents=True, exist_ok=True)
    (root / "inventory.yaml").write_text(INVENTORY)
    process = LabProcess("vcenter", root, ("--latency", "0"))
    process.start()
    try:
        yield Lab(process)
    finally:
        process.stop()


def vcsim() -> str | None:
    """govmomi's simulator: $WAVELIFT_VCSIM or in PATH."""
    return os.environ.get("WAVELIFT_VCSIM") or shutil.which("vcsim")


@contextmanager
def running_vcsim(program: str, folder: Path) -> Iterator[Endpoint]:
    """vcsim with a few VMs, recognised by its certificate's thumbprint."""
    output = folder / "vcsim.out"
    with output.open("wb") as stream:
        process = subprocess.Popen([program, "-l", "127.0.0.1:0", "-vm", "3"], stdout=stream, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + 20
        while b"/sdk" not in output.read_bytes():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(output.read_text()[-2000:])
            time.sleep(0.05)
        port = int(output.read_text().partition("@127.0.0.1:")[2].partition("/sdk")[0])
        certificate = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", port)))
        yield Endpoint("vcsim", "127.0.0.1", port, thumbprint=hashlib.sha256(certificate).hexdigest())
    finally:
        process.terminate()
        process.wait(10)
