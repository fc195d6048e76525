"""Microsoft.Compute/diskEncryptionSets: which key encrypts a managed disk. The lab encrypts nothing; it checks and keeps."""

from __future__ import annotations

import re
import uuid
from typing import ClassVar

from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import ArmError, bad_parameter, json_response
from lab.azure.arm.fields import Fields
from lab.azure.arm.ids import parse_id
from lab.azure.arm.store import Json, Record
from lab.azure.arm.types.base import ResourceType
from lab.http import Response

SETS = "Microsoft.Compute/diskEncryptionSets"
CUSTOMER_KEYS = ("EncryptionAtRestWithCustomerKey", "EncryptionAtRestWithPlatformAndCustomerKeys")
_TYPES = (*CUSTOMER_KEYS, "ConfidentialVmEncryptedWithCustomerKey")


class EncryptionSets(ResourceType):
    """Made at once; in use while a disk names it."""

    full_type: ClassVar[str] = SETS
    name_rule: ClassVar[str] = r"[A-Za-z0-9_\-]{1,80}"

    def create(self, call: Call) -> Response:
        """200 with the set."""
        fields = Fields("diskEncryptionSet", call.body)
        kind = fields.text("properties.encryptionType", allowed=_TYPES, default=_TYPES[0])
        key = fields.text("properties.activeKey.keyUrl", required=True)
        if not re.match(r"https://[^/]+/keys/[^/]+", key):
            raise bad_parameter("diskEncryptionSet.activeKey.keyUrl", f"The key url '{key}' is not the url of a key.")
        identity = {"type": "SystemAssigned", "principalId": str(uuid.uuid4()), "tenantId": self.env.settings.values.tenant}
        properties: Json = {
            "encryptionType": kind,
            "activeKey": fields.table("properties.activeKey"),
            "provisioningState": "Succeeded",
        }
        item = self.new(call, self.document(call, properties, identity=identity))
        self.env.store.commit([item])
        return json_response(200, item.body)

    def remove(self, call: Call, existing: Record) -> Response:
        """Refused while a disk is encrypted with it."""
        for disk in self.env.store.of_kind("Microsoft.Compute/disks"):
            held = (disk.body["properties"].get("encryption") or {}).get("diskEncryptionSetId", "")
            if held.lower() == existing.key:
                name = existing.body["name"]
                text = f"Disk encryption set {name} cannot be deleted because it is used by disk {disk.id}."
                raise ArmError(409, "OperationNotAllowed", text)
        return super().remove(call, existing)


def check_encryption(env: Env, fields: Fields, parameter: str, location: str, subscription: str) -> Record | None:
    """The set that a disk is to be encrypted with, or None. Raises what Compute says of one that does not fit."""
    kind = fields.text(
        "properties.encryption.type", allowed=("EncryptionAtRestWithPlatformKey", *CUSTOMER_KEYS), default=""
    )
    given = fields.text("properties.encryption.diskEncryptionSetId")
    name = f"{parameter}.encryption.diskEncryptionSetId"
    if not given:
        if kind in CUSTOMER_KEYS:
            raise bad_parameter(name, f"Required parameter '{name}' is missing (null).")
        return None
    if kind not in CUSTOMER_KEYS:
        text = f"A disk encryption set needs an encryption type with a customer's key, not '{kind or 'none'}'."
        raise bad_parameter(f"{parameter}.encryption.type", text)
    at = parse_id(given, name)
    found = env.store.get(at.resource_id)
    if found is None or found.kind != SETS.lower():
        raise ArmError(404, "NotFound", f"Disk encryption set {at.name} is not found.", name)
    if found.body["location"] != location or at.subscription.lower() != subscription.lower():
        text = (
            f"Disk encryption set '{found.id}' in location '{found.body['location']}' cannot be used in location '{location}': "
            "both must be in the same region and subscription."
        )
        raise bad_parameter(name, text)
    held = found.body["properties"]["encryptionType"]
    if held != kind:
        text = f"The encryption type '{kind}' is not that of the disk encryption set ('{held}')."
        raise bad_parameter(f"{parameter}.encryption.type", text)
    return found
