"""Microsoft.Network/networkInterfaces: addresses from the subnet, static or dynamic, and who uses the NIC."""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.fields import Fields
from lab.azure.arm.ids import parse_id
from lab.azure.arm.store import Change, Json, Record
from lab.azure.arm.types.base import merge_tags, new_etag
from lab.azure.arm.types.network_base import (
    NICS,
    NSGS,
    VNETS,
    AddressBook,
    NetworkType,
    network,
    require_reference,
    unknown_reference,
)
from lab.http import Response

_JOIN_SUBNET = "Microsoft.Network/virtualNetworks/subnets/join/action"
_JOIN_NSG = "Microsoft.Network/networkSecurityGroups/join/action"


@dataclass(frozen=True, slots=True)
class _Subnet:
    """A subnet that a configuration asks for."""

    id: str
    name: str
    space: Any


class NetworkInterfaces(NetworkType):
    """Microsoft.Network/networkInterfaces."""

    full_type: ClassVar[str] = NICS
    word: ClassVar[str] = "nic"

    def __init__(self, env: Env, addresses: AddressBook) -> None:
        super().__init__(env)
        self._addresses = addresses

    def create(self, call: Call) -> Response:
        """A new NIC with its addresses."""
        return self._put(call, None)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again: a dynamic address stays as long as its subnet does."""
        return self._put(call, existing)

    def update(self, call: Call, existing: Record) -> Response:
        """PATCH changes tags, at once."""
        body = existing.body
        merge_tags(body, call.body)
        self.env.store.commit([self.stamped(existing, body)])
        return json_response(200, body)

    def require_unused(self, item: Record) -> None:
        """Raise 400 NicInUse while a VM has it."""
        machine = item.body["properties"].get("virtualMachine")
        if machine:
            raise ArmError(
                400,
                "NicInUse",
                f"Network Interface {item.id} is used by existing resource {machine['id']}. In order to delete the network "
                "interface, it must be dissociated from the resource. To learn more, see aka.ms/deletenic.",
            )

    def discard(self, item: Record) -> list[Change]:
        """Its addresses are free again."""
        self._addresses.release(item)
        return super().discard(item)

    def user_outside(self, item: Record, scope: str) -> str | None:
        """The VM of another group that has this NIC."""
        machine = (item.body["properties"].get("virtualMachine") or {}).get("id", "")
        return machine if machine and not machine.lower().startswith(scope) else None

    def _put(self, call: Call, existing: Record | None) -> Response:
        fields = Fields("", call.body)
        rows = fields.rows("properties.ipConfigurations", required=True)
        if not rows:
            raise ArmError(
                400,
                "NetworkInterfaceMustHaveAtLeastOneIpConfiguration",
                f"Network interface {call.target.resource_id} must have at least one ip configuration.",
            )
        old = existing.body if existing else None
        if existing is not None:
            self._addresses.release(existing)
        try:
            configurations, ips = self._configurations(call, rows, old)
        except ArmError:
            if existing is not None:
                self._addresses.take(existing)
            raise
        properties = self._properties(call, fields, old, configurations)
        body = self.document(call, properties)
        group = (properties.get("networkSecurityGroup") or {}).get("id", "").lower() or None
        response = self.begin(call, body, existing, ips=ips, nsg=group)
        made = call.existing
        if made is not None:
            self._addresses.take(made)
        return response

    def _properties(self, call: Call, fields: Fields, old: Json | None, configurations: list[Json]) -> Json:
        before: Json = old["properties"] if old else {}
        given = fields.table("properties")
        properties: Json = {
            "resourceGuid": before.get("resourceGuid", str(uuid.uuid4())),
            "macAddress": before.get("macAddress", _mac()),
            "nicType": "Standard",
            "primary": before.get("primary", True),
            "enableAcceleratedNetworking": bool(fields.flag("properties.enableAcceleratedNetworking")),
            "enableIPForwarding": bool(fields.flag("properties.enableIPForwarding")),
            "vnetEncryptionSupported": False,
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": [], **(given.get("dnsSettings") or {})},
            "ipConfigurations": configurations,
        }
        if "virtualMachine" in before:
            properties["virtualMachine"] = before["virtualMachine"]
        group = fields.raw("properties.networkSecurityGroup.id")
        if group is not None:
            found = require_reference(self, group, NSGS, call.target.resource_id, call.body["location"])
            self._linked(call, _JOIN_NSG, found.id)
            properties["networkSecurityGroup"] = {"id": found.id}
        return properties

    def _configurations(self, call: Call, rows: list[Any], old: Json | None) -> tuple[list[Json], list[list[str]]]:
        """The configurations of the body with addresses, and what the address book has to know."""
        before = {one["name"].lower(): one["properties"] for one in old["properties"]["ipConfigurations"]} if old else {}
        primaries = [row for row in rows if isinstance(row, dict) and row.get("properties", {}).get("primary")]
        if len(rows) > 1 and len(primaries) != 1:
            raise ArmError(
                400,
                "NetworkInterfaceMustHaveOnePrimaryIpConfiguration",
                f"Network interface {call.target.resource_id} must have exactly one primary ip configuration.",
            )
        made: list[Json] = []
        ips: list[list[str]] = []
        for number, row in enumerate(rows):
            one = Fields(f"ipConfigurations[{number}]", row)
            name = one.text("name", required=True)
            subnet = self._subnet(call, one)
            configuration = f"{call.target.resource_id}/ipConfigurations/{name}"
            method = one.text("properties.privateIPAllocationMethod", allowed=("Static", "Dynamic"), default="Dynamic")
            taken = {address for key, address, _ in ips if key == subnet.id.lower()}
            address = (
                self._static(one, subnet, configuration, taken)
                if method == "Static"
                else self._dynamic(subnet, before.get(name.lower()), taken)
            )
            ips.append([subnet.id.lower(), address, configuration])
            made.append(
                {
                    "id": configuration,
                    "name": name,
                    "type": f"{NICS}/ipConfigurations",
                    "etag": new_etag(),
                    "properties": {
                        "provisioningState": "Succeeded",
                        "privateIPAddress": address,
                        "privateIPAllocationMethod": method,
                        "privateIPAddressVersion": "IPv4",
                        "primary": len(rows) == 1 or bool(one.flag("properties.primary")),
                        "subnet": {"id": subnet.id},
                    },
                }
            )
        return made, ips

    def _subnet(self, call: Call, one: Fields) -> _Subnet:
        owner = call.target.resource_id
        target = parse_id(one.text("properties.subnet.id", required=True), "subnet.id")
        vnet = self.env.store.get(target.parent_id)
        if vnet is None or vnet.kind != VNETS.lower() or len(target.names) != 2:
            raise unknown_reference(target.resource_id, owner)
        body = vnet.body
        found = [one for one in body["properties"]["subnets"] if one["name"].lower() == target.name.lower()]
        if not found or body["location"] != call.body["location"] or target.subscription != call.target.subscription:
            raise unknown_reference(target.resource_id, owner)
        self._linked(call, _JOIN_SUBNET, found[0]["id"])
        return _Subnet(found[0]["id"], found[0]["name"], network(found[0]["properties"]["addressPrefix"]))

    def _static(self, one: Fields, subnet: _Subnet, configuration: str, taken: set[str]) -> str:
        text = one.text("properties.privateIPAddress", required=True)
        try:
            address = ipaddress.ip_address(text)
        except ValueError as error:
            raise ArmError(400, "InvalidIPAddressFormat", f"The value '{text}' is no IP address.") from error
        if address not in subnet.space:
            raise ArmError(
                400,
                "PrivateIPAddressNotInSubnet",
                f"Private static IP address {text} does not belong to the range of subnet prefix {subnet.space}.",
            )
        number = int(address) - int(subnet.space.network_address)
        if number < 4 or number == subnet.space.num_addresses - 1:
            raise ArmError(
                400,
                "PrivateIPAddressInReservedRange",
                f"Private static IP address {text} falls within reserved IP range of subnet prefix {subnet.space}.",
            )
        holder = self._addresses.holder(subnet.id, str(address))
        if holder is not None or str(address) in taken:
            raise ArmError(
                400,
                "PrivateIPAddressIsAllocated",
                f"IP configuration {configuration} is using the private IP address {text} which is already allocated to "
                f"resource {holder or configuration}.",
            )
        return str(address)

    def _dynamic(self, subnet: _Subnet, before: Json | None, taken: set[str]) -> str:
        if before and before["subnet"]["id"].lower() == subnet.id.lower():
            kept: str = before["privateIPAddress"]
            if self._addresses.holder(subnet.id, kept) is None and kept not in taken:
                return kept
        address = self._addresses.free(subnet.id, subnet.space, taken)
        if address is not None:
            return address
        raise ArmError(
            400,
            "SubnetIsFull",
            f"Subnet {subnet.name} with address prefix {subnet.space} does not have enough capacity for 1 IP addresses.",
        )

    def _linked(self, call: Call, action: str, linked: str) -> None:
        own = (f"{NICS}/write", call.target.resource_id)
        self.env.authz.require_linked(call.principal, own, action, linked)


def _mac() -> str:
    return "00-0D-3A-" + "-".join(f"{byte:02X}" for byte in uuid.uuid4().bytes[:3])
