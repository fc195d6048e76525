"""Faults that are ordered from the blob service, and connections that break off."""

from __future__ import annotations

import socket
import ssl
import time
from urllib.parse import urlsplit

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.storage.blob import (
    ContainerClient,
)

from lab.http import DropConnection
from tests.lab.blob_support import ACCOUNT, MIB, Blobs, Raw, refused


def test_an_ordered_failure_looks_like_the_service(blobs: Blobs, container: ContainerClient) -> None:
    blobs.faults.add(
        {
            "match": "blob PutBlob .*/log-1$",
            "action": "fail",
            "status": 503,
            "code": "ServerBusy",
            "retry_after": 1,
        }
    )
    with refused("ServerBusy", 503):
        container.upload_blob("log-1", b"x")
    container.upload_blob("log-1", b"x")


def test_a_page_write_held_on_the_wire_lands_late_and_is_refused(
    blobs: Blobs, container: ContainerClient, raw: Raw, disk: str
) -> None:
    """S5.1: the sequence number is compared when the write lands, not when it was sent."""
    blob = container.get_blob_client("disk.vhd")
    raw.put_page(disk, 0, b"a" * 512, x_ms_if_sequence_number_eq="5")
    rule = blobs.faults.add({"match": "blob PutPage .*disk.vhd", "action": "hold"})
    other = Raw(blobs.ca, blobs.server.port)
    with pytest.raises(OSError):
        other.put_page(disk, 0, b"b" * 512, x_ms_if_sequence_number_eq="5")
    blob.set_sequence_number("max", "6")
    assert [one["status"] for one in blobs.faults.release(rule.id)] == [412]
    assert blob.download_blob(offset=0, length=512).readall() == b"a" * 512


def test_a_held_write_that_is_still_wanted_lands(blobs: Blobs, container: ContainerClient, disk: str) -> None:
    rule = blobs.faults.add({"match": "blob PutPage .*disk.vhd", "action": "hold"})
    blob = container.get_blob_client("disk.vhd")
    with pytest.raises((ServiceResponseError, DropConnection)):
        blob.upload_page(b"b" * 512, offset=0, length=512)
    assert blob.download_blob(offset=0, length=512).readall() == bytes(512)
    assert [one["status"] for one in blobs.faults.release(rule.id)] == [201]
    assert blob.download_blob(offset=0, length=512).readall() == b"b" * 512


def test_a_flipped_bit_leaves_no_trace_but_the_bit(blobs: Blobs, container: ContainerClient, disk: str) -> None:
    name = container.container_name
    log = container.get_blob_client("log")
    etag = log.upload_blob(bytes(1000))["etag"]
    blobs.service.flip_bit(ACCOUNT, name, "log", 7)
    assert log.download_blob().readall() == bytes(7) + b"\x01" + bytes(992)
    assert log.get_blob_properties().etag == etag.strip('"') or log.get_blob_properties().etag == etag
    pages = container.get_blob_client("disk.vhd")
    frozen = container.get_blob_client("disk.vhd", snapshot=pages.create_snapshot()["snapshot"])
    blobs.service.flip_bit(ACCOUNT, name, "disk.vhd", 1025)
    assert pages.download_blob(offset=1025, length=1).readall() == b"\x01"
    assert frozen.download_blob(offset=1025, length=1).readall() == b"\x00"
    with pytest.raises(LookupError):
        blobs.service.flip_bit(ACCOUNT, name, "nothing", 0)


def test_an_upload_that_breaks_off_leaves_nothing(blobs: Blobs, container: ContainerClient) -> None:
    blobs.faults.add({"match": "blob PutBlob .*/broken$", "action": "break", "when": "before"})
    with pytest.raises((ServiceResponseError, ServiceRequestError)):
        container.upload_blob("broken", bytes(20 * MIB), max_concurrency=1)
    assert list(container.list_blobs()) == []
    with socket.create_connection(("127.0.0.1", blobs.server.port)) as plain:
        context = ssl.create_default_context(cafile=blobs.ca)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            url = urlsplit(blobs.sas(container.container_name, "half", "w"))
            head = (
                f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: x\r\nx-ms-version: 2025-11-05\r\n"
                f"x-ms-blob-type: BlockBlob\r\nContent-Length: {20 * MIB}\r\n\r\n"
            )
            connection.sendall(head.encode() + bytes(8 * MIB))
    folder = blobs.root / "azure" / "blobs" / ACCOUNT / container.container_name
    until = time.monotonic() + 10
    while folder.exists() and any(folder.iterdir()) and time.monotonic() < until:
        time.sleep(0.02)
    assert not list(folder.iterdir())
    with refused("BlobNotFound", 404):
        container.get_blob_client("half").get_blob_properties()
