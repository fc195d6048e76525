"""What Microsoft.Network's types share: puts that finish later, references that must hold, addresses in use."""

from __future__ import annotations

import ipaddress
import threading
from typing import Any

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError
from lab.azure.arm.ids import parse_id
from lab.azure.arm.lro import Done, Operation
from lab.azure.arm.store import Json, Record, Store
from lab.azure.arm.types.base import ResourceType
from lab.azure.arm.types.later import FinishedLater
from lab.http import Response

NICS = "Microsoft.Network/networkInterfaces"
VNETS = "Microsoft.Network/virtualNetworks"
NSGS = "Microsoft.Network/networkSecurityGroups"


class AddressBook:
    """Which private addresses are taken, by subnet: made from the NICs at start, kept in step with them."""

    def __init__(self, store: Store) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, dict[str, str]] = {}
        self._lowest: dict[str, int] = {}  # no address of a subnet below this number is free
        for nic in store.of_kind(NICS):
            self.take(nic)

    def take(self, nic: Record) -> None:
        """Note the addresses of a NIC (private `ips`: [subnet key, address, configuration id])."""
        with self._lock:
            for subnet, address, configuration in nic.private.get("ips", ()):
                self._taken.setdefault(subnet, {})[address] = configuration

    def release(self, nic: Record) -> None:
        """Forget the addresses of a NIC."""
        with self._lock:
            for subnet, address, _ in nic.private.get("ips", ()):
                self._taken.get(subnet, {}).pop(address, None)
                self._lowest.pop(subnet, None)

    def holder(self, subnet: str, address: str) -> str | None:
        """The configuration that has an address."""
        return self._taken.get(subnet.lower(), {}).get(address)

    def configurations(self, subnet: str) -> list[str]:
        """All configurations in a subnet."""
        with self._lock:
            return sorted(self._taken.get(subnet.lower(), {}).values())

    def free(self, subnet: str, space: Any, but: set[str]) -> str | None:
        """The lowest free address of a subnet (Azure keeps the first four and the last) that is not in `but`,
        None when there is none."""
        key = subnet.lower()
        with self._lock:
            taken = self._taken.get(key, {})
            number = self._lowest.get(key, 4)
            while number < space.num_addresses - 1:
                address = str(space[number])
                if address not in taken and address not in but:
                    return address
                if address in taken and self._lowest.get(key, 4) == number:
                    self._lowest[key] = number + 1
                number += 1
        return None


class NetworkType(FinishedLater):
    """What network resources share: ETags, a put that finishes later, deletion with 202."""

    def begin(self, call: Call, body: Json, existing: Record | None, **private: Any) -> Response:
        """Store the resource as Updating and finish it later."""
        body["properties"]["provisioningState"] = "Updating"
        operation, item = self.begin_put(call, body, existing, **private)
        status = 200 if existing else 201
        return self.env.operations.accepted(operation, status, self.render(item), by_location=False)

    def remove(self, call: Call, existing: Record) -> Response:
        """202 unless somebody uses it."""
        self.require_idle(existing)
        self.require_unused(existing)
        operation = self.env.operations.start(
            f"{self.word}.delete",
            "DELETE",
            call.target,
            location=existing.body["location"],
            api_version=call.api_version,
        )
        return self.env.operations.accepted(operation)

    def require_unused(self, item: Record) -> None:
        """Raise 400 while another resource refers to this one."""

    def released(self, item: Record) -> None:
        """Called when a resource is gone."""

    def discarded(self, operation: Operation) -> Done:
        """Refused while another resource refers to it."""
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        self.require_unused(item)
        return Done(self.discard(item))


def network(prefix: object) -> Any:
    """An address prefix. Raises 400 InvalidAddressPrefixFormat."""
    try:
        return ipaddress.ip_network(str(prefix))
    except ValueError as error:
        raise ArmError(
            400,
            "InvalidAddressPrefixFormat",
            f"Address prefix '{prefix}' is not formatted correctly. It should follow CIDR notation: 10.0.0.0/24.",
        ) from error


def require_reference(kind: ResourceType, given: object, full_type: str, owner: str, location: object = None) -> Record:
    """The resource that a body refers to, of the right type and region. Raises 400 InvalidResourceReference."""
    target = parse_id(given)
    found = kind.env.store.get(target.resource_id)
    if found is None or found.kind != full_type.lower():
        raise unknown_reference(target.resource_id, owner)
    if location is not None and found.body.get("location") != location:
        raise unknown_reference(target.resource_id, owner)
    return found


def unknown_reference(resource_id: str, owner: str) -> ArmError:
    """400 InvalidResourceReference."""
    return ArmError(
        400,
        "InvalidResourceReference",
        f"Resource {resource_id} referenced by resource {owner} was not found. Please make sure that the referenced "
        "resource exists, and that both resources are in the same region.",
    )
