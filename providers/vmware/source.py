"""`VSphereSource`: one vCenter as the replication engine's `Source`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from planner.estate import Source as SourceEntry
from planner.inventory import SourceInventory
from providers.secrets import SignIn
from providers.vmware import readers
from providers.vmware.changes import changed_areas
from providers.vmware.collector import Collector, Properties, plain
from providers.vmware.devices import all_carry_change_ids, datastore_of, disk_elements
from providers.vmware.elements import child, text
from providers.vmware.inventory import read_inventory
from providers.vmware.machines import Machines
from providers.vmware.marking import Marking
from providers.vmware.power import PowerControl
from providers.vmware.privileges import ON_DATASTORES, ON_DISCONNECTED, ON_MACHINES, TO_READ, missing_privileges
from providers.vmware.session import Session
from providers.vmware.snapshots import TREE, Snapshots, taken, walk
from providers.vmware.tasks import BUSY_SECONDS, Tasks
from providers.vmware.tls import Endpoint
from providers.vmware.tracking import enable_tracking
from replication.model.errors import NotFound
from replication.model.extents import Extent
from replication.model.source import ChangeId, Power, Snapshot, SourceFacts
from replication.ports import DiskReader

_FACTS = (
    "runtime.host",
    "runtime.powerState",
    "runtime.consolidationNeeded",
    "config.changeTrackingEnabled",
    "config.hardware.device",
    "guest.toolsRunningStatus",
    TREE,
)
_REMEMBERED_SNAPSHOTS = 256


class VSphereSource:
    """Implements `replication.ports.Source`. Safe for threads; `close` logs out. Nothing is contacted before the first call.

    `reader` names the disk reader and `reader_options` is for it alone (nbd: `socket` or `command`, see there). `busy` is
    how many seconds another task on the same VM is waited for.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        credentials: SignIn,
        *,
        reader: str = "https",
        reader_options: Mapping[str, Any] | None = None,
        busy: float = BUSY_SECONDS,
    ) -> None:
        self.credentials = credentials
        self.session = Session(endpoint, credentials)
        self._machines = Machines(self.session)
        self._tasks = Tasks(self.session, busy=busy)
        self._snapshots = Snapshots(self.session, self._machines, self._tasks)
        self._power = PowerControl(self.session, self._machines, self._tasks)
        self._marking = Marking(self.session, self._machines, self._tasks)
        self._collector = Collector(self.session)
        self._reader = reader
        self._reader_options = dict(reader_options or {})
        self._shared: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._hosts: dict[str, str] = {}
        self._seen: OrderedDict[tuple[str, str], Snapshot] = OrderedDict()

    # ---- reading

    def uuids(self, refs: frozenset[str]) -> frozenset[str]:
        """Instance uuids of the VMs with these managed object refs; one that is gone is left out."""
        wanted = {"VirtualMachine": ("config.instanceUuid",)}
        found = self._collector.all(wanted, lambda _, ref, properties: (ref, plain(properties, "config.instanceUuid")))
        return frozenset(uuid for ref, uuid in found if uuid and ref in refs)

    def inventory(self, *, now: float | None = None) -> SourceInventory:
        """Everything that the planner wants to know of this vCenter."""
        return read_inventory(self.session, now=now)

    def facts(self, machines: tuple[str, ...]) -> dict[str, SourceFacts]:
        found = self._machines.read(machines, _FACTS)
        hosts = self._host_names({plain(properties, "runtime.host") for properties in found.values()})
        return {machine: _facts(machine, properties, hosts) for machine, properties in found.items()}

    def datastore_free(self, machine: str) -> dict[str, int]:
        listed = self._machines.one(machine, "datastore").get("datastore")
        refs = [entry.text for entry in (() if listed is None else listed) if entry.text]
        stores = {self.session.managed("Datastore", ref): ("name", "summary.freeSpace") for ref in refs}
        found = self._collector.objects(stores, subject=self._machines.name(machine)) if stores else {}
        return {plain(store, "name"): int(plain(store, "summary.freeSpace") or 0) for store in found.values()}

    # ---- snapshots

    def create_snapshot(self, machine: str, name: str, description: str, quiesce: bool) -> str:
        return self._snapshots.create(machine, name, description, quiesce)

    def find_snapshots(self, machine: str, prefix: str) -> dict[str, str]:
        return self._snapshots.find(machine, prefix)

    def snapshot(self, machine: str, ref: str) -> Snapshot:
        read = self._snapshots.read(machine, ref)
        with self._lock:
            self._seen[machine, ref] = read
            while len(self._seen) > _REMEMBERED_SNAPSHOTS:
                self._seen.popitem(last=False)
        return read

    def remove_snapshot(self, machine: str, ref: str) -> None:
        try:
            self._snapshots.remove(machine, ref)
        except NotFound:
            self._machines.forget(machine)  # the whole VM is gone, its snapshots with it
        with self._lock:
            self._seen.pop((machine, ref), None)

    def consolidated(self, machine: str) -> bool:
        return self._snapshots.consolidated(machine)

    def changed_areas(self, machine: str, ref: str, disk: int, since: ChangeId | None, capacity: int) -> list[Extent]:
        # A snapshot's device list never changes, so one read serves all of its disks.
        with self._lock:
            known = self._seen.get((machine, ref))
        found = next((d for d in (known or self.snapshot(machine, ref)).disks if d.key == disk), None)
        if found is None:
            raise NotFound(f"snapshot {ref} has no disk {disk}", subject=self._machines.name(machine), code="NoSuchDisk")
        return changed_areas(self._snapshots, machine, ref, found, since, capacity, self._machines.name(machine))

    # ---- disks

    def open_disk(self, machine: str, snapshot: Snapshot, disk: int) -> AbstractContextManager[DiskReader]:
        opener = readers.find(self._reader)
        return opener(
            readers.OpenRequest(
                session=self.session,
                machines=self._machines,
                snapshots=self._snapshots,
                machine=machine,
                snapshot=snapshot,
                disk=snapshot.disk(disk),
                options=self._reader_options,
                shared=self._shared,
            )
        )

    # ---- power

    def shutdown_guest(self, machine: str) -> None:
        self._power.shutdown_guest(machine)

    def power_off(self, machine: str) -> None:
        self._power.off(machine)

    def power_on(self, machine: str) -> None:
        self._power.on(machine)

    # ---- after a cut-over

    def connect_nics(self, machine: str, connected: bool) -> None:
        self._marking.connect_nics(machine, connected)

    def annotate(self, machine: str, text: str) -> None:
        self._marking.annotate(machine, text)

    # ---- beyond the port

    def enable_tracking(self, machine: str, may: Callable[[], object] = lambda: None) -> None:
        """Switch changed block tracking on (a step of its own in plans); see `tracking.enable_tracking`."""
        enable_tracking(machine, self._machines, self._snapshots, self._tasks, may)

    def missing_privileges(
        self, machines: tuple[str, ...], *, reading: bool = False, disconnecting: bool = False
    ) -> dict[str, tuple[str, ...]]:
        """{instance uuid: privileges that this login lacks on the VM or its datastores}; empty: nothing is missing.

        `reading`: those of a login that only plans; otherwise all that replication and cut-over need. `disconnecting`: with
        what it takes to cut the source off its networks afterwards.
        """
        if reading:
            return missing_privileges(machines, self.session, self._machines, on_machines=TO_READ, on_datastores=TO_READ)
        stores = ON_DATASTORES if self._reader == "https" else ()
        on_machines = (*ON_MACHINES, *(ON_DISCONNECTED if disconnecting else ()))
        return missing_privileges(machines, self.session, self._machines, on_machines=on_machines, on_datastores=stores)

    def close(self) -> None:
        """Drop the readers' connections and log out."""
        for value in self._shared.values():
            if hasattr(value, "close"):
                value.close()
        self._shared.clear()
        self.session.close()

    def _host_names(self, refs: set[str]) -> dict[str, str]:
        unknown = sorted(ref for ref in refs if ref and ref not in self._hosts)
        if unknown:
            found = self._collector.objects({self.session.managed("HostSystem", ref): ("name",) for ref in unknown})
            with self._lock:
                self._hosts.update({ref: plain(properties, "name") for ref, properties in found.items()})
        return self._hosts


def open_source(entry: SourceEntry, credentials: SignIn) -> VSphereSource:
    """The vCenter that an estate's `sources:` entry describes; `credentials` reads them from its login (`providers.secrets`).

    `Permanent` when this installation has no such disk reader.
    """
    readers.require(entry.reader.name)
    endpoint = Endpoint(entry.name, entry.host, entry.port, entry.ca, entry.thumbprint)
    return VSphereSource(endpoint, credentials, reader=entry.reader.name, reader_options=entry.reader.options)


def _facts(machine: str, properties: Properties, hosts: Mapping[str, str]) -> SourceFacts:
    disks = disk_elements(properties.get("config.hardware.device", ()))
    datastores: dict[str, int] = {}
    for disk in disks:
        datastore = datastore_of(text(child(disk, "backing"), "fileName"))
        datastores[datastore] = datastores.get(datastore, 0) + 1
    return SourceFacts(
        machine=machine,
        name=plain(properties, "name"),
        power=Power(plain(properties, "runtime.powerState") or "poweredOff"),
        host=hosts.get(plain(properties, "runtime.host"), ""),
        datastores=datastores,
        tools_running=plain(properties, "guest.toolsRunningStatus") == "guestToolsRunning",
        consolidation_needed=plain(properties, "runtime.consolidationNeeded") == "true",
        snapshots=tuple(walk(properties.get(TREE))),
        snapshot_times=dict(taken(properties.get(TREE))),
        tracking=plain(properties, "config.changeTrackingEnabled") == "true" or all_carry_change_ids(disks),
    )
