"""What a request for a virtual machine means, and everything that Compute refuses about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import ArmError, bad_parameter
from lab.azure.arm.fields import Fields
from lab.azure.arm.ids import parse_id
from lab.azure.arm.regions import check_zones
from lab.azure.arm.store import Json, Record
from lab.azure.arm.types.disk_spec import DISKS, require_free
from lab.azure.arm.types.network_base import NICS, unknown_reference
from lab.azure.arm.types.sizes import SIZES, Size, limit, missing_zones, restriction
from lab.azure.arm.types.skus import VMS, cores_used
from lab.azure.arm.types.vm_security import check_licence, check_security

_DELETE = ("Delete", "Detach")
_CACHING = ("None", "ReadOnly", "ReadWrite")
_LARGEST_OS_DISK = 4095  # GiB
_LARGEST_CACHED = 4095  # GiB
_JOIN_NIC = "Microsoft.Network/networkInterfaces/join/action"


@dataclass(frozen=True, slots=True)
class DiskUse:
    """One disk of a VM: its record as it is now and how it is attached. `lun` is None for the OS disk."""

    record: Record
    document: Json
    lun: int | None


@dataclass(frozen=True, slots=True)
class VmSpec:
    """A request that passed all checks."""

    size: Size
    zones: list[str]
    disks: list[DiskUse]
    nics: list[Record]
    nic_documents: list[Json]
    rest: Json = field(default_factory=dict)


def read_vm(call: Call, vm_id: str) -> VmSpec:
    """Check a PUT body for a VM. Raises ArmError."""
    env, body = call.env, call.body
    fields = Fields("", body)
    size = read_size(fields)
    zones = check_zones(fields.rows("zones"), body["location"], vm_id)
    require_available(env, size, body["location"], zones)
    os_disk = _os_disk(call, fields, size, zones, vm_id)
    check_licence(fields, os_disk.document["osType"])
    held = os_disk.record.body["properties"]
    supported = (held.get("supportedCapabilities") or {}).get("supportedSecurityOption", "")
    check_security(fields, size, held.get("hyperVGeneration", "V1"), supported)
    data = read_data_disks(call, fields, size, zones, vm_id)
    if any(use.record.key == os_disk.record.key for use in data):
        raise _conflict(f"Disk '{os_disk.record.id}' is attached more than once to VM '{vm_id}'.")
    nics, documents = _nics(call, fields, size, vm_id)
    rest = {key: value for key, value in fields.table("properties").items() if key not in _OWN}
    return VmSpec(size, zones, [os_disk, *data], nics, documents, rest)


_OWN = ("storageProfile", "networkProfile", "hardwareProfile", "provisioningState", "instanceView", "vmId", "timeCreated")


def read_size(fields: Fields) -> Size:
    """The size of a body. Raises 400 InvalidParameter with Azure's sentence."""
    name = fields.text("properties.hardwareProfile.vmSize", required=True)
    size = SIZES.get(name.lower())
    if size is None:
        known = ",".join(one.name for one in SIZES.values())
        raise bad_parameter(
            "vmSize",
            f"The value {name} provided for the VM size is not valid. The valid sizes in the current region are: {known}. "
            "Find out more on the valid VM sizes in each region at https://aka.ms/azure-regions.",
        )
    return size


def require_available(env: Env, size: Size, location: str, zones: list[str]) -> None:
    """Raise 409 SkuNotAvailable where a size is not offered."""
    values = env.settings.values
    gone = restriction(values, location, size) == "SkuNotAvailable"
    zoneless = [zone for zone in zones if zone in missing_zones(values, location, size)]
    if gone or zoneless:
        where = f"{location} zone '{zoneless[0]}'" if zoneless else location
        raise ArmError(
            409,
            "SkuNotAvailable",
            f"The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {size.name}' is "
            f"currently not available in location '{where}'. Please try another size or deploy to a different location "
            "or different zone. See https://aka.ms/azureskunotavailable for details.",
        )


def require_quota(env: Env, size: Size, subscription: str, location: str) -> None:
    """Raise 409 where the cores of one more VM of this size exceed a quota."""
    used = cores_used(env, subscription, location)
    for family, current in ((size.family, used.get(size.family, 0)), ("cores", sum(used.values()))):
        most = limit(env.settings.values, location, family)
        if current + size.cores > most:
            what = f"{family} Cores" if family != "cores" else "Total Regional Cores"
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Operation could not be completed as it results in exceeding approved {what} quota. Additional details "
                f"- Deployment Model: Resource Manager, Location: {location}, Current Limit: {most}, Current Usage: "
                f"{current}, Additional Required: {size.cores}, (Minimum) New Limit Required: {current + size.cores}.",
            )


def require_capacity(env: Env, size: Size, location: str) -> None:
    """Raise AllocationFailed where the region has no room for the size."""
    if restriction(env.settings.values, location, size) == "AllocationFailed":
        raise ArmError(
            409,
            "AllocationFailed",
            "Allocation failed. We do not have sufficient capacity for the requested VM size in this region. Read more "
            "about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
        )


def _os_disk(call: Call, fields: Fields, size: Size, zones: list[str], vm_id: str) -> DiskUse:
    path = "properties.storageProfile.osDisk"
    fields.table(path, required=True)
    option = fields.text(f"{path}.createOption", required=True, allowed=("Attach", "FromImage", "Empty"))
    if option != "Attach":
        raise bad_parameter(
            "osDisk.createOption",
            f"The lab has no images: createOption '{option}' of the OS disk is not served, use 'Attach'.",
            code="NotSupported",
        )
    kind = fields.text(f"{path}.osType", allowed=("Windows", "Linux"))
    if not kind:
        raise bad_parameter("osDisk.osType", "Required parameter 'osDisk.osType' is missing (null).")
    for word, target in (
        ("properties.osProfile", "osProfile"),
        ("properties.storageProfile.imageReference", "imageReference"),
    ):
        if fields.raw(word) is not None:
            raise bad_parameter(target, f"Parameter '{target}' is not allowed.")
    disk = _attachable(call, fields.text(f"{path}.managedDisk.id", required=True), size, zones, vm_id)
    body = disk.body
    properties = body["properties"]
    if properties.get("osType") not in (None, kind):
        raise bad_parameter(
            "osDisk.osType",
            f"The osType '{kind}' of the OS disk does not match the osType '{properties['osType']}' of disk '{disk.id}'.",
        )
    generation = properties.get("hyperVGeneration", "V1")
    if generation not in size.generations:
        raise ArmError(
            400,
            "BadRequest",
            f"The selected VM size '{size.name}' cannot boot Hypervisor Generation '{generation[1:]}'. If this was a "
            "Create operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation "
            "of the selected VM Size.",
        )
    if properties["diskSizeGB"] > _LARGEST_OS_DISK:
        raise bad_parameter("osDisk.diskSizeGB", f"The OS disk '{disk.id}' is larger than {_LARGEST_OS_DISK} GB.")
    return DiskUse(disk, {"osType": kind, **_use(fields, path, disk, "ReadWrite")}, None)


def read_data_disks(call: Call, fields: Fields, size: Size, zones: list[str], vm_id: str) -> list[DiskUse]:
    """The data disks of a body: LUNs, counts, and each disk attachable (or attached to this VM already)."""
    rows = fields.rows("properties.storageProfile.dataDisks")
    if len(rows) > size.data_disks:
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"The maximum number of data disks allowed to be attached to a VM of this size is {size.data_disks}.",
            "dataDisks",
        )
    uses: list[DiskUse] = []
    for number, row in enumerate(rows):
        one = Fields(f"dataDisks[{number}]", row)
        lun = one.whole("lun", required=True, low=0, high=63)
        if any(use.lun == lun for use in uses):
            raise bad_parameter(
                "dataDisk.lun", f"A value of lun '{lun}' is specified more than once: the LUN of a data disk must be unique."
            )
        option = one.text("createOption", required=True, allowed=("Attach", "Empty", "FromImage", "Copy", "Restore"))
        if option != "Attach":
            raise bad_parameter(
                "dataDisk.createOption",
                f"createOption '{option}' of a data disk is not served by the lab: make the disk first and use 'Attach'.",
                code="NotSupported",
            )
        disk = _attachable(call, one.text("managedDisk.id", required=True), size, zones, vm_id)
        if any(use.record.key == disk.key for use in uses):
            raise _conflict(f"Disk '{disk.id}' is attached more than once to VM '{vm_id}'.")
        uses.append(DiskUse(disk, {"lun": lun, **_use(one, "", disk, "None"), "toBeDetached": False}, lun))
    return uses


def _use(fields: Fields, path: str, disk: Record, caching: str) -> Json:
    """How a disk stands in the VM's document."""
    prefix = f"{path}." if path else ""
    body = disk.body
    chosen = fields.text(f"{prefix}caching", allowed=_CACHING)
    size = body["properties"]["diskSizeGB"]
    if chosen not in ("", "None") and size > _LARGEST_CACHED:
        raise bad_parameter(
            "caching", f"Disk caching is not supported for disk '{body['name']}' of {size} GB: only below 4 TiB."
        )
    return {
        "name": body["name"],
        "createOption": "Attach",
        "caching": chosen or (caching if size <= _LARGEST_CACHED else "None"),
        "writeAcceleratorEnabled": bool(fields.flag(f"{prefix}writeAcceleratorEnabled")),
        "managedDisk": {"id": disk.id, "storageAccountType": body["sku"]["name"]},
        "deleteOption": fields.text(f"{prefix}deleteOption", allowed=_DELETE, default="Detach"),
        "diskSizeGB": size,
    }


def _attachable(call: Call, text: str, size: Size, zones: list[str], vm_id: str) -> Record:
    """The disk, if it can be attached to this VM now."""
    env = call.env
    target = parse_id(text, "managedDisk.id")
    disk = env.store.get(target.resource_id)
    if disk is None or disk.kind != DISKS.lower():
        raise ArmError(404, "NotFound", f"Disk {target.name} is not found.")
    body = disk.body
    name, properties = body["name"], body["properties"]
    if (body["location"], target.subscription.lower()) != (call.body["location"], call.target.subscription.lower()):
        raise ArmError(
            409,
            "BadRequest",
            f"Disk {name} in location '{body['location']}' cannot be attached to a VM in location "
            f"'{call.body['location']}': disk and VM must be in the same region and subscription.",
        )
    if properties["provisioningState"] != "Succeeded":
        raise _conflict(
            f"Disk '{disk.id}' cannot be attached: its provisioning state is '{properties['provisioningState']}'."
        )
    require_free(disk, f"attached to VM '{vm_id.rpartition('/')[2]}'")
    holder = body.get("managedBy")
    if holder and holder.lower() != vm_id.lower():
        raise ArmError(
            409,
            "ConflictingUserInput",
            f"Disk '{disk.id}' cannot be attached as the disk is already owned by VM '{holder}'.",
        )
    require_no_sas(disk)
    if (body.get("zones") or []) != zones and (body.get("zones") or zones) and not body["sku"]["name"].endswith("_ZRS"):
        raise ArmError(
            400,
            "BadRequest",
            f"Disk {name} cannot be attached to the VM because its zones {body.get('zones') or []} are not those of the "
            f"VM {zones}.",
        )
    if body["sku"]["name"].startswith(("Premium", "Ultra")) and not size.premium:
        raise bad_parameter(
            "storageAccountType",
            f"Requested operation cannot be performed because storage account type '{body['sku']['name']}' is not "
            f"supported for VM size '{size.name}'.",
        )
    return disk


def require_no_sas(disk: Record) -> None:
    """Raise 409 while somebody has access to the disk by SAS."""
    body = disk.body
    if body["properties"]["diskState"] == "ActiveSAS":
        raise ArmError(
            409,
            "OperationNotAllowed",
            f"There is an active shared access signature outstanding for disk {body['name']}. Call EndGetAccess before "
            "attaching the disk or starting its VM.",
        )


def _nics(call: Call, fields: Fields, size: Size, vm_id: str) -> tuple[list[Record], list[Json]]:
    rows = fields.rows("properties.networkProfile.networkInterfaces")
    if not rows:
        raise bad_parameter("networkProfile", "The networkProfile must have at least one network interface.")
    if len(rows) > size.nics:
        raise ArmError(
            400,
            "NetworkInterfaceCountExceeded",
            f"The number of network interfaces for virtual machine {vm_id.rpartition('/')[2]} exceeds the maximum allowed "
            f"for the virtual machine size {size.name}. The number of network interfaces is {len(rows)} and the maximum "
            f"allowed is {size.nics}.",
        )
    nics: list[Record] = []
    documents: list[Json] = []
    for number, row in enumerate(rows):
        one = Fields(f"networkInterfaces[{number}]", row)
        nic = _nic(call, one.text("id", required=True), vm_id)
        if nic.key in (other.key for other in nics):
            raise bad_parameter("networkInterfaces", f"The network interface '{nic.id}' is given twice.")
        properties: dict[str, Any] = {"deleteOption": one.text("properties.deleteOption", allowed=_DELETE, default="Detach")}
        primary = one.flag("properties.primary")
        if primary is not None:
            properties["primary"] = primary
        nics.append(nic)
        documents.append({"id": nic.id, "properties": properties})
    primaries = [one for one in documents if one["properties"].get("primary")]
    if len(documents) == 1:
        documents[0]["properties"]["primary"] = True
    elif len(primaries) != 1:
        raise ArmError(
            400,
            "VirtualMachineMustHaveOneNetworkInterfaceAsPrimary",
            f"Virtual machine {vm_id.rpartition('/')[2]} must have one network interface set as the primary.",
        )
    return nics, documents


def _nic(call: Call, text: str, vm_id: str) -> Record:
    target = parse_id(text, "networkInterfaces.id")
    nic = call.env.store.get(target.resource_id)
    if nic is None or nic.kind != NICS.lower() or nic.body["location"] != call.body["location"]:
        raise unknown_reference(target.resource_id, vm_id)
    call.env.authz.require_linked(call.principal, (f"{VMS}/write", vm_id), _JOIN_NIC, nic.id)
    machine = (nic.body["properties"].get("virtualMachine") or {}).get("id", "")
    if machine and machine.lower() != vm_id.lower():
        raise ArmError(400, "NicInUse", f"Network Interface {nic.id} is used by existing resource {machine}.")
    return nic


def check_vm_name(name: str) -> None:
    """1 to 64 characters, no special ones, no hyphen or dot at the end."""
    if not re.fullmatch(r"(?![_\W])[\w.\-]{1,64}(?<![\-.])", name):
        raise bad_parameter(
            "vmName",
            "The entity name 'vmName' is invalid according to its validation rule: ^[^_\\W][\\w-._]{0,79}(?<![-.])$.",
        )


def _conflict(message: str) -> ArmError:
    return ArmError(409, "ConflictingUserInput", message)
