"""S13 at the source: a disk is read slice by slice under a throttle, each asked for before it is taken off the wire."""

from __future__ import annotations

from providers.vmware.source import VSphereSource
from replication import line
from replication.throttle import SLICE
from tests.vmware.support import Lab

VM, KEY = "reader-01", 2000


def test_a_read_passes_in_slices(lab: Lab, source: VSphereSource) -> None:
    """S13: every byte once; the content is the same."""
    machine = lab.uuid(VM)
    lab.pattern(VM, "sequential", 8)
    ref = source.create_snapshot(machine, "wavelift/throttled", "", False)
    asked: list[int] = []
    try:
        with source.open_disk(machine, source.snapshot(machine, ref), KEY) as reader, line.metered(asked.append):
            got = reader.read(1 << 20, 3 << 20)
    finally:
        source.remove_snapshot(machine, ref)
    assert got == lab.content(VM, KEY)[1 << 20 : 4 << 20]
    assert max(asked) <= SLICE and sum(asked) == 3 << 20
