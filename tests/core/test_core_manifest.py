"""S5.1: the manifest lists what may be read, and says when something is missing."""

from dataclasses import replace

import pytest
from core_strategies import extents, of, quick, thorough
from hypothesis import given

from replication import manifest as m
from replication.bitmap import SectorSet
from replication.manifest import BlobEntry, DiskManifest, Manifest
from replication.model.extents import SECTOR, Extent
from replication.model.jsonform import BadDocument
from replication.model.record import CycleKind

CAPACITY = 1000 * SECTOR


def made(requested, logged=None):
    """The manifest of one disk, its log in one blob."""
    logged = requested if logged is None else logged
    blob = BlobEntry(m.blob_name("r", "a", 2000, 0), "d", "c", 99, logged.sectors)
    disk = DiskManifest(2000, "6000C29a", CAPACITY, requested.digest(), requested.sectors, logged.sectors, (blob,))
    return Manifest("r", "a", 4, CycleKind.DELTA, (disk,), {2000: "52 de/7"})


def found(manifest, requested, logged=None):
    return m.problems(manifest, {2000: requested}, {2000: requested if logged is None else logged})


@thorough
@given(of(Manifest))
def test_round_trip(manifest):
    assert m.loads(m.dumps(manifest)) == manifest
    assert m.dumps(m.loads(m.dumps(manifest))) == m.dumps(manifest)


def test_another_document_is_refused():
    with pytest.raises(BadDocument, match="kind 'record'"):
        m.loads(m.dumps(made(SectorSet())).replace(b'"kind":"manifest"', b'"kind":"record"'))
    with pytest.raises(BadDocument, match="schema 9"):
        m.loads(m.dumps(made(SectorSet())).replace(b'"schema":1', b'"schema":9'))


def test_names():
    assert m.blob_name("rep", "att", 2001, 17) == "rep/att/2001/00000017"
    assert m.manifest_name("rep", "att") == "rep/att/manifest.json"
    assert m.digest(b"") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


@quick
@given(extents(), extents())
def test_logged_must_be_requested(left, right):
    """S5.1: different bitmaps, and the cycle has failed; the same, and there is nothing to say."""
    requested, logged = SectorSet.of(left), SectorSet.of(right)
    assert found(made(requested), requested) == []
    assert bool(found(made(requested, logged), requested, logged)) == (requested != logged)


def test_each_way_to_be_wrong_has_its_sentence():
    """S5.1"""
    requested = SectorSet.of([Extent(0, 8 * SECTOR)])
    part = SectorSet.of([Extent(0, 4 * SECTOR), Extent(5 * SECTOR, 3 * SECTOR)])
    good = made(requested)
    disk = good.disks[0]

    def said(*disks, requested=requested, logged=requested):
        return "; ".join(m.problems(replace(good, disks=disks), {2000: requested}, {2000: logged}))

    assert "1 sectors requested and not logged, the first at byte 2048" in said(disk, logged=part)
    assert "1 sectors logged and not requested, the first at byte 2048" in said(disk, requested=part)
    assert "tells of 8 other sectors" in said(replace(disk, requested_digest="0"))
    assert "tells of 7 other sectors" in said(replace(disk, requested_sectors=7))
    assert "tells of 7 logged sectors" in said(replace(disk, logged_sectors=7))
    assert "its blobs hold 0 sectors, 8 were logged" in said(replace(disk, blobs=()))
    assert "beyond the disk's end" in said(replace(disk, capacity=SECTOR))
    assert "listed twice" in said(disk, disk)
    foreign = replace(disk.blobs[0], name="r/older/2000/00000000")
    assert "another attempt or disk" in said(replace(disk, blobs=(foreign,)))
    assert "not in the manifest" in said()
