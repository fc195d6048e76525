"""The lab's Azure as the process that `python -m lab azure` is: killed in the middle of work, started again."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from tests.lab.arm_support import REGION, arm_client
from tests.lab.conftest import LabProcess


@pytest.fixture
def process(tmp_path: Path) -> Iterator[LabProcess]:
    made = LabProcess("azure", tmp_path, ("--latency", "0.5")).start()
    yield made
    made.stop(signal.SIGKILL)


def _client(process: LabProcess, kind: Any) -> Any:
    info = process.section()
    ca = str(process.root / "tls" / "ca.pem")
    credential = ClientSecretCredential(
        info["tenant"],
        info["client_id"],
        info["client_secret"],
        authority=info["authority"],
        disable_instance_discovery=True,
        connection_verify=ca,
    )
    return arm_client(kind, credential, info["subscriptions"][0], info["arm"], ca)


def test_kill_in_the_middle_of_operations(process: LabProcess) -> None:
    """D3: kill -9 while disks are being made: after the start all of them are there and the operations have ended."""
    before = process.section()
    _client(process, ResourceManagementClient).resource_groups.create_or_update("rg", {"location": REGION})
    disks = _client(process, ComputeManagementClient).disks
    body = {"location": REGION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    for number in range(10):
        disks.begin_create_or_update("rg", f"d{number}", body, polling=False)
    process.stop(signal.SIGKILL)
    process.start()
    after = process.section()
    assert {key: before[key] for key in before if key != "pid"} == {key: after[key] for key in after if key != "pid"}
    disks = _client(process, ComputeManagementClient).disks
    end = time.monotonic() + 10
    while any(disk.properties.provisioning_state != "Succeeded" for disk in disks.list()):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert len(list(disks.list())) == 10
