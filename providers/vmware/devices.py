"""A VM's device list (`config.hardware.device`, live or of a snapshot) as the planner's and the engine's values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from planner.inventory import DiskFacts, NicFacts
from providers.vmware.elements import child, children, kind, number, text, truth
from replication.model.source import ChangeId, SourceDisk

_CONTROLLERS = (
    ("SCSI", "scsi"),
    ("LsiLogic", "scsi"),
    ("BusLogic", "scsi"),
    ("AHCI", "sata"),
    ("SATA", "sata"),
    ("IDE", "ide"),
    ("NVME", "nvme"),
)
_FILE = re.compile(r"\[(?P<datastore>[^\]]*)\] ?(?P<path>.*)")
_ORDER = ("scsi", "nvme", "sata", "ide", "")


@dataclass(frozen=True, slots=True)
class Controllers:
    """Device key -> "scsi0", and which of them share their bus."""

    names: Mapping[int, str]
    shared: tuple[str, ...]


def datastore_of(file: str) -> str:
    """ "ds-01" of "[ds-01] vm/vm.vmdk"."""
    found = _FILE.match(file)
    return found["datastore"] if found else ""


def path_of(file: str) -> str:
    """ "vm/vm.vmdk" of "[ds-01] vm/vm.vmdk"."""
    found = _FILE.match(file)
    return found["path"] if found else file


def controllers(devices: Iterable[Element]) -> Controllers:
    names: dict[int, str] = {}
    shared = []
    for device in devices:
        if child(device, "busNumber") is None:
            continue
        word = next((word for part, word in _CONTROLLERS if part in kind(device)), None)
        if word is None:
            continue
        name = f"{word}{number(device, 'busNumber')}"
        names[number(device, "key")] = name
        if text(device, "sharedBus") in ("virtualSharing", "physicalSharing"):
            shared.append(name)
    return Controllers(names, tuple(sorted(shared)))


def disk_elements(devices: Iterable[Element]) -> list[Element]:
    return [device for device in devices if kind(device) == "VirtualDisk"]


def all_carry_change_ids(devices: Iterable[Element]) -> bool:
    """True when there are disks and every one that takes part in snapshots has a change id."""
    backings = [child(disk, "backing") for disk in disk_elements(devices)]
    dependent = [backing for backing in backings if not text(backing, "diskMode").startswith("independent")]
    return bool(dependent) and all(text(backing, "changeId") for backing in dependent)


def label(device: Element) -> str:
    """ "Hard disk 1"."""
    return text(child(device, "deviceInfo"), "label")


def capacity(disk: Element) -> int:
    """Bytes; servers older than vSphere 5.5 know KiB only."""
    return number(disk, "capacityInBytes") or number(disk, "capacityInKB") * 1024


def disk_facts(disk: Element, bus: Controllers, datastore_types: Mapping[str, str], tracked: bool) -> DiskFacts:
    """`tracked`: the VM's own switch, for backings that show no change id in the live configuration."""
    backing = child(disk, "backing")
    file = text(backing, "fileName")
    datastore = datastore_of(file)
    controller = bus.names.get(number(disk, "controllerKey"), "")
    mode = text(backing, "diskMode")
    return DiskFacts(
        key=number(disk, "key"),
        uuid=text(backing, "uuid"),
        label=label(disk),
        controller=f"{controller}:{number(disk, 'unitNumber')}" if controller else "",
        capacity=capacity(disk),
        mode=mode,
        backing=_backing(backing),
        datastore=datastore,
        datastore_type=datastore_types.get(datastore, ""),
        sharing=text(backing, "sharing") == "sharingMultiWriter",
        tracking=bool(text(backing, "changeId")) or (tracked and not mode.startswith("independent")),
        file=file,
        parent=child(backing, "parent") is not None,
        encrypted=child(backing, "keyId") is not None,
        linked=_linked(backing),
    )


def _linked(backing: Element | None) -> bool:
    """It stands on a disk in another VM's folder; what snapshots stand on lies in its own."""
    above, below = backing, child(backing, "parent")
    while below is not None:
        if text(above, "fileName").rpartition("/")[0] != text(below, "fileName").rpartition("/")[0]:
            return True
        above, below = below, child(below, "parent")
    return False


def source_disk(disk: Element) -> SourceDisk:
    """A disk of a snapshot's device list."""
    backing = child(disk, "backing")
    change = text(backing, "changeId")
    return SourceDisk(
        key=number(disk, "key"),
        uuid=text(backing, "uuid"),
        label=label(disk),
        capacity=capacity(disk),
        change_id=ChangeId(change) if change and change != "*" else None,
        file=text(backing, "fileName"),
        parent=child(backing, "parent") is not None,
    )


def nic_facts(device: Element, networks: Mapping[str, str], addresses: Mapping[int, tuple[str, ...]]) -> NicFacts | None:
    """None when the device is no network adapter. `networks` maps refs (and port group keys) to names."""
    if child(device, "macAddress") is None:
        return None
    backing = child(device, "backing")
    port = child(backing, "port")
    ref = text(port, "portgroupKey") or text(backing, "network") or text(backing, "opaqueNetworkId")
    link = child(device, "connectable")
    key = number(device, "key")
    return NicFacts(
        key=key,
        label=label(device),
        network=networks.get(ref) or text(backing, "deviceName"),
        mac=text(device, "macAddress").lower(),
        connected=truth(link, "connected") or truth(link, "startConnected"),
        addresses=addresses.get(key, ()),
    )


def guest_addresses(net: Element | None) -> dict[int, tuple[str, ...]]:
    """Device key -> addresses that VMware Tools reports, out of `guest.net`."""
    found: dict[int, tuple[str, ...]] = {}
    for nic in children(net, "GuestNicInfo"):
        found[number(nic, "deviceConfigId")] = tuple(address.text or "" for address in children(nic, "ipAddress"))
    return found


def os_disk(disks: Iterable[DiskFacts], boot_order: Element | None) -> int:
    """The key of the disk the VM boots from: the first disk of its boot order, else the first by bus and unit; 0: none."""
    by_key = {disk.key: disk for disk in disks}
    for entry in children(boot_order, "VirtualMachineBootOptionsBootableDevice"):
        if (key := number(entry, "deviceKey")) in by_key:
            return key
    return min(by_key.values(), key=_place).key if by_key else 0


def _place(disk: DiskFacts) -> tuple[int, int, int, int]:
    word = re.match(r"([a-z]*)(\d*):?(\d*)", disk.controller)
    if word is None:
        return len(_ORDER), 0, 0, disk.key
    return _ORDER.index(word[1]), int(word[2] or 0), int(word[3] or 0), disk.key


def _backing(backing: Element | None) -> str:
    """ "FlatVer2" of VirtualDiskFlatVer2BackingInfo; raw device mappings carry their compatibility mode."""
    name = kind(backing).removeprefix("VirtualDisk").removesuffix("BackingInfo")
    if name.startswith("RawDiskMapping"):
        return f"RawDiskMapping/{text(backing, 'compatibilityMode') or 'physicalMode'}"
    return name
