"""One suite for every blob service: the lab's, and Azurite where it is installed (marker `thirdparty`).

What a server does not do as Azure documents it is listed in `GAPS` by name of the test, with what it does instead; such a
test must fail there, so that a gap that was closed is noticed.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobLeaseClient,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from tests.azurite import azurite
from tests.lab.blob_support import ACCOUNT, MIB, refused, running

GAPS = {
    "azurite": {
        "test_a_range_beyond_the_end_is_refused": "answers it",
        "test_pages_beyond_the_end_are_refused": "accepts a range that begins inside and ends outside",
        "test_difference_to_a_snapshot": "answers all ranges, whatever the base",
        "test_a_page_write_has_at_most_4_mib": "accepts more",
        "test_a_page_blob_has_at_most_8_tib": "accepts more",
    }
}


class Server:
    """A server under test."""

    def __init__(self, name: str, url: str, account: str, key: str, **options: Any) -> None:
        self.name, self.account, self.key, self.options = name, account, key, options
        self.url = url
        self.unauthenticated = "AuthenticationFailed" if name == "lab" else "AuthorizationFailure"

    def client(self, credential: Any = None) -> BlobServiceClient:
        return BlobServiceClient(
            self.url,
            credential=credential or {"account_name": self.account, "account_key": self.key},
            api_version="2025-11-05",
            retry_total=0,
            **self.options,
        )

    def expiry(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(
    scope="module",
    params=["lab", pytest.param("azurite", marks=pytest.mark.thirdparty)],
    ids=["lab", "azurite"],
)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "lab":
        with running(folder) as blobs:
            yield Server("lab", f"{blobs.url}/{ACCOUNT}", ACCOUNT, blobs.key, connection_verify=blobs.ca)
        return
    with azurite(folder) as (url, account, key):
        yield Server("azurite", url, account, key)


@pytest.fixture(autouse=True)
def known_gap(request: pytest.FixtureRequest, server: Server) -> None:
    name = request.node.originalname
    reason = GAPS.get(server.name, {}).get(name)
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=f"{server.name}: {reason}", strict=True))


@pytest.fixture
def container(server: Server) -> Iterator[ContainerClient]:
    client = server.client().create_container(f"c{uuid.uuid4().hex[:20]}")
    yield client
    client.delete_container()


def _ranges(blob: BlobClient, **options: Any) -> list[tuple[int, int, bool]]:
    """(first byte, last byte, cleared)"""
    return [(one.start, one.end, one.cleared) for one in blob.list_page_ranges(**options)]


def test_containers_are_made_listed_and_deleted(server: Server) -> None:
    service = server.client()
    names = sorted(f"list{number}-{uuid.uuid4().hex[:8]}" for number in range(3))
    for name in names:
        service.create_container(name, metadata={"who": name.replace("-", "_")})
    with refused("ContainerAlreadyExists", 409):
        service.create_container(names[0])
    pages = list(service.list_containers(name_starts_with="list", include_metadata=True, results_per_page=2).by_page())
    found = [one for page in pages for one in page]
    assert [one.name for one in found] == names
    assert found[0].metadata == {"who": names[0].replace("-", "_")}
    for name in names:
        service.delete_container(name)
    with refused("ContainerNotFound", 404):
        service.get_container_client(names[0]).get_container_properties()


def test_block_blob_comes_back_with_everything(container: ContainerClient) -> None:
    blob = container.get_blob_client("dir/a b+ü%.bin")
    data = os.urandom(3 * MIB + 5)
    blob.upload_blob(data, metadata={"sum": "1a"}, validate_content=True)
    properties = blob.get_blob_properties()
    assert properties.size == len(data)
    assert properties.metadata == {"sum": "1a"}
    assert bytes(properties.content_settings.content_md5) == hashlib.md5(data).digest()
    assert blob.download_blob().readall() == data
    assert blob.download_blob(offset=100, length=7).readall() == data[100:107]
    assert blob.download_blob(offset=len(data) - 3, length=50).readall() == data[-3:]


def test_a_range_beyond_the_end_is_refused(container: ContainerClient) -> None:
    blob = container.get_blob_client("short")
    blob.upload_blob(b"x" * 10)
    with refused("InvalidRange", 416):
        blob.download_blob(offset=10, length=1)


def test_staged_blocks_become_a_blob_when_they_are_committed(container: ContainerClient) -> None:
    blob = container.get_blob_client("blocks")
    blob.stage_block("id01", b"one")
    blob.stage_block("id02", b"two")
    assert [one.name for one in container.list_blobs()] == []
    assert [one.name for one in container.list_blobs(include=["uncommittedblobs"])] == ["blocks"]
    with refused("BlobNotFound", 404):
        blob.get_blob_properties()
    blob.commit_block_list([BlobBlock("id02"), BlobBlock("id01")])
    assert blob.download_blob().readall() == b"twoone"
    blob.stage_block("id03", b"three")
    committed, uncommitted = blob.get_block_list("all")
    assert [(one.id, one.size) for one in committed] == [("id02", 3), ("id01", 3)]
    assert [(one.id, one.size) for one in uncommitted] == [("id03", 5)]
    blob.commit_block_list([BlobBlock("id01"), BlobBlock("id03")])
    assert blob.download_blob().readall() == b"onethree"
    with refused("InvalidBlockList", 400):
        blob.commit_block_list([BlobBlock("nope")])


def test_a_wrong_md5_is_refused_and_nothing_is_kept(container: ContainerClient) -> None:
    blob = container.get_blob_client("md5")
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    with refused("Md5Mismatch", 400):
        blob.upload_blob(b"data", headers={"Content-MD5": wrong})
    assert not blob.exists()


def test_append_blob_grows_where_it_is_expected(container: ContainerClient) -> None:
    blob = container.get_blob_client("journal")
    blob.create_append_blob()
    assert blob.append_block(b"one")["blob_append_offset"] == "0"
    assert blob.append_block(b"two", appendpos_condition=3)["blob_append_offset"] == "3"
    with refused("AppendPositionConditionNotMet", 412):
        blob.append_block(b"lost", appendpos_condition=3)
    with refused("MaxBlobSizeConditionNotMet", 412):
        blob.append_block(b"lost", maxsize_condition=8)
    assert blob.download_blob().readall() == b"onetwo"
    assert blob.get_blob_properties().append_blob_committed_block_count == 2


def test_conditions_let_one_writer_win(container: ContainerClient) -> None:
    blob = container.get_blob_client("state")
    first = blob.upload_blob(b"1", overwrite=False)["etag"]
    with refused("BlobAlreadyExists", 409):
        blob.upload_blob(b"2", overwrite=False)
    second = blob.upload_blob(b"2", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified)["etag"]
    assert second != first
    with refused("ConditionNotMet", 412):
        blob.upload_blob(b"3", overwrite=True, etag=first, match_condition=MatchConditions.IfNotModified)
    with refused("ConditionNotMet", 412):
        blob.delete_blob(etag=first, match_condition=MatchConditions.IfNotModified)
    with refused("ConditionNotMet", 412):
        blob.upload_blob(b"3", overwrite=True, if_unmodified_since=datetime.now(UTC) - timedelta(hours=1))
    assert blob.download_blob().readall() == b"2"


def test_blobs_are_listed_in_pages_and_folders(container: ContainerClient) -> None:
    names = ["a/1", "a/2", "b", "c/x/1", "c/y", "d"]
    for name in names:
        container.upload_blob(name, b"x", metadata={"n": "1"})
    pages = [[one.name for one in page] for page in container.list_blobs(results_per_page=4).by_page()]
    assert pages == [names[:4], names[4:]]
    assert [one.name for one in container.list_blobs(name_starts_with="c/")] == ["c/x/1", "c/y"]
    assert sorted(one.name for one in container.walk_blobs()) == ["a/", "b", "c/", "d"]
    assert sorted(one.name for one in container.walk_blobs(name_starts_with="c/")) == ["c/x/", "c/y"]
    folders = [sorted(one.name for one in page) for page in container.walk_blobs(results_per_page=2).by_page()]
    assert folders == [["a/", "b"], ["c/", "d"]]
    assert all(one.metadata == {"n": "1"} for one in container.list_blobs(include=["metadata"]))


def test_pages_are_written_cleared_and_listed(container: ContainerClient) -> None:
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(64 * MIB)
    data = os.urandom(4096)
    blob.upload_page(data, offset=1024, length=4096)
    blob.upload_page(data, offset=8 * MIB, length=4096)
    blob.clear_page(offset=2048, length=512)
    everything = [(1024, 2047, False), (2560, 5119, False), (8 * MIB, 8 * MIB + 4095, False)]
    assert _ranges(blob) == everything
    assert _ranges(blob, results_per_page=1) == everything
    assert _ranges(blob, offset=0, length=4096) == [(1024, 2047, False), (2560, 4095, False)]
    expected = bytearray(6144)
    expected[1024:5120] = data
    expected[2048:2560] = bytes(512)
    assert blob.download_blob(offset=0, length=6144).readall() == expected


def test_pages_beyond_the_end_are_refused(container: ContainerClient) -> None:
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(MIB)
    with refused("InvalidPageRange", 416):
        blob.upload_page(bytes(1024), offset=MIB - 512, length=1024)


def test_a_page_write_has_at_most_4_mib(container: ContainerClient) -> None:
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(8 * MIB)
    blob.upload_page(bytes(4 * MIB), offset=0, length=4 * MIB)
    with refused("RequestBodyTooLarge", 413):
        blob.upload_page(bytes(4 * MIB + 512), offset=0, length=4 * MIB + 512)


def test_a_page_blob_has_at_most_8_tib(container: ContainerClient) -> None:
    container.get_blob_client("largest").create_page_blob(8 << 40)
    with refused("InvalidHeaderValue", 400):
        container.get_blob_client("larger").create_page_blob(9 << 40)


def test_page_blobs_can_be_resized(container: ContainerClient) -> None:
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(MIB)
    blob.upload_page(b"x" * 1024, offset=MIB - 1024, length=1024)
    blob.resize_blob(MIB - 512)
    blob.resize_blob(2 * MIB)
    assert blob.get_blob_properties().size == 2 * MIB
    assert blob.download_blob().readall() == bytes(MIB - 1024) + b"x" * 512 + bytes(MIB + 512)


def test_a_sequence_number_keeps_stale_page_writes_out(container: ContainerClient) -> None:
    """S5.1: what was sent in an earlier epoch cannot land in a later one."""
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(MIB, sequence_number=3)
    page = b"x" * 512
    blob.upload_page(page, offset=0, length=512, if_sequence_number_eq=3)
    assert blob.set_sequence_number("max", "7")["blob_sequence_number"] == 7
    assert blob.set_sequence_number("max", "5")["blob_sequence_number"] == 7
    assert blob.set_sequence_number("increment")["blob_sequence_number"] == 8
    for condition in (
        {"if_sequence_number_eq": 7},
        {"if_sequence_number_lt": 8},
        {"if_sequence_number_lte": 7},
    ):
        with refused("SequenceNumberConditionNotMet", 412):
            blob.upload_page(b"y" * 512, offset=0, length=512, **condition)
        with refused("SequenceNumberConditionNotMet", 412):
            blob.clear_page(offset=0, length=512, **condition)
    blob.upload_page(b"z" * 512, offset=512, length=512, if_sequence_number_lte=8)
    assert blob.download_blob(offset=0, length=1024).readall() == page + b"z" * 512
    assert blob.set_sequence_number("update", "2")["blob_sequence_number"] == 2


def test_a_snapshot_does_not_change(container: ContainerClient) -> None:
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(MIB, metadata={"cycle": "1"})
    blob.upload_page(b"a" * 1024, offset=0, length=1024)
    snapshot = container.get_blob_client("disk.vhd", snapshot=blob.create_snapshot()["snapshot"])
    blob.upload_page(b"b" * 512, offset=512, length=512)
    blob.clear_page(offset=0, length=512)
    blob.upload_page(b"c" * 512, offset=4096, length=512)
    assert snapshot.download_blob().readall() == b"a" * 1024 + bytes(MIB - 1024)
    assert _ranges(snapshot) == [(0, 1023, False)]
    assert snapshot.get_blob_properties().metadata == {"cycle": "1"}
    assert blob.download_blob(offset=0, length=1024).readall() == bytes(512) + b"b" * 512
    with refused("SnapshotsPresent", 409):
        blob.delete_blob()
    assert {one.snapshot for one in container.list_blobs(include=["snapshots"])} == {snapshot.snapshot, None}
    blob.delete_blob(delete_snapshots="only")
    assert not snapshot.exists()
    assert blob.exists()


def test_snapshots_of_block_blobs_outlive_an_overwrite(container: ContainerClient) -> None:
    blob = container.get_blob_client("text")
    blob.upload_blob(b"old")
    snapshot = container.get_blob_client("text", snapshot=blob.create_snapshot()["snapshot"])
    blob.upload_blob(b"new", overwrite=True)
    assert snapshot.download_blob().readall() == b"old"
    snapshot.delete_blob()
    blob.delete_blob()


def test_difference_to_a_snapshot(container: ContainerClient) -> None:
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(MIB)
    blob.upload_page(b"a" * 4096, offset=0, length=4096)
    first = blob.create_snapshot()["snapshot"]
    blob.upload_page(b"b" * 512, offset=512, length=512)
    second = blob.create_snapshot()["snapshot"]
    blob.clear_page(offset=1024, length=512)
    blob.upload_page(b"c" * 512, offset=8192, length=512)
    assert _ranges(blob, previous_snapshot=first) == [
        (512, 1023, False),
        (1024, 1535, True),
        (8192, 8703, False),
    ]
    later = container.get_blob_client("disk.vhd", snapshot=second)
    assert _ranges(later, previous_snapshot=first) == [(512, 1023, False)]
    blob.delete_blob(delete_snapshots="include")


def test_leases_keep_others_out(container: ContainerClient) -> None:
    blob = container.get_blob_client("lock")
    blob.upload_blob(b"1")
    lease = BlobLeaseClient(blob)
    lease.acquire(15)
    with refused("LeaseIdMissing", 412):
        blob.upload_blob(b"2", overwrite=True)
    with refused("LeaseIdMismatchWithBlobOperation", 412):
        blob.set_blob_metadata({"a": "b"}, lease=str(uuid.uuid4()))
    with refused("LeaseAlreadyPresent", 409):
        BlobLeaseClient(blob).acquire(15)
    blob.upload_blob(b"2", overwrite=True, lease=lease)
    lease.renew()
    lease.change(str(uuid.uuid4()))
    properties = blob.get_blob_properties().lease
    assert (properties.state, properties.status, properties.duration) == ("leased", "locked", "fixed")
    lease.release()
    blob.upload_blob(b"3", overwrite=True)
    infinite = BlobLeaseClient(blob)
    infinite.acquire(-1)
    assert infinite.break_lease(0) == 0
    assert blob.get_blob_properties().lease.state == "broken"
    with refused("InvalidHeaderValue", 400):
        BlobLeaseClient(blob).acquire(5)
    with refused("LeaseNotPresentWithBlobOperation", 412):
        blob.set_blob_metadata({"a": "b"}, lease=infinite)


def test_sas_gives_what_it_says_and_no_more(server: Server, container: ContainerClient) -> None:
    blob = container.get_blob_client("secret")
    blob.upload_blob(b"data")
    common = {"account_name": server.account, "account_key": server.key, "expiry": server.expiry()}
    name = container.container_name
    reader = server.client(generate_blob_sas(container_name=name, blob_name="secret", permission="r", **common))
    assert reader.get_blob_client(name, "secret").download_blob().readall() == b"data"
    with refused("AuthorizationPermissionMismatch", 403):
        reader.get_blob_client(name, "secret").upload_blob(b"x", overwrite=True)
    with refused(server.unauthenticated, 403):
        reader.get_blob_client(name, "other").upload_blob(b"x", overwrite=True)
    lister = server.client(generate_container_sas(container_name=name, permission="rl", **common))
    assert [one.name for one in lister.get_container_client(name).list_blobs()] == ["secret"]
    account = server.client(generate_account_sas(resource_types="o", permission="rw", **common, services="b"))
    account.get_blob_client(name, "made").upload_blob(b"x")
    with refused("AuthorizationResourceTypeMismatch", 403):
        list(account.get_container_client(name).list_blobs())
    late = {**common, "expiry": datetime.now(UTC) - timedelta(seconds=5)}
    expired = server.client(generate_blob_sas(container_name=name, blob_name="secret", permission="r", **late))
    with refused(server.unauthenticated, 403):
        expired.get_blob_client(name, "secret").download_blob()


def test_a_sas_for_a_snapshot_reads_that_snapshot(server: Server, container: ContainerClient) -> None:
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(MIB)
    snapshot = blob.create_snapshot()["snapshot"]
    blob.upload_page(b"x" * 512, offset=0, length=512)
    token = generate_blob_sas(
        server.account,
        container.container_name,
        "disk.vhd",
        snapshot=snapshot,
        account_key=server.key,
        permission="r",
        expiry=server.expiry(),
    )
    client = server.client(token).get_blob_client(container.container_name, "disk.vhd", snapshot=snapshot)
    assert client.download_blob().readall() == bytes(MIB)
    blob.delete_blob(delete_snapshots="include")


def test_a_wrong_key_is_refused(server: Server) -> None:
    wrong = base64.b64encode(os.urandom(64)).decode()
    client = server.client({"account_name": server.account, "account_key": wrong})
    with refused(server.unauthenticated, 403):
        list(client.list_containers())


def test_copy_from_a_snapshot_makes_a_blob_of_its_own(server: Server, container: ContainerClient) -> None:
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(MIB, metadata={"a": "b"})
    blob.upload_page(b"x" * 512, offset=512, length=512)
    snapshot = blob.create_snapshot()["snapshot"]
    blob.clear_page(offset=512, length=512)
    copy = container.get_blob_client("copy.vhd")
    started = copy.start_copy_from_url(f"{blob.url}?snapshot={snapshot}")
    for _ in range(100):
        if copy.get_blob_properties().copy.status == "success":
            break
        time.sleep(0.05)
    properties = copy.get_blob_properties()
    assert properties.copy.status == "success"
    assert properties.copy.id == started["copy_id"]
    assert properties.metadata == {"a": "b"}
    assert copy.download_blob(offset=0, length=1024).readall() == bytes(512) + b"x" * 512
    blob.delete_blob(delete_snapshots="include")


def test_metadata_and_properties_are_set_and_shown(container: ContainerClient) -> None:
    blob = container.get_blob_client("p")
    before = blob.upload_blob(b"x", content_settings=ContentSettings(content_type="text/plain"))["etag"]
    assert blob.get_blob_properties().content_settings.content_type == "text/plain"
    after = blob.set_blob_metadata({"k": "v", "Other_1": "w"})["etag"]
    assert after != before
    blob.set_http_headers(ContentSettings(content_type="a/b", cache_control="no-store"))
    properties = blob.get_blob_properties()
    assert {name.lower(): value for name, value in properties.metadata.items()} == {"k": "v", "other_1": "w"}
    assert properties.content_settings.content_type == "a/b"
    assert properties.content_settings.cache_control == "no-store"
