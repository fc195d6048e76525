"""Snapshots of a VM: making, finding, reading, removing. Only ever by ref, never with children, never another's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from providers.vmware.collector import Collector, Properties
from providers.vmware.devices import disk_elements, source_disk
from providers.vmware.elements import children, text
from providers.vmware.machines import Machines
from providers.vmware.session import Session
from providers.vmware.tasks import Tasks
from replication.model.errors import NotFound, PortError, Temporary, UnknownFate
from replication.model.source import Snapshot

log = logging.getLogger("wavelift.vmware")

TREE = "snapshot.rootSnapshotList"


def walk(tree: Element | None, step: str = "VirtualMachineSnapshotTree") -> Iterator[tuple[str, str]]:
    """(ref, name) of every snapshot, parents first, out of `snapshot.rootSnapshotList`."""
    for node in children(tree, step):
        yield text(node, "snapshot"), text(node, "name")
        yield from walk(node, "childSnapshotList")


def taken(tree: Element | None, step: str = "VirtualMachineSnapshotTree") -> Iterator[tuple[str, float]]:
    """(ref, unix time of its creation) of every snapshot; one whose time cannot be read is left out."""
    for node in children(tree, step):
        try:
            yield text(node, "snapshot"), datetime.fromisoformat(text(node, "createTime")).timestamp()
        except ValueError:
            log.debug("a snapshot without a readable time: %s", text(node, "createTime"))
        yield from taken(node, "childSnapshotList")


class Snapshots:
    """The snapshots part of `replication.ports.Source`."""

    def __init__(self, session: Session, machines: Machines, tasks: Tasks) -> None:
        self._session = session
        self._machines = machines
        self._tasks = tasks
        self._collector = Collector(session)

    def create(self, machine: str, name: str, description: str, quiesce: bool) -> str:
        vm = self._machines.managed(machine)
        subject = self._machines.name(machine)
        try:
            result = self._tasks.run(
                "making a snapshot",
                lambda: vm.CreateSnapshot_Task(name=name, description=description, memory=False, quiesce=quiesce),
                subject=subject,
            )
        except UnknownFate:
            # The names are unique, so a snapshot of that name is the one whose answer was lost; it may still be in the making.
            self._settle(machine)
            for ref, _ in self.named(machine, name):
                return ref
            raise
        return str(result._moId)

    def _settle(self, machine: str) -> None:
        """Wait for the tasks that vCenter lists for this VM, for as long as another task may keep it busy."""
        listed = self._machines.one(machine, "recentTask").get("recentTask")
        for ref in children(listed, "ManagedObjectReference"):
            self._tasks.outlast(ref.text or "", subject=self._machines.name(machine))

    def find(self, machine: str, prefix: str) -> dict[str, str]:
        return {ref: name for ref, name in self.tree(machine) if name.startswith(prefix)}

    def named(self, machine: str, name: str) -> list[tuple[str, str]]:
        return [(ref, found) for ref, found in self.tree(machine) if found == name]

    def tree(self, machine: str) -> list[tuple[str, str]]:
        return list(walk(self._machines.one(machine, TREE).get(TREE)))

    def read(self, machine: str, ref: str) -> Snapshot:
        """The snapshot's own device list; `NotFound` when the VM has no such snapshot."""
        names = dict(self.tree(machine))
        if ref not in names:
            raise self._gone(machine, ref)
        paths = ("config.hardware.device",)
        subject = self._machines.name(machine)
        found: Properties = self._collector.objects({self._managed(ref): paths}, subject=subject).get(ref, {})
        disks = [source_disk(disk) for disk in disk_elements(found.get(paths[0], ()))]
        return Snapshot(ref, names[ref], tuple(sorted(disks, key=lambda disk: disk.key)))

    def remove(self, machine: str, ref: str) -> None:
        subject = self._machines.name(machine)
        if not self._there(machine, ref):
            return
        snapshot = self._managed(ref)
        try:
            self._tasks.run(
                "removing our snapshot",
                lambda: snapshot.RemoveSnapshot_Task(removeChildren=False, consolidate=True),
                subject=subject,
                replay=True,
            )
        except NotFound:
            return  # a removal that ran already has finished
        except PortError as error:
            # The snapshot can be gone although its task failed: then only the consolidation is left to do.
            if not self._there(machine, ref):
                log.warning(
                    "%s: snapshot %s is removed, its disks are not consolidated yet: %s", subject, ref, error.message
                )
                return
            raise

    def consolidated(self, machine: str) -> bool:
        if not self._needs_consolidation(machine):
            return True
        vm = self._machines.managed(machine)
        subject = self._machines.name(machine)
        try:
            self._tasks.run("consolidating its disks", lambda: vm.ConsolidateVMDisks_Task(), subject=subject, replay=True)
        except Temporary as error:
            log.warning("%s: consolidation did not succeed: %s", subject, error.message)
        return not self._needs_consolidation(machine)

    def query_changes(self, machine: str, ref: str, key: int, offset: int, change_id: str) -> Any:
        """One page of QueryChangedDiskAreas (vSphere's DiskChangeInfo)."""
        vm = self._machines.managed(machine)
        snapshot = self._managed(ref)
        return self._session.call(
            "asking for changed areas",
            lambda _: vm.QueryChangedDiskAreas(snapshot=snapshot, deviceKey=key, startOffset=offset, changeId=change_id),
            subject=self._machines.name(machine),
        )

    def _needs_consolidation(self, machine: str) -> bool:
        value = self._machines.one(machine, "runtime.consolidationNeeded").get("runtime.consolidationNeeded")
        return value is not None and value.text == "true"

    def _there(self, machine: str, ref: str) -> bool:
        return any(found == ref for found, _ in self.tree(machine))

    def _managed(self, ref: str) -> Any:
        return self._session.managed("vm.Snapshot", ref)

    def _gone(self, machine: str, ref: str) -> NotFound:
        return NotFound(
            f"it has no snapshot {ref} any more",
            subject=self._machines.name(machine),
            remedy="somebody removed it; the next cycle makes its own",
            code="NoSuchSnapshot",
        )
