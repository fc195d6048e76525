"""What a subscription may have in a region: VM sizes (a long list, kept for an hour), vCPU quotas (asked for each time)."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from providers.azure.errors import translated
from providers.azure.session import AzureSession

_KEEP = 3600.0


@dataclass(frozen=True, slots=True)
class Size:
    """A VM size in one region. `zones` where it can be had; `refused` is the reason why it cannot be had at all, or ""."""

    name: str
    family: str
    vcpus: int
    data_disks: int
    nics: int
    generations: tuple[str, ...]
    premium: bool
    zones: tuple[str, ...]
    refused: str
    trusted_launch: bool = True

    def document(self) -> dict[str, Any]:
        """Plain JSON."""
        found = asdict(self)
        return {**found, "generations": list(self.generations), "zones": list(self.zones)}


@dataclass(frozen=True, slots=True)
class Usage:
    used: int
    limit: int

    @property
    def left(self) -> int:
        return self.limit - self.used


class Catalogue:
    """One per session (`Catalogue.of`), so that the long list is read once however many look into it."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        self._sizes: dict[tuple[str, str], tuple[float, Mapping[str, Size]]] = {}

    @classmethod
    def of(cls, session: AzureSession) -> Catalogue:
        """The session's own."""
        return session.keep("catalogue", lambda: cls(session))

    def sizes(self, subscription: str, region: str) -> Mapping[str, Size]:
        """Lower-cased name -> size."""
        key = (subscription.lower(), region.lower())
        with self._lock:
            kept = self._sizes.get(key)
            if kept is not None and kept[0] > time.monotonic():
                return kept[1]
            with translated(f"VM sizes in {region}"):
                skus = self._session.compute(subscription).resource_skus.list(filter=f"location eq '{region}'")
                found = {str(sku.name).lower(): _size(sku, region) for sku in skus if sku.resource_type == "virtualMachines"}
            self._sizes[key] = (time.monotonic() + _KEEP, found)
            return found

    def usages(self, subscription: str, region: str) -> Mapping[str, Usage]:
        """Lower-cased family -> vCPUs; "cores" is the region's total."""
        with translated(f"quotas in {region}"):
            found = list(self._session.compute(subscription).usage.list(region))
        return {str(one.name.value).lower(): Usage(int(one.current_value), int(one.limit)) for one in found if one.name}


def _size(sku: Any, region: str) -> Size:
    can = {one.name: one.value for one in sku.capabilities or ()}
    zones = {zone for place in sku.location_info or () for zone in place.zones or ()}
    refused = ""
    for restriction in sku.restrictions or ():
        if restriction.type == "Location":
            refused = str(restriction.reason_code or "restricted")
        elif restriction.type == "Zone" and restriction.restriction_info:
            zones -= set(restriction.restriction_info.zones or ())
    return Size(
        name=str(sku.name),
        family=str(sku.family or ""),
        vcpus=int(can.get("vCPUsAvailable") or can.get("vCPUs") or 0),
        data_disks=int(can.get("MaxDataDiskCount") or 0),
        nics=int(can.get("MaxNetworkInterfaces") or 1),
        generations=tuple((can.get("HyperVGenerations") or "V1").split(",")),
        premium=can.get("PremiumIO") == "True",
        zones=tuple(sorted(zones)),
        refused=refused,
        trusted_launch="V2" in (can.get("HyperVGenerations") or "V1") and can.get("TrustedLaunchDisabled") != "True",
    )
