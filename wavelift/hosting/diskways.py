"""Which servers the engine must reach to read the disks of a source: it depends on the source's reader."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from planner.estate import Source
from planner.inventory import SourceInventory

NFC = 902
"""Where ESXi hosts serve disks to VMware's VDDK; vCenter is asked at 443 first."""


@dataclass(frozen=True, slots=True)
class Way:
    """`servers` to connect to as (host, port); `note` says what else the reader needs, or that it needs nothing."""

    servers: tuple[tuple[str, int], ...]
    note: str = ""
    todo: str = ""


def way(source: Source, inventory: SourceInventory, machines: Collection[str]) -> Way:
    """For the VMs of these instance uuids; for all that vCenter has where none of them is known yet."""
    reader = source.reader
    if reader.name == "https":
        return Way((), "no ESXi host has to be reached: the https reader reads through vCenter")
    if reader.name != "nbd":
        return Way((), f"what the reader {reader.name!r} has to reach, its package says")
    if reader.host is not None and "{" not in reader.host:
        return Way(((reader.host, reader.port or 10809),), todo="Start the NBD server, or open the firewall from here to it.")
    if reader.command is None or not any("vddk" in word for word in reader.command):
        return Way((), "the nbd reader talks to a server on this host; what that has to reach is its own matter")
    ours = [vm.host for vm in inventory.vms if vm.uuid in machines] or [vm.host for vm in inventory.vms]
    todo = f"VDDK reads disks from the ESXi hosts themselves: open {NFC} from here to them; this host must resolve their names."
    return Way(tuple((host, NFC) for host in sorted({h for h in ours if h})), todo=todo)
