"""What Compute says about itself: resource SKUs, VM sizes, usages against quotas."""

from __future__ import annotations

import re

from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import json_response
from lab.azure.arm.regions import REGIONS, require_region, zones
from lab.azure.arm.store import Json
from lab.azure.arm.types.disk_spec import DISK_SKUS
from lab.azure.arm.types.sizes import FAMILIES, SIZES, Size, limit, missing_zones, restriction
from lab.http import Response

VMS = "Microsoft.Compute/virtualMachines"


def resource_skus(call: Call, rest: str) -> Response:
    """GET …/Microsoft.Compute/skus[?$filter=location eq 'x']."""
    call.env.authz.require(call.principal, "Microsoft.Compute/skus/read", call.target.scope)
    found = re.search(r"location eq '([^']+)'", call.request.query.get("$filter", ""), re.IGNORECASE)
    places = [found.group(1).lower()] if found else list(REGIONS)
    rows = [_size_sku(call.env, place, size) for place in places if place in REGIONS for size in SIZES.values()]
    rows += [_disk_sku(place, name) for place in places if place in REGIONS for name in DISK_SKUS]
    return json_response(200, {"value": rows})


def vm_sizes(call: Call, rest: str) -> Response:
    """GET …/locations/{l}/vmSizes."""
    location = require_region(call.target.location, VMS)
    call.env.authz.require(call.principal, "Microsoft.Compute/locations/vmSizes/read", call.target.scope)
    values = call.env.settings.values
    rows = [size_row(size) for size in SIZES.values() if restriction(values, location, size) != "SkuNotAvailable"]
    return json_response(200, {"value": rows})


def usages(call: Call, rest: str) -> Response:
    """GET …/locations/{l}/usages."""
    location = require_region(call.target.location, VMS)
    call.env.authz.require(call.principal, "Microsoft.Compute/locations/usages/read", call.target.scope)
    used = cores_used(call.env, call.target.subscription, location)
    values = call.env.settings.values
    rows = [_usage("cores", "Total Regional vCPUs", sum(used.values()), limit(values, location, "cores"))]
    rows.append(
        _usage("virtualMachines", "Virtual Machines", _machines(call.env, call.target.subscription, location), 25000)
    )
    rows += [_usage(family, family, used.get(family, 0), limit(values, location, family)) for family in FAMILIES]
    return json_response(200, {"value": rows})


def cores_used(env: Env, subscription: str, location: str) -> dict[str, int]:
    """vCPUs in use by family: of all VMs that are not deallocated."""
    used: dict[str, int] = {}
    for item in env.store.under(f"/subscriptions/{subscription}", VMS):
        if item.private.get("location") != location or item.private.get("power") == "deallocated":
            continue
        size = SIZES.get(item.private.get("size", ""))
        if size is not None:
            used[size.family] = used.get(size.family, 0) + size.cores
    return used


def size_row(size: Size) -> Json:
    """A size as vmSizes lists it."""
    return {
        "name": size.name,
        "numberOfCores": size.cores,
        "osDiskSizeInMB": 1047552,
        "resourceDiskSizeInMB": 0,
        "memoryInMB": size.memory,
        "maxDataDiskCount": size.data_disks,
    }


def _machines(env: Env, subscription: str, location: str) -> int:
    items = env.store.under(f"/subscriptions/{subscription}", VMS)
    return sum(item.private.get("location") == location for item in items)


def _usage(name: str, shown: str, current: int, most: int) -> Json:
    return {"unit": "Count", "currentValue": current, "limit": most, "name": {"value": name, "localizedValue": shown}}


def _size_sku(env: Env, location: str, size: Size) -> Json:
    values = env.settings.values
    gone = missing_zones(values, location, size)
    restrictions: list[Json] = []
    if restriction(values, location, size) == "SkuNotAvailable":
        restrictions.append(
            {
                "type": "Location",
                "values": [location],
                "restrictionInfo": {"locations": [location]},
                "reasonCode": "NotAvailableForSubscription",
            }
        )
    if gone:
        restrictions.append(
            {
                "type": "Zone",
                "values": [location],
                "restrictionInfo": {"locations": [location], "zones": gone},
                "reasonCode": "NotAvailableForSubscription",
            }
        )
    capabilities = {
        "MaxResourceVolumeMB": "0",
        "vCPUs": str(size.cores),
        "MemoryGB": f"{size.memory / 1024:g}",
        "MaxDataDiskCount": str(size.data_disks),
        "MaxNetworkInterfaces": str(size.nics),
        "HyperVGenerations": ",".join(size.generations),
        "PremiumIO": str(size.premium),
        "CpuArchitectureType": "x64",
        "TrustedLaunchDisabled": str(not size.trusted_launch or "V2" not in size.generations),
        "AcceleratedNetworkingEnabled": "True",
    }
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.removeprefix("Standard_"),
        "family": size.family,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": list(zones(location)), "zoneDetails": []}],
        "capabilities": [{"name": name, "value": value} for name, value in capabilities.items()],
        "restrictions": restrictions,
    }


def _disk_sku(location: str, name: str) -> Json:
    return {
        "resourceType": "disks",
        "name": name,
        "tier": name.split("_")[0],
        "locations": [location],
        "locationInfo": [{"location": location, "zones": list(zones(location)), "zoneDetails": []}],
        "capabilities": [{"name": "MaxSizeGiB", "value": "32767"}],
        "restrictions": [],
    }
