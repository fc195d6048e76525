"""The https reader on the lab: exact bytes, broken connections, and every change of the chain under it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from providers.vmware import readers
from providers.vmware.readers.https import REQUEST_BYTES
from providers.vmware.source import VSphereSource
from replication.model.errors import Denied, Permanent, Temporary
from replication.model.source import Snapshot
from replication.ports import DiskReader
from tests.vmware.support import Lab

VM, KEY = "reader-01", 2000


@pytest.fixture(scope="module")
def machine(lab: Lab) -> str:
    lab.pattern(VM, "sequential", 40)
    return lab.uuid(VM)


@pytest.fixture
def snapshot(source: VSphereSource, machine: str) -> Iterator[Snapshot]:
    ref = source.create_snapshot(machine, "wavelift/reader", "", False)
    yield source.snapshot(machine, ref)
    source.remove_snapshot(machine, ref)


@pytest.fixture
def reader(source: VSphereSource, machine: str, snapshot: Snapshot) -> Iterator[DiskReader]:
    with source.open_disk(machine, snapshot, KEY) as opened:
        yield opened


def test_one_read_may_be_larger_than_a_request(lab: Lab, reader: DiskReader, snapshot: Snapshot) -> None:
    """Pitfall 10: requests are capped, reads need not be."""
    capacity = snapshot.disk(KEY).capacity
    assert capacity > 3 * REQUEST_BYTES
    assert reader.read(0, capacity) == lab.content(VM, KEY)


def test_threads_read_side_by_side(lab: Lab, reader: DiskReader, snapshot: Snapshot) -> None:
    """Ports: `read` may be called from several threads."""
    expected = lab.content(VM, KEY)
    spans = [(at, min(1 << 20, len(expected) - at)) for at in range(0, len(expected), 1 << 20)]
    with ThreadPoolExecutor(8) as pool:
        assert b"".join(pool.map(lambda span: reader.read(*span), spans)) == expected


def test_a_connection_that_breaks_in_mid_body(faults: Lab, reader: DiskReader) -> None:
    """Pitfall 13: half an answer is never taken for a whole one; ranges are asked for again."""
    expected = faults.content(VM, KEY)[: 4 << 20]
    faults.fault("vcenter .*folder|vcenter GET|vcenter .*flat", "break", nth=1, count=2)
    assert reader.read(0, 4 << 20) == expected


def test_a_server_that_stays_broken_is_temporary(faults: Lab, reader: DiskReader) -> None:
    """Pitfall 18: after some tries the attempt ends with an error that says which file."""
    faults.fault("flat", "fail", status=503, count=0)
    with pytest.raises(Temporary, match=r"reader-01, Hard disk 1.*503"):
        reader.read(0, 512)


def test_a_session_that_ends_while_reading(lab: Lab, reader: DiskReader) -> None:
    """Pitfall 18: the datastore answers 401; the session is renewed and the read goes on."""
    before = reader.read(0, 4096)
    lab.expire_sessions()
    assert reader.read(0, 4096) == before


def test_a_refusal_names_the_privileges(faults: Lab, reader: DiskReader) -> None:
    """azure.md facts 3: Datastore.Browse and Datastore.FileManagement."""
    faults.fault("flat", "fail", status=403, count=0)
    with pytest.raises(Denied, match=r"Datastore\.Browse"):
        reader.read(0, 512)


def test_reading_past_the_end_is_refused(reader: DiskReader, snapshot: Snapshot) -> None:
    """Pitfall 9: every read is inside the capacity."""
    with pytest.raises(Permanent, match="outside"):
        reader.read(snapshot.disk(KEY).capacity - 512, 1024)


def test_a_foreign_snapshot_below_is_refused_for_now(lab: Lab, source: VSphereSource, machine: str) -> None:
    """Design: only a base without a parent; a backup's snapshot goes away again, so the refusal is Temporary."""
    lab.set(VM, foreign_snapshot=True)
    ref = source.create_snapshot(machine, "wavelift/upon", "", False)
    try:
        snapshot = source.snapshot(machine, ref)
        assert snapshot.disk(KEY).parent
        with ExitStack() as stack, pytest.raises(Temporary, match=r"another snapshot's disk.*nbd reader"):
            stack.enter_context(source.open_disk(machine, snapshot, KEY))
    finally:
        source.remove_snapshot(machine, ref)
        lab.set(VM, foreign_snapshot=False)


def test_a_snapshot_on_top_of_ours_does_no_harm(lab: Lab, reader: DiskReader) -> None:
    """The base stays frozen when a backup snapshots the VM in the middle of our read."""
    lab.set(VM, foreign_snapshot=True)
    try:
        reader.confirm()
    finally:
        lab.set(VM, foreign_snapshot=False)
    reader.confirm()


def test_vsan_is_refused(lab: Lab, source: VSphereSource) -> None:
    """Design: vSAN and vVol have no plain files."""
    machine = lab.uuid("vsan-vm")
    ref = source.create_snapshot(machine, "wavelift/vsan", "", False)
    try:
        with ExitStack() as stack, pytest.raises(Permanent, match=r"vsan-vm.*type vsan.*nbd reader"):
            stack.enter_context(source.open_disk(machine, source.snapshot(machine, ref), KEY))
    finally:
        source.remove_snapshot(machine, ref)


def test_the_base_was_written_to_after_all(lab: Lab, source: VSphereSource, machine: str) -> None:
    """Design, step 4: our snapshot removed behind our back and the name taken again: what was read is not accepted."""
    ref = source.create_snapshot(machine, "wavelift/mine", "", False)
    with source.open_disk(machine, source.snapshot(machine, ref), KEY) as opened:
        opened.confirm()
        other = lab.source()
        other.remove_snapshot(machine, ref)
        again = other.create_snapshot(machine, "wavelift/mine", "", False)
        with pytest.raises(Temporary, match="snapshot is gone"):
            opened.confirm()
        other.remove_snapshot(machine, again)
        other.close()


def test_an_unknown_reader_lists_the_known(lab: Lab, machine: str, snapshot: Snapshot) -> None:
    """Design: readers are a plug-in point; a wrong name says which there are."""
    assert {"https", "nbd"} <= set(readers.names())
    source = lab.source(reader="vddk")
    with pytest.raises(Permanent, match=r"no disk reader 'vddk'.*https, nbd"):
        source.open_disk(machine, snapshot, KEY)
    source.close()
