"""Advice on what the files and vCenter do not agree on (WL2xx)."""

from __future__ import annotations

from planner.advice.advice import Advice

_HEAD = "waves:\n  shop:\n    target: korea\n    machines:\n"


def _machine(lines: str) -> str:
    return f"{_HEAD}      {lines}\n"


INVENTORY: dict[str, Advice] = {
    "WL200": Advice(
        "Correct `vm`, or the machine's key in its wave; name another `source` when the VM is in another vCenter.",
        _machine("shop-db-01: Standard_E8s_v5   # vCenter calls it SHOP DB 01"),
        _machine("shop-db-01: {vm: SHOP DB 01, size: Standard_E8s_v5}"),
        title="VM does not exist",
    ),
    "WL201": Advice(
        "Give the inventory path of the one that is meant.",
        _machine("web-01: {vm: web-01, size: Standard_D2s_v5}   # there are /Seoul/vm/shop/web-01 and /Seoul/vm/old/web-01"),
        _machine("web-01: {vm: /Seoul/vm/shop/web-01, size: Standard_D2s_v5}"),
        title="VM name is ambiguous",
    ),
    "WL202": Advice(
        "When the VM was restored or registered anew: remove its entry from wavelift.lock.yaml and run `wavelift init`. When it "
        "was deleted: take the machine out of its wave.",
        "(web-01 was restored from a backup; the lock file still has the uuid of the VM before)",
        "(its entry removed from wavelift.lock.yaml, then `wavelift init`)",
        title="the pinned VM is gone",
    ),
    "WL203": Advice(
        "Remove one of the machines, or correct its `vm`.",
        _machine("web-01: {vm: web, size: Standard_D2s_v5}\n      web-02: {vm: /Seoul/vm/shop/web, size: Standard_D2s_v5}"),
        _machine("web-01: {vm: web, size: Standard_D2s_v5}"),
        title="two machines are one VM",
    ),
    "WL210": Advice(
        "Take the VM out of its wave, or give it its disks back in vCenter.",
        "(a VM whose disks were removed or are attached to another VM)",
        "(a VM with at least one virtual disk)",
        title="the VM has no disks",
    ),
    "WL211": Advice(
        "Name the disk by `os`, by controller and unit, or by its label; the message lists what the VM has.",
        _machine('web-01: {size: Standard_D2s_v5, disks: {"scsi0:7": skip}}   # the VM ends at scsi0:2'),
        _machine('web-01: {size: Standard_D2s_v5, disks: {"scsi0:2": skip}}'),
        title="no such disk",
    ),
    "WL212": Advice(
        "Keep one of the two keys.",
        _machine('web-01: {size: Standard_D2s_v5, disks: {os: Premium_LRS, "scsi0:0": StandardSSD_LRS}}'),
        _machine("web-01: {size: Standard_D2s_v5, disks: {os: Premium_LRS}}"),
        title="disk named twice",
    ),
    "WL213": Advice(
        "Leave the disk that the VM boots from in; skip others.",
        _machine('web-01: {size: Standard_D2s_v5, disks: {"scsi0:0": skip}}   # it boots from scsi0:0'),
        _machine('web-01: {size: Standard_D2s_v5, disks: {"scsi0:1": skip}}'),
        title="the OS disk is skipped",
    ),
    "WL214": Advice(
        "Raise `gib` to at least the source's size, or leave it out.",
        _machine('web-01: {size: Standard_D2s_v5, disks: {"scsi0:1": {gib: 100}}}   # the source has 200 GiB'),
        _machine('web-01: {size: Standard_D2s_v5, disks: {"scsi0:1": {gib: 256}}}'),
        title="disk smaller than its source",
    ),
    "WL215": Advice(
        "Count adapters from 0, or remove the key.",
        _machine("web-01: {size: Standard_D2s_v5, nics: {1: {ip: 10.20.1.11}}}   # the VM has one adapter"),
        _machine("web-01: {size: Standard_D2s_v5, nics: {0: {ip: 10.20.1.11}}}"),
        title="no such network adapter",
    ),
    "WL216": Advice(
        "Map the port group under the target's `subnets`, or name a subnet at the machine's adapter.",
        "targets:\n  korea:\n    {region: koreacentral, resource_group: rg-shop, vnet: vnet-prod,\n"
        "     subnets: {VLAN110-web: snet-web}}   # the adapter is in VLAN120-db\n",
        "targets:\n  korea:\n    {region: koreacentral, resource_group: rg-shop, vnet: vnet-prod,\n"
        "     subnets: {VLAN110-web: snet-web, VLAN120-db: snet-db}}\n",
        title="port group without a subnet",
    ),
    "WL217": Advice(
        "Keep at least one adapter.",
        _machine("web-01: {size: Standard_D2s_v5, nics: {0: skip}}   # its only adapter"),
        _machine("web-01: Standard_D2s_v5"),
        title="no network adapter is left",
    ),
}
