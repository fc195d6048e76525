"""The blob service as a plain HTTP client sees it, and what it promises of copies, leases, listings and snapshots."""

from __future__ import annotations

import base64
import hashlib
import os
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import (
    BlobLeaseClient,
    ContainerClient,
    RetentionPolicy,
    generate_container_sas,
)

from lab.azure.blob.crc64 import crc64, encode
from tests.lab.blob_support import ACCOUNT, MIB, Blobs, Raw, answered, refused


def test_put_page_over_plain_http(raw: Raw, disk: str) -> None:
    data = os.urandom(4 * MIB)
    answer = raw.put_page(disk, 4 * MIB, data, if_match="*", x_ms_if_sequence_number_eq="5")
    assert answer.status == 201
    assert answer.headers["x-ms-blob-sequence-number"] == "5"
    read = raw.send("GET", disk, {"x-ms-range": f"bytes={4 * MIB}-{8 * MIB - 1}"})
    assert (read.status, read.body) == (206, data)
    assert read.headers["content-range"] == f"bytes {4 * MIB}-{8 * MIB - 1}/{16 * MIB}"
    assert read.headers["etag"] == answer.headers["etag"]


def test_page_writes_that_the_real_service_refuses(raw: Raw, disk: str) -> None:
    page = {"x-ms-page-write": "update"}
    misaligned = raw.send("PUT", disk, page | {"x-ms-range": "bytes=100-611"}, bytes(512), comp="page")
    answered(misaligned, 416, "InvalidPageRange")
    shorter = raw.send("PUT", disk, page | {"x-ms-range": "bytes=0-1023"}, bytes(512), comp="page")
    answered(shorter, 400, "InvalidHeaderValue")
    no_range = raw.send("PUT", disk, page, bytes(512), comp="page")
    answered(no_range, 400, "MissingRequiredHeader")
    no_verb = raw.send("PUT", disk, {"x-ms-range": "bytes=0-511"}, bytes(512), comp="page")
    answered(no_verb, 400, "MissingRequiredHeader")
    clear = {"x-ms-page-write": "clear", "x-ms-range": "bytes=0-511"}
    answered(raw.send("PUT", disk, clear, bytes(512), comp="page"), 400, "InvalidHeaderValue")
    answered(raw.put_page(disk, 16 * MIB, bytes(512)), 416, "InvalidPageRange")
    answered(raw.put_page(disk, 0, bytes(4 * MIB + 512)), 413, "RequestBodyTooLarge")
    assert raw.put_page(disk, 0, bytes(512)).status == 201  # the connection survived all that


def test_a_page_with_a_wrong_hash_does_not_land(raw: Raw, disk: str) -> None:
    """S5.2: what was altered on the way is not written."""
    data, other = b"a" * 512, b"b" * 512
    raw.put_page(disk, 0, data)
    wrong_md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
    answered(raw.put_page(disk, 0, other, content_md5=wrong_md5), 400, "Md5Mismatch")
    answered(raw.put_page(disk, 0, other, x_ms_content_crc64=encode(data)), 400, "Crc64Mismatch")
    answered(raw.put_page(disk, 0, other, content_md5="eA=="), 400, "InvalidMd5")
    assert raw.send("GET", disk, {"x-ms-range": "bytes=0-511"}).body == data
    assert raw.put_page(disk, 0, other, x_ms_content_crc64=encode(other)).headers["x-ms-content-crc64"]


def test_crc64_is_the_one_of_the_service() -> None:
    """The catalogued check value of CRC-64/NVME, whose polynomial the service uses."""
    assert crc64(b"123456789") == 0xAE8B14860A799888


def test_put_page_from_url(raw: Raw, blobs: Blobs, container: ContainerClient, disk: str) -> None:
    """Materialising: from a snapshot, with its own SAS, conditions and hashes of the source."""
    source = container.get_blob_client("disk.vhd")
    data = os.urandom(MIB)
    source.upload_page(data, offset=MIB, length=MIB)
    snapshot = source.create_snapshot()["snapshot"]
    source.clear_page(offset=MIB, length=MIB)
    name = container.container_name
    from_url = f"{blobs.sas(name, 'disk.vhd', 'r', snapshot=snapshot)}&snapshot={snapshot}"
    target = container.get_blob_client("final.vhd")
    target.create_page_blob(8 * MIB)
    target.upload_pages_from_url(from_url, offset=2 * MIB, length=MIB, source_offset=MIB)
    assert target.download_blob(offset=2 * MIB, length=MIB).readall() == data
    address = blobs.sas(name, "final.vhd", "w")
    headers = {
        "x-ms-page-write": "update",
        "x-ms-range": "bytes=0-511",
        "x-ms-source-range": f"bytes={MIB}-{MIB + 511}",
        "x-ms-copy-source": from_url,
    }
    wrong = {"x-ms-source-content-md5": base64.b64encode(hashlib.md5(b"x").digest()).decode()}
    answered(raw.send("PUT", address, headers | wrong, comp="page"), 400, "Md5Mismatch")
    stale = {"x-ms-source-if-match": '"0x1"'}
    answered(raw.send("PUT", address, headers | stale, comp="page"), 412, "SourceConditionNotMet")
    unsigned = {"x-ms-copy-source": from_url.partition("?")[0]}
    answered(raw.send("PUT", address, headers | unsigned, comp="page"), 403, "CannotVerifyCopySource")
    token = {"x-ms-copy-source-authorization": "Bearer reader"}
    assert raw.send("PUT", address, headers | unsigned | token, comp="page").status == 201
    late = {"x-ms-if-sequence-number-lt": "0"}
    answered(raw.send("PUT", address, headers | late, comp="page"), 412, "SequenceNumberConditionNotMet")


def test_blocks_from_a_url(blobs: Blobs, container: ContainerClient) -> None:
    container.upload_blob("source", b"0123456789")
    target = container.get_blob_client("target")
    url = blobs.sas(container.container_name, "source", "r")
    target.stage_block_from_url("b1", url, source_offset=2, source_length=3)
    target.commit_block_list(["b1"])
    assert target.download_blob().readall() == b"234"
    copied = container.get_blob_client("copied")
    copied.start_copy_from_url(url, requires_sync=True)
    assert copied.download_blob().readall() == b"0123456789"


def test_a_large_copy_goes_on_after_the_answer(blobs: Blobs, container: ContainerClient) -> None:
    source = container.get_blob_client("large.vhd")
    source.create_page_blob(1 << 30)
    data = os.urandom(4 * MIB)
    for index in range(20):
        source.upload_page(data, offset=index * 32 * MIB, length=4 * MIB)
    target = container.get_blob_client("copy.vhd")
    started = target.start_copy_from_url(source.url)
    assert started["copy_status"] == "pending"  # 80 MiB are more than is copied before the answer
    until = time.monotonic() + 30
    while (copy := target.get_blob_properties().copy).status == "pending" and time.monotonic() < until:
        time.sleep(0.02)
    assert (copy.status, copy.progress) == ("success", f"{1 << 30}/{1 << 30}")
    with blobs.service.blob_file(ACCOUNT, container.container_name, "copy.vhd").open("rb") as file:
        assert file.read(4 * MIB) == data
    assert len(list(target.list_page_ranges())) == 20
    with refused("NoPendingCopyOperation", 409):
        target.abort_copy(started["copy_id"])


def test_soft_delete_is_off_until_it_is_switched_on(blobs: Blobs) -> None:
    """S11: deleting the seeds ends the cost, unless the account says otherwise."""
    blobs.accounts.create("softly")
    key = blobs.accounts.keys("softly")[0]
    service = blobs.client({"account_name": "softly", "account_key": key}, "softly")
    assert service.get_service_properties()["delete_retention_policy"].enabled is False
    container = service.create_container("one")
    container.upload_blob("b", b"data")
    container.delete_blob("b")
    with refused("BlobNotFound", 404):
        container.get_blob_client("b").undelete_blob()
    service.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=7))
    blob = container.get_blob_client("b")
    blob.upload_blob(b"again")
    blob.create_snapshot()
    blob.delete_blob(delete_snapshots="include")
    assert list(container.list_blobs()) == []
    assert [one.deleted for one in container.list_blobs(include=["deleted", "snapshots"])] == [True, True]
    blob.undelete_blob()
    assert blob.download_blob().readall() == b"again"


def test_a_finite_lease_runs_out(container: ContainerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = container.get_blob_client("lock")
    blob.upload_blob(b"1")
    lease = BlobLeaseClient(blob)
    lease.acquire(15)
    now = time.time()
    monkeypatch.setattr("lab.azure.blob.service.time.time", lambda: now + 16)
    assert blob.get_blob_properties().lease.state == "expired"
    lease.renew()  # nobody wrote in between
    monkeypatch.setattr("lab.azure.blob.service.time.time", lambda: now + 32)
    blob.upload_blob(b"2", overwrite=True)
    with refused("LeaseIdMismatchWithLeaseOperation", 409):
        lease.renew()


def test_a_container_lease_guards_its_deletion(container: ContainerClient) -> None:
    lease = container.acquire_lease(-1)
    with refused("LeaseIdMissing", 412):
        container.delete_container()
    container.upload_blob("b", b"x")  # the blobs in it are not guarded
    container.delete_container(lease=lease)


def test_a_container_name_must_be_one(blobs: Blobs) -> None:
    for name in ("ab", "Upper", "a--b", "-ab", "a" * 64):
        with refused("InvalidResourceName", 400):
            blobs.client().create_container(name)


def test_a_snapshot_of_a_sparse_tebibyte_is_quick(container: ContainerClient) -> None:
    blob = container.get_blob_client("huge.vhd")
    blob.create_page_blob(1 << 40)
    for index in range(64):
        blob.upload_page(bytes([index]) * 512, offset=index << 34, length=512)
    started = time.monotonic()
    snapshot = container.get_blob_client("huge.vhd", snapshot=blob.create_snapshot()["snapshot"])
    blob.upload_page(b"x" * 512, offset=5 << 34, length=512)
    assert snapshot.download_blob(offset=5 << 34, length=512).readall() == b"\x05" * 512
    assert len(list(snapshot.list_page_ranges())) == 64
    assert time.monotonic() - started < 1


def test_listing_goes_on_where_it_stopped(container: ContainerClient) -> None:
    """Snapshots and uncommitted blobs keep their place when a page ends among them."""
    for name in ("a", "b", "d"):
        container.upload_blob(name, b"x")
        for _ in range(3):
            container.get_blob_client(name).create_snapshot()
    container.get_blob_client("c").stage_block("id", b"x")
    whole = [
        (one.name, one.snapshot) for one in container.list_blobs(include=["snapshots", "uncommittedblobs"])
    ]
    assert [name for name, _ in whole] == ["a"] * 4 + ["b"] * 4 + ["c"] + ["d"] * 4
    assert [snapshot is None for _, snapshot in whole[:4]] == [False, False, False, True]
    for size in (1, 2, 3, 5):
        pages = list(
            container.list_blobs(include=["snapshots", "uncommittedblobs"], results_per_page=size).by_page()
        )
        assert [(one.name, one.snapshot) for page in pages for one in page] == whole
    with refused("InvalidQueryParameterValue", 400):
        list(container.list_blobs().by_page(continuation_token="!"))


def test_hundreds_of_blobs_are_listed_by_name(blobs: Blobs, container: ContainerClient, raw: Raw) -> None:
    names = [f"n{index:05}" for index in range(603)]
    token = generate_container_sas(
        ACCOUNT,
        container.container_name,
        account_key=blobs.key,
        permission="w",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    for name in names:
        url = f"{blobs.url}/{ACCOUNT}/{container.container_name}/{name}?{token}"
        assert raw.send("PUT", url, {"x-ms-blob-type": "BlockBlob"}, b"x").status == 201
    assert [one.name for one in container.list_blobs()] == names
    assert [one.name for one in container.list_blobs(results_per_page=400)] == names


def test_readers_of_a_snapshot_are_not_disturbed_by_writers(
    blobs: Blobs, container: ContainerClient, disk: str
) -> None:
    blob = container.get_blob_client("disk.vhd")
    for index in range(16):
        blob.upload_page(bytes([index + 1]) * MIB, offset=index * MIB, length=MIB)
    frozen = container.get_blob_client("disk.vhd", snapshot=blob.create_snapshot()["snapshot"])

    def overwrite() -> None:
        raw = Raw(blobs.ca, blobs.server.port)
        for position in range(0, 16 * MIB, 64 << 10):
            raw.put_page(disk, position, b"\xff" * (64 << 10))
        raw.close()

    thread = threading.Thread(target=overwrite)
    thread.start()
    expected = b"".join(bytes([index + 1]) * MIB for index in range(16))
    while thread.is_alive():
        assert frozen.download_blob().readall() == expected
    assert frozen.download_blob().readall() == expected
    assert blob.download_blob().readall() == b"\xff" * 16 * MIB


def test_what_did_not_change_is_not_sent_again(raw: Raw, disk: str) -> None:
    etag = raw.send("HEAD", disk).headers["etag"]
    unchanged = raw.send("GET", disk, {"If-None-Match": etag, "x-ms-range": "bytes=0-511"})
    assert (unchanged.status, unchanged.body) == (304, b"")
    raw.put_page(disk, 0, b"x" * 512)
    assert raw.send("GET", disk, {"If-None-Match": etag, "x-ms-range": "bytes=0-511"}).status == 206
    answered(raw.send("GET", disk, {"If-Match": etag, "x-ms-range": "bytes=0-511"}), 412, "ConditionNotMet")
    answered(raw.send("GET", disk, {"x-ms-encryption-scope": "s"}), 400, "UnsupportedHeader")
