"""Reading a whole vCenter: names first, then every VM in one paged pass of the property collector."""

from __future__ import annotations

import time
from typing import Literal
from xml.etree.ElementTree import Element

from planner.inventory import SourceInventory, VmFacts
from providers.vmware import devices
from providers.vmware.collector import Collector, Properties, plain
from providers.vmware.elements import children
from providers.vmware.session import Session

_NAMES = {
    "Folder": ("name", "parent"),
    "Datacenter": ("name", "parent"),
    "VirtualApp": ("name", "parentFolder"),
    "HostSystem": ("name",),
    "Datastore": ("name", "summary.type", "summary.freeSpace"),
    "Network": ("name",),
}
_VM = (
    "name",
    "parent",
    "parentVApp",
    "runtime.host",
    "runtime.powerState",
    "runtime.consolidationNeeded",
    "config.instanceUuid",
    "config.guestId",
    "config.guestFullName",
    "config.firmware",
    "config.version",
    "config.template",
    "config.changeTrackingEnabled",
    "config.bootOptions.bootOrder",
    "config.hardware.numCPU",
    "config.hardware.memoryMB",
    "config.hardware.device",
    "guest.net",
    "guest.toolsRunningStatus",
    "snapshot.rootSnapshotList",
)


class _Names:
    """What the other objects are called, by ref."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self.datastore_types: dict[str, str] = {}
        self.free: dict[str, int] = {}
        self._parents: dict[str, str] = {}

    def take(self, kind: str, ref: str, properties: Properties) -> None:
        name = plain(properties, "name")
        self.of[ref] = name
        self._parents[ref] = plain(properties, "parent") or plain(properties, "parentFolder")
        if kind == "Datastore":
            self.datastore_types[name] = plain(properties, "summary.type")
            if size := plain(properties, "summary.freeSpace"):
                self.free[name] = min(int(size), self.free.get(name, int(size)))  # two datacenters may use one name

    def folder(self, ref: str) -> str:
        """ "/DC/vm/folder" of a folder; the root folder is not in the view and has no name here."""
        steps: list[str] = []
        while ref in self.of and len(steps) < 100:
            steps.append(self.of[ref])
            ref = self._parents.get(ref, "")
        return "".join("/" + step for step in reversed(steps))


def read_inventory(session: Session, *, now: float | None = None) -> SourceInventory:
    """Every VM that is no template, with disks and network adapters. `now` (unix time) defaults to the clock.

    Raises the port errors; a VM that vCenter cannot describe (its host is gone, its files are lost) is left out, since it
    has neither uuid nor devices.
    """
    collector = Collector(session)
    names = _Names()
    collector.all(_NAMES, names.take)
    found = collector.all({"VirtualMachine": _VM}, lambda _, __, properties: _vm(properties, names))
    vms = sorted((vm for vm in found if vm is not None), key=lambda vm: (vm.path, vm.uuid))
    read_at = time.time() if now is None else now
    return SourceInventory(session.endpoint.name, session.instance_uuid(), read_at, tuple(vms), names.free)


def _vm(properties: Properties, names: _Names) -> VmFacts | None:
    uuid = plain(properties, "config.instanceUuid")
    if not uuid or plain(properties, "config.template") == "true":
        return None
    name = _unescaped(plain(properties, "name"))
    listed = list(properties.get("config.hardware.device", ()))
    bus = devices.controllers(listed)
    # Set through extraConfig the switch may read as unset; disks that carry change ids prove that tracking works.
    tracked = plain(properties, "config.changeTrackingEnabled") == "true" or devices.all_carry_change_ids(listed)
    disks = tuple(devices.disk_facts(disk, bus, names.datastore_types, tracked) for disk in devices.disk_elements(listed))
    addresses = devices.guest_addresses(properties.get("guest.net"))
    nics = (devices.nic_facts(device, names.of, addresses) for device in listed)
    guest_id = plain(properties, "config.guestId")
    return VmFacts(
        uuid=uuid,
        name=name,
        path=f"{names.folder(plain(properties, 'parent') or plain(properties, 'parentVApp'))}/{name}",
        host=names.of.get(plain(properties, "runtime.host"), ""),
        power=plain(properties, "runtime.powerState"),
        guest_id=guest_id,
        os_type=os_type(guest_id, plain(properties, "config.guestFullName")),
        firmware="efi" if plain(properties, "config.firmware") == "efi" else "bios",
        cpus=int(plain(properties, "config.hardware.numCPU") or 0),
        memory_mib=int(plain(properties, "config.hardware.memoryMB") or 0),
        hw_version=int(plain(properties, "config.version").rpartition("-")[2] or 0),
        tools=plain(properties, "guest.toolsRunningStatus"),
        tracking=tracked,
        snapshots=count_snapshots(properties.get("snapshot.rootSnapshotList")),
        consolidation_needed=plain(properties, "runtime.consolidationNeeded") == "true",
        os_disk=devices.os_disk(disks, properties.get("config.bootOptions.bootOrder")),
        shared_bus=bus.shared,
        disks=disks,
        nics=tuple(nic for nic in nics if nic is not None),
    )


def os_type(guest_id: str, full_name: str) -> Literal["Linux", "Windows"] | None:
    """What Azure must be told, from vSphere's guest id (or, for an id that says "other", from its text); None: neither."""
    id_, text_ = guest_id.lower(), full_name.lower()
    if id_.startswith("win") or "windows" in text_:
        return "Windows"
    if any(word in id_ or word in text_ for word in _LINUX):
        return "Linux"
    return None


_LINUX = (
    *("linux", "ubuntu", "debian", "rhel", "red hat", "centos", "sles", "suse", "fedora", "rocky", "alma", "photon"),
    *("coreos", "mandriva", "asianux", "kylin", "openeuler", "amazon"),
)


def count_snapshots(roots: Element | None) -> int:
    return sum(1 + _below(tree) for tree in children(roots, "VirtualMachineSnapshotTree"))


def _below(tree: Element) -> int:
    return sum(1 + _below(node) for node in children(tree, "childSnapshotList"))


def _unescaped(name: str) -> str:
    """vCenter writes "/", "\\" and "%" in names as %2f, %5c and %25."""
    return name.replace("%2f", "/").replace("%5c", "\\").replace("%25", "%")
