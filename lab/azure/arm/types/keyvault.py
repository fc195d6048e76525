"""Microsoft.KeyVault/vaults: names unique in the world, soft delete, recovery and purge."""

from __future__ import annotations

import re
import time
import uuid
from typing import ClassVar

from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.fields import Fields
from lab.azure.arm.ids import Target, parse
from lab.azure.arm.lro import Done, Finisher, Operation
from lab.azure.arm.store import Change, Gone, Json, Record, record
from lab.azure.arm.times import text
from lab.azure.arm.types.base import ResourceType, merge_tags, page_response
from lab.http import Response

VAULTS = "Microsoft.KeyVault/vaults"
DELETED = "lab/deletedvault"
SECRET = "lab/secret"
_DAY = 86400.0

_FLAGS = (
    "enabledForDeployment",
    "enabledForDiskEncryption",
    "enabledForTemplateDeployment",
    "enableRbacAuthorization",
    "enableSoftDelete",
    "enablePurgeProtection",
)


class Vaults(ResourceType):
    """Microsoft.KeyVault/vaults."""

    full_type: ClassVar[str] = VAULTS

    def register(self) -> None:
        """Tell the operations how a creation and a purge end."""
        self.env.operations.register("vault.create", Finisher(self._created))
        self.env.operations.register("vault.purge", Finisher(self._purged))

    def check_name(self, call: Call) -> None:
        """3 to 24 letters, digits and hyphens."""
        if not valid_name(call.target.name):
            raise ArmError(400, "VaultNameNotValid", _invalid(call.target.name))

    def create(self, call: Call) -> Response:
        """201 while DNS is being registered; with `createMode` recover, the deleted vault comes back."""
        name = call.target.name
        fields = Fields("", call.body)
        mode = fields.text("properties.createMode", allowed=("recover", "default"), default="default")
        deleted = find_deleted(self.env, name)
        if deleted is not None:
            return self._recover_or_refuse(call, deleted, mode)
        if mode == "recover":
            raise ArmError(
                404,
                "DeletedVaultNotFound",
                f"The specified deleted vault '{name}' does not exist or cannot be recovered.",
            )
        if find_vault(self.env, name) is not None:
            raise ArmError(409, "VaultAlreadyExists", _taken(name))
        properties = self._properties(call, {})
        document = self.document(call, {**properties, "provisioningState": "RegisteringDns"})
        self._begin(call, self.new(call, document, {"uid": str(uuid.uuid4())}))
        return json_response(201, document, self.env.operations.pause())

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again: the same as an update."""
        return self.update(call, existing)

    def update(self, call: Call, existing: Record) -> Response:
        """Tags and properties; purge protection and soft delete cannot be switched off."""
        body = existing.body
        merge_tags(body, call.body)
        body["properties"] = self._properties(call, body["properties"])
        self.env.store.commit([self.stamped(existing, body)])
        return json_response(200, body)

    def discard(self, item: Record) -> list[Change]:
        """Soft delete: the vault goes, name and secrets stay until purged."""
        body = item.body
        properties = body["properties"]
        now = time.time()
        days = properties.get("softDeleteRetentionInDays", 90)
        subscription = parse(item.id).subscription
        resource_id = deleted_id(subscription, body["location"], body["name"])
        document: Json = {
            "id": resource_id,
            "name": body["name"],
            "type": "Microsoft.KeyVault/deletedVaults",
            "properties": {
                "vaultId": item.id,
                "location": body["location"],
                "deletionDate": text(now),
                "scheduledPurgeDate": text(now + days * _DAY),
                "tags": body.get("tags") or {},
                "purgeProtectionEnabled": bool(properties.get("enablePurgeProtection")),
            },
        }
        private = {"body": body, "uid": item.private["uid"]}
        return [*super().discard(item), record(resource_id, DELETED, document, private)]

    def _recover_or_refuse(self, call: Call, deleted: Record, mode: str) -> Response:
        name = call.target.name
        vault_id = deleted.body["properties"]["vaultId"]
        if vault_id.lower() != call.target.resource_id.lower():
            raise ArmError(409, "VaultAlreadyExists", _taken(name))
        if mode != "recover":
            raise ArmError(
                409,
                "ConflictError",
                f"A vault with the same name already exists in deleted state: '{name}'. You need to either recover or "
                "purge existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more "
                "information on soft delete.",
            )
        body = deleted.private["body"]
        body["properties"]["provisioningState"] = "RegisteringDns"
        item = self.new(call, body, {"uid": deleted.private["uid"]})
        self._begin(call, item, Gone(deleted.id))
        return json_response(201, body)

    def _begin(self, call: Call, item: Record, *more: Change) -> None:
        self.env.operations.start(
            "vault.create",
            "PUT",
            call.target,
            location=item.body["location"],
            changes=[item, *more],
            api_version=call.api_version,
        )

    def _created(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        body = item.body
        body["properties"]["provisioningState"] = "Succeeded"
        return Done([self.stamped(item, body)])

    def _purged(self, operation: Operation) -> Done:
        deleted = self.env.store.get(operation.args["deleted"])
        if deleted is None:
            return Done()
        prefix = f"/lab/secrets/{deleted.private['uid']}/"
        secrets = [item for item in self.env.store.of_kind(SECRET) if item.id.startswith(prefix)]
        return Done([Gone(deleted.id), *(Gone(item.id) for item in secrets)])

    def _properties(self, call: Call, old: Json) -> Json:
        fields = Fields("", call.body)
        name = call.target.name
        properties: Json = {
            "accessPolicies": [],
            "enabledForDeployment": False,
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": 90,
            # New API versions make role-based access the default.
            "enableRbacAuthorization": True,
            "publicNetworkAccess": "Enabled",
            "provisioningState": "Succeeded",
            **old,
        }
        creating = not old
        tenant = fields.text("properties.tenantId", required=creating)
        if tenant and tenant.lower() != self.env.settings.values.tenant.lower():
            raise ArmError(400, "BadRequest", f"The tenant ID '{tenant}' is not the tenant of the subscription.")
        properties["tenantId"] = tenant or old.get("tenantId")
        sku = fields.text("properties.sku.name", required=creating, allowed=("standard", "premium"))
        if sku:
            fields.text("properties.sku.family", required=True, allowed=("A",))
            properties["sku"] = {"family": "A", "name": sku}
        properties |= _flags(fields, old)
        properties |= _retention(fields, old)
        if fields.raw("properties.accessPolicies") is not None:
            properties["accessPolicies"] = fields.rows("properties.accessPolicies")
        elif creating and not properties["enableRbacAuthorization"]:
            raise ArmError(400, "BadRequest", "The parameter accessPolicies is not specified.")
        for word in ("publicNetworkAccess", "networkAcls"):
            if fields.raw(f"properties.{word}") is not None:
                properties[word] = fields.raw(f"properties.{word}")
        properties["vaultUri"] = f"{self.env.addresses.arm}/keyvault/{name}/"
        return properties


def deleted_vaults(call: Call, rest: str) -> Response:
    """GET …/deletedVaults, GET …/locations/{l}/deletedVaults/{n}, POST …/{n}/purge."""
    name, _, verb = rest.partition("/")
    target = call.target
    if not name:
        call.env.authz.require(call.principal, "Microsoft.KeyVault/deletedVaults/read", target.scope)
        found = call.env.store.under(f"/subscriptions/{target.subscription}", DELETED)
        return page_response(call, (item.raw for item in found), None)
    resource_id = deleted_id(target.subscription, target.location, name)
    deleted = call.env.store.get(resource_id)
    if deleted is None:
        raise ArmError(404, "DeletedVaultNotFound", f"The specified deleted vault '{name}' does not exist.")
    scope = f"/subscriptions/{target.subscription}"
    if verb.lower() == "purge" and call.method == "POST":
        call.env.authz.require(call.principal, "Microsoft.KeyVault/locations/deletedVaults/purge/action", scope)
        return _purge(call, deleted)
    call.env.authz.require(call.principal, "Microsoft.KeyVault/locations/deletedVaults/read", scope)
    return json_response(200, deleted.raw)


def check_name_availability(call: Call, rest: str) -> Response:
    """POST …/checkNameAvailability."""
    name = Fields("", call.body).text("name", required=True)
    if not valid_name(name):
        return json_response(200, {"nameAvailable": False, "reason": "AccountNameInvalid", "message": _invalid(name)})
    if find_vault(call.env, name) or find_deleted(call.env, name):
        return json_response(200, {"nameAvailable": False, "reason": "AlreadyExists", "message": _taken(name)})
    return json_response(200, {"nameAvailable": True})


def valid_name(name: str) -> bool:
    """Letter first, letter or digit last, no two hyphens in a row, 3 to 24 long."""
    return re.fullmatch(r"(?=.{3,24}$)[A-Za-z](-?[A-Za-z0-9])*", name) is not None


def find_vault(env: Env, name: str) -> Record | None:
    """The living vault of this name in any subscription."""
    return next((item for item in env.store.of_kind(VAULTS) if item.key.endswith(f"/{name.lower()}")), None)


def find_deleted(env: Env, name: str) -> Record | None:
    """The soft-deleted vault of this name in any subscription."""
    for item in env.store.of_kind(DELETED):
        if item.key.endswith(f"/{name.lower()}"):
            return item
    return None


def deleted_id(subscription: str, location: str, name: str) -> str:
    """The id of a soft-deleted vault."""
    return f"/subscriptions/{subscription}/providers/Microsoft.KeyVault/locations/{location}/deletedVaults/{name}"


def _flags(fields: Fields, old: Json) -> Json:
    """The booleans of a body. Purge protection and soft delete cannot be switched off."""
    given: Json = {}
    for flag in _FLAGS:
        value = fields.flag(f"properties.{flag}")
        if value is False and flag in ("enablePurgeProtection", "enableSoftDelete") and (old.get(flag) or not old):
            what = "Enabling the purge protection" if "Purge" in flag else "Enabling soft delete"
            raise ArmError(
                400, "BadRequest", f'The property "{flag}" cannot be set to false. {what} is an irreversible action.'
            )
        if value is not None:
            given[flag] = value
    return given


def _retention(fields: Fields, old: Json) -> Json:
    """softDeleteRetentionInDays, which is set once."""
    days = fields.whole("properties.softDeleteRetentionInDays", low=7, high=90)
    if days is None:
        return {}
    if old and days != old["softDeleteRetentionInDays"]:
        raise ArmError(400, "BadRequest", 'The property "softDeleteRetentionInDays" is set already and cannot be modified.')
    return {"softDeleteRetentionInDays": days}


def _purge(call: Call, deleted: Record) -> Response:
    if deleted.body["properties"]["purgeProtectionEnabled"]:
        raise ArmError(
            409,
            "MethodNotAllowed",
            f"Operation 'DeletedVaultPurge' is not allowed: purge protection is enabled for '{deleted.body['name']}'.",
        )
    properties = deleted.body["properties"]
    target = Target(deleted.id, deleted.id, subscription=call.target.subscription)
    operation = call.env.operations.start(
        "vault.purge",
        "POST",
        target,
        location=properties["location"],
        args={"deleted": deleted.id},
        api_version=call.api_version,
        namespace="Microsoft.KeyVault",
    )
    return call.env.operations.accepted(operation, 202, by_status=False)


def _invalid(name: str) -> str:
    return (
        f"The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric characters. The name must "
        "begin with a letter, end with a letter or digit, and not contain consecutive hyphens. Follow this link for more "
        "information: https://go.microsoft.com/fwlink/?linkid=2147742"
    )


def _taken(name: str) -> str:
    return (
        f"The vault name '{name}' is already in use. Vault names are globally unique so it is possible that the name is "
        "already taken. If you are sure that the vault name was not taken then it is possible that a vault with the same "
        "name was recently deleted but not purged after being placed in a recoverable state. If the vault is in a "
        "recoverable state then the vault will need to be purged before reusing the name."
    )
