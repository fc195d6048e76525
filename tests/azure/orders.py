"""VM orders for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from replication.model.extents import MIB
from replication.model.item import DiskOrder, NicOrder, VmOrder
from replication.model.marks import marks
from tests.azure.support import REGION, fresh, subnet, world

TAGS = {"wavelift-estate": "shop", **marks("5001", "r", "web-01")}


def vm_order(disks: int = 2, address: str | None = None, **changes: Any) -> VmOrder:
    """A Linux VM of generation 2 with `disks` disks of 24 MiB and one NIC; names that no test used before."""
    name = fresh("vm")
    made = VmOrder(
        name=name,
        resource_group="rg-wavelift",
        subscription=world().lab.subscription,
        region=REGION,
        sizes=("Standard_D2s_v5",),
        zone=None,
        tags={"cost": "4711"},
        disks=tuple(
            DiskOrder(
                key=2000 + at,
                name=f"{name}-os" if at == 0 else f"{name}-data-{at - 1}",
                sku="StandardSSD_LRS",
                size=24 * MIB,
                lun=at - 1 if at else None,
                os_type=None if at else "Linux",
                generation=None if at else "V2",
            )
            for at in range(disks)
        ),
        nics=(NicOrder(4000, f"{name}-nic-0", subnet(), address, True),),
    )
    return replace(made, **changes)
