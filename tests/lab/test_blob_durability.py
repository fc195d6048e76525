"""A kill -9 of the blob service loses nothing that was answered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobLeaseClient, BlobServiceClient, generate_blob_sas

from tests.lab.blob_support import ACCOUNT, MIB, Raw, refused, running

_SERVER = """
import sys, threading
from pathlib import Path
from tests.lab.blob_support import ACCOUNT, Blobs
blobs = Blobs(Path(sys.argv[1]))
print(blobs.server.port, blobs.ca, blobs.key, flush=True)
threading.Event().wait()
"""


class Process:
    """The service in a process of its own, on a port of its own each time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, str(self.root)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        port, self.ca, key = self._process.stdout.readline().split()
        self.port = int(port)
        self.client = BlobServiceClient(
            f"https://127.0.0.1:{port}/{ACCOUNT}",
            credential={"account_name": ACCOUNT, "account_key": key},
            connection_verify=self.ca,
            retry_total=0,
        )

    def kill(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path)
    yield made
    made.kill()


def test_everything_that_was_answered_is_there_after_kill_9(process: Process) -> None:
    container = process.client.create_container("one")
    text = container.get_blob_client("text")
    text.upload_blob(b"data", metadata={"a": "b"})
    text.stage_block("id01", b"staged")
    lease = BlobLeaseClient(text)
    lease.acquire(-1)
    journal = container.get_blob_client("journal")
    journal.create_append_blob()
    journal.append_block(b"one")
    disk = container.get_blob_client("disk")
    disk.create_page_blob(4 * MIB, sequence_number=2)
    disk.upload_page(b"a" * 1024, offset=0, length=1024)
    snapshot = disk.create_snapshot()["snapshot"]
    disk.upload_page(b"b" * 512, offset=0, length=512)
    disk.set_sequence_number("max", "9")
    etags = [one.get_blob_properties().etag for one in (text, journal, disk)]

    process.kill()
    process.start()

    container = process.client.get_container_client("one")
    text, journal, disk = (container.get_blob_client(name) for name in ("text", "journal", "disk"))
    assert [one.get_blob_properties().etag for one in (text, journal, disk)] == etags
    assert text.download_blob().readall() == b"data"
    assert text.get_blob_properties().metadata == {"a": "b"}
    with refused("LeaseIdMissing", 412):
        text.commit_block_list(["id01"])
    text.commit_block_list(["id01"], lease=lease.id)
    assert text.download_blob().readall() == b"staged"
    assert journal.append_block(b"two", appendpos_condition=3)["blob_append_offset"] == "3"
    assert disk.get_blob_properties().page_blob_sequence_number == 9
    assert disk.download_blob(offset=0, length=1024).readall() == b"b" * 512 + b"a" * 512
    frozen = container.get_blob_client("disk", snapshot=snapshot)
    assert frozen.download_blob(offset=0, length=1024).readall() == b"a" * 1024
    assert [(one.start, one.end) for one in disk.list_page_ranges(previous_snapshot=snapshot)] == [(0, 511)]


def test_kill_9_among_page_writes_keeps_every_answered_one_and_the_snapshot(process: Process) -> None:
    """Whatever was half way when the process died, the snapshot reads as it was and answered writes are there."""
    container = process.client.create_container("one")
    disk = container.get_blob_client("disk")
    disk.create_page_blob(64 * MIB)
    disk.upload_page(b"o" * 4 * MIB, offset=0, length=4 * MIB)
    snapshot = disk.create_snapshot()["snapshot"]
    token = _sas(process)
    answered: list[set[int]] = [set(), set()]

    def write(lane: int) -> None:
        raw = Raw(process.ca, process.port)
        try:
            for page in range(lane, 4 * MIB // 4096, 2):
                if raw.put_page(token, page * 4096, bytes([page % 251 + 1]) * 4096).status == 201:
                    answered[lane].add(page)
        except OSError:
            return

    threads = [threading.Thread(target=write, args=(lane,)) for lane in (0, 1)]
    for thread in threads:
        thread.start()
    while sum(map(len, answered)) < 150:
        time.sleep(0.005)
    process.kill()
    for thread in threads:
        thread.join()
    process.start()

    container = process.client.get_container_client("one")
    frozen = container.get_blob_client("disk", snapshot=snapshot).download_blob().readall()
    assert frozen == b"o" * 4 * MIB + bytes(60 * MIB)
    now = container.get_blob_client("disk").download_blob(offset=0, length=4 * MIB).readall()
    done = answered[0] | answered[1]
    assert len(done) < 1024, "the kill came too late to show anything"
    for page in range(1024):
        found = now[page * 4096 : (page + 1) * 4096]
        fresh = bytes([page % 251 + 1]) * 4096
        assert found == fresh or (page not in done and len(set(found)) <= 2)


def test_leftovers_of_a_kill_are_swept_at_the_next_start(tmp_path: Path) -> None:
    with running(tmp_path) as blobs:
        blobs.client().create_container("one").upload_blob("b", b"x")
        kept = blobs.service.blob_file(ACCOUNT, "one", "b")
        orphan = kept.with_name("half~0123.blob")
        orphan.write_bytes(b"never entered")
    with running(tmp_path) as blobs:
        assert kept.exists()
        assert not orphan.exists()


def _sas(process: Process) -> str:
    """An address for the page blob, signed with the running service's key."""

    token = generate_blob_sas(
        ACCOUNT,
        "one",
        "disk",
        account_key=process.client.credential.account_key,
        permission="w",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return f"https://127.0.0.1:{process.port}/{ACCOUNT}/one/disk?{token}"
