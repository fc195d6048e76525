"""Managed disks and snapshots: every state and refusal, with the real compute and blob SDKs."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute.models import Disk, Snapshot
from azure.mgmt.storage import StorageManagementClient
from azure.storage.blob import BlobClient, ContainerClient

from lab.azure.blob.vhd import make_footer as footer
from tests.lab.arm_support import REGION, Azure, check_json, fails, name, refused, running

MIB = 1 << 20
SIZE = 20 * MIB


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("disks")) as made:
        yield made


@pytest.fixture(scope="module")
def group(azure: Azure) -> str:
    return azure.group()


@pytest.fixture
def compute(azure: Azure) -> Any:
    client: Any = azure.client(ComputeManagementClient)
    return client


def _create(compute: Any, group: str, disk: str, creation: dict[str, Any], **more: Any) -> Any:
    properties = {"creationData": creation, **more.pop("properties", {})}
    return compute.disks.begin_create_or_update(group, disk, {"location": REGION, "properties": properties, **more}).result()


def _upload(compute: Any, group: str, disk: str, size: int = SIZE, **more: Any) -> Any:
    return _create(compute, group, disk, {"createOption": "Upload", "uploadSizeBytes": size + 512}, **more)


def _empty(compute: Any, group: str, disk: str, **more: Any) -> Any:
    return _create(compute, group, disk, {"createOption": "Empty"}, **{"properties": {"diskSizeGB": 1}, **more})


def _grant(compute: Any, group: str, disk: str, access: str = "Write", seconds: int = 3600) -> str:
    result = compute.disks.begin_grant_access(group, disk, {"access": access, "durationInSeconds": seconds}).result()
    assert result.access_sas
    return str(result.access_sas)


def _state(compute: Any, group: str, disk: str) -> str:
    state = compute.disks.get(group, disk).properties.disk_state
    return str(getattr(state, "value", state))


def _file(azure: Azure, disk: Any) -> Path:
    return Path(azure.control("GET", "status")["disks"][disk.id]["path"])


def test_upload_life_of_a_disk(azure: Azure, compute: Any, group: str) -> None:
    """S1.2: ReadyToUpload, ActiveUpload, pages by SAS, footer, endGetAccess, Unattached; the file is the disk."""
    disk = _upload(compute, group, "up1", properties={"osType": "Linux", "hyperVGeneration": "V2"}, tags={"a": "b"})
    properties = disk.properties
    assert (properties.disk_state, properties.disk_size_bytes, properties.disk_size_gb) == ("ReadyToUpload", SIZE, 1)
    check_json(Disk, azure.arm("GET", disk.id)[1])
    url = _grant(compute, group, "up1")
    assert _state(compute, group, "up1") == "ActiveUpload"
    blob = BlobClient.from_blob_url(url, connection_verify=azure.ca, retry_total=0)
    data = os.urandom(MIB)
    blob.upload_page(data, 4 * MIB, MIB)
    with fails("InvalidVhd"):
        compute.disks.begin_revoke_access(group, "up1").result()
    assert _state(compute, group, "up1") == "ActiveUpload"
    with pytest.raises(HttpResponseError) as caught:
        blob.upload_page(data, 0, MIB)
    assert caught.value.status_code == 403
    blob = BlobClient.from_blob_url(_grant(compute, group, "up1"), connection_verify=azure.ca, retry_total=0)
    blob.upload_page(footer(SIZE), SIZE, 512)
    compute.disks.begin_revoke_access(group, "up1").result()
    assert _state(compute, group, "up1") == "Unattached"
    file = _file(azure, disk)
    assert file.stat().st_size == SIZE
    with file.open("rb") as stream:
        stream.seek(4 * MIB)
        assert stream.read(MIB) == data
    with refused(409, "OperationNotAllowed"):
        _grant(compute, group, "up1")


def test_upload_sizes(compute: Any, group: str) -> None:
    """S1.2: uploadSizeBytes is N MiB + 512 within Azure's range."""
    for asked in (5, SIZE, SIZE + 511, SIZE + 1024, 20 * MIB + 512 + 512, (32767 << 30) + 513, "20972032"):
        with pytest.raises(HttpResponseError) as caught:
            _create(compute, group, name("d"), {"createOption": "Upload", "uploadSizeBytes": asked})
        assert caught.value.status_code == 400, asked
    with refused(400, "InvalidParameter"):
        _create(compute, group, name("d"), {"createOption": "Upload"})
    with refused(400, "InvalidParameter"):
        _create(compute, group, name("d"), {"createOption": "Empty"})


def test_bad_names_skus_options_zones(compute: Any, group: str) -> None:
    """S3: what Azure refuses at creation is refused here."""
    for disk in ("a" * 81, "dot.name", "space name"):
        with refused(400, "InvalidParameter"):
            _empty(compute, group, disk)
    with refused(400, "InvalidParameter"):
        _empty(compute, group, "x1", sku={"name": "Premium_LRZ"})
    with refused(400, "InvalidParameter"):
        _empty(compute, group, "x1", properties={"diskSizeGB": 1, "osType": "BeOS"})
    with refused(400, "InvalidAvailabilityZone"):
        _empty(compute, group, "x1", zones=["4"])
    with refused(400, "LocationNotAvailableForResourceType"):
        compute.disks.begin_create_or_update(group, "x1", {"location": "nowhere", "properties": {}})
    made = _empty(compute, group, "x1", sku={"name": "premium_lrs"}, zones=["2"])
    assert (made.sku.name, made.zones) == ("Premium_LRS", ["2"])
    with refused(409, "PropertyChangeNotAllowed"):
        _upload(compute, group, "x1")
    with refused(409, "InvalidResourceLocation"):
        body = {"location": "westeurope", "properties": {"creationData": {"createOption": "Empty"}}}
        compute.disks.begin_create_or_update(group, "x1", body)


def test_upload_states_refuse_everything_else(azure: Azure, compute: Any, group: str) -> None:
    """S1.2: no snapshot, copy, read access or resize in an upload state; deletion is possible."""
    disk = _upload(compute, group, "up2")
    _grant(compute, group, "up2")
    source = {"createOption": "Copy", "sourceResourceId": disk.id}
    with refused(409, "OperationNotAllowed"):
        _create(compute, group, "copy", source)
    with refused(409, "OperationNotAllowed"):
        compute.snapshots.begin_create_or_update(group, "snap", {"location": REGION, "properties": {"creationData": source}})
    with refused(409, "OperationNotAllowed"):
        _grant(compute, group, "up2", "Read")
    with refused(409, "OperationNotAllowed"):
        compute.disks.begin_update(group, "up2", {"properties": {"diskSizeGB": 9}})
    file = _file(azure, disk)
    compute.disks.begin_delete(group, "up2").result()
    assert not file.exists()


def test_access_is_bounded_and_runs_out(azure: Azure, compute: Any, group: str) -> None:
    """S6: at most 60 days; an address that has run out opens nothing and the state falls back by itself."""
    _empty(compute, group, "e1")
    for seconds in (0, 5184001):
        with refused(400, "InvalidParameter"):
            _grant(compute, group, "e1", "Read", seconds)
    with refused(409, "OperationNotAllowed"):
        _grant(compute, group, "e1", "Write")
    url = _grant(compute, group, "e1", "Read", 1)
    assert _state(compute, group, "e1") == "ActiveSAS"
    with refused(409, "OperationNotAllowed"):
        compute.disks.begin_delete(group, "e1")
    with refused(409, "OperationNotAllowed"):
        compute.disks.begin_update(group, "e1", {"properties": {"diskSizeGB": 2}})
    time.sleep(1.1)
    with pytest.raises(HttpResponseError):
        BlobClient.from_blob_url(url, connection_verify=azure.ca, retry_total=0).download_blob(0, 512).readall()
    end = time.monotonic() + 3
    while _state(compute, group, "e1") != "Unattached":
        assert time.monotonic() < end
        time.sleep(0.02)
    compute.disks.begin_delete(group, "e1").result()


def test_snapshot_copy_and_resize(azure: Azure, compute: Any, group: str) -> None:
    """S7: a snapshot is the disk at one moment; a disk made of it has its content; disks only grow."""
    disk = _upload(compute, group, "src", properties={"osType": "Linux", "hyperVGeneration": "V2"})
    blob = BlobClient.from_blob_url(_grant(compute, group, "src"), connection_verify=azure.ca)
    data = os.urandom(MIB)
    blob.upload_page(data, MIB, MIB)
    blob.upload_page(footer(SIZE), SIZE, 512)
    compute.disks.begin_revoke_access(group, "src").result()
    creation = {"createOption": "Copy", "sourceResourceId": disk.id}
    body = {"location": REGION, "properties": {"creationData": creation, "incremental": True}}
    snapshot = compute.snapshots.begin_create_or_update(group, "snap1", body).result()
    assert snapshot.properties.incremental
    check_json(Snapshot, azure.arm("GET", snapshot.id)[1])
    url = (
        compute.snapshots.begin_grant_access(group, "snap1", {"access": "Read", "durationInSeconds": 60}).result().access_sas
    )
    reader = BlobClient.from_blob_url(url, connection_verify=azure.ca)
    assert reader.download_blob(MIB, MIB).readall() == data
    compute.snapshots.begin_revoke_access(group, "snap1").result()
    copy = _create(
        compute, group, "copy1", {"createOption": "Copy", "sourceResourceId": snapshot.id}, properties={"diskSizeGB": 2}
    )
    assert (copy.properties.os_type, copy.properties.hyper_v_generation, copy.properties.disk_size_gb) == ("Linux", "V2", 2)
    assert _file(azure, copy).stat().st_size == 2 << 30
    with _file(azure, copy).open("rb") as stream:
        assert stream.read(SIZE) == _file(azure, disk).read_bytes()
    with refused(409, "OperationNotAllowed"):
        compute.disks.begin_update(group, "copy1", {"properties": {"diskSizeGB": 1}})
    grown = compute.disks.begin_update(group, "copy1", {"properties": {"diskSizeGB": 3}}).result()
    assert grown.properties.disk_size_bytes == 3 << 30
    with refused(404, "NotFound"):
        _create(compute, group, "copy2", {"createOption": "Copy", "sourceResourceId": snapshot.id + "x"})
    compute.snapshots.begin_delete(group, "snap1").result()
    assert [one.name for one in compute.snapshots.list_by_resource_group(group)] == []


def test_import_from_a_page_blob(azure: Azure, compute: Any, group: str) -> None:
    """S1.2: createOption Import takes a VHD page blob of the same region, a full copy; a bad footer is InvalidVhd."""
    storage = azure.client(StorageManagementClient).storage_accounts
    account = name("st")
    made = storage.begin_create(
        group, account, {"location": REGION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    ).result()
    key = storage.list_keys(group, account).keys_property[0].value
    url = f"{made.properties.primary_endpoints.blob}seeds"
    container = ContainerClient.from_container_url(
        url, credential={"account_name": account, "account_key": key}, connection_verify=azure.ca
    )
    container.create_container()
    blob = container.get_blob_client("seed.vhd")
    blob.create_page_blob(SIZE + 512)
    data = os.urandom(MIB)
    blob.upload_page(data, 2 * MIB, MIB)
    creation = {"createOption": "Import", "sourceUri": blob.url, "storageAccountId": made.id}
    with fails("InvalidVhd"):
        _create(compute, group, "imp0", creation)
    blob.upload_page(footer(SIZE), SIZE, 512)
    disk = _create(compute, group, "imp1", creation)
    assert (disk.properties.disk_state, disk.properties.disk_size_bytes) == ("Unattached", SIZE)
    assert _file(azure, disk).read_bytes()[2 * MIB : 3 * MIB] == data
    with fails("BlobNotFound"):
        _create(compute, group, "imp2", {**creation, "sourceUri": blob.url + "x"})
    with refused(400, "InvalidParameter"):
        _create(compute, group, "imp3", {**creation, "sourceUri": blob.url + "?snapshot=2026-01-01T00:00:00.0000000Z"})
    with refused(400, "InvalidParameter"):
        body = {"location": "westeurope", "properties": {"creationData": creation}}
        compute.disks.begin_create_or_update(group, "imp4", body)
    # The data plane goes by roles: with the key's owner only, a token opens nothing.
    tokens = ContainerClient.from_container_url(
        url, credential=azure.credential(), connection_verify=azure.ca, retry_total=0
    )
    with pytest.raises(HttpResponseError) as caught:
        tokens.get_blob_client("seed.vhd").get_blob_properties()
    assert caught.value.status_code == 403
    azure.control(
        "POST", "azure/roles", {"object_id": azure.info["object_id"], "role": "Storage Blob Data Reader", "scope": made.id}
    )
    assert tokens.get_blob_client("seed.vhd").get_blob_properties().size == SIZE + 512


def test_the_same_put_again_joins_the_first(azure: Azure, compute: Any, group: str) -> None:
    """D3: a client that lost the answer puts again and gets the operation in flight, not a conflict."""
    body = {"location": REGION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    azure.control("POST", "azure/settings", {"latency": 0.3})
    try:
        first = compute.disks.begin_create_or_update(group, "twice", body)
        second = compute.disks.begin_create_or_update(group, "twice", body)
        assert first.result().properties.unique_id == second.result().properties.unique_id
    finally:
        azure.control("POST", "azure/settings", {"latency": 0.03})


def test_status_names_every_disk(azure: Azure, compute: Any, group: str) -> None:
    """D3: the control API says where each disk's raw file is, so that anybody can judge it."""
    disk = _empty(compute, group, f"s{uuid.uuid4().hex[:6]}")
    entry = azure.control("GET", "status")["disks"][disk.id]
    assert (entry["size"], entry["state"]) == (1 << 30, "Unattached")
    assert Path(entry["path"]).stat().st_size == 1 << 30
    assert Path(entry["path"]).stat().st_blocks == 0
