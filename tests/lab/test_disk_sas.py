"""The addresses of managed disks: what a write SAS and a read SAS allow, and what ends them."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from azure.storage.blob import BlobClient

from lab.azure.blob.vhd import InvalidVhd, check_footer, make_footer
from tests.lab.blob_support import MIB, Blobs, Raw, refused, running

_SIZE = 32 * MIB
_ID = "/subscriptions/0/resourceGroups/Target/providers/Microsoft.Compute/disks/web-01-os"


@pytest.fixture
def writer(blobs: Blobs) -> BlobClient:
    blobs.disks.create_upload(_ID, _SIZE)
    return _client(blobs, blobs.disks.grant(_ID, "Write", 3600))


def _client(blobs: Blobs, url: str) -> BlobClient:
    return BlobClient.from_blob_url(url, connection_verify=blobs.ca, retry_total=0)


def _ranges(client: BlobClient) -> list[tuple[int, int]]:
    return [(one.start, one.end + 1) for one in client.list_page_ranges()]


def test_a_disk_is_uploaded_closed_and_read_back(blobs: Blobs, writer: BlobClient, tmp_path: Path) -> None:
    data = os.urandom(4 * MIB)
    assert writer.get_blob_properties().size == _SIZE + 512
    assert "/md-impexp-" in writer.url
    writer.upload_page(data, offset=8 * MIB, length=4 * MIB)
    writer.clear_page(offset=9 * MIB, length=MIB)
    writer.upload_page(make_footer(_SIZE), offset=_SIZE, length=512)
    blobs.disks.finish_upload(_ID)
    with refused("AuthenticationFailed", 403):
        writer.upload_page(data, offset=0, length=4 * MIB)

    source = bytearray(_SIZE)
    source[8 * MIB : 12 * MIB] = data
    source[9 * MIB : 10 * MIB] = bytes(MIB)
    (tmp_path / "source.raw").write_bytes(source)
    path = blobs.disks.path(_ID)
    assert path.name == "target_web-01-os.raw"
    assert path.stat().st_size == _SIZE
    assert path.stat().st_blocks * 512 <= 3 * MIB + 65536
    subprocess.run(["cmp", tmp_path / "source.raw", path], check=True)

    reader = _client(blobs, blobs.disks.grant(_ID, "Read", 3600))
    assert reader.download_blob().readall()[:_SIZE] == source
    assert reader.download_blob(offset=_SIZE, length=512).readall().startswith(b"conectix")
    assert _ranges(reader) == [(8 * MIB, 9 * MIB), (10 * MIB, 12 * MIB), (_SIZE, _SIZE + 512)]


def test_a_write_address_does_nothing_else(blobs: Blobs, writer: BlobClient) -> None:
    for forbidden in (
        lambda: writer.download_blob(offset=0, length=512),
        lambda: list(writer.list_page_ranges()),
        lambda: writer.create_page_blob(_SIZE),
        lambda: writer.create_snapshot(),
        lambda: writer.delete_blob(),
        lambda: writer.set_sequence_number("update", "1"),
        lambda: writer.resize_blob(2 * _SIZE),
    ):
        with refused("AuthorizationPermissionMismatch", 403):
            forbidden()


def test_a_read_address_does_not_write(blobs: Blobs) -> None:
    blobs.disks.create_empty(_ID, _SIZE)
    reader = _client(blobs, blobs.disks.grant(_ID, "Read", 3600))
    with refused("AuthorizationPermissionMismatch", 403):
        reader.upload_page(bytes(512), offset=0, length=512)
    assert reader.download_blob().readall()[:_SIZE] == bytes(_SIZE)


def test_an_address_ends_with_its_time_and_when_it_is_revoked(blobs: Blobs, writer: BlobClient) -> None:
    expired = _client(blobs, blobs.disks.grant(_ID, "Write", 0))
    with refused("AuthenticationFailed", 403):
        expired.upload_page(bytes(512), offset=0, length=512)
    guessed = _client(blobs, writer.url.replace("sig=", "sig=A"))
    with refused("AuthenticationFailed", 403):
        guessed.upload_page(bytes(512), offset=0, length=512)
    writer.upload_page(bytes(512), offset=0, length=512)
    blobs.disks.revoke(_ID)
    with refused("AuthenticationFailed", 403):
        writer.upload_page(bytes(512), offset=0, length=512)


def test_a_late_write_does_not_land_after_the_access_has_ended(blobs: Blobs, writer: BlobClient) -> None:
    rule = blobs.faults.add({"match": "disk PutPage ", "action": "hold"})
    raw = Raw(blobs.ca, blobs.server.port)
    with pytest.raises(OSError):
        raw.put_page(writer.url, 0, b"x" * 512)
    writer.upload_page(make_footer(_SIZE), offset=_SIZE, length=512)
    blobs.disks.finish_upload(_ID)
    assert [one["status"] for one in blobs.faults.release(rule.id)] == [403]
    with blobs.disks.path(_ID).open("rb") as file:
        assert file.read(512) == bytes(512)


def test_pages_are_as_strict_as_a_page_blobs(blobs: Blobs, writer: BlobClient) -> None:
    raw = Raw(blobs.ca, blobs.server.port)
    assert raw.put_page(writer.url, 0, bytes(4 * MIB + 512)).code == "RequestBodyTooLarge"
    assert raw.put_page(writer.url, 100, bytes(512)).code == "InvalidPageRange"
    assert raw.put_page(writer.url, _SIZE + 512, bytes(512)).code == "InvalidPageRange"
    wrong = raw.put_page(writer.url, 0, bytes(512), content_md5="AAAAAAAAAAAAAAAAAAAAAA==")
    assert wrong.code == "Md5Mismatch"
    stale = raw.put_page(writer.url, 0, bytes(512), x_ms_if_sequence_number_lt="0")
    assert stale.code == "SequenceNumberConditionNotMet"
    across = raw.put_page(writer.url, _SIZE - 512, b"r" * 512 + make_footer(_SIZE))
    assert across.status == 201
    blobs.disks.finish_upload(_ID)
    with blobs.disks.path(_ID).open("rb") as file:
        file.seek(_SIZE - 512)
        assert file.read() == b"r" * 512


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda footer: bytes(512), "cookie"),
        (lambda footer: footer[:100] + b"\x55" + footer[101:], "checksum"),
        (lambda footer: make_footer(_SIZE - 512), "current size"),
        (lambda footer: _with_kind(footer, 3), "disk type"),
    ],
    ids=["none", "bit-rot", "size", "dynamic"],
)
def test_the_footer_is_judged_when_the_upload_ends(
    blobs: Blobs, writer: BlobClient, spoil: object, says: str
) -> None:
    assert callable(spoil)
    writer.upload_page(spoil(make_footer(_SIZE)), offset=_SIZE, length=512)
    with pytest.raises(InvalidVhd, match=says):
        blobs.disks.finish_upload(_ID)


def _with_kind(footer: bytes, kind: int) -> bytes:
    raw = bytearray(footer)
    struct.pack_into(">I", raw, 60, kind)
    raw[64:68] = bytes(4)
    struct.pack_into(">I", raw, 64, ~sum(raw) & 0xFFFFFFFF)
    return bytes(raw)


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
def test_qemu_agrees_with_the_footer(tmp_path: Path) -> None:
    file = tmp_path / "disk.vhd"
    file.write_bytes(bytes(_SIZE) + make_footer(_SIZE))
    found = subprocess.run(["qemu-img", "info", "-f", "vpc", file], capture_output=True, text=True, check=True)
    assert f"({_SIZE} bytes)" in found.stdout


def test_a_disk_is_filled_from_a_seed_page_by_page(blobs: Blobs, writer: BlobClient) -> None:
    """Materialising a replica: Put Page From URL from a snapshot of the seed into the disk's write address."""
    container = blobs.client().create_container("seeds")
    seed = container.get_blob_client("web-01.raw")
    seed.create_page_blob(_SIZE)
    data = os.urandom(MIB)
    seed.upload_page(data, offset=MIB, length=MIB)
    snapshot = seed.create_snapshot()["snapshot"]
    seed.clear_page(offset=MIB, length=MIB)
    source = f"{blobs.sas('seeds', 'web-01.raw', 'r', snapshot=snapshot)}&snapshot={snapshot}"
    writer.upload_pages_from_url(source, offset=MIB, length=MIB, source_offset=MIB)
    with blobs.disks.path(_ID).open("rb") as file:
        assert file.read(3 * MIB) == bytes(MIB) + data + bytes(MIB)


def test_a_disk_is_copied_into_another_through_its_read_address(blobs: Blobs, writer: BlobClient) -> None:
    other = _ID + "-copy"
    blobs.disks.create_empty(other, _SIZE)
    with blobs.disks.path(other).open("r+b") as file:
        file.write(b"boot" * 128)
    url = blobs.disks.grant(other, "Read", 60)
    writer.upload_pages_from_url(url, offset=0, length=512, source_offset=0)
    writer.upload_pages_from_url(url, offset=_SIZE, length=512, source_offset=_SIZE)
    blobs.disks.finish_upload(_ID)
    with blobs.disks.path(_ID).open("rb") as file:
        assert file.read(512) == b"boot" * 128


def test_copies_stay_sparse_and_import_wants_a_vhd(blobs: Blobs) -> None:
    blobs.disks.create_empty(_ID, 1 << 40)
    with blobs.disks.path(_ID).open("r+b") as file:
        file.seek(1 << 39)
        file.write(b"x" * 4096)
    blobs.disks.copy(_ID, _ID + "-2")
    copy = blobs.disks.path(_ID + "-2")
    assert copy.stat().st_size == 1 << 40
    assert copy.stat().st_blocks * 512 <= 65536
    with copy.open("rb") as file:
        file.seek(1 << 39)
        assert file.read(4096) == b"x" * 4096
    container = blobs.client().create_container("vhds")
    blob = container.get_blob_client("disk.vhd")
    blob.create_page_blob(_SIZE + 512)
    blob.upload_page(b"y" * 512, offset=MIB, length=512)
    with pytest.raises(InvalidVhd, match="cookie"):
        blobs.disks.import_blob(_ID, "seedstore", "vhds", "disk.vhd", _SIZE)
    blob.upload_page(make_footer(_SIZE), offset=_SIZE, length=512)
    with pytest.raises(InvalidVhd, match="bytes"):
        blobs.disks.import_blob(_ID, "seedstore", "vhds", "disk.vhd", _SIZE * 2)
    blobs.disks.import_blob(_ID, "seedstore", "vhds", "disk.vhd", _SIZE)
    with blobs.disks.path(_ID).open("rb") as file:
        file.seek(MIB)
        assert file.read(512) == b"y" * 512
    blobs.disks.resize(_ID, 2 * _SIZE)
    assert blobs.disks.path(_ID).stat().st_size == 2 * _SIZE
    blobs.disks.delete(_ID)
    with pytest.raises(KeyError):
        blobs.disks.path(_ID)


def test_disks_and_addresses_survive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.disks.create_upload(_ID, _SIZE)
        url = first.disks.grant(_ID, "Write", 3600)
        _client(first, url).upload_page(b"a" * 512, offset=0, length=512)
    with running(tmp_path) as second:
        again = _client(second, url.replace(first.url, second.url))
        again.upload_page(make_footer(_SIZE), offset=_SIZE, length=512)
        second.disks.finish_upload(_ID)
        with second.disks.path(_ID).open("rb") as file:
            assert file.read(512) == b"a" * 512


def test_two_disks_never_share_a_file(blobs: Blobs) -> None:
    ids = [
        "/subscriptions/1/resourceGroups/a_b/providers/Microsoft.Compute/disks/c",
        "/subscriptions/1/resourceGroups/a/providers/Microsoft.Compute/disks/b_c",
        "/subscriptions/2/resourceGroups/a/providers/Microsoft.Compute/disks/b_c",
    ]
    for disk_id in ids:
        blobs.disks.create_empty(disk_id, MIB)
    assert len({blobs.disks.path(disk_id) for disk_id in ids}) == 3
    assert blobs.disks.path(ids[0].upper()) == blobs.disks.path(ids[0])


def test_footer_round_trip() -> None:
    for size in (20 * MIB, 1 << 30, 1 << 40, 32 << 40):
        check_footer(make_footer(size), size)
