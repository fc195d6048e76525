"""The footer of a fixed VHD: what Azure and qemu-img read is what was meant."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.azure.vhd import FOOTER, SECTOR, checksum, footer, geometry

DISK = uuid.UUID("01234567-89ab-cdef-0123-456789abcdef")
sizes = st.integers(min_value=40 * 1024, max_value=64 * 2**30).map(lambda sectors: sectors * SECTOR)


@given(sizes)
def test_it_is_what_the_format_asks_for(size: int) -> None:
    data = footer(size, DISK, 1_600_000_000.0)
    assert len(data) == FOOTER
    cookie, features, version, offset = struct.unpack_from(">8sIIQ", data)
    assert (cookie, features, version, offset) == (b"conectix", 2, 0x00010000, 0xFFFFFFFFFFFFFFFF)
    assert struct.unpack_from(">4s", data, 28) == (b"win ",)
    assert struct.unpack_from(">QQ", data, 40) == (size, size)
    assert struct.unpack_from(">I", data, 60) == (2,)
    assert data[68:84] == DISK.bytes
    assert data[84:] == bytes(FOOTER - 84)


@given(sizes)
def test_its_checksum_is_the_complement_of_its_bytes(size: int) -> None:
    data = footer(size, DISK, 0)
    blank = data[:64] + bytes(4) + data[68:]
    assert struct.unpack_from(">I", data, 64)[0] == 0xFFFFFFFF - sum(blank)
    assert checksum(data) == checksum(blank)


@given(st.integers(min_value=0, max_value=FOOTER * 8 - 1))
def test_every_flipped_bit_shows(bit: int) -> None:
    data = bytearray(footer(2**30, DISK, 1_700_000_000.0))
    data[bit // 8] ^= 1 << bit % 8
    assert struct.unpack_from(">I", data, 64)[0] != checksum(bytes(data))


@given(st.integers(min_value=1, max_value=2**40))
def test_the_geometry_never_holds_more_than_the_disk(sectors: int) -> None:
    shape = geometry(sectors)
    assert shape.cylinders * shape.heads * shape.sectors <= sectors
    assert 0 <= shape.cylinders <= 65535 and 1 <= shape.heads <= 16 and 1 <= shape.sectors <= 255


@given(st.integers(min_value=68 * 1024, max_value=65535 * 16 * 255))
def test_the_geometry_loses_less_than_a_cylinder_row(sectors: int) -> None:
    shape = geometry(sectors)
    lost = sectors - shape.cylinders * shape.heads * shape.sectors
    assert lost < shape.heads * shape.sectors + shape.sectors


@pytest.mark.parametrize(
    ("mib", "shape"),
    [(40, (963, 5, 17)), (1024, (2080, 16, 63)), (131072, (65535, 16, 255)), (1048576, (65535, 16, 255))],
)
def test_geometries_that_others_compute_too(mib: int, shape: tuple[int, int, int]) -> None:
    """Worked out by hand from the algorithm in the format's document."""
    assert geometry(mib * 2048) == shape


@pytest.mark.parametrize("size", [0, -512, 513])
def test_no_disk_has_such_a_size(size: int) -> None:
    with pytest.raises(ValueError, match="number of whole sectors"):
        footer(size, DISK, 0)


@pytest.mark.thirdparty
@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
@pytest.mark.parametrize("mib", [20, 100, 3000, 200 * 1024])
def test_qemu_img_agrees_on_the_size(tmp_path: Path, mib: int) -> None:
    path = tmp_path / "disk.vhd"
    with open(path, "wb") as file:
        file.truncate(mib * 2**20)
        file.seek(mib * 2**20)
        file.write(footer(mib * 2**20, DISK, 1_700_000_000.0))
    shown = subprocess.run(["qemu-img", "info", "-f", "vpc", "--output=json", str(path)], capture_output=True, check=True)
    told = json.loads(shown.stdout)
    assert (told["format"], told["virtual-size"]) == ("vpc", mib * 2**20)
