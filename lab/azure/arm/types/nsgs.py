"""Microsoft.Network/networkSecurityGroups: rules inside, refused while in use."""

from __future__ import annotations

import uuid
from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError
from lab.azure.arm.fields import Fields
from lab.azure.arm.store import Json, Record
from lab.azure.arm.types.base import merge_tags, new_etag
from lab.azure.arm.types.network_base import NICS, NSGS, VNETS, NetworkType
from lab.http import Response


class SecurityGroups(NetworkType):
    """Microsoft.Network/networkSecurityGroups, rules inside."""

    full_type: ClassVar[str] = NSGS
    word: ClassVar[str] = "nsg"

    def create(self, call: Call) -> Response:
        """A new group with Azure's default rules."""
        properties: Json = {
            "resourceGuid": str(uuid.uuid4()),
            "securityRules": self._rules(call),
            "defaultSecurityRules": _default_rules(call.target.resource_id),
        }
        return self.begin(call, self.document(call, properties), None)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again: other rules and tags."""
        body = existing.body
        merge_tags(body, call.body)
        body["properties"]["securityRules"] = self._rules(call)
        return self.begin(call, body, existing)

    def require_unused(self, item: Record) -> None:
        """Raise 400 while a NIC or a subnet has it."""
        subscription = f"/subscriptions/{item.id.split('/')[2]}"
        for nic in self.env.store.under(subscription, NICS):
            if nic.private.get("nsg", "") == item.key:
                raise _nsg_in_use(item, nic.id)
        for vnet in self.env.store.under(subscription, VNETS):
            for subnet in vnet.body["properties"]["subnets"]:
                if (subnet["properties"].get("networkSecurityGroup") or {}).get("id", "").lower() == item.key:
                    raise _nsg_in_use(item, subnet["id"])

    def _rules(self, call: Call) -> list[Json]:
        fields = Fields("", call.body)
        rules = []
        seen: dict[tuple[str, int], str] = {}
        for number, rule in enumerate(fields.rows("properties.securityRules")):
            one = Fields(f"securityRules[{number}]", rule)
            name = one.text("name", required=True)
            priority = one.whole("properties.priority", required=True, low=100, high=4096) or 0
            direction = one.text("properties.direction", required=True, allowed=("Inbound", "Outbound"))
            one.text("properties.access", required=True, allowed=("Allow", "Deny"))
            one.text("properties.protocol", required=True, allowed=("*", "Tcp", "Udp", "Icmp", "Esp", "Ah"))
            if (direction, priority) in seen:
                raise ArmError(
                    400,
                    "SecurityRuleConflict",
                    f"Security rule {name} conflicts with rule {seen[direction, priority]}. Rules cannot have the same "
                    "Priority and Direction.",
                )
            seen[direction, priority] = name
            properties = {**rule["properties"], "provisioningState": "Succeeded"}
            rules.append(_rule(call.target.resource_id, "securityRules", name, properties))
        return rules


def _nsg_in_use(item: Record, user: str) -> ArmError:
    return ArmError(
        400,
        "InUseNetworkSecurityGroupCannotBeDeleted",
        f"Network security group {item.id} cannot be deleted because it is in use by the following resources: {user}. In "
        "order to delete the Network security group, remove the association with the resource(s). To learn how to do "
        "this, see aka.ms/deletensg.",
    )


def _rule(group: str, kind: str, name: str, properties: Json) -> Json:
    return {
        "id": f"{group}/{kind}/{name}",
        "name": name,
        "type": f"{NSGS}/{kind}",
        "etag": new_etag(),
        "properties": properties,
    }


def _default_rules(group: str) -> list[Json]:
    rows = (
        ("AllowVnetInBound", 65000, "Inbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
        ("AllowAzureLoadBalancerInBound", 65001, "Inbound", "Allow", "AzureLoadBalancer", "*"),
        ("DenyAllInBound", 65500, "Inbound", "Deny", "*", "*"),
        ("AllowVnetOutBound", 65000, "Outbound", "Allow", "VirtualNetwork", "VirtualNetwork"),
        ("AllowInternetOutBound", 65001, "Outbound", "Allow", "*", "Internet"),
        ("DenyAllOutBound", 65500, "Outbound", "Deny", "*", "*"),
    )
    rules = []
    for name, priority, direction, access, source, destination in rows:
        properties = {
            "provisioningState": "Succeeded",
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": source,
            "destinationAddressPrefix": destination,
            "access": access,
            "priority": priority,
            "direction": direction,
        }
        rules.append(_rule(group, "defaultSecurityRules", name, properties))
    return rules
