"""Microsoft.Compute/snapshots: a disk at one moment, full or incremental."""

from __future__ import annotations

import uuid
from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import bad_parameter, json_response
from lab.azure.arm.fields import Fields
from lab.azure.arm.store import Record
from lab.azure.arm.times import now_text
from lab.azure.arm.types.base import merge_tags
from lab.azure.arm.types.disk_spec import DISKS, SNAPSHOT_SKUS, SNAPSHOTS, DiskSpec, base_properties, read_spec, settings
from lab.azure.arm.types.disks import CopiedDisk, check_entity_name
from lab.http import Response


class Snapshots(CopiedDisk):
    """Microsoft.Compute/snapshots."""

    full_type: ClassVar[str] = SNAPSHOTS
    word: ClassVar[str] = "snapshot"
    name_rule: ClassVar[str] = r"[A-Za-z0-9](?:[\w.\-]{0,78}\w)?"

    def check_name(self, call: Call) -> None:
        """1 to 80 characters, a letter or digit first."""
        check_entity_name(self.name_rule, "snapshotName", call.target.name)

    def create(self, call: Call) -> Response:
        """A snapshot of a disk, a copy of a snapshot, or an imported VHD."""
        body = call.body
        fields = Fields("snapshot", body)
        spec = read_spec(self.env, "snapshot", body, body["location"], call.target.subscription)
        if spec.option not in ("Copy", "Import"):
            raise bad_parameter("snapshot.creationData.createOption", f"A snapshot cannot be created with '{spec.option}'.")
        sku = fields.text("sku.name", allowed=SNAPSHOT_SKUS, default="Standard_LRS")
        incremental = bool(fields.flag("properties.incremental", False))
        unique = str(uuid.uuid4())
        properties = base_properties(spec, unique, now_text())
        properties |= {
            "diskState": "Unattached",
            "provisioningState": "Updating",
            "incremental": incremental,
            "completionPercent": 100.0,
        }
        if incremental:
            properties["incrementalSnapshotFamilyId"] = _family(spec, unique)
        document = self.document(call, properties, sku={"name": sku, "tier": sku.split("_")[0]})
        return self.begin_create(call, spec, document)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again changes tags and settings; the content is what it was."""
        return self.update(call, existing)

    def update(self, call: Call, existing: Record) -> Response:
        """Tags and settings."""
        body = existing.body
        merge_tags(body, call.body)
        body["properties"] |= settings(Fields("snapshot", call.body))
        self.env.store.commit([self.stamped(existing, body)])
        return json_response(200, body)


def _family(spec: DiskSpec, unique: str) -> str:
    """Snapshots of one disk are one family."""
    source = spec.source.record
    if source is None:
        return unique
    properties = source.body["properties"]
    return str(
        properties["uniqueId"] if source.kind == DISKS.lower() else properties.get("incrementalSnapshotFamilyId", unique)
    )
