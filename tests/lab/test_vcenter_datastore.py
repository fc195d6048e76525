"""Datastore files over HTTPS, as the https reader of a migration tool uses them."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator

import pytest
from vcenter_client import MIB, Client, connected

from tests.lab.lab_process import LabProcess

NAME = "files 01"
FLAT = f"{NAME}/{NAME}-flat.vmdk"


@pytest.fixture
def client(vcenter: LabProcess) -> Iterator[Client]:
    with connected(vcenter) as found:
        yield found


def test_frozen_base_can_be_read_the_live_leaf_cannot(client: Client) -> None:
    """S1.1: data is read from the snapshot; what a running VM writes to is locked."""
    data = os.urandom(2 * MIB)
    client.write(NAME, MIB, data[:MIB])
    client.write(NAME, 2 * MIB, data[MIB:])
    status, text, _ = client.get_file(FLAT)
    assert status == 500 and b"locked" in text
    vm = client.vm(NAME)
    snapshot = client.snapshot(vm)
    client.write(NAME, MIB, bytes(MIB))
    status, body, headers = client.get_file(FLAT, Range=f"bytes={MIB}-{3 * MIB - 1}")
    assert status == 206 and body == data
    assert headers["Content-Range"] == f"bytes {MIB}-{3 * MIB - 1}/{256 * MIB}"
    status, body, headers = client.get_file(FLAT)
    assert status == 200 and len(body) == 256 * MIB and body[MIB : 3 * MIB] == data
    status, body, headers = client.get_file(FLAT, method="HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(256 * MIB))
    assert client.get_file(f"{NAME}/{NAME}-000001-delta.vmdk")[0] == 500
    client.remove(snapshot)
    assert client.get_file(FLAT)[0] == 500


def test_descriptors(client: Client) -> None:
    """Domain: the descriptor names extents, content ids and a delta's parent."""
    vm = client.vm(NAME)
    snapshot = client.snapshot(vm)
    base = client.get_file(f"{NAME}/{NAME}.vmdk")[1].decode()
    delta = client.get_file(f"{NAME}/{NAME}-000001.vmdk")[1].decode()
    assert f'RW {256 * MIB // 512} VMFS "{NAME}-flat.vmdk"' in base and "parentCID=ffffffff" in base
    content = re.search(r"^CID=(\w{8})$", base, re.M)
    assert content is not None and f"parentCID={content[1]}" in delta
    assert f'parentFileNameHint="{NAME}.vmdk"' in delta and "VMFSSPARSE" in delta
    client.remove(snapshot)


def test_ranges_and_refusals(client: Client) -> None:
    """One range inside the file or 416; no file 404; no session 401; name and password do as well; vSAN has no files."""
    vm = client.vm(NAME)
    snapshot = client.snapshot(vm)
    size = 256 * MIB
    assert (
        client.get_file(FLAT, Range="bytes=-512")[2]["Content-Range"] == f"bytes {size - 512}-{size - 1}/{size}"
    )
    assert len(client.get_file(FLAT, Range=f"bytes={size - 100}-{size + 100}")[1]) == 100
    assert client.get_file(FLAT, Range=f"bytes={size}-")[0] == 416
    assert client.get_file(FLAT, Range="bytes=0-1,5-6")[0] == 416
    assert client.get_file(f"{NAME}/nothing.vmdk")[0] == 404
    assert client.get_file(FLAT, store="nfs-01")[0] == 404
    assert client.get_file(FLAT, Cookie="vmware_soap_session=nobody")[0] == 401
    user, password = client.section["user"], client.section["password"]
    basic = base64.b64encode(f"{user}:{password}".encode()).decode()
    status, body, _ = client.get_file(FLAT, Cookie="", Authorization=f"Basic {basic}", Range="bytes=0-9")
    assert (status, len(body)) == (206, 10)
    client.remove(snapshot)
    other = client.vm("vsan-vm")
    snapshot = client.snapshot(other)
    assert client.get_file("vsan-vm/vsan-vm-flat.vmdk", store="vsan-01")[0] == 404
    client.remove(snapshot)


def test_a_powered_off_machine_has_no_locks(client: Client) -> None:
    """S1.4: after power-off the disks themselves can be read."""
    client.set(NAME, power="poweredOff")
    try:
        assert client.get_file(FLAT, Range="bytes=0-511")[0] == 206
        status, answer = client.lab.try_control("POST", "write", {"vm": NAME, "data_b64": "", "offset": 0})
        assert status == 409 and "powered off" in answer["error"]
    finally:
        client.set(NAME, power="poweredOn")


def test_a_broken_and_a_flipped_read(client: Client) -> None:
    """Faults on order reach datastore reads: a connection that dies in mid-body, a bit that flips."""
    vm = client.vm(NAME)
    snapshot = client.snapshot(vm)
    good = client.get_file(FLAT, Range=f"bytes=0-{MIB - 1}")[1]
    client.lab.control("POST", "faults", {"match": "ReadDatastore", "action": "break", "when": "after"})
    with pytest.raises((OSError, EOFError, Exception), match=r"IncompleteRead|closed|reset"):
        client.get_file(FLAT, Range=f"bytes=0-{MIB - 1}")
    client.lab.control("POST", "faults", {"match": "ReadDatastore", "action": "flip"})
    bad = client.get_file(FLAT, Range=f"bytes=0-{MIB - 1}")[1]
    assert sum(a != b for a, b in zip(good, bad, strict=True)) == 1
    assert client.get_file(FLAT, Range=f"bytes=0-{MIB - 1}")[1] == good
    client.lab.control("DELETE", "faults")
    client.remove(snapshot)
