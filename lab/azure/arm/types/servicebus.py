"""Microsoft.ServiceBus: namespaces, their authorization rules and keys, queues."""

from __future__ import annotations

import base64
import re
import secrets
from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError, json_response, resource_not_found
from lab.azure.arm.fields import Fields
from lab.azure.arm.lro import Done, Finisher, Operation
from lab.azure.arm.store import Json, Record, record
from lab.azure.arm.times import now_text
from lab.azure.arm.types.base import ResourceType, merge_tags
from lab.http import Response

NAMESPACES = "Microsoft.ServiceBus/namespaces"
RULES = f"{NAMESPACES}/authorizationRules"
_ROOT = "RootManageSharedAccessKey"
_RIGHTS = ("Listen", "Manage", "Send")
_DURATION = r"P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?"


class Namespaces(ResourceType):
    """Microsoft.ServiceBus/namespaces; each comes with the rule RootManageSharedAccessKey."""

    full_type: ClassVar[str] = NAMESPACES

    def register(self) -> None:
        """Tell the operations how a creation and a deletion end."""
        self.env.operations.register("servicebus.create", Finisher(self._created))
        self.env.operations.register("servicebus.delete", Finisher(self.discarded))

    def check_name(self, call: Call) -> None:
        """6 to 50 letters, digits and hyphens."""
        if not valid_name(call.target.name):
            raise ArmError(400, "BadRequest", f"The specified service namespace is invalid: '{call.target.name}'.")

    def create(self, call: Call) -> Response:
        """201; the body's provisioningState is polled."""
        name = call.target.name
        if _taken(self, name):
            raise ArmError(409, "NamespaceUnavailable", f"The namespace name '{name}' is not available: it is in use.")
        document = self.document(call, self._properties(call, {}), **self._sku(call, {}))
        document["properties"] |= {"provisioningState": "Creating", "status": "Created"}
        rule_id = f"{call.target.resource_id}/authorizationRules/{_ROOT}"
        rule = _rule(rule_id, _ROOT, list(_RIGHTS))
        self.env.operations.start(
            "servicebus.create",
            "PUT",
            call.target,
            location=call.body["location"],
            changes=[self.new(call, document), rule],
            api_version=call.api_version,
        )
        return json_response(201, document, self.env.operations.pause())

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again: an update."""
        return self.update(call, existing)

    def update(self, call: Call, existing: Record) -> Response:
        """Tags, SKU (Basic and Standard only), properties."""
        body = existing.body
        merge_tags(body, call.body)
        body |= self._sku(call, body)
        body["properties"] = self._properties(call, body["properties"])
        self.env.store.commit([self.stamped(existing, body)])
        return json_response(200, body)

    def remove(self, call: Call, existing: Record) -> Response:
        """202 with a Location."""
        operation = self.env.operations.start(
            "servicebus.delete", "DELETE", call.target, location=existing.body["location"], api_version=call.api_version
        )
        return self.env.operations.accepted(operation, by_status=False)

    def _sku(self, call: Call, old: Json) -> Json:
        names = ("Basic", "Standard", "Premium")
        name = Fields("", call.body).text("sku.name", allowed=names)
        current = (old.get("sku") or {}).get("name", "")
        if current and name and "Premium" in (name, current) and name != current:
            raise ArmError(400, "BadRequest", f"SKU change from '{current}' to '{name}' is not supported.")
        chosen = name or current or "Standard"
        return {"sku": {"name": chosen, "tier": chosen}}

    def _properties(self, call: Call, old: Json) -> Json:
        fields = Fields("", call.body)
        name = call.target.name
        properties: Json = {
            "createdAt": now_text(),
            "serviceBusEndpoint": f"https://{name}.servicebus.windows.net:443/",
            "metricId": f"{call.target.subscription}:{name}".lower(),
            "disableLocalAuth": False,
            "zoneRedundant": True,
            "publicNetworkAccess": "Enabled",
            "minimumTlsVersion": "1.2",
            "provisioningState": "Succeeded",
            "status": "Active",
            **old,
            "updatedAt": now_text(),
        }
        tls = fields.text("properties.minimumTlsVersion", allowed=("1.0", "1.1", "1.2", "1.3"))
        access = fields.text("properties.publicNetworkAccess", allowed=("Enabled", "Disabled", "SecuredByPerimeter"))
        local = fields.flag("properties.disableLocalAuth")
        for key, value in (("minimumTlsVersion", tls), ("publicNetworkAccess", access)):
            if value:
                properties[key] = value
        if local is not None:
            properties["disableLocalAuth"] = local
        return properties

    def _created(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        body = item.body
        body["properties"] |= {"provisioningState": "Succeeded", "status": "Active"}
        return Done([self.stamped(item, body)])


class AuthorizationRules(ResourceType):
    """Microsoft.ServiceBus/namespaces/authorizationRules, with listKeys and regenerateKeys."""

    full_type: ClassVar[str] = RULES
    located: ClassVar[bool] = False
    name_rule: ClassVar[str] = r"[A-Za-z0-9](?:[\w.\-]{0,48}\w)?"

    def put(self, call: Call) -> Response:
        """Create or change; keys stay."""
        self.check_name(call)
        require_parent(self, call)
        rights = Fields("", call.body).rows("properties.rights", required=True)
        wrong = [right for right in rights if right not in _RIGHTS]
        if wrong or not rights or ("Manage" in rights and set(rights) != set(_RIGHTS)):
            raise ArmError(
                400, "BadRequest", f"The rights {rights} are invalid: 'Manage' needs 'Listen' and 'Send' beside it."
            )
        existing = call.existing
        item = _rule(call.target.resource_id, call.target.name, rights, existing)
        self.env.store.commit([item])
        return json_response(200, item.raw)

    def action(self, call: Call, verb: str) -> Response:
        """listKeys, regenerateKeys."""
        rule = self.require(call)
        match verb.lower():
            case "listkeys":
                return json_response(200, _keys(call, rule))
            case "regeneratekeys":
                kind = Fields("", call.body).text("keyType", required=True, allowed=("PrimaryKey", "SecondaryKey"))
                name = "primary" if kind == "PrimaryKey" else "secondary"
                changed = record(rule.id, rule.kind, rule.body, {**rule.private, name: _new_key()})
                self.env.store.commit([changed])
                return json_response(200, _keys(call, changed))
            case _:
                raise self.unsupported(call)


class Queues(ResourceType):
    """Microsoft.ServiceBus/namespaces/queues."""

    full_type: ClassVar[str] = f"{NAMESPACES}/queues"
    located: ClassVar[bool] = False
    name_rule: ClassVar[str] = r"[A-Za-z0-9](?:[\w.\-/~]{0,258}[\w])?"

    def put(self, call: Call) -> Response:
        """Create or change: 200."""
        self.check_name(call)
        parent = require_parent(self, call)
        if parent.body["properties"]["provisioningState"] != "Succeeded":
            raise ArmError(409, "Conflict", f"The namespace '{parent.body['name']}' is not ready yet.")
        fields = Fields("", call.body)
        given = fields.table("properties")
        for name in ("lockDuration", "defaultMessageTimeToLive", "autoDeleteOnIdle", "duplicateDetectionHistoryTimeWindow"):
            duration = fields.text(f"properties.{name}")
            if duration and not re.fullmatch(_DURATION, duration):
                raise ArmError(400, "BadRequest", f"The value '{duration}' of '{name}' is no ISO 8601 duration.")
        fields.whole("properties.maxDeliveryCount", low=1, high=2000)
        existing = call.existing
        old = existing.body["properties"] if existing else {}
        properties: Json = {
            "lockDuration": "PT1M",
            "maxSizeInMegabytes": 1024,
            "requiresDuplicateDetection": False,
            "requiresSession": False,
            "defaultMessageTimeToLive": "P10675199DT2H48M5.4775807S",
            "deadLetteringOnMessageExpiration": False,
            "enableBatchedOperations": True,
            "duplicateDetectionHistoryTimeWindow": "PT10M",
            "maxDeliveryCount": 10,
            "sizeInBytes": 0,
            "messageCount": 0,
            "status": "Active",
            "enablePartitioning": False,
            "enableExpress": False,
            "createdAt": now_text(),
            **old,
            **given,
            "updatedAt": now_text(),
        }
        for fixed in ("requiresSession", "requiresDuplicateDetection", "enablePartitioning"):
            if old and properties[fixed] != old[fixed]:
                raise ArmError(400, "BadRequest", f"The value of '{fixed}' of an existing queue cannot be changed.")
        item = self.new(call, self.document(call, properties))
        self.env.store.commit([item])
        return json_response(200, item.raw)

    def listing(self, call: Call) -> Response:
        """Queues of a namespace that exists."""
        if self.env.store.get(call.target.resource_id) is None:
            raise resource_not_found(NAMESPACES, call.target.name, call.target.group)
        return super().listing(call)


def check_name_availability(call: Call, rest: str) -> Response:
    """POST …/CheckNameAvailability."""
    name = Fields("", call.body).text("name", required=True)
    if not valid_name(name):
        return json_response(200, {"nameAvailable": False, "reason": "InvalidName", "message": "The name is invalid."})
    if any(item.body["name"].lower() == name.lower() for item in call.env.store.of_kind(NAMESPACES)):
        return json_response(200, {"nameAvailable": False, "reason": "NameInUse", "message": "The name is in use."})
    return json_response(200, {"nameAvailable": True, "reason": "None", "message": ""})


def valid_name(name: str) -> bool:
    """Letter first, letter or digit last, 6 to 50 long, not ending in what Azure keeps for itself."""
    fits = re.fullmatch(r"[A-Za-z][A-Za-z0-9\-]{4,48}[A-Za-z0-9]", name) is not None
    return fits and not name.lower().endswith(("-sb", "-mgmt"))


def require_parent(kind: ResourceType, call: Call) -> Record:
    """The namespace that a child hangs on. Raises 404."""
    parent = kind.env.store.get(call.target.parent_id)
    if parent is None:
        raise resource_not_found(NAMESPACES, call.target.names[0], call.target.group)
    return parent


def _taken(kind: ResourceType, name: str) -> bool:
    return any(item.body["name"].lower() == name.lower() for item in kind.env.store.of_kind(NAMESPACES))


def _rule(resource_id: str, name: str, rights: list[str], old: Record | None = None) -> Record:
    body = {"id": resource_id, "name": name, "type": RULES, "properties": {"rights": rights}}
    private = old.private if old else {"primary": _new_key(), "secondary": _new_key()}
    return record(resource_id, RULES, body, private)


def _keys(call: Call, rule: Record) -> Json:
    namespace = call.target.names[0]
    answer: Json = {"keyName": rule.body["name"]}
    for word in ("primary", "secondary"):
        key = rule.private[word]
        answer[f"{word}Key"] = key
        answer[f"{word}ConnectionString"] = (
            f"Endpoint=sb://{namespace}.servicebus.windows.net/;SharedAccessKeyName={rule.body['name']};SharedAccessKey={key}"
        )
    return answer


def _new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
