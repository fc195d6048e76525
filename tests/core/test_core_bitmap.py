"""S5.1: sector sets are what a plain set of sectors would be, at any size of disk, and quickly."""

import time

import pytest
from core_strategies import extents, quick, sectors, thorough
from hypothesis import given
from hypothesis import strategies as st

from replication.bitmap import BadBitmap, SectorSet
from replication.model.extents import MIB, SECTOR, Extent, normal

TIB = MIB * MIB


@thorough
@given(extents())
def test_a_set_is_its_sectors(found):
    """S5.1: one bit per 512-byte sector."""
    made = SectorSet.of(found)
    assert made.extents() == normal(found)
    assert made.sectors == len(sectors(found))
    assert made.length == made.sectors * SECTOR
    assert all((s in made) == (s in sectors(found)) for s in range(0, 400, 7))


@thorough
@given(extents(), extents())
def test_operations_are_those_of_sets(left, right):
    a, b = SectorSet.of(left), SectorSet.of(right)
    assert sectors(a.difference(b).extents()) == sectors(left) - sectors(right)
    assert sectors(a.intersection(b).extents()) == sectors(left) & sectors(right)
    assert sectors(a.union(b).extents()) == sectors(left) | sectors(right)
    assert (a == b) == (sectors(left) == sectors(right)) == (a.digest() == b.digest())
    kept = a.copy()
    a.update(b)
    assert sectors(a.extents()) == sectors(left) | sectors(right)
    a.remove(b)
    assert sectors(a.extents()) == sectors(left) - sectors(right)
    assert sectors(kept.extents()) == sectors(left)
    kept.update(right)
    assert sectors(kept.extents()) == sectors(left) | sectors(right)


@quick
@given(extents(disk_sectors=200_000, longest=9000))
def test_bytes_and_back(found):
    made = SectorSet.of(found)
    assert SectorSet.from_bytes(made.to_bytes()) == made


def test_bytes_are_the_smaller_encoding():
    whole, comb = SectorSet.whole(64 * TIB), SectorSet.of(Extent(2 * n * SECTOR, SECTOR) for n in range(50_000))
    assert len(whole.to_bytes()) < 100
    assert len(comb.to_bytes()) < 20_000
    assert SectorSet.from_bytes(comb.to_bytes()) == comb


@given(st.data())
@quick
def test_bytes_that_are_not_whole_are_refused(data):
    good = SectorSet.of([Extent(0, 512), Extent(4096, 512)]).to_bytes()
    bad = bytearray(good)
    bad[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    for found in (bytes(bad), good[: data.draw(st.integers(0, len(good) - 1))], good + b"x", data.draw(st.binary())):
        with pytest.raises(BadBitmap):
            SectorSet.from_bytes(found)


@pytest.mark.parametrize("extent", [Extent(1, 512), Extent(0, 511), Extent(-512, 512), Extent(512, -512)])
def test_parts_of_sectors_are_refused(extent):
    with pytest.raises(ValueError, match="whole 512-byte sectors"):
        SectorSet().add(extent)


def test_a_whole_64_tib_disk():
    whole = SectorSet.whole(64 * TIB)
    assert whole.sectors == 64 * TIB // SECTOR
    assert whole.extents() == [Extent(0, 64 * TIB)]
    assert SectorSet.from_bytes(whole.to_bytes()).extents() == whole.extents()


def test_a_hole_in_a_disk_of_more_than_2_to_the_32_sectors():
    holed = SectorSet.whole(4 * TIB).difference(SectorSet.of([Extent(3 * TIB, 4096)]))
    assert holed.extents() == [Extent(0, 3 * TIB), Extent(3 * TIB + 4096, TIB - 4096)]
    assert SectorSet.from_bytes(holed.to_bytes()).extents() == holed.extents()


def test_a_hundred_thousand_scattered_extents_are_quick():
    """Far below a second each way; the bound leaves room for a busy machine."""
    found = [Extent(n * 40_960, 4096) for n in range(100_000)]
    begin = time.process_time()
    made = SectorSet.of(found)
    assert made.extents() == found
    made.digest()
    assert time.process_time() - begin < 2


def test_equality_is_only_with_sets_and_there_is_no_hash():
    assert SectorSet() != set()
    assert not SectorSet()
    with pytest.raises(TypeError):
        hash(SectorSet())
