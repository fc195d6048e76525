"""The plan names what reads each disk, or blocks with the fix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planner.explain import text
from planner.plan import Plan
from tests.planner.site import Site, vm

NBD = "reader: {nbd: {host: 127.0.0.1, export: '{uuid}'}}"


def planned(folder: Path, reader: str, datastore: str = "VMFS") -> Plan:
    """The first plan of a machine with two disks, on a datastore of this type."""
    two = vm(1, "web-01", (8, 16))
    site = Site(folder, replace(two, disks=tuple(replace(d, datastore_type=datastore) for d in two.disks)))
    site.files(waves="waves: {pilot: {target: korea, phase: replicate, machines: {web-01: Standard_D2s_v5}}}\n")
    estate = folder / "estate.yaml"
    written = estate.read_text()
    assert "login: env:VC" in written, written
    estate.write_text(written.replace("login: env:VC", f"login: env:VC{reader}", 1))
    return site.look().plan


def test_each_disk_is_read_by_what_the_source_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weeks, 9: `https` unless the files say otherwise."""
    monkeypatch.chdir(tmp_path)
    said = text(planned(tmp_path, ""))
    assert said.count("read by https") == 2 and "scsi0:1 (Hard disk 2), 16 GiB, read by https" in said


def test_a_disk_that_its_reader_cannot_read_blocks_and_the_fix_lifts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weeks, 9: vSAN under `https` blocks and names the reader to choose; chosen, the plan names it for each disk."""
    monkeypatch.chdir(tmp_path)
    blocked = planned(tmp_path, "", "vsan")
    assert {e.code for e in blocked.errors} == {"unreadable-datastore"}
    assert "give its source the nbd reader" in blocked.errors[0].detail
    (tmp_path / "estate.yaml").unlink()
    free = planned(tmp_path, ", " + NBD, "vsan")
    assert not free.errors
    assert text(free).count("read by nbd") == 2
