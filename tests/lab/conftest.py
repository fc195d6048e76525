"""Lab processes for tests: real servers in processes of their own, stopped by pid at the end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from tests.lab.blob_support import MIB, Blobs, Raw, running
from tests.lab.lab_process import LabProcess, StartLab


@pytest.fixture(scope="session")
def start_lab() -> Iterator[StartLab]:
    """`start_lab("vcenter", root, *options)`: started processes end with the session."""
    started: list[LabProcess] = []

    def start(kind: str, root: Path, *arguments: str) -> LabProcess:
        process = LabProcess(kind, root, arguments)
        started.append(process)
        return process.start()

    yield start
    for process in started:
        process.stop()


VCENTER_INVENTORY = """
datacenters: [Lab, {name: Second}]
hosts: [esx-01, esx-02, {name: esx-b1, datacenter: Second}]
datastores:
  - {name: ds-01, capacity_gib: 1024}
  - {name: nfs-01, type: NFS, capacity_gib: 512}
  - {name: vsan-01, type: vsan}
  - {name: ds-b1, datacenter: Second}
networks: [VLAN110-web, VLAN120-db, {name: VLAN-b, datacenter: Second}]
vms:
  - name: web-01
    folder: /Lab/vm/shop/front
    guest_id: windows2019srv_64Guest
    firmware: efi
    cpus: 4
    memory_mb: 8192
    hw: vmx-19
    disks: [{gib: 0.0625, controller: "scsi0:0"}, {gib: 0.03125, controller: "scsi1:2"}]
    nics: [{network: VLAN110-web, mac: "00:50:56:00:00:01", ip: 10.20.1.11}, {network: VLAN120-db}]
  - {name: cbt-01, disks: [{gib: 0.25}, {gib: 0.0625}], nics: [{network: VLAN110-web}]}
  - {name: cbt-02, disks: [{gib: 1}]}
  - {name: snap-01, disks: [{gib: 0.0625}]}
  - {name: snap-02, disks: [{gib: 0.0625}]}
  - {name: power-01, disks: [{gib: 0.03125}]}
  - {name: files 01, disks: [{gib: 0.25}]}
  - {name: nfs-vm, datastore: nfs-01, disks: [{gib: 0.0625}]}
  - {name: vsan-vm, datastore: vsan-01, disks: [{gib: 0.0625}]}
  - name: odd-01
    hw: vmx-4
    controllers: {scsi1: {shared_bus: physicalSharing}}
    disks:
      - {gib: 0.03125, controller: "scsi0:0", mode: independent_persistent}
      - {gib: 0.03125, controller: "scsi0:1", rdm: true}
      - {gib: 0.03125, controller: "scsi1:0"}
  - {name: twin, folder: /Lab/vm/a, disks: [{gib: 0.03125}]}
  - {name: twin, folder: /Lab/vm/b, disks: [{gib: 0.03125}]}
  - {name: remote-01, folder: /Second/vm/x, disks: [{gib: 0.03125}], power: poweredOff}
  - {name: model-01, disks: [{gib: 0.00390625}, {gib: 0.00390625}]}
  - {name: hard-01, disks: [{gib: 0.0625}]}
"""


@pytest.fixture(scope="session")
def vcenter(start_lab: StartLab, tmp_path_factory: pytest.TempPathFactory) -> LabProcess:
    """One vCenter with a small, odd inventory; each test uses VMs of its own."""
    root = tmp_path_factory.mktemp("vcenter")
    (root / "inventory.yaml").write_text(VCENTER_INVENTORY)
    return start_lab("vcenter", root, "--latency", "0.005")


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blobs]:
    with running(tmp_path_factory.mktemp("blobs")) as service:
        yield service


@pytest.fixture
def container(blobs: Blobs) -> ContainerClient:
    return blobs.client().create_container(f"c{uuid.uuid4().hex[:20]}")


@pytest.fixture
def raw(blobs: Blobs) -> Iterator[Raw]:
    connection = Raw(blobs.ca, blobs.server.port)
    yield connection
    connection.close()


@pytest.fixture
def disk(blobs: Blobs, container: ContainerClient) -> str:
    """The address of a page blob of 16 MiB, readable and writable."""
    container.get_blob_client("disk.vhd").create_page_blob(16 * MIB, sequence_number=5)
    return blobs.sas(container.container_name, "disk.vhd", "rw")
