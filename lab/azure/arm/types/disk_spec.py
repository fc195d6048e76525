"""What a request for a managed disk or a snapshot means: size, source, options; with Compute's refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lab.azure.arm.env import Env
from lab.azure.arm.errors import ArmError, bad_parameter
from lab.azure.arm.fields import Fields
from lab.azure.arm.ids import parse_id
from lab.azure.arm.store import Json, Record
from lab.azure.arm.types.encryption_sets import check_encryption

DISKS = "Microsoft.Compute/disks"
SNAPSHOTS = "Microsoft.Compute/snapshots"

GIB = 1 << 30
MIB = 1 << 20
FOOTER = 512
LEAST_UPLOAD = 20 * MIB + FOOTER
MOST_UPLOAD = 32767 * GIB + FOOTER
UPLOAD_STATES = ("ReadyToUpload", "ActiveUpload")

DISK_SKUS = (
    "Standard_LRS",
    "Premium_LRS",
    "StandardSSD_LRS",
    "UltraSSD_LRS",
    "Premium_ZRS",
    "StandardSSD_ZRS",
    "PremiumV2_LRS",
)
SNAPSHOT_SKUS = ("Standard_LRS", "Premium_LRS", "Standard_ZRS")
_CREATE_OPTIONS = (
    "Empty",
    "Attach",
    "FromImage",
    "Import",
    "Copy",
    "Restore",
    "Upload",
    "CopyStart",
    "ImportSecure",
    "UploadPreparedSecure",
    "CopyFromSanSnapshot",
)
_SERVED = ("Empty", "Import", "Copy", "Upload")
# Settings that change nothing in the lab but are kept and shown: name -> allowed values (() = anything).
_KEPT_TEXTS: dict[str, tuple[str, ...]] = {
    "networkAccessPolicy": ("AllowAll", "AllowPrivate", "DenyAll"),
    "publicNetworkAccess": ("Enabled", "Disabled"),
    "dataAccessAuthMode": ("AzureActiveDirectory", "None"),
    "diskAccessId": (),
    "tier": (),
}
_KEPT_FLAGS = ("burstingEnabled", "optimizedForFrequentAttach")
_KEPT_NUMBERS = ("diskIOPSReadWrite", "diskMBpsReadWrite", "maxShares")
_KEPT_TABLES = ("securityProfile", "supportedCapabilities", "purchasePlan", "encryption")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the content comes from. `file` is a managed disk's own file, `blob` (account, container, name)."""

    record: Record | None = None
    blob: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class DiskSpec:
    """A request that has passed all checks. `size` is in bytes, without a footer."""

    option: str
    size: int
    source: Source
    creation: Json
    properties: Json


def read_spec(env: Env, parameter: str, body: Json, location: str, subscription: str) -> DiskSpec:
    """Check a PUT body (`parameter` is Compute's word for it: disk or snapshot)."""
    fields = Fields(parameter, body)
    option = fields.text("properties.creationData.createOption", required=True, allowed=_CREATE_OPTIONS)
    if option not in _SERVED:
        raise bad_parameter(
            f"{parameter}.creationData.createOption",
            f"The lab does not serve createOption '{option}'.",
            "NotSupported",
        )
    asked = fields.whole("properties.diskSizeGB", low=1, high=65536)
    source = Source()
    match option:
        case "Empty":
            size = (fields.whole("properties.diskSizeGB", required=True, low=1, high=65536) or 0) * GIB
        case "Upload":
            size = _upload_size(fields, parameter)
        case "Copy":
            source = Source(record=_copy_source(env, fields, location))
            size = _at_least(asked, _size(source.record), parameter)
        case _:
            source = Source(blob=_import_source(env, fields, parameter, location, subscription))
            size = (asked or 0) * GIB
    creation = {**fields.table("properties.creationData"), "createOption": option}
    creation.setdefault("logicalSectorSize", None)
    creation = {key: value for key, value in creation.items() if value is not None}
    if source.record is not None:
        creation["sourceUniqueId"] = source.record.body["properties"]["uniqueId"]
    check_encryption(env, fields, parameter, location, subscription)
    _check_security(fields, parameter, option)
    return DiskSpec(option, size, source, creation, {**inherited(source.record), **settings(fields)})


def _check_security(fields: Fields, parameter: str, option: str) -> None:
    """A disk that is uploaded plainly brings no guest state: it may support a security type, and has none."""
    kind = fields.text("properties.securityProfile.securityType")
    if kind and option not in ("FromImage", "Import", "ImportSecure", "UploadPreparedSecure", "Copy"):
        name = f"{parameter}.securityProfile.securityType"
        raise bad_parameter(name, f"'{name}' is not allowed for createOption '{option}'.")
    supported = ("TrustedLaunchSupported", "TrustedLaunchAndConfidentialVMSupported")
    wanted = fields.text("properties.supportedCapabilities.supportedSecurityOption", allowed=supported)
    if wanted and fields.text("properties.hyperVGeneration") != "V2":
        name = f"{parameter}.supportedCapabilities.supportedSecurityOption"
        raise bad_parameter(name, f"'{name}' needs an OS disk of Hypervisor Generation 2.")


def settings(fields: Fields) -> Json:
    """The settings that both PUT and PATCH may carry, checked."""
    kept: Json = {}
    for name, texts in _KEPT_TEXTS.items():
        kept[name] = fields.text(f"properties.{name}", allowed=texts or None) or None
    for name in _KEPT_FLAGS:
        kept[name] = fields.flag(f"properties.{name}")
    for name in _KEPT_NUMBERS:
        kept[name] = fields.whole(f"properties.{name}", low=1)
    for name in _KEPT_TABLES:
        kept[name] = fields.table(f"properties.{name}") or None
    kept["osType"] = fields.text("properties.osType", allowed=("Windows", "Linux")) or None
    kept["hyperVGeneration"] = fields.text("properties.hyperVGeneration", allowed=("V1", "V2")) or None
    return {name: value for name, value in kept.items() if value is not None}


def inherited(source: Record | None) -> Json:
    """What a copy takes from its source."""
    if source is None:
        return {}
    properties = source.body["properties"]
    kept = ("osType", "hyperVGeneration", "securityProfile", "supportedCapabilities", "purchasePlan")
    return {name: properties[name] for name in kept if name in properties}


def gigabytes(size: int) -> int:
    """diskSizeGB of a size in bytes: rounded up."""
    return max(1, -(-size // GIB))


def require_free(item: Record, doing: str) -> None:
    """Raise 409 while a disk is in an upload state."""
    state = item.body["properties"].get("diskState")
    if state in UPLOAD_STATES:
        name = item.body["name"]
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"Disk '{name}' cannot be {doing} because it is in state '{state}'. The upload must be completed and "
            "access to the disk ended (EndGetAccess) first.",
        )


def _upload_size(fields: Fields, parameter: str) -> int:
    asked = fields.whole("properties.creationData.uploadSizeBytes", required=True, low=LEAST_UPLOAD, high=MOST_UPLOAD) or 0
    if (asked - FOOTER) % MIB:
        raise bad_parameter(
            f"{parameter}.creationData.uploadSizeBytes",
            f"The value '{asked}' of parameter '{parameter}.creationData.uploadSizeBytes' is invalid. It must be the "
            "size of a VHD: a whole number of MiB plus 512 bytes for the footer.",
        )
    return asked - FOOTER


def _copy_source(env: Env, fields: Fields, location: str) -> Record:
    text = fields.text("properties.creationData.sourceResourceId", required=True)
    target = parse_id(text, "properties.creationData.sourceResourceId")
    if target.full_type.lower() not in (DISKS.lower(), SNAPSHOTS.lower()):
        raise bad_parameter("creationData.sourceResourceId", f"'{text}' is neither a disk nor a snapshot.")
    found = env.store.get(target.resource_id)
    if found is None:
        what = "Disk" if target.full_type.lower() == DISKS.lower() else "Snapshot"
        raise ArmError(404, "NotFound", f"{what} {target.name} is not found.")
    body = found.body
    if body["location"] != location:
        raise ArmError(
            400,
            "InvalidParameter",
            f"The source '{found.id}' is in location '{body['location']}', the copy in '{location}': both must be in "
            "the same region.",
            "creationData.sourceResourceId",
        )
    require_free(found, "copied")
    if body["properties"]["provisioningState"] != "Succeeded":
        raise ArmError(409, "OperationNotAllowed", f"The source '{found.id}' is not provisioned yet.")
    return found


def _import_source(env: Env, fields: Fields, parameter: str, location: str, subscription: str) -> tuple[str, str, str]:
    uri = fields.text("properties.creationData.sourceUri", required=True)
    parts = urlsplit(uri)
    base = urlsplit(env.addresses.blob)
    path = parts.path.strip("/").split("/", 2)
    name = f"{parameter}.creationData.sourceUri"
    if parts.netloc != base.netloc or len(path) != 3:
        raise bad_parameter(name, f"The source uri '{uri}' is no blob of a storage account in this cloud.")
    if "snapshot=" in parts.query:
        raise bad_parameter(name, f"The source uri '{uri}' is a blob snapshot; copy it to a blob first.")
    account = _account(env, path[0])
    if account is None or account.body["location"] != location:
        raise bad_parameter(name, f"The storage account '{path[0]}' is not in the disk's location '{location}'.")
    given = fields.text("properties.creationData.storageAccountId")
    if given.lower() != account.id.lower() and (given or account.id.split("/")[2].lower() != subscription.lower()):
        raise bad_parameter(
            f"{parameter}.creationData.storageAccountId",
            f"Required parameter 'storageAccountId' must be '{account.id}' for a blob of another subscription.",
        )
    return path[0], path[1], path[2]


def _account(env: Env, name: str) -> Record | None:
    return next(
        (item for item in env.store.of_kind("Microsoft.Storage/storageAccounts") if item.body["name"] == name),
        None,
    )


def _size(item: Record | None) -> int:
    return int(item.private["size"]) if item else 0


def _at_least(asked: int | None, size: int, parameter: str) -> int:
    if asked is None or asked == gigabytes(size):
        return size
    if asked * GIB < size:
        raise bad_parameter(
            f"{parameter}.diskSizeGB",
            f"The value '{asked}' of parameter '{parameter}.diskSizeGB' is smaller than the source's size of "
            f"{gigabytes(size)} GB.",
        )
    return asked * GIB


def base_properties(spec: DiskSpec, unique: str, created: str) -> dict[str, Any]:
    """The properties that every new disk or snapshot shows."""
    return {
        "timeCreated": created,
        "uniqueId": unique,
        "creationData": spec.creation,
        "diskSizeGB": gigabytes(spec.size),
        "diskSizeBytes": spec.size,
        "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
        "networkAccessPolicy": "AllowAll",
        "publicNetworkAccess": "Enabled",
        **spec.properties,
    }
