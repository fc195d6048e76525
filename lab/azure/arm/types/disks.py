"""Microsoft.Compute/disks: their states, and the raw file that each of them is."""

from __future__ import annotations

import re
import uuid
from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError, bad_parameter
from lab.azure.arm.fields import Fields
from lab.azure.arm.lro import Done, Finisher, Operation
from lab.azure.arm.regions import check_zones
from lab.azure.arm.store import Change, Json, Record, record
from lab.azure.arm.times import now_text
from lab.azure.arm.types.base import in_flight, merge_tags
from lab.azure.arm.types.disk_access import AccessibleDisk
from lab.azure.arm.types.disk_spec import (
    DISK_SKUS,
    DISKS,
    GIB,
    DiskSpec,
    base_properties,
    gigabytes,
    read_spec,
    settings,
)
from lab.azure.arm.types.encryption_sets import SETS
from lab.azure.blob.vhd import InvalidVhd
from lab.http import Response


class CopiedDisk(AccessibleDisk):
    """What disks and snapshots share: their content is made by an operation."""

    put_status: ClassVar[int] = 202

    def register(self) -> None:
        """Tell the operations how a creation ends."""
        super().register()
        create = Finisher(self._created, work=self._fill, failed=self._create_failed)
        self.env.operations.register(f"{self.word}.create", create)
        self.env.operations.register(f"{self.word}.delete", Finisher(self.discarded))

    def begin_create(self, call: Call, spec: DiskSpec, document: Json) -> Response:
        """Store the new record as Updating and start filling its file."""
        operation_id = str(uuid.uuid4())
        source = spec.source.record
        file = call.target.resource_id
        private = {"file": file, "size": spec.size, **in_flight(call, operation_id)}
        changes: list[Change] = [self.new(call, document, private)]
        if source is not None:
            copies = [*source.private.get("copies", ()), operation_id]
            alive = [one for one in copies if one == operation_id or self._running(one)]
            changes.append(record(source.id, source.kind, source.body, {**source.private, "copies": alive}))
        operation = self.env.operations.start(
            f"{self.word}.create",
            "PUT",
            call.target,
            location=call.body["location"],
            args={
                "option": spec.option,
                "file": file,
                "size": spec.size,
                "source": source.private["file"] if source else None,
                "source_size": source.private["size"] if source else None,
                "blob": list(spec.source.blob) if spec.source.blob else None,
            },
            changes=changes,
            api_version=call.api_version,
            operation_id=operation_id,
        )
        shown: Json = {key: document[key] for key in ("name", "location", "tags", "sku", "zones") if key in document}
        shown["properties"] = {"creationData": spec.creation, "provisioningState": "Updating"}
        return self.env.operations.accepted(operation, 202, shown)

    def require_uncopied(self, item: Record) -> None:
        """Raise 409 while a copy of this disk or snapshot is being made."""
        if any(self._running(one) for one in item.private.get("copies", ())):
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"The {self.word} '{item.body['name']}' is being copied by another operation.",
            )

    def remove(self, call: Call, existing: Record) -> Response:
        """202; the file goes with the operation."""
        self.require_idle(existing)
        self.require_deletable(existing)
        self.require_uncopied(existing)
        operation_id = str(uuid.uuid4())
        operation = self.env.operations.start(
            f"{self.word}.delete",
            "DELETE",
            call.target,
            location=existing.body["location"],
            changes=[self.stamped(existing, existing.body, busy=operation_id)],
            api_version=call.api_version,
            operation_id=operation_id,
        )
        return self.env.operations.accepted(operation)

    def require_deletable(self, item: Record) -> None:
        """Raise 409 while somebody uses the disk."""
        body = item.body
        if body.get("managedBy"):
            raise ArmError(409, "OperationNotAllowed", f"Disk {body['name']} is attached to VM {body['managedBy']}.")
        if body["properties"]["diskState"] == "ActiveSAS":
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"There is an active shared access signature outstanding for {self.word} {body['name']}. Call "
                f"EndGetAccess before deleting the {self.word}.",
            )

    def discard(self, item: Record) -> list[Change]:
        """The file and all access to it go too."""
        self.env.disks.revoke(item.private["file"])
        self.env.disks.delete(item.private["file"])
        return super().discard(item)

    def user_outside(self, item: Record, scope: str) -> str | None:
        """The VM of another group that has this disk."""
        machine = item.body.get("managedBy") or ""
        return machine if machine and not machine.lower().startswith(scope) else None

    def _running(self, operation_id: str) -> bool:
        operation = self.env.operations.find(operation_id)
        return operation is not None and operation.status == "InProgress"

    def _fill(self, operation: Operation) -> None:
        """Make the file: idempotent, since a killed process does it again."""
        args, disks = operation.args, self.env.disks
        match args["option"]:
            case "Empty":
                disks.create_empty(args["file"], args["size"])
            case "Upload":
                disks.create_upload(args["file"], args["size"])
            case "Copy":
                disks.copy(args["source"], args["file"])
                if args["size"] != args["source_size"]:
                    disks.resize(args["file"], args["size"])
            case _:
                self._import(args)

    def _import(self, args: Json) -> None:
        disks, blob = self.env.disks, args["blob"]
        try:
            size = disks.vhd_size(blob[0], blob[1], blob[2])
            disks.import_blob(args["file"], blob[0], blob[1], blob[2], size)
        except InvalidVhd as error:
            raise ArmError(400, "InvalidVhd", str(error)) from error
        except LookupError as error:
            message = f"The source blob '{'/'.join(blob)}' does not exist or is no page blob: {error}"
            raise ArmError(404, "BlobNotFound", message) from error
        if args["size"] > size:
            disks.resize(args["file"], args["size"])

    def _created(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None or item.private.get("busy") != operation.id:  # its group went meanwhile
            if item is None:
                self.env.disks.delete(operation.args["file"])
            return Done()
        body = item.body
        size = self.env.disks.path(item.private["file"]).stat().st_size
        body["properties"] |= {
            "provisioningState": "Succeeded",
            "diskState": "ReadyToUpload" if operation.args["option"] == "Upload" else "Unattached",
            "diskSizeBytes": size,
            "diskSizeGB": gigabytes(size),
        }
        return Done([self.stamped(item, body, busy=None, asked=None, size=size, made=True)])

    def _create_failed(self, operation: Operation, error: ArmError) -> list[Change]:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return []
        body = item.body
        body["properties"]["provisioningState"] = "Failed"
        return [self.stamped(item, body, busy=None)]


class Disks(CopiedDisk):
    """Microsoft.Compute/disks."""

    full_type: ClassVar[str] = DISKS
    word: ClassVar[str] = "disk"
    name_rule: ClassVar[str] = r"[A-Za-z0-9_\-]{1,80}"

    def register(self) -> None:
        """Tell the operations how a change of size ends."""
        super().register()
        self.env.operations.register("disk.update", Finisher(self._updated, work=self._resize))

    def check_name(self, call: Call) -> None:
        """1 to 80 letters, digits, underscores, hyphens."""
        check_entity_name(self.name_rule, "diskName", call.target.name)

    def create(self, call: Call) -> Response:
        """A new disk."""
        body = call.body
        spec = read_spec(self.env, "disk", body, body["location"], call.target.subscription)
        self._require_keys(call)
        sku = Fields("disk", body).text("sku.name", allowed=DISK_SKUS, default="Standard_LRS")
        zones = check_zones(Fields("disk", body).rows("zones"), body["location"], call.target.resource_id)
        unique = str(uuid.uuid4())
        properties = base_properties(spec, unique, now_text())
        properties |= {
            "diskState": "ReadyToUpload" if spec.option == "Upload" else "Unattached",
            "provisioningState": "Updating",
        }
        properties.setdefault("diskIOPSReadWrite", 500)
        properties.setdefault("diskMBpsReadWrite", 60)
        document = self.document(call, properties, sku=_sku(sku), zones=zones)
        return self.begin_create(call, spec, document)

    def _require_keys(self, call: Call) -> None:
        """Whoever names a disk encryption set must be allowed to read it."""
        given = Fields("disk", call.body).text("properties.encryption.diskEncryptionSetId")
        if given:
            did = (f"{DISKS}/write", call.target.resource_id)
            self.env.authz.require_linked(call.principal, did, f"{SETS}/read", given)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT on a disk that exists: creationData cannot change, the rest is an update."""
        self._check_creation(call, existing)
        return self.update(call, existing)

    def update(self, call: Call, existing: Record) -> Response:
        """Tags, sku, size (only upwards) and settings."""
        fields = Fields("disk", call.body)
        body = existing.body
        merge_tags(body, call.body)
        sku = fields.text("sku.name", allowed=DISK_SKUS)
        if sku and sku != body["sku"]["name"]:
            self._require_detached(existing, "change the sku of")
            body["sku"] = _sku(sku)
        size = self._new_size(fields, existing)
        body["properties"] |= settings(fields)
        body["properties"]["provisioningState"] = "Updating"
        operation_id = str(uuid.uuid4())
        operation = self.env.operations.start(
            "disk.update",
            call.method,
            call.target,
            location=body["location"],
            args={"file": existing.private["file"], "size": size},
            changes=[self.stamped(existing, body, **in_flight(call, operation_id))],
            api_version=call.api_version,
            operation_id=operation_id,
        )
        return self.env.operations.accepted(operation, 202, body)

    def _check_creation(self, call: Call, existing: Record) -> None:
        fields = Fields("disk", call.body)
        old = existing.body["properties"]["creationData"]
        for name, value in fields.table("properties.creationData").items():
            same = str(value).lower() == str(old.get(name)).lower()
            if value is not None and not same:
                raise ArmError(
                    409,
                    "PropertyChangeNotAllowed",
                    f"Changing property 'disk.creationData.{name}' is not allowed.",
                    f"disk.creationData.{name}",
                )

    def _new_size(self, fields: Fields, existing: Record) -> int | None:
        asked = fields.whole("properties.diskSizeGB", low=1, high=65536)
        body = existing.body
        current = body["properties"]["diskSizeGB"]
        if asked is None or asked == current:
            return None
        name = body["name"]
        if asked < current:
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Disk {name} of {current} GB cannot be shrunk to {asked} GB: a disk can only be made larger.",
            )
        if body["properties"]["diskState"] not in ("Unattached", "Reserved", "Attached"):
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Disk {name} in state '{body['properties']['diskState']}' cannot be resized: end the access to it first.",
            )
        if body["properties"].get("osType") and body["properties"]["diskState"] == "Attached":
            self._require_detached(existing, "resize the OS disk")
        return asked * GIB

    def _require_detached(self, item: Record, doing: str) -> None:
        body = item.body
        if body["properties"]["diskState"] == "Attached":
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Cannot {doing} {body['name']} while it is attached to running VM {body['managedBy']}.",
            )

    def _resize(self, operation: Operation) -> None:
        if operation.args["size"] is not None:
            self.env.disks.resize(operation.args["file"], operation.args["size"])

    def _updated(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        body = item.body
        size = operation.args["size"] or item.private["size"]
        body["properties"] |= {
            "provisioningState": "Succeeded",
            "diskSizeBytes": size,
            "diskSizeGB": gigabytes(size),
        }
        return Done([self.stamped(item, body, busy=None, asked=None, size=size, made=True)])


def check_entity_name(rule: str, parameter: str, name: str) -> None:
    """Raise Compute's 400 for a name that breaks its rule."""
    if not re.fullmatch(rule, name):
        raise bad_parameter(
            parameter,
            f"The entity name '{parameter}' ('{name}') is invalid according to its validation rule: ^{rule}$.",
        )


def _sku(name: str) -> Json:
    return {
        "name": name,
        "tier": name.split("_")[0].replace("StandardSSD", "Standard").replace("UltraSSD", "Ultra"),
    }
