"""Microsoft.Network/virtualNetworks with their subnets and peerings."""

from __future__ import annotations

import ipaddress
import json
import uuid
from typing import Any, ClassVar

from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import ArmError, json_response, resource_not_found
from lab.azure.arm.fields import Fields
from lab.azure.arm.ids import parse_id
from lab.azure.arm.lro import Done, Finisher
from lab.azure.arm.store import Json, Record
from lab.azure.arm.types.base import ResourceType, new_etag
from lab.azure.arm.types.network_base import (
    NSGS,
    VNETS,
    AddressBook,
    NetworkType,
    network,
    require_reference,
    unknown_reference,
)
from lab.http import Response


class VirtualNetworks(NetworkType):
    """Microsoft.Network/virtualNetworks. Subnets and peerings live inside the document, as Azure shows them."""

    full_type: ClassVar[str] = VNETS
    word: ClassVar[str] = "vnet"
    name_rule: ClassVar[str] = r"[A-Za-z0-9][\w.\-]{0,62}\w"

    def __init__(self, env: Env, addresses: AddressBook) -> None:
        super().__init__(env)
        self.addresses = addresses

    def create(self, call: Call) -> Response:
        """A new network."""
        properties = self._properties(call, {})
        document = self.document(call, properties)
        return self.begin(call, document, None)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again: subnets that are missing in the body go, unless they are in use."""
        body = existing.body
        old = body["properties"]
        kept = {subnet["name"].lower() for subnet in call.body.get("properties", {}).get("subnets") or ()}
        for subnet in old["subnets"]:
            if call.body.get("properties", {}).get("subnets") is not None and subnet["name"].lower() not in kept:
                self.require_empty(existing.id, subnet)
        body["properties"] = self._properties(call, old)
        body["tags"] = call.body.get("tags") or {}
        return self.begin(call, body, existing)

    def render(self, item: Record) -> bytes:
        """With the addresses that are in use in each subnet."""
        body = item.body
        for subnet in body["properties"]["subnets"]:
            used = self.addresses.configurations(subnet["id"])
            if used:
                subnet["properties"]["ipConfigurations"] = [{"id": one} for one in used]
        return json.dumps(body, separators=(",", ":")).encode()

    def action(self, call: Call, verb: str) -> Response:
        """GET checkIPAddressAvailability?ipAddress=…: whether nobody has it, and five free ones of its subnet otherwise."""
        if verb.lower() != "checkipaddressavailability":
            raise self.unsupported(call)
        item, asked = self.require(call), call.request.query.get("ipAddress", "")
        try:
            address = ipaddress.ip_address(asked)
        except ValueError:
            raise ArmError(400, "InvalidIPAddressFormat", f"'{asked}' is no IP address.") from None
        for subnet in item.body["properties"]["subnets"]:
            properties = subnet["properties"]
            for prefix in properties.get("addressPrefixes") or [properties["addressPrefix"]]:
                space = ipaddress.ip_network(prefix)
                if address in space:
                    return json_response(200, self._availability(subnet["id"], space, asked))
        raise ArmError(
            400,
            "PrivateIPAddressNotInAnySubnet",
            f"Private static IP address {asked} does not belong to the range of subnet prefixes of {item.body['name']}.",
        )

    def _availability(self, subnet: str, space: Any, asked: str) -> Json:
        number = int(ipaddress.ip_address(asked)) - int(space.network_address)
        reserved = number < 4 or number == space.num_addresses - 1
        if not reserved and self.addresses.holder(subnet, asked) is None:
            return {"available": True, "availableIPAddresses": [], "isPlatformReserved": False}
        free: list[str] = []
        while len(free) < 5 and (one := self.addresses.free(subnet, space, set(free))):
            free.append(one)
        return {"available": False, "availableIPAddresses": free, "isPlatformReserved": reserved}

    def require_unused(self, item: Record) -> None:
        """Raise 400 while a NIC is in one of the subnets."""
        for subnet in item.body["properties"]["subnets"]:
            self.require_empty(item.id, subnet)

    def user_outside(self, item: Record, scope: str) -> str | None:
        """A NIC of another group in one of the subnets."""
        for subnet in item.body["properties"]["subnets"]:
            for one in self.addresses.configurations(subnet["id"]):
                if not one.lower().startswith(scope):
                    return one
        return None

    def require_empty(self, vnet: str, subnet: Json) -> None:
        """Raise 400 InUseSubnetCannotBeDeleted while a NIC is in the subnet."""
        used = self.addresses.configurations(subnet["id"])
        if used:
            raise ArmError(
                400,
                "InUseSubnetCannotBeDeleted",
                f"Subnet {subnet['name']} is in use by {used[0]} and cannot be deleted. In order to delete the subnet, "
                "delete all the resources within the subnet. See aka.ms/deletesubnet.",
            )

    def _properties(self, call: Call, old: Json) -> Json:
        fields = Fields("", call.body)
        prefixes = fields.rows("properties.addressSpace.addressPrefixes", required=not old)
        networks = [network(prefix) for prefix in prefixes] or [
            network(prefix) for prefix in old["addressSpace"]["addressPrefixes"]
        ]
        given = call.body.get("properties", {})
        subnets = old.get("subnets", [])
        if given.get("subnets") is not None:
            subnets = []
            for subnet in fields.rows("properties.subnets"):
                subnets.append(self.subnet(call, call.target.resource_id, subnet, networks, subnets))
        kept = {key: given[key] for key in ("dhcpOptions", "enableDdosProtection", "flowTimeoutInMinutes") if key in given}
        return {
            "provisioningState": "Updating",
            "resourceGuid": old.get("resourceGuid", str(uuid.uuid4())),
            "addressSpace": {"addressPrefixes": [str(one) for one in networks]},
            "subnets": subnets,
            "virtualNetworkPeerings": old.get("virtualNetworkPeerings", []),
            "enableDdosProtection": False,
            **kept,
        }

    def subnet(self, call: Call, vnet_id: str, body: Json, networks: list[Any], others: list[Json]) -> Json:
        """A subnet as a document, checked against its network and the other subnets."""
        fields = Fields("", body)
        name = fields.text("name", required=True)
        prefix = fields.text("properties.addressPrefix") or str((fields.rows("properties.addressPrefixes") or [""])[0])
        own = network(prefix)
        if not any(own.subnet_of(space) for space in networks if space.version == own.version):
            raise ArmError(
                400,
                "NetcfgInvalidSubnet",
                f"Subnet '{name}' is not valid because its IP address range is outside the IP address range of virtual "
                f"network '{vnet_id.rpartition('/')[2]}'.",
            )
        for other in others:
            if other["name"].lower() != name.lower() and own.overlaps(network(other["properties"]["addressPrefix"])):
                raise ArmError(
                    400,
                    "NetcfgSubnetRangesOverlap",
                    f"Subnet '{name}' is not valid because its IP address range overlaps with that of an existing subnet "
                    f"in virtual network '{vnet_id.rpartition('/')[2]}'.",
                )
        properties: Json = {
            **{key: value for key, value in fields.table("properties").items() if key != "ipConfigurations"},
            "addressPrefix": str(own),
            "provisioningState": "Succeeded",
        }
        properties.setdefault("privateEndpointNetworkPolicies", "Disabled")
        properties.setdefault("privateLinkServiceNetworkPolicies", "Enabled")
        group = fields.raw("properties.networkSecurityGroup.id")
        if group is not None:
            require_reference(self, group, NSGS, vnet_id, call.body.get("location"))
        return {
            "id": f"{vnet_id}/subnets/{name}",
            "name": name,
            "type": f"{VNETS}/subnets",
            "etag": new_etag(),
            "properties": properties,
        }


class _InVnet(ResourceType):
    """Subnets and peerings: children that are parts of the network's document."""

    located: ClassVar[bool] = False
    part: ClassVar[str]

    def __init__(self, vnets: VirtualNetworks) -> None:
        super().__init__(vnets.env)
        self.vnets = vnets

    def register(self) -> None:
        """Tell the operations how a change ends (it is done at once)."""
        for verb in ("put", "delete"):
            self.env.operations.register(f"{self.part}.{verb}", Finisher(lambda operation: Done()))

    def listing(self, call: Call) -> Response:
        """All parts."""
        vnet = self.env.store.get(call.target.resource_id)
        if vnet is None:
            raise resource_not_found(VNETS, call.target.names[0], call.target.group)
        return json_response(200, {"value": self._shown(vnet)})

    def get(self, call: Call) -> Response:
        """One part."""
        return json_response(200, self._require(call))

    def put(self, call: Call) -> Response:
        """Make or change a part."""
        vnet = self.vnet(call)
        self.env.authz.require_unlocked(vnet.id, deleting=False)
        self.require_idle(vnet)
        body = vnet.body
        parts = body["properties"][self.part]
        made = self.made(call, vnet, parts)
        existed = any(part["name"].lower() == made["name"].lower() for part in parts)
        body["properties"][self.part] = [
            *(part for part in parts if part["name"].lower() != made["name"].lower()),
            made,
        ]
        operation = self.env.operations.start(
            f"{self.part}.put",
            "PUT",
            call.target,
            location=body["location"],
            changes=[self.vnets.stamped(vnet, body)],
            api_version=call.api_version,
        )
        return self.env.operations.accepted(operation, 200 if existed else 201, made, by_location=False)

    def delete(self, call: Call) -> Response:
        """202, or 204 where there is none."""
        vnet = self.vnet(call)
        self.env.authz.require_unlocked(call.target.resource_id, deleting=True)
        body = vnet.body
        wanted = call.target.name.lower()
        parts = body["properties"][self.part]
        for part in parts:
            if part["name"].lower() == wanted and self.part == "subnets":
                self.vnets.require_empty(vnet.id, part)
        left = [part for part in parts if part["name"].lower() != wanted]
        if len(left) == len(parts):
            return json_response(204)
        body["properties"][self.part] = left
        operation = self.env.operations.start(
            f"{self.part}.delete",
            "DELETE",
            call.target,
            location=body["location"],
            changes=[self.vnets.stamped(vnet, body)],
            api_version=call.api_version,
        )
        return self.env.operations.accepted(operation)

    def made(self, call: Call, vnet: Record, others: list[Json]) -> Json:
        """The part that a PUT asks for."""
        raise self.unsupported(call)

    def vnet(self, call: Call) -> Record:
        """The network that the part is in. Raises 404."""
        found = self.env.store.get(call.target.parent_id)
        if found is None:
            raise resource_not_found(VNETS, call.target.names[0], call.target.group)
        return found

    def _require(self, call: Call) -> Json:
        for part in self._shown(self.vnet(call)):
            if part["name"].lower() == call.target.name.lower():
                return part
        raise ArmError(404, "NotFound", f"Resource {call.target.resource_id} not found.")

    def _shown(self, vnet: Record) -> list[Json]:
        shown: list[Json] = json.loads(self.vnets.render(vnet))["properties"][self.part]
        return shown


class Subnets(_InVnet):
    """Microsoft.Network/virtualNetworks/subnets."""

    full_type: ClassVar[str] = f"{VNETS}/subnets"
    part: ClassVar[str] = "subnets"

    def made(self, call: Call, vnet: Record, others: list[Json]) -> Json:
        """The subnet of the body."""
        spaces = [network(prefix) for prefix in vnet.body["properties"]["addressSpace"]["addressPrefixes"]]
        return self.vnets.subnet(call, vnet.id, {**call.body, "name": call.target.name}, spaces, others)


class Peerings(_InVnet):
    """Microsoft.Network/virtualNetworks/virtualNetworkPeerings."""

    full_type: ClassVar[str] = f"{VNETS}/virtualNetworkPeerings"
    part: ClassVar[str] = "virtualNetworkPeerings"

    def made(self, call: Call, vnet: Record, others: list[Json]) -> Json:
        """Initiated until the other side has its peering too, then both are Connected."""
        fields = Fields("", call.body)
        remote = parse_id(fields.text("properties.remoteVirtualNetwork.id", required=True), "remoteVirtualNetwork")
        other = self.env.store.get(remote.resource_id)
        if other is None:
            raise unknown_reference(remote.resource_id, vnet.id)
        body = other.body
        back = [
            one
            for one in body["properties"]["virtualNetworkPeerings"]
            if one["properties"]["remoteVirtualNetwork"]["id"].lower() == vnet.id.lower()
        ]
        for one in back:
            one["properties"]["peeringState"] = "Connected"
        if back:
            self.env.store.commit([self.vnets.stamped(other, body)])
        given = fields.table("properties")
        properties = {
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": False,
            "allowGatewayTransit": False,
            "useRemoteGateways": False,
            **given,
            "peeringState": "Connected" if back else "Initiated",
            "provisioningState": "Succeeded",
        }
        return {
            "id": call.target.resource_id,
            "name": call.target.name,
            "type": self.full_type,
            "etag": new_etag(),
            "properties": properties,
        }
