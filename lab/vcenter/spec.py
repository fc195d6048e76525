"""What the simulated vCenter consists of: read from one YAML file, or made from counts.

    datacenters: [Seoul]
    hosts: [esx-01, {name: esx-02, datacenter: Seoul}]
    datastores: [{name: ds-01, type: VMFS, capacity_gib: 4096}]       # VMFS (default), NFS, vsan, VVOL
    networks: [VLAN110-web]
    vms:
      - name: web-01
        folder: /Seoul/vm/shop          # made when missing; default is the datacenter's vm folder
        host: esx-01
        datastore: ds-01
        guest_id: ubuntu64Guest
        firmware: efi                   # or bios
        cpus: 2
        memory_mb: 4096
        tools: running                  # running, notRunning, notInstalled
        power: poweredOn                # or poweredOff
        hw: vmx-19
        cbt: false
        extra_config: {ctkEnabled: "TRUE"}
        controllers: {scsi0: {type: ParaVirtualSCSIController, shared_bus: noSharing}}
        disks:
          - {gib: 10, controller: "scsi0:0", image: disk.raw, mode: persistent, rdm: false}
        nics:
          - {network: VLAN110-web, mac: "00:50:56:00:00:01", ip: 10.20.1.11}

What is left out gets a default; a key that is not known is refused by name. Image paths are relative to the file.
"""

from __future__ import annotations

import json
import re
import types
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

GIB = 1 << 30
_CONTROLLER = re.compile(r"(scsi|sata|nvme|ide)(\d):(\d{1,2})")


class SpecError(Exception):
    """The inventory makes no sense; the text names the place and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSpec:
    name: str
    datacenter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatastoreSpec:
    name: str
    datacenter: str = ""
    type: str = "VMFS"
    capacity_gib: float = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSpec:
    name: str
    datacenter: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSpec:
    gib: float = 0
    bytes: int = 0
    controller: str = ""
    image: str = ""
    mode: str = "persistent"
    rdm: bool = False

    def place(self) -> tuple[str, int, int]:
        """("scsi", bus, unit)."""
        found = _CONTROLLER.fullmatch(self.controller)
        if found is None:
            raise SpecError(
                f"controller {self.controller!r} is not of the form scsi0:1 (scsi, sata, nvme, ide)"
            )
        return found[1], int(found[2]), int(found[3])


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSpec:
    type: str = ""
    shared_bus: str = "noSharing"


@dataclass(frozen=True, slots=True, kw_only=True)
class NicSpec:
    network: str = ""
    mac: str = ""
    ip: str = ""
    connected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VmSpec:
    name: str
    folder: str = ""
    host: str = ""
    datastore: str = ""
    guest_id: str = "ubuntu64Guest"
    firmware: str = "bios"
    cpus: int = 2
    memory_mb: int = 4096
    tools: str = "running"
    power: str = "poweredOn"
    hw: str = "vmx-19"
    cbt: bool = False
    annotation: str = ""
    template: bool = False
    uuid: str = ""  # the instance uuid; made from the name when left out
    extra_config: dict[str, str] = field(default_factory=dict)
    controllers: dict[str, ControllerSpec] = field(default_factory=dict)
    disks: tuple[DiskSpec, ...] = ()
    nics: tuple[NicSpec, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InventorySpec:
    """A whole vCenter. The first datacenter, host, datastore and network are the defaults of a VM."""

    datacenters: tuple[str, ...] = ("Lab",)
    hosts: tuple[HostSpec, ...] = ()
    datastores: tuple[DatastoreSpec, ...] = ()
    networks: tuple[NetworkSpec, ...] = ()
    vms: tuple[VmSpec, ...] = ()
    folder: Path = Path()  # what image paths are relative to
    lazy: bool = False  # files are made at the first write


def read(path: Path) -> InventorySpec:
    """Read an inventory file. Raises SpecError."""
    try:
        document = yaml.load(path.read_text(), yaml.CSafeLoader)
    except OSError as error:
        raise SpecError(f"cannot read the inventory {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise SpecError(f"{path} is no YAML: {error}") from error
    try:
        return parse(document, path.parent)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


def parse(document: Any, folder: Path = Path()) -> InventorySpec:
    """An inventory from plain data. Raises SpecError."""
    if not isinstance(document, dict):
        raise SpecError("the inventory must be a mapping with datacenters, hosts, datastores, networks, vms")
    known = {"datacenters", "hosts", "datastores", "networks", "vms"}
    if unknown := sorted(set(document) - known):
        raise SpecError(f"unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    datacenters = tuple(_names(document.get("datacenters", ["Lab"])))
    return InventorySpec(
        datacenters=datacenters,
        hosts=tuple(_many(HostSpec, document.get("hosts", ["esx-01"]), "hosts")),
        datastores=tuple(_many(DatastoreSpec, document.get("datastores", ["datastore-01"]), "datastores")),
        networks=tuple(_many(NetworkSpec, document.get("networks", ["VM Network"]), "networks")),
        vms=tuple(_many(VmSpec, document.get("vms", []), "vms")),
        folder=folder,
    )


def from_counts(vms: int, hosts: int = 2, disks: int = 1, disk_gib: float = 10) -> InventorySpec:
    """`vms` machines of one make, spread over `hosts`; no file is made before it is written to."""
    host_names = [f"esx-{number:02d}.lab" for number in range(1, hosts + 1)]
    stores = [f"ds-{number:02d}" for number in range(1, max(2, hosts) + 1)]
    networks = ["VLAN110-web", "VLAN120-db"]
    disk_specs = tuple(DiskSpec(gib=disk_gib, controller=f"scsi{n // 15}:{n % 15}") for n in range(disks))
    width = max(2, len(str(vms)))
    return InventorySpec(
        hosts=tuple(HostSpec(name=name) for name in host_names),
        datastores=tuple(DatastoreSpec(name=name) for name in stores),
        networks=tuple(NetworkSpec(name=name) for name in networks),
        vms=tuple(
            VmSpec(
                name=f"vm-{number:0{width}d}",
                host=host_names[number % hosts],
                datastore=stores[number % len(stores)],
                disks=disk_specs,
                nics=(
                    NicSpec(
                        network=networks[number % 2], ip=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
                    ),
                ),
            )
            for number in range(1, vms + 1)
        ),
        lazy=True,
    )


def _names(value: Any) -> list[str]:
    return [entry["name"] if isinstance(entry, dict) else str(entry) for entry in value]


def _many(kind: type[Any], value: Any, place: str) -> list[Any]:
    """A list of mappings (a bare string is a name), or a mapping from name to the rest."""
    if isinstance(value, dict):
        value = [{"name": name, **(rest or {})} for name, rest in value.items()]
    if not isinstance(value, list):
        raise SpecError(f"{place} must be a list")
    entries = [{"name": entry} if isinstance(entry, str) else entry for entry in value]
    return [_one(kind, entry, f"{place}[{number}]") for number, entry in enumerate(entries)]


def _one(kind: type[Any], value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise SpecError(f"{place} must be a mapping")
    known = {entry.name: entry for entry in fields(kind)}
    if unknown := sorted(set(value) - set(known)):
        raise SpecError(f"{place} has an unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    missing = [
        name
        for name, entry in known.items()
        if name not in value and entry.default is MISSING and entry.default_factory is MISSING
    ]
    if missing:
        raise SpecError(f"{place} needs {missing[0]!r}")
    hints = get_type_hints(kind)
    return kind(**{key: _value(hints[key], entry, f"{place}.{key}") for key, entry in value.items()})


def _value(hint: Any, value: Any, place: str) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        return tuple(_many(inner[0], value, place))
    if origin is dict and inner[1] is ControllerSpec:
        return {str(name): _one(ControllerSpec, rest, f"{place}.{name}") for name, rest in value.items()}
    if origin is dict:
        return {str(name): str(rest) for name, rest in value.items()}
    if origin in (Union, types.UnionType):
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint):
        raise SpecError(f"{place} must be {hint.__name__}, not {value!r}")
    return value


def read_again(source: Path) -> InventorySpec:
    """The inventory of an earlier start, from what it noted: a file's path, or counts. Raises SpecError."""
    noted = json.loads(source.read_text())
    return read(Path(noted["inventory"])) if "inventory" in noted else from_counts(**noted)
