"""One suite for every `replication.ports.Source`: the fake, the provider on the lab's vCenter, and on govmomi's vcsim.

vcsim has neither changed blocks nor disks to read: what needs them runs on the other two.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest

from providers.secrets import Credentials
from providers.vmware.source import VSphereSource
from replication.model.errors import NotFound, Permanent, PortError, ResyncRequired, Temporary
from replication.model.extents import SECTOR, Extent, normal
from replication.model.source import Power, Snapshot
from replication.ports import Source
from tests.fakes.vcenter import FakeVCenter
from tests.thirdparty import missing
from tests.vmware.support import Lab, running_lab, running_vcsim, vcsim

BLOCK = 64 * 1024
PREFIX = "wavelift/conformance/"


class Guest(Protocol):
    """What a test does to the VM from inside."""

    def write(self, key: int, offset: int, data: bytes) -> None: ...

    def content(self, key: int) -> bytes: ...

    def reset_tracking(self, key: int) -> None: ...


@dataclass
class Subject:
    """A source with one VM that is on; `guest` None: neither changed blocks nor reading."""

    source: Source
    machine: str
    name: str
    guest: Guest | None
    made: list[str] = field(default_factory=list)

    def snapshot(self) -> Snapshot:
        ref = self.source.create_snapshot(self.machine, PREFIX + uuid.uuid4().hex, "a test", False)
        self.made.append(ref)
        return self.source.snapshot(self.machine, ref)

    def remove(self, snapshot: Snapshot) -> None:
        self.source.remove_snapshot(self.machine, snapshot.ref)

    @property
    def inside(self) -> Guest:
        if self.guest is None:
            pytest.skip("vcsim has neither changed blocks nor disk content")
        return self.guest


@dataclass
class FakeGuest:
    center: FakeVCenter
    machine: str

    def write(self, key: int, offset: int, data: bytes) -> None:
        self.center.write(self.machine, key, offset, data)

    def content(self, key: int) -> bytes:
        return self.center.content(self.machine, key)

    def reset_tracking(self, key: int) -> None:
        self.center.reset_tracking(self.machine, key)


@dataclass
class LabGuest:
    lab: Lab
    vm: str

    def write(self, key: int, offset: int, data: bytes) -> None:
        self.lab.write(self.vm, self._label(key), offset, data)

    def content(self, key: int) -> bytes:
        return self.lab.content(self.vm, key)

    def reset_tracking(self, key: int) -> None:
        self.lab.set(self.vm, reset_cbt=self._label(key))

    def _label(self, key: int) -> str:
        return str(next(disk["label"] for disk in self.lab.status(self.vm)["disks"] if disk["key"] == key))


def _fake() -> Iterator[Subject]:
    center = FakeVCenter()
    center.add("m-1", "cycle-01", {2000: bytes(32 * BLOCK), 2001: bytes(16 * BLOCK)})
    yield Subject(center, "m-1", "cycle-01", FakeGuest(center, "m-1"))


def _lab(folder: Path) -> Iterator[Subject]:
    with running_lab(folder) as lab:
        source = lab.source()
        yield Subject(source, lab.uuid("cycle-01"), "cycle-01", LabGuest(lab, "cycle-01"))
        source.close()


def _vcsim(folder: Path) -> Iterator[Subject]:
    program = vcsim()
    if program is None:
        missing("vcsim is neither in PATH nor named by WAVELIFT_VCSIM")
    with running_vcsim(program, folder) as endpoint:
        source = VSphereSource(endpoint, lambda: Credentials("user", "pass"))
        vm = source.inventory().vms[0]
        yield Subject(source, vm.uuid, vm.name, None)
        source.close()


@pytest.fixture(scope="module", params=["fake", "lab", pytest.param("vcsim", marks=pytest.mark.thirdparty)])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    folder = tmp_path_factory.mktemp(f"source-{request.param}")
    match request.param:
        case "fake":
            yield from _fake()
        case "lab":
            yield from _lab(folder)
        case "vcsim":
            yield from _vcsim(folder)


@pytest.fixture
def subject(opened: Subject) -> Iterator[Subject]:
    """Each test begins with a VM that is on and without snapshots of ours."""
    yield opened
    for ref in opened.made:
        opened.source.remove_snapshot(opened.machine, ref)
    opened.made.clear()
    if opened.source.facts((opened.machine,))[opened.machine].power is not Power.ON:
        opened.source.power_on(opened.machine)


def test_a_source_is_marked_and_unmarked(subject: Subject) -> None:
    """Weeks, 33: NICs disconnected and connected again, a line in the notes; each may be done twice."""
    for connected in (False, False, True, True):
        subject.source.connect_nics(subject.machine, connected)
    for text in ("wavelift: runs in Azure", "wavelift: runs in Azure", "", ""):
        subject.source.annotate(subject.machine, text)
    with pytest.raises(NotFound):
        subject.source.annotate(str(uuid.uuid4()), "wavelift: nobody")


def covered(areas: list[Extent], extent: Extent) -> bool:
    return any(area.offset <= extent.offset and extent.end <= area.end for area in areas)


def test_facts_of_what_exists(subject: Subject) -> None:
    """S8/S9: scheduling sees host, datastores and power; a machine that vanished is missing, not an error."""
    found = subject.source.facts((subject.machine, "50000000-0000-0000-0000-00000000dead"))
    assert list(found) == [subject.machine]
    facts = found[subject.machine]
    assert (facts.name, facts.power, facts.snapshots) == (subject.name, Power.ON, ())
    assert facts.host
    assert sum(facts.datastores.values()) == len(subject.snapshot().disks)


def test_a_snapshot_is_made_found_and_removed(subject: Subject) -> None:
    """S2: made, read from its own device list, released, consolidated; removing it again is success."""
    snapshot = subject.snapshot()
    assert subject.source.find_snapshots(subject.machine, PREFIX) == {snapshot.ref: snapshot.name}
    assert subject.source.find_snapshots(subject.machine, "somebody-else") == {}
    assert (snapshot.ref, snapshot.name) in subject.source.facts((subject.machine,))[subject.machine].snapshots
    assert all(disk.capacity > 0 and disk.uuid and disk.file and not disk.parent for disk in snapshot.disks)
    assert [disk.key for disk in snapshot.disks] == sorted({disk.key for disk in snapshot.disks})
    subject.remove(snapshot)
    subject.remove(snapshot)
    assert subject.source.find_snapshots(subject.machine, PREFIX) == {}
    assert subject.source.consolidated(subject.machine)


def test_what_is_not_there_is_not_found(subject: Subject) -> None:
    """A VM or a snapshot that is gone is named as such."""
    with pytest.raises(NotFound):
        subject.source.create_snapshot("50000000-0000-0000-0000-00000000dead", PREFIX + "x", "", False)
    with pytest.raises(NotFound):
        subject.source.snapshot(subject.machine, "snapshot-999999999")


def test_changed_areas_cover_what_was_written_and_no_more_than_needed(subject: Subject) -> None:
    """S1.3: from snapshot to snapshot, whole sectors, inside the disk, per disk; later writes are not in it."""
    guest = subject.inside
    first = subject.snapshot()
    disk = first.disks[0]
    writes = [Extent(BLOCK, 4096), Extent(5 * BLOCK + 512, 512), Extent(disk.capacity - 4096, 4096)]
    for extent in writes:
        guest.write(disk.key, extent.offset, b"\xa5" * extent.length)
    subject.remove(first)
    second = subject.snapshot()
    guest.write(disk.key, 9 * BLOCK, b"late" * 128)
    since = first.disk(disk.key).change_id
    areas = subject.source.changed_areas(subject.machine, second.ref, disk.key, since, disk.capacity)
    assert all(covered(areas, extent) for extent in writes)
    assert areas == normal(areas)
    assert all(a.offset % SECTOR == 0 and a.length % SECTOR == 0 and a.end <= disk.capacity for a in areas)
    assert not any(area.offset <= 9 * BLOCK < area.end for area in areas)
    other = second.disks[1]
    unchanged = first.disk(other.key).change_id
    assert subject.source.changed_areas(subject.machine, second.ref, other.key, unchanged, other.capacity) == []


def test_allocated_areas_cover_all_content(subject: Subject) -> None:
    """S1.2: without a change id, everything that is not zero is in the answer."""
    guest = subject.inside
    key = subject.snapshot().disks[0].key
    subject.remove(subject.source.snapshot(subject.machine, subject.made[-1]))
    guest.write(key, 3 * BLOCK, b"\x11" * 512)
    content = guest.content(key)
    snapshot = subject.snapshot()
    areas = subject.source.changed_areas(subject.machine, snapshot.ref, key, None, len(content))
    held = [Extent(at, SECTOR) for at in range(0, len(content), SECTOR) if any(content[at : at + SECTOR])]
    assert held
    assert all(covered(areas, extent) for extent in held)
    assert all(area.end <= len(content) for area in areas)


def test_a_reset_of_tracking_asks_for_a_resync(subject: Subject) -> None:
    """Pitfall 3: a change id of another uuid says nothing about what changed."""
    guest = subject.inside
    first = subject.snapshot()
    disk = first.disks[0]
    subject.remove(first)
    guest.reset_tracking(disk.key)
    second = subject.snapshot()
    with pytest.raises(ResyncRequired):
        subject.source.changed_areas(subject.machine, second.ref, disk.key, disk.change_id, disk.capacity)


def test_reading_gives_the_disk_as_it_was_at_the_snapshot(subject: Subject) -> None:
    """S1.2: the snapshot stands still while the guest goes on writing."""
    guest = subject.inside
    key = 2000
    guest.write(key, 2 * BLOCK, b"before" * 1024)
    expected = guest.content(key)
    snapshot = subject.snapshot()
    guest.write(key, 2 * BLOCK, b"after!" * 1024)
    with subject.source.open_disk(subject.machine, snapshot, key) as reader:
        capacity = snapshot.disk(key).capacity
        assert capacity == len(expected)
        assert b"".join(reader.read(at, min(7 * BLOCK, capacity - at)) for at in range(0, capacity, 7 * BLOCK)) == expected
        assert reader.read(capacity - SECTOR, SECTOR) == expected[-SECTOR:]
        reader.confirm()
        with pytest.raises(Permanent):
            reader.read(capacity - SECTOR, 2 * SECTOR)


def test_a_snapshot_that_goes_away_under_a_reader_is_noticed(subject: Subject) -> None:
    """Design, step 4: nothing read from a chain that changed is accepted."""
    assert subject.inside
    snapshot = subject.snapshot()
    with subject.source.open_disk(subject.machine, snapshot, 2000) as reader:
        subject.remove(snapshot)
        with pytest.raises(Temporary):
            reader.confirm()


def test_power_operations_may_be_repeated(subject: Subject) -> None:
    """Pitfall 16: off is confirmed by vCenter's own word, and asking twice changes nothing."""
    for operation, wanted in ((subject.source.power_off, Power.OFF), (subject.source.power_on, Power.ON)):
        operation(subject.machine)
        operation(subject.machine)
        assert subject.source.facts((subject.machine,))[subject.machine].power is wanted


def test_a_snapshot_of_a_machine_that_is_off(subject: Subject) -> None:
    """S1.4: the last delta is taken from a VM that is off."""
    before = subject.snapshot()
    if subject.guest is not None:
        subject.guest.write(2000, BLOCK, b"last words" * 51 + b"..")
    subject.remove(before)
    subject.source.power_off(subject.machine)
    after = subject.snapshot()
    assert subject.source.facts((subject.machine,))[subject.machine].power is Power.OFF
    if subject.guest is not None:
        since = before.disk(2000).change_id
        areas = subject.source.changed_areas(subject.machine, after.ref, 2000, since, before.disk(2000).capacity)
        assert covered(areas, Extent(BLOCK, 512))


def test_nothing_but_port_errors_leaves(subject: Subject) -> None:
    """The port's promise: whatever is wrong is one of the model's errors."""
    with pytest.raises(PortError):
        subject.source.power_off("50000000-0000-0000-0000-00000000dead")


def test_free_space_of_its_datastores(subject: Subject) -> None:
    """Pitfall 15, moment 15: the guard asks how much is free where the machine's disks lie."""
    free = subject.source.datastore_free(subject.machine)
    names = subject.source.facts((subject.machine,))[subject.machine].datastores
    assert names.keys() <= free.keys() and all(size > 0 for size in free.values())
    with pytest.raises(NotFound):
        subject.source.datastore_free("50000000-0000-0000-0000-00000000dead")


def test_the_time_of_a_snapshot_is_told(subject: Subject) -> None:
    """Moment 7: "held: foreign snapshot since 01:12"."""
    snapshot = subject.snapshot()
    facts = subject.source.facts((subject.machine,))[subject.machine]
    assert snapshot.ref in facts.snapshot_times
