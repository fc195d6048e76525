"""Device lists as XML, quickly: for the inventories of ten thousand machines.

pyVmomi serialises one device of each make, with marks where machines differ; the marks are then replaced for each
machine. What is out of the ordinary (a chain of deltas, tracking, a raw mapping) goes through pyVmomi as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any
from xml.sax.saxutils import escape

from lab.vcenter.devices import (
    DiskText,
    attached,
    controller_device,
    device_list,
    disk_device,
    disk_text,
    flat_backing,
    nic_device,
    pci_device,
)
from lab.vcenter.disks import Disk
from lab.vcenter.inventory import World
from lab.vcenter.machine import Nic, Vm
from lab.vcenter.soap import serialise
from lab.vcenter.vimtypes import array, vim

_MARKS = DiskText(*(f"@@{entry.name}@@" for entry in fields(DiskText)))
_MARKED = tuple((entry.name, getattr(_MARKS, entry.name)) for entry in fields(DiskText))
_MAC = "@@mac@@"
_templates: dict[tuple[Any, ...], str] = {}


def devices_xml(world: World, vm: Vm, version: str) -> str:
    """`<val …>` of `config.hardware.device`: the same text as pyVmomi makes of the typed list."""
    if any(disk.rdm or disk.tracker or len(disk.chain) > 1 for disk in vm.disks):
        return serialise("val", array("vim.vm.device.VirtualDevice", device_list(world, vm)), object, version)
    inside = (tuple(entry.key for entry in vm.controllers), tuple(nic.key for nic in vm.nics))
    parts = [_template(("pci", version, inside), version, lambda: pci_device([*inside[0], *inside[1]]))]
    for entry in vm.controllers:
        keys = attached(vm, entry)
        make = ("controller", version, entry.kind, entry.bus, entry.shared_bus, tuple(keys))
        parts.append(_template(make, version, partial(controller_device, entry, keys)))
    parts += [_disk(world, vm, disk, version) for disk in vm.disks]
    parts += [_nic(world, vm, nic, version) for nic in vm.nics]
    return f'<val xsi:type="ArrayOfVirtualDevice">{"".join(parts)}</val>'


def _template(make: tuple[Any, ...], version: str, build: Callable[[], Any]) -> str:
    found = _templates.get(make)
    if found is None:
        found = serialise("VirtualDevice", build(), vim.vm.device.VirtualDevice, version)
        _templates[make] = found
    return found


def _disk(world: World, vm: Vm, disk: Disk, version: str) -> str:
    make = ("disk", version, disk.key, disk.label, disk.unit, disk.controller_key, disk.capacity, disk.mode)
    text = _template(
        make, version, lambda: disk_device(disk, disk.capacity, _MARKS, flat_backing(disk, _MARKS, None))
    )
    values = disk_text(world, vm, disk, disk.base)
    for name, mark in _MARKED:
        text = text.replace(mark, escape(getattr(values, name)))
    return text


def _nic(world: World, vm: Vm, nic: Nic, version: str) -> str:
    network = world.network_named(vm.datacenter, nic.network)
    moid = network.moid if network else None
    powered = vm.power == "poweredOn"
    make = ("nic", version, nic.key, nic.label, nic.network, moid, nic.connected, powered)
    return _template(make, version, lambda: nic_device(nic, _MAC, moid, powered)).replace(_MAC, escape(nic.mac))
