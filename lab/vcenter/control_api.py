"""The vCenter's own control operations: guest writes, VM settings, faults of the kind that VMware has by itself."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from lab.control import Control, ControlError
from lab.vcenter import operations, snapshots
from lab.vcenter.cbt import Tracker
from lab.vcenter.disks import Disk, DiskError
from lab.vcenter.entities import Datastore, Host
from lab.vcenter.guest import MIB, PATTERNS, GuestError, Order, Writer, write_now, write_once
from lab.vcenter.inventory import World
from lab.vcenter.machine import Settings, Vm, track_path
from lab.vcenter.sessions import Sessions
from lab.vcenter.snapshots import stunned
from lab.vcenter.spec import GIB
from lab.vcenter.vimtypes import Fault

Body = dict[str, Any]


class VCenterControl:
    """The extras behind `/lab/v1/` of the vCenter server."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self.world = world
        self.sessions = sessions
        self._writers: dict[str, Writer] = {}

    def install(self, control: Control) -> None:
        control.route("POST", "write", self._write)
        control.route("DELETE", "write", self._stop_writing)
        control.route("POST", "flatten", self._flatten)
        control.route("GET", "vm/{name}", lambda body, given: self.vm_status(self._vm(given["name"])))
        control.route("POST", "vm/{name}", self._set_vm)
        control.route("POST", "datastore/{name}", self._set_datastore)
        control.route("POST", "settings", self._set_defaults)
        control.route("POST", "readers", self._add_reader)
        control.route("POST", "password", self._set_password)
        control.route("POST", "sessions/expire", lambda body, given: {"expired": self.sessions.expire_all()})

    # Status

    def status(self) -> Body:
        """Every VM by name; VMs that share a name go by their instance uuid."""
        vms: Body = {}
        for vm in self.world.vms():
            vms[vm.name if vm.name not in vms else vm.instance_uuid] = self.vm_status(vm)
        return {
            "service": "vcenter",
            "uuid": self.world.instance_uuid,
            "sessions": self.sessions.count(),
            "vms": vms,
        }

    def vm_status(self, vm: Vm) -> Body:
        with vm.lock:
            writer = self._writers.get(vm.moid)
            return {
                "uuid": vm.instance_uuid,
                "moid": vm.moid,
                "name": vm.name,
                "power": vm.power,
                "cbt": vm.cbt,
                "host": self.world.objects[vm.host].name,
                "task": vm.task.moid if vm.task else None,
                "consolidation_needed": vm.consolidation_needed,
                "disks": [self._disk_status(vm, disk) for disk in vm.disks],
                "snapshots": [
                    {"moid": entry.moid, "name": entry.name, "created": entry.created} for entry in vm.snapshots
                ],
                "writing": None
                if writer is None or not writer.running
                else {"pattern": writer.order.pattern, "bytes": writer.done.bytes},
            }

    def _disk_status(self, vm: Vm, disk: Disk) -> Body:
        with disk.lock:
            return {
                "key": disk.key,
                "label": disk.label,
                "controller": vm.place(disk),
                "path": str(disk.base.path),
                "chain": [str(layer.path) for layer in disk.chain],
                "capacity": disk.capacity,
                "uuid": disk.uuid,
                "mode": disk.mode,
                "change_id": disk.tracker.change_id if disk.tracker else None,
            }

    # Guest writes

    def _write(self, body: Body, given: dict[str, str]) -> Body:
        vm = self._vm(str(body.get("vm") or given.get("vm", "")))
        disk = self._disk(vm, body.get("disk"))
        try:
            if "data_b64" in body:
                data = base64.b64decode(body["data_b64"], validate=True)
                write_once(vm, disk, int(body.get("offset", 0)), data)
                return {"bytes": len(data), "writes": 1, "disk": disk.label}
            return self._write_pattern(vm, disk, body)
        except (GuestError, DiskError) as error:
            raise ControlError(str(error), 409) from error
        except (binascii.Error, TypeError, ValueError) as error:
            raise ControlError(f"not a write: {error}") from error

    def _write_pattern(self, vm: Vm, disk: Disk, body: Body) -> Body:
        pattern = str(body.get("pattern", "sequential"))
        if pattern not in PATTERNS:
            raise ControlError(f"pattern {pattern!r} is not one of {', '.join(PATTERNS)}")
        start = body.get("offset")
        order = Order(
            pattern,
            int(float(body.get("mib", 1)) * MIB),
            int(body.get("seed", 0)),
            None if start is None else int(start),
        )
        if vm.power != "poweredOn":
            raise GuestError(f"{vm.name} is powered off: its guest cannot write; power it on first")
        if not body.get("rate"):
            done = write_now(vm, disk, order)
            return {"bytes": done.bytes, "writes": done.writes, "disk": disk.label}
        if (writer := self._writers.pop(vm.moid, None)) is not None:
            writer.stop()
        writer = self._writers[vm.moid] = Writer(vm, disk, order, float(body["rate"]) * MIB)
        writer.start()
        return {"writing": True, "disk": disk.label, "rate_mib_s": float(body["rate"])}

    def _stop_writing(self, body: Body, given: dict[str, str]) -> Body:
        name = body.get("vm") or given.get("vm")
        chosen = [self._vm(str(name)).moid] if name else list(self._writers)
        stopped = {}
        for moid in chosen:
            writer = self._writers.pop(moid, None)
            if writer is not None:
                writer.stop()
                stopped[writer.vm.name] = writer.done.bytes
        return {"stopped": stopped}

    def _flatten(self, body: Body, given: dict[str, str]) -> Body:
        """Write the content of a disk, now or at a snapshot (by name or moid), to a raw file."""
        wanted = {**given, **body}
        vm = self._vm(str(wanted.get("vm", "")))
        disk = self._disk(vm, wanted.get("disk"))
        if not wanted.get("path"):
            raise ControlError("flatten needs `path`: the raw file to write")
        layer = None
        if wanted.get("snapshot"):
            names = (wanted["snapshot"],)
            frozen = [
                entry
                for snapshot in vm.snapshots
                if snapshot.name in names or snapshot.moid in names
                for entry in snapshot.disks
                if entry.disk is disk
            ]
            if not frozen:
                raise ControlError(f"{vm.name} has no snapshot {wanted['snapshot']!r} of {disk.label}", 404)
            layer = frozen[0].layer
        disk.flatten(Path(wanted["path"]), layer)
        return {"path": wanted["path"], "capacity": disk.capacity, "disk": disk.label}

    # Settings

    def _set_vm(self, body: Body, given: dict[str, str]) -> Body:
        vm = self._vm(given["name"])
        known = {entry.name: entry for entry in fields(Settings)}
        special: dict[str, Callable[[Vm, Any], None]] = {
            "reset_cbt": self._reset_cbt,
            "foreign_snapshot": self._foreign_snapshot,
            "power": lambda machine, state: operations.set_power(self.world, machine, str(state)),
            "rename": lambda machine, name: operations.rename(self.world, machine, str(name)),
            "move": self._move,
            "grow": self._grow,
            "add_disk": self._add_disk,
            "remove_disk": self._remove_disk,
        }
        if unknown := sorted(set(body) - set(known) - set(special)):
            names = ", ".join(sorted([*known, *special]))
            raise ControlError(f"a VM has no setting {unknown[0]!r}; it has {names}")
        with vm.lock:
            for key, value in body.items():
                if key in known:
                    setattr(vm.settings, key, value)
            vm.save()
        self.world.touch(vm)
        for key, value in body.items():
            if key in special:
                _carry_out(special[key], vm, value)
        return self.vm_status(vm)

    def _reset_cbt(self, vm: Vm, value: Any) -> None:
        """Change ids of before mean nothing any more, for all disks or the one named."""
        chosen = vm.disks if value is True else [self._disk(vm, value)]
        with vm.lock, stunned(vm):
            for disk in chosen:
                if disk.tracker is not None:
                    disk.tracker = Tracker.start(track_path(disk), vm.settings.cbt_granularity)
            vm.save()
        self.world.touch(vm)

    def _foreign_snapshot(self, vm: Vm, value: Any) -> None:
        """True or a name: somebody else's backup tool takes a snapshot; False: it removes its snapshots again."""
        if value is False:
            for entry in [entry for entry in vm.snapshots if entry.description == "taken by somebody else"]:
                snapshots.remove(self.world, vm, entry, children=False, consolidate=True)
            return
        name = value if isinstance(value, str) else "VEEAM BACKUP TEMPORARY SNAPSHOT"
        snapshots.create(self.world, vm, name, "taken by somebody else")

    def _move(self, vm: Vm, name: Any) -> None:
        hosts = [
            entity for entity in self.world.objects.values() if isinstance(entity, Host) and entity.name == name
        ]
        if not hosts:
            raise ControlError(f"there is no host {name!r}", 404)
        self.world.move_vm(vm, hosts[0].moid)
        with vm.lock:
            vm.save()

    def _grow(self, vm: Vm, value: Any) -> None:
        """{"disk": …, "gib"|"bytes": new capacity}."""
        operations.grow(self.world, vm, self._disk(vm, value.get("disk")), _size(value))

    def _add_disk(self, vm: Vm, value: Any) -> None:
        """{"gib"|"bytes": capacity, "unit": optional}."""
        operations.add_disk(self.world, vm, _size(value), None, value.get("unit"))

    def _remove_disk(self, vm: Vm, value: Any) -> None:
        operations.remove_disk(self.world, vm, self._disk(vm, value), destroy=False)

    def _set_datastore(self, body: Body, given: dict[str, str]) -> Body:
        """{"type": …, "free": bytes or null (computed again), "capacity": bytes}."""
        stores = [
            entity
            for entity in self.world.objects.values()
            if isinstance(entity, Datastore) and given["name"] in (entity.name, entity.moid)
        ]
        if not stores:
            raise ControlError(f"there is no datastore {given['name']!r}", 404)
        if unknown := sorted(set(body) - {"type", "free", "capacity"}):
            raise ControlError(f"a datastore has no setting {unknown[0]!r}; it has type, free, capacity")
        for key, value in body.items():
            setattr(stores[0], key, value)
        self.world.touch(stores[0])
        return {"name": stores[0].name, "type": stores[0].type, "free": self.world.free_space(stores[0])}

    def _add_reader(self, body: Body, given: dict[str, str]) -> Body:
        """{"user", "password"}: an account with the role "Read-only"; it is forgotten when the lab stops."""
        self.sessions.add_reader(str(body["user"]), str(body["password"]))
        return {"user": body["user"], "role": "Read-only"}

    def _set_password(self, body: Body, given: dict[str, str]) -> Body:
        """{"password"}: the administrator's from now on; it is the old one again when the lab starts anew."""
        self.sessions.change_password(str(body["password"]))
        return {"user": self.sessions.user}

    def _set_defaults(self, body: Body, given: dict[str, str]) -> Body:
        """{"latency_s", "session_idle_s", "page_size", "denied": [privileges]}."""
        defaults = self.world.defaults
        for key, value in body.items():
            if key not in ("latency_s", "session_idle_s", "page_size", "denied"):
                raise ControlError(
                    f"no setting {key!r}; there are latency_s, session_idle_s, page_size, denied"
                )
            setattr(defaults, key, set(value) if key == "denied" else value)
        return {
            "latency_s": defaults.latency_s,
            "session_idle_s": defaults.session_idle_s,
            "page_size": defaults.page_size,
            "denied": sorted(defaults.denied),
        }

    # Looking things up

    def _vm(self, name: str) -> Vm:
        found = self.world.vm_by_name(name)
        if not found:
            raise ControlError(f"there is no VM {name!r}", 404)
        if len(found) > 1:
            uuids = ", ".join(vm.instance_uuid for vm in found)
            raise ControlError(
                f"{len(found)} VMs are called {name!r}: say which by instance uuid ({uuids})", 409
            )
        return found[0]

    def _disk(self, vm: Vm, name: Any) -> Disk:
        disk = vm.find_disk(name)
        if disk is None:
            labels = ", ".join(entry.label for entry in vm.disks) or "none"
            raise ControlError(f"{vm.name} has no disk {name!r}; it has {labels}", 404)
        return disk


def _carry_out(action: Callable[[Vm, Any], None], vm: Vm, value: Any) -> None:
    try:
        action(vm, value)
    except Fault as error:
        raise ControlError(f"{vm.name}: {error}", 409) from error


def _size(value: Body) -> int:
    size = int(value.get("bytes") or float(value.get("gib", 0)) * GIB)
    if size <= 0 or size % 512:
        raise ControlError("a capacity is needed: gib, or bytes in whole sectors of 512")
    return size
