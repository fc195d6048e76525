"""Microsoft.Storage: accounts (names are unique in the whole world), their keys, the blob service's properties."""

from __future__ import annotations

import re
from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.fields import Fields
from lab.azure.arm.lro import Done, Finisher, Operation
from lab.azure.arm.store import Change, Json, Record, record
from lab.azure.arm.times import now_text
from lab.azure.arm.types.base import ResourceType, merge_tags
from lab.http import Response

SKUS = (
    "Standard_LRS",
    "Standard_GRS",
    "Standard_RAGRS",
    "Standard_ZRS",
    "Premium_LRS",
    "Premium_ZRS",
    "Standard_GZRS",
    "Standard_RAGZRS",
    "StandardV2_LRS",
    "StandardV2_GRS",
    "StandardV2_ZRS",
    "StandardV2_GZRS",
)
KINDS = ("Storage", "StorageV2", "BlobStorage", "FileStorage", "BlockBlobStorage")
TLS = ("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3")
ACCOUNTS = "Microsoft.Storage/storageAccounts"

_FLAGS = (
    "supportsHttpsTrafficOnly",
    "allowBlobPublicAccess",
    "allowSharedKeyAccess",
    "defaultToOAuthAuthentication",
    "allowCrossTenantReplication",
    "isHnsEnabled",
)


class StorageAccounts(ResourceType):
    """Microsoft.Storage/storageAccounts."""

    full_type: ClassVar[str] = ACCOUNTS

    def register(self) -> None:
        """Tell the operations how a creation ends."""
        self.env.operations.register("storage.create", Finisher(self._created))

    def check_name(self, call: Call) -> None:
        """3 to 24 lower-case letters and digits."""
        if not re.fullmatch(r"[a-z0-9]{3,24}", call.target.name):
            raise ArmError(400, "AccountNameInvalid", invalid_name(call.target.name))

    def create(self, call: Call) -> Response:
        """202 with a Location, as the real service answers."""
        name = call.target.name
        if self.env.accounts.exists(name) or find_account(self, name) is not None:
            raise ArmError(409, "StorageAccountAlreadyTaken", f"The storage account named {name} is already taken.")
        fields = Fields("", call.body)
        sku = fields.text("sku.name", required=True, allowed=SKUS)
        kind = fields.text("kind", required=True, allowed=KINDS)
        properties = self._properties(call, {})
        properties["provisioningState"] = "Creating"
        if kind in ("StorageV2", "BlobStorage"):
            properties["accessTier"] = fields.text("properties.accessTier", allowed=("Hot", "Cool", "Cold"), default="Hot")
        document = self.document(call, properties, kind=kind, sku=_sku(sku))
        operation = self.env.operations.start(
            "storage.create",
            "PUT",
            call.target,
            location=call.body["location"],
            changes=[self.new(call, document)],
            api_version=call.api_version,
        )
        return self.env.operations.accepted(operation, 202, by_status=False)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again: changes what a PATCH could, refuses what cannot change."""
        body = existing.body
        kind = Fields("", call.body).text("kind", allowed=KINDS, default=body["kind"])
        if kind != body["kind"] and (body["kind"], kind) != ("Storage", "StorageV2"):
            raise ArmError(
                409,
                "AccountPropertyCannotBeUpdated",
                f"The property 'kind' was specified in the input, but it cannot be updated from {body['kind']} to {kind}.",
            )
        return self.update(call, existing)

    def update(self, call: Call, existing: Record) -> Response:
        """PATCH: tags, sku, properties."""
        body = existing.body
        merge_tags(body, call.body)
        sku = Fields("", call.body).text("sku.name", allowed=SKUS)
        if sku:
            body["sku"] = _sku(sku)
        body["properties"] = self._properties(call, body["properties"])
        self.env.store.commit([self.stamped(existing, body)])
        return json_response(200, body)

    def discard(self, item: Record) -> list[Change]:
        """The data goes with the account."""
        name = item.body["name"]
        if self.env.accounts.exists(name):
            self.env.accounts.delete(name)
        return super().discard(item)

    def action(self, call: Call, verb: str) -> Response:
        """listKeys, regenerateKey."""
        account = self.require(call)
        name = account.body["name"]
        match verb.lower():
            case "listkeys":
                return json_response(200, self._keys(account, name))
            case "regeneratekey":
                wanted = Fields("", call.body).text("keyName", required=True)
                if wanted not in ("key1", "key2"):
                    raise ArmError(400, "InvalidValuesForRequestParameters", f"The key name '{wanted}' is not valid.")
                self.env.accounts.regenerate(name, wanted)
                return json_response(200, self._keys(account, name))
            case _:
                raise self.unsupported(call)

    def _keys(self, account: Record, name: str) -> Json:
        if not self.env.accounts.exists(name):
            raise ArmError(
                409,
                "StorageAccountIsNotProvisioned",
                f"The storage account provisioning state must be 'Succeeded' before executing the operation on {name}.",
            )
        created = account.body["properties"]["creationTime"]
        pairs = zip(("key1", "key2"), self.env.accounts.keys(name), strict=True)
        return {
            "keys": [
                {"creationTime": created, "keyName": key, "value": value, "permissions": "FULL"} for key, value in pairs
            ]
        }

    def _properties(self, call: Call, old: Json) -> Json:
        fields = Fields("", call.body)
        name = call.target.name
        properties: Json = {
            "creationTime": now_text(),
            "primaryLocation": call.body.get("location"),
            "statusOfPrimary": "available",
            "provisioningState": "Succeeded",
            "supportsHttpsTrafficOnly": True,
            "allowBlobPublicAccess": False,
            "minimumTlsVersion": "TLS1_2",
            "networkAcls": {
                "bypass": "AzureServices",
                "defaultAction": "Allow",
                "ipRules": [],
                "virtualNetworkRules": [],
            },
            "encryption": {
                "services": {
                    "blob": {"enabled": True, "keyType": "Account"},
                    "file": {"enabled": True, "keyType": "Account"},
                },
                "keySource": "Microsoft.Storage",
            },
            **old,
        }
        for flag in _FLAGS:
            value = fields.flag(f"properties.{flag}")
            if value is not None:
                properties[flag] = value
        for text, allowed in (("minimumTlsVersion", TLS), ("publicNetworkAccess", ("Enabled", "Disabled"))):
            chosen = fields.text(f"properties.{text}", allowed=allowed)
            if chosen:
                properties[text] = chosen
        acls = fields.table("properties.networkAcls")
        if acls:
            properties["networkAcls"] = acls
        properties["primaryEndpoints"] = {"blob": f"{self.env.addresses.blob}/{name}/"}
        return properties

    def _created(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        body = item.body
        self.env.accounts.create(body["name"])
        body["properties"]["provisioningState"] = "Succeeded"
        return Done([self.stamped(item, body)])


class BlobServices(ResourceType):
    """Microsoft.Storage/storageAccounts/blobServices: the one named `default`."""

    full_type: ClassVar[str] = f"{ACCOUNTS}/blobServices"
    located: ClassVar[bool] = False

    def listing(self, call: Call) -> Response:
        """The one that every account has."""
        parent = self._account(call)
        return json_response(200, {"value": [self._document(parent)]})

    def get(self, call: Call) -> Response:
        """Its properties."""
        self._default(call)
        return json_response(200, self._document(self._account(call)))

    def put(self, call: Call) -> Response:
        """Set soft delete and versioning."""
        self._default(call)
        account = self._account(call)
        fields = Fields("", call.body)
        policy = fields.table("properties.deleteRetentionPolicy")
        if policy.get("enabled"):
            fields.whole("properties.deleteRetentionPolicy.days", required=True, low=1, high=365)
        merged = {**self._stored(account), **fields.table("properties")}
        self.env.authz.require_unlocked(account.id, deleting=False)
        days = int(policy.get("days", 0)) if policy.get("enabled") else 0
        self.env.accounts.set_service(account.body["name"], delete_retention_days=days)
        item = record(f"{account.id}/blobServices/default", "lab/blobservice", merged)
        self.env.store.commit([item])
        return json_response(200, self._document(account))

    def _default(self, call: Call) -> None:
        if call.target.name.lower() != "default":
            raise ArmError(404, "ResourceNotFound", f"There is no blob service '{call.target.name}', only 'default'.")

    def _account(self, call: Call) -> Record:
        account = self.env.store.get(call.target.parent_id if call.target.names[1:] else call.target.resource_id)
        if account is None:
            name = call.target.names[0]
            raise ArmError(404, "ResourceNotFound", f"The Resource '{ACCOUNTS}/{name}' was not found.")
        return account

    def _stored(self, account: Record) -> Json:
        found = self.env.store.get(f"{account.id}/blobServices/default")
        return found.body if found else {"deleteRetentionPolicy": {"enabled": False}, "cors": {"corsRules": []}}

    def _document(self, account: Record) -> Json:
        return {
            "id": f"{account.id}/blobServices/default",
            "name": "default",
            "type": self.full_type,
            "sku": account.body["sku"],
            "properties": self._stored(account),
        }


def check_name_availability(call: Call, rest: str) -> Response:
    """POST …/checkNameAvailability."""
    name = Fields("", call.body).text("name", required=True)
    if not re.fullmatch(r"[a-z0-9]{3,24}", name):
        return json_response(200, {"nameAvailable": False, "reason": "AccountNameInvalid", "message": invalid_name(name)})
    taken = call.env.accounts.exists(name) or any(item.body["name"] == name for item in call.env.store.of_kind(ACCOUNTS))
    if taken:
        message = f"The storage account named {name} is already taken."
        return json_response(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": message})
    return json_response(200, {"nameAvailable": True})


def find_account(kind: ResourceType, name: str) -> Record | None:
    """The account of this name in any subscription."""
    for item in kind.env.store.of_kind(ACCOUNTS):
        if item.key.endswith("/" + name.lower()):
            return item
    return None


def invalid_name(name: str) -> str:
    """Azure's sentence about a bad account name."""
    return (
        f"{name} is not a valid storage account name. Storage account name must be between 3 and 24 characters in "
        "length and use numbers and lower-case letters only."
    )


def _sku(name: str) -> Json:
    return {"name": name, "tier": "Premium" if name.startswith("Premium") else "Standard"}
