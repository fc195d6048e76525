"""Microsoft.RecoveryServices/vaults."""

from __future__ import annotations

import re
import uuid
from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError
from lab.azure.arm.fields import Fields
from lab.azure.arm.store import Json, Record
from lab.azure.arm.types.base import merge_tags
from lab.azure.arm.types.later import FinishedLater
from lab.http import Response


class RecoveryVaults(FinishedLater):
    """The estate's anchor: SKU, identity, tags, ETags; deletion answers 202."""

    full_type: ClassVar[str] = "Microsoft.RecoveryServices/vaults"
    word: ClassVar[str] = "recoveryvault"

    def check_name(self, call: Call) -> None:
        """2 to 50 letters, digits and hyphens, a letter first."""
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9\-]{1,49}", call.target.name):
            raise ArmError(
                400,
                "InvalidResourceName",
                f"Vault name '{call.target.name}' is invalid: 2 to 50 letters, digits and hyphens, starting with a letter.",
            )

    def create(self, call: Call) -> Response:
        """201 with an operation to poll."""
        fields = Fields("vault", call.body)
        sku = fields.text("sku.name", required=True, allowed=("Standard", "RS0"))
        properties: Json = {
            "provisioningState": "Creating",
            "privateEndpointStateForBackup": "None",
            "privateEndpointStateForSiteRecovery": "None",
            "publicNetworkAccess": fields.text(
                "properties.publicNetworkAccess", allowed=("Enabled", "Disabled"), default="Enabled"
            ),
        }
        document = self.document(
            call, properties, sku={"name": sku, "tier": "Standard"}, identity=self._identity(fields, {})
        )
        return self._begin(call, document, None, 201)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again."""
        return self._change(call, existing, 200)

    def update(self, call: Call, existing: Record) -> Response:
        """PATCH: 202."""
        return self._change(call, existing, 202)

    def remove(self, call: Call, existing: Record) -> Response:
        """202: the SDK takes nothing else but 204."""
        self.require_idle(existing)
        operation = self.env.operations.start(
            "recoveryvault.delete",
            "DELETE",
            call.target,
            location=existing.body["location"],
            api_version=call.api_version,
        )
        return self.env.operations.accepted(operation)

    def _change(self, call: Call, existing: Record, status: int) -> Response:
        fields = Fields("vault", call.body)
        body = existing.body
        merge_tags(body, call.body)
        identity = self._identity(fields, body.get("identity") or {})
        if identity:
            body["identity"] = identity
        access = fields.text("properties.publicNetworkAccess", allowed=("Enabled", "Disabled"))
        if access:
            body["properties"]["publicNetworkAccess"] = access
        body["properties"]["provisioningState"] = "Updating"
        return self._begin(call, body, existing, status)

    def _begin(self, call: Call, body: Json, existing: Record | None, status: int) -> Response:
        operation, _ = self.begin_put(call, body, existing)
        return self.env.operations.accepted(operation, status, body)

    def _identity(self, fields: Fields, old: Json) -> Json:
        kind = fields.text("identity.type", allowed=("None", "SystemAssigned", "UserAssigned"))
        if kind != "SystemAssigned" or old.get("principalId"):
            return old if kind in ("", "SystemAssigned") else {"type": kind}
        principal = str(uuid.uuid4())
        values = self.env.settings.values
        self.env.settings.change(identities=[*values.identities, principal])
        return {"type": kind, "principalId": principal, "tenantId": values.tenant}
