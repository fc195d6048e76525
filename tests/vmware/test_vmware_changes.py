"""What of QueryChangedDiskAreas' answers and faults can be trusted. `Pages` stands in for a vCenter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from providers.vmware import sdk
from providers.vmware.changes import changed_areas
from providers.vmware.errors import translate
from replication.model.errors import PortError, ResyncRequired, Temporary
from replication.model.extents import Extent
from replication.model.source import ChangeId, SourceDisk

vim, vmodl = sdk.load().vim, sdk.load().vmodl

CAPACITY = 1 << 20
DISK = SourceDisk(2000, "6000C29", "Hard disk 1", CAPACITY, ChangeId("aa/7"), "[ds-01] x/x.vmdk")


class Pages:
    """Answers each offset from a table, as vCenter would."""

    def __init__(self, answer: Callable[[int], Any]) -> None:
        self.answer = answer
        self.asked: list[int] = []

    def query_changes(self, machine: str, ref: str, key: int, offset: int, change_id: str) -> Any:
        self.asked.append(offset)
        if offset >= CAPACITY:
            raise AssertionError("asked at or past the end of the disk")
        return self.answer(offset)


def page(start: int, length: int, *areas: tuple[int, int]) -> Any:
    kind: Any = vim.VirtualMachine.DiskChangeInfo
    return kind(startOffset=start, length=length, changedArea=[kind.DiskChangeExtent(start=a, length=b) for a, b in areas])


def ask(pages: Pages, since: str | None = "aa/3", disk: SourceDisk = DISK) -> list[Extent]:
    return changed_areas(pages, "m", "s", disk, ChangeId(since) if since else None, CAPACITY, "web-01")  # type: ignore[arg-type]  # only query_changes is used


def fails_with(fault: Exception) -> Pages:
    def answer(_: int) -> Any:
        raise translate(fault, subject="web-01", doing="asking") from fault

    return Pages(answer)


def test_areas_are_clamped_and_widened() -> None:
    """Pitfalls 1 and 9: past the end, in half sectors, over a page's border."""
    pages = Pages(lambda at: page(at, 512 * 1024, (100, 10), (at + 512 * 1024 - 512, 1024), (CAPACITY - 512, 4096)))
    assert ask(pages) == [Extent(0, 512), Extent(512 * 1024 - 512, 1024), Extent(CAPACITY - 512, 512)]
    assert pages.asked == [0, 512 * 1024]


def test_an_answer_that_does_not_move_on_is_no_loop() -> None:
    """A vCenter that answers nothing for ever must not hold a slot for ever."""
    with pytest.raises(Temporary, match="does not get past byte 0"):
        ask(Pages(lambda at: page(at, 0)))


@pytest.mark.parametrize("since", ["bb/3", "aa/9", "*"])
def test_ids_that_cannot_be_compared(since: str) -> None:
    """Pitfall 3: another uuid, a sequence from the future (a reverted VM), no id at all: nothing is asked."""
    pages = Pages(lambda at: page(at, CAPACITY))
    with pytest.raises(ResyncRequired, match="Hard disk 1"):
        ask(pages, since)
    assert pages.asked == []


def test_a_disk_without_tracking() -> None:
    """Azure's error 563: no change id on the disk."""
    off = SourceDisk(2000, "6000C29", "Hard disk 1", CAPACITY, None, "[ds-01] x/x.vmdk")
    with pytest.raises(ResyncRequired, match="no change id"):
        ask(Pages(lambda at: page(at, CAPACITY)), disk=off)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (vim.fault.FileFault(file="x-ctk.vmdk"), ResyncRequired),
        (vim.fault.FileNotFound(file="x-ctk.vmdk"), ResyncRequired),
        (vim.fault.FileLocked(file="x.vmdk"), Temporary),
        (vim.fault.CannotAccessFile(file="x.vmdk"), Temporary),
        (vmodl.fault.HostNotReachable(), Temporary),
    ],
)
def test_which_faults_ask_for_a_resync(fault: Exception, kind: type[PortError]) -> None:
    """Pitfall 3, and its limit: a storage path that is away for a minute is no reason to compare terabytes."""
    with pytest.raises(kind) as caught:
        ask(fails_with(fault))
    assert type(caught.value) is kind
    if kind is ResyncRequired:
        assert ask(fails_with(fault), since=None) == [Extent(0, CAPACITY)]
