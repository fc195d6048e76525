"""Microsoft.Compute/virtualMachines: made from disks and NICs that exist; running as soon as they are made."""

from __future__ import annotations

import json
import uuid
from typing import ClassVar

from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError, bad_parameter, json_response
from lab.azure.arm.fields import Fields
from lab.azure.arm.lro import Done, Finisher, Operation
from lab.azure.arm.store import Change, Json, Record, record
from lab.azure.arm.times import now_text
from lab.azure.arm.types import serial_log
from lab.azure.arm.types.base import ResourceType, in_flight, merge_tags, page
from lab.azure.arm.types.sizes import SIZES
from lab.azure.arm.types.skus import VMS, size_row
from lab.azure.arm.types.vm_spec import (
    DiskUse,
    VmSpec,
    check_vm_name,
    read_data_disks,
    read_size,
    read_vm,
    require_available,
    require_capacity,
    require_no_sas,
    require_quota,
)
from lab.http import Response

_POWER_SHOWN = {"running": "VM running", "stopped": "VM stopped", "deallocated": "VM deallocated"}
_VERBS = ("start", "powerOff", "deallocate", "restart", "redeploy", "reapply")


class VirtualMachines(ResourceType):
    """Microsoft.Compute/virtualMachines."""

    full_type: ClassVar[str] = VMS

    def register(self) -> None:
        """Tell the operations how each of them ends."""
        operations = self.env.operations
        operations.register("vm.create", Finisher(self._created, failed=self._failed))
        operations.register("vm.update", Finisher(self._updated, failed=self._failed))
        operations.register("vm.delete", Finisher(self.discarded))
        for verb in _VERBS:
            operations.register(f"vm.{verb}", Finisher(self._powered))

    # -- reading

    def listing(self, call: Call) -> Response:
        """With `statusOnly=true` the documents carry the instance view."""
        if call.request.query.get("statusOnly", "").lower() == "true":
            return page(call, call.target.scope, _WithStatus(self))
        return super().listing(call)

    def get(self, call: Call) -> Response:
        """With `$expand=instanceView` the document carries the instance view."""
        item = self.require(call)
        if "instanceview" in call.request.query.get("$expand", "").lower():
            return json_response(200, with_status(item))
        return json_response(200, item.raw)

    # -- making

    def check_name(self, call: Call) -> None:
        """1 to 64 characters."""
        check_vm_name(call.target.name)

    def create(self, call: Call) -> Response:
        """201; disks and NICs belong to the VM from now on."""
        spec = read_vm(call, call.target.resource_id)
        require_quota(self.env, spec.size, call.target.subscription, call.body["location"])
        properties: Json = {
            "vmId": str(uuid.uuid4()),
            "timeCreated": now_text(),
            "provisioningState": "Creating",
            "hardwareProfile": {"vmSize": spec.size.name},
            "storageProfile": _storage(call, spec.disks),
            "networkProfile": {"networkInterfaces": spec.nic_documents},
            **spec.rest,
        }
        more = {key: call.body.get(key) for key in ("identity", "plan")}
        document = self.document(call, properties, zones=spec.zones, **more)
        operation_id = str(uuid.uuid4())
        private = {
            "power": "stopped",
            "location": call.body["location"],
            "size": spec.size.name.lower(),
            "generation": next(use for use in spec.disks if use.lun is None)
            .record.body["properties"]
            .get("hyperVGeneration", "V1"),
            **in_flight(call, operation_id),
        }
        vm_id = call.target.resource_id
        changes: list[Change] = [self.new(call, document, private)]
        changes += [_attached(use.record, vm_id, "Attached") for use in spec.disks]
        changes += [_nic_of(nic, vm_id) for nic in spec.nics]
        operation = self.env.operations.start(
            "vm.create",
            "PUT",
            call.target,
            location=call.body["location"],
            args=_capacity(spec),
            changes=changes,
            api_version=call.api_version,
            operation_id=operation_id,
        )
        return self.env.operations.accepted(operation, 201, document, by_location=False)

    def replace(self, call: Call, existing: Record) -> Response:
        """PUT again: what a PATCH could change; disks and NICs that define the machine cannot."""
        self._check_fixed(call, existing)
        return self.update(call, existing)

    def update(self, call: Call, existing: Record) -> Response:
        """PATCH: tags, size, data disks, security and other profiles. 200 with an operation to poll."""
        fields = Fields("", call.body)
        body = existing.body
        call.body.setdefault("location", body["location"])
        merge_tags(body, call.body)
        size = SIZES[existing.private["size"]]
        if fields.raw("properties.hardwareProfile.vmSize") is not None:
            wanted = read_size(fields)
            if wanted != size:
                require_available(self.env, wanted, body["location"], body.get("zones", []))
                size = wanted
                body["properties"]["hardwareProfile"]["vmSize"] = size.name
        changes: list[Change] = []
        if fields.raw("properties.storageProfile.dataDisks") is not None:
            changes = self._change_disks(call, existing, body, fields)
        for key in ("securityProfile", "diagnosticsProfile", "licenseType", "userData"):
            if fields.raw(f"properties.{key}") is not None:
                body["properties"][key] = fields.raw(f"properties.{key}")
        if call.body.get("identity") is not None:
            body["identity"] = call.body["identity"]
        body["properties"]["provisioningState"] = "Updating"
        operation_id = str(uuid.uuid4())
        private = {"size": size.name.lower(), **in_flight(call, operation_id)}
        operation = self.env.operations.start(
            "vm.update",
            call.method,
            call.target,
            location=body["location"],
            args={"size": size.name.lower()},
            changes=[self.stamped(existing, body, **private), *changes],
            api_version=call.api_version,
            operation_id=operation_id,
        )
        return self.env.operations.accepted(operation, 200, body, by_location=False)

    def joined(self, call: Call, existing: Record) -> Response:
        """The same PUT again while the first is in flight."""
        operation = self.env.operations.find(existing.private["busy"])
        if operation is None:
            raise self.unsupported(call)
        return self.env.operations.accepted(operation, 200, existing.raw, by_location=False)

    def _check_fixed(self, call: Call, existing: Record) -> None:
        fields = Fields("", call.body)
        properties = existing.body["properties"]
        now = properties["storageProfile"]["osDisk"]["managedDisk"]["id"]
        wanted = fields.text("properties.storageProfile.osDisk.managedDisk.id")
        if wanted and wanted.lower() != now.lower():
            raise _fixed("osDisk.managedDisk.id")
        nics = fields.rows("properties.networkProfile.networkInterfaces")
        have = {one["id"].lower() for one in properties["networkProfile"]["networkInterfaces"]}
        if nics and {str(one.get("id", "")).lower() for one in nics} != have:
            raise _fixed("networkProfile.networkInterfaces")

    def _change_disks(self, call: Call, existing: Record, body: Json, fields: Fields) -> list[Change]:
        size = SIZES[existing.private["size"]]
        uses = read_data_disks(call, fields, size, body.get("zones", []), existing.id)
        storage = body["properties"]["storageProfile"]
        os_disk = storage["osDisk"]["managedDisk"]["id"].lower()
        if any(use.record.key == os_disk for use in uses):
            raise bad_parameter("dataDisks", "The OS disk cannot be a data disk of the same VM.")
        kept = {use.record.key for use in uses}
        gone = [one["managedDisk"]["id"] for one in storage["dataDisks"] if one["managedDisk"]["id"].lower() not in kept]
        storage["dataDisks"] = [use.document for use in uses]
        state = "Reserved" if existing.private["power"] == "deallocated" else "Attached"
        freed = [disk for one in gone if (disk := self.env.store.get(one)) is not None]
        return [*(_detached(disk) for disk in freed), *(_attached(use.record, existing.id, state) for use in uses)]

    # -- power

    def action(self, call: Call, verb: str) -> Response:
        """start, powerOff, deallocate, restart, redeploy, reapply; instanceView, vmSizes, generalize."""
        item = self.require(call)
        match verb.lower():
            case "instanceview":
                return json_response(200, instance_view(item))
            case "vmsizes":
                return json_response(200, {"value": [size_row(size) for size in SIZES.values()]})
            case "retrievebootdiagnosticsdata":
                return serial_log.retrieve(self.env, item, call.request.query.get("sasUriExpirationTimeInMinutes", ""))
            case "generalize":
                return json_response(200)
            case lowered:
                name = next((one for one in _VERBS if one.lower() == lowered), None)
                if name is None:
                    raise self.unsupported(call)
                return self._power(call, item, name)

    def _power(self, call: Call, item: Record, verb: str) -> Response:
        self.env.authz.require_unlocked(item.id, deleting=False)
        self.require_idle(item)
        power = item.private["power"]
        size = SIZES[item.private["size"]]
        if verb in ("restart", "redeploy") and power != "running":
            raise ArmError(
                409,
                "OperationNotAllowed",
                f"Operation '{verb}' is not allowed on VM '{item.body['name']}' since the VM is not running.",
            )
        if verb == "start":
            for disk in self._disks(item):
                require_no_sas(disk)
            if power == "deallocated":
                require_quota(self.env, size, call.target.subscription, item.body["location"])
        operation_id = str(uuid.uuid4())
        operation = self.env.operations.start(
            f"vm.{verb}",
            "POST",
            call.target,
            location=item.body["location"],
            args={"verb": verb},
            changes=[self.stamped(item, item.body, busy=operation_id)],
            api_version=call.api_version,
            operation_id=operation_id,
        )
        return self.env.operations.accepted(operation)

    def _powered(self, operation: Operation) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        verb, power = operation.args["verb"], item.private["power"]
        match verb:
            case "start" | "restart" | "redeploy":
                if power == "deallocated":
                    require_capacity(self.env, SIZES[item.private["size"]], operation.location)
                power = "running"
            case "powerOff":
                power = power if power == "deallocated" else "stopped"
            case "deallocate":
                power = "deallocated"
        state = "Reserved" if power == "deallocated" else "Attached"
        body = item.body
        if verb == "reapply":
            body["properties"]["provisioningState"] = "Succeeded"
        disks = [_attached(disk, item.id, state) for disk in self._disks(item)]
        return Done([self.stamped(item, body, power=power, busy=None), *disks])

    # -- endings

    def _created(self, operation: Operation) -> Done:
        require_capacity(self.env, SIZES[operation.args["size"]], operation.location)
        return self._ready(operation, "running")

    def _updated(self, operation: Operation) -> Done:
        return self._ready(operation, None)

    def _ready(self, operation: Operation, power: str | None) -> Done:
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return Done()
        body = item.body
        body["properties"]["provisioningState"] = "Succeeded"
        private = {"busy": None, "asked": None, "power": power or item.private["power"]}
        return Done([self.stamped(item, body, **private)])

    def _failed(self, operation: Operation, error: ArmError) -> list[Change]:
        """A VM whose making failed stays there as Failed, and keeps its disks and NICs."""
        item = self.env.store.get(operation.resource_id)
        if item is None:
            return []
        body = item.body
        body["properties"]["provisioningState"] = "Failed"
        return [self.stamped(item, body, busy=None, asked=None)]

    # -- deletion

    def remove(self, call: Call, existing: Record) -> Response:
        """202; disks and NICs are let go or deleted, as their deleteOption says."""
        self.require_idle(existing)
        body = existing.body
        body["properties"]["provisioningState"] = "Deleting"
        operation_id = str(uuid.uuid4())
        operation = self.env.operations.start(
            "vm.delete",
            "DELETE",
            call.target,
            location=body["location"],
            changes=[self.stamped(existing, body, busy=operation_id)],
            api_version=call.api_version,
            operation_id=operation_id,
        )
        return self.env.operations.accepted(operation)

    def discard(self, item: Record) -> list[Change]:
        """The VM goes; what it used is free again, or goes too where deleteOption says so."""
        properties = item.body["properties"]
        storage = properties["storageProfile"]
        used = [(one["managedDisk"]["id"], one["deleteOption"]) for one in (storage["osDisk"], *storage["dataDisks"])]
        used += [(one["id"], one["properties"]["deleteOption"]) for one in properties["networkProfile"]["networkInterfaces"]]
        changes = super().discard(item)
        for resource_id, option in used:
            found = self.env.store.get(resource_id)
            if found is None:
                continue
            if option == "Delete":
                changes += self._others[found.kind].discard(found)
            else:
                changes.append(_detached(found) if "managedBy" in found.body else _nic_of(found, None))
        return changes

    def knows(self, *others: ResourceType) -> None:
        """Tell how disks and NICs are discarded."""
        self._others = {kind.full_type.lower(): kind for kind in others}

    def _disks(self, item: Record) -> list[Record]:
        storage = item.body["properties"]["storageProfile"]
        ids = [one["managedDisk"]["id"] for one in (storage["osDisk"], *storage["dataDisks"])]
        return [disk for one in ids if (disk := self.env.store.get(one)) is not None]


class _WithStatus(ResourceType):
    """The same list, rendered with instance views."""

    full_type: ClassVar[str] = VMS

    def __init__(self, machines: VirtualMachines) -> None:
        super().__init__(machines.env)

    def render(self, item: Record) -> bytes:
        """With the instance view."""
        return json.dumps(with_status(item), separators=(",", ":")).encode()


def with_status(item: Record) -> Json:
    """The document of a VM with its instance view in it."""
    body = item.body
    body["properties"]["instanceView"] = instance_view(item)
    return body


def instance_view(item: Record) -> Json:
    """Power and provisioning as statuses."""
    body = item.body
    properties, power = body["properties"], item.private["power"]
    state = properties["provisioningState"]
    disks = [properties["storageProfile"]["osDisk"], *properties["storageProfile"]["dataDisks"]]
    ready = _status("ProvisioningState/succeeded", "Provisioning succeeded")
    view: Json = {
        "disks": [{"name": one["name"], "statuses": [ready]} for one in disks],
        "hyperVGeneration": item.private.get("generation", "V1"),
        "statuses": [_status(f"ProvisioningState/{state.lower()}", f"Provisioning {state.lower()}")],
    }
    if state not in ("Creating", "Failed") or power == "running":
        view["statuses"].append(_status(f"PowerState/{power}", _POWER_SHOWN[power]))
    if power == "running":  # every guest of the lab has an agent, and it is quick
        agent = _status("ProvisioningState/succeeded", "Ready") | {"message": "GuestAgent is running"}
        view["vmAgent"] = {"vmAgentVersion": "2.9.1.1", "statuses": [agent]}
    return view


def _status(code: str, shown: str) -> Json:
    return {"code": code, "level": "Info", "displayStatus": shown}


def _storage(call: Call, disks: list[DiskUse]) -> Json:
    os_disk = next(use.document for use in disks if use.lun is None)
    storage: Json = {"osDisk": os_disk, "dataDisks": [use.document for use in disks if use.lun is not None]}
    controller = Fields("", call.body).text("properties.storageProfile.diskControllerType", allowed=("SCSI", "NVMe"))
    storage["diskControllerType"] = controller or "SCSI"
    return storage


def _capacity(spec: VmSpec) -> Json:
    return {"size": spec.size.name.lower()}


def _attached(disk: Record, vm_id: str, state: str) -> Record:
    body = disk.body
    body["managedBy"] = vm_id
    body["properties"]["diskState"] = state
    return record(disk.id, disk.kind, body, disk.private)


def _detached(disk: Record) -> Record:
    body = disk.body
    body.pop("managedBy", None)
    body["properties"]["diskState"] = "Unattached"
    return record(disk.id, disk.kind, body, disk.private)


def _nic_of(nic: Record, vm_id: str | None) -> Record:
    body = nic.body
    if vm_id is None:
        body["properties"].pop("virtualMachine", None)
    else:
        body["properties"]["virtualMachine"] = {"id": vm_id}
    return record(nic.id, nic.kind, body, nic.private)


def _fixed(name: str) -> ArmError:
    return ArmError(409, "PropertyChangeNotAllowed", f"Changing property '{name}' is not allowed.", name)
