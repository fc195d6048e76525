"""The vCenter's HTTPS service: SOAP at `/sdk`, datastore files at `/folder/…`, tags at `/rest/…`."""

from __future__ import annotations

import logging
import re
from typing import Any

from lab.faults import Faults
from lab.http import Request, Response
from lab.vcenter import properties, tagging, vm_methods
from lab.vcenter.context import Context
from lab.vcenter.datastore_http import serve_file
from lab.vcenter.entities import Managed
from lab.vcenter.inventory import World
from lab.vcenter.machine import Vm
from lab.vcenter.properties import Method, destroy
from lab.vcenter.selection import Scope, View, user_session
from lab.vcenter.sessions import Sessions, cookie_header, not_authenticated
from lab.vcenter.soap import (
    Call,
    WireError,
    answer,
    fault,
    method_not_found,
    parse,
    service_versions,
    version_of,
)
from lab.vcenter.tasks import Tasks
from lab.vcenter.values import now, service_content
from lab.vcenter.vimtypes import Fault, vim, vmodl

log = logging.getLogger("lab.vcenter")

_XML = {"Content-Type": "text/xml; charset=utf-8"}
_OPEN = {"RetrieveServiceContent", "Login", "CurrentTime", "LoginByToken"}  # what needs no session
_METHOD = re.compile(rb"Body[^>]*>\s*<(?:\w+:)?(\w+)")


def _login(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    session = context.sessions.login(given["userName"], given["password"])
    context.cookie = session.key
    return user_session(session)


def _create_view(context: Context, this: Managed, given: dict[str, Any]) -> Any:
    container = context.scope.find(given["container"]._moId, "ManagedEntity")
    moid = f"session[{context.session.key}]view-{len(context.session.state)}-{now().timestamp():f}"
    context.session.state[moid] = View(
        moid,
        "ContainerView",
        container=container.moid,
        types=tuple(given["type"] or ()),
        recursive=bool(given["recursive"]),
    )
    return vim.view.ContainerView(moid)


def _find_by_uuid(context: Context, given: dict[str, Any]) -> list[Vm]:
    if not given["vmSearch"]:
        return []
    wanted = given["uuid"].lower()
    by_instance = bool(given["instanceUuid"])
    return [vm for vm in context.world.vms() if (vm.instance_uuid if by_instance else vm.uuid) == wanted]


def _find_by_path(context: Context, path: str) -> Any:
    found = context.world.find_path(path)
    return None if found is None else context.scope.reference(found.moid)


def _has_privileges(context: Context, entity: Any, wanted: list[str]) -> list[bool]:
    context.scope.find(entity._moId, "ManagedEntity")
    denied = context.world.defaults.denied
    if context.sessions.reads_only(context.maybe_session):
        return [privilege in READ_ONLY and privilege not in denied for privilege in wanted]
    return [privilege not in denied for privilege in wanted]


def _fetch_privileges(context: Context, given: dict[str, Any]) -> list[Any]:
    held = [one for one in PRIVILEGES if one not in context.world.defaults.denied]
    kind = vim.AuthorizationManager.UserPrivilegeResult
    return [kind(entity=entity, privileges=held) for entity in given["entities"]]


READ_ONLY = ("System.Anonymous", "System.View", "System.Read")
"""What vCenter's role of that name holds."""

PRIVILEGES = (
    "System.Anonymous", "System.View", "System.Read", "Global.DisableMethods", "Global.EnableMethods",
    "Datastore.Browse", "Datastore.FileManagement", "Datastore.AllocateSpace",
    "VirtualMachine.Config.ChangeTracking", "VirtualMachine.Config.DiskLease", "VirtualMachine.Config.EditDevice",
    "VirtualMachine.Config.DiskExtend", "VirtualMachine.Config.Settings", "VirtualMachine.Config.Annotation",
    "VirtualMachine.Interact.PowerOff", "VirtualMachine.Interact.PowerOn",
    "VirtualMachine.Interact.DeviceConnection",
    "VirtualMachine.Provisioning.DiskRandomAccess", "VirtualMachine.Provisioning.DiskRandomRead",
    "VirtualMachine.Provisioning.GetVmFiles", "VirtualMachine.State.CreateSnapshot",
    "VirtualMachine.State.RemoveSnapshot", "VirtualMachine.State.RenameSnapshot",
)  # fmt: skip
METHODS: dict[str, Method] = {
    "RetrieveServiceContent": lambda context, this, given: service_content(context.world),
    "CurrentTime": lambda context, this, given: now(),
    "Login": _login,
    "Logout": lambda context, this, given: context.sessions.logout(context.session.key),
    "SessionIsActive": lambda context, this, given: given["sessionID"] == context.session.key,
    "CreateContainerView": _create_view,
    "DestroyView": lambda context, this, given: destroy(context, this.moid),
    "FindByUuid": lambda context, this, given: next(
        (vim.VirtualMachine(vm.moid) for vm in _find_by_uuid(context, given)), None
    ),
    "FindAllByUuid": lambda context, this, given: [
        vim.VirtualMachine(vm.moid) for vm in _find_by_uuid(context, given)
    ],
    "FindByInventoryPath": lambda context, this, given: _find_by_path(context, given["inventoryPath"]),
    "HasPrivilegeOnEntity": lambda context, this, given: _has_privileges(
        context, given["entity"], given["privId"] or []
    ),
    "HasPrivilegeOnEntities": lambda context, this, given: [
        vim.AuthorizationManager.EntityPrivilege(
            entity=entity,
            privAvailability=[
                vim.AuthorizationManager.PrivilegeAvailability(privId=name, isGranted=granted)
                for name, granted in zip(
                    given["privId"] or [], _has_privileges(context, entity, given["privId"] or []), strict=True
                )
            ],
        )
        for entity in given["entity"]
    ],
    "FetchUserPrivilegeOnEntities": lambda context, this, given: _fetch_privileges(context, given),
    **properties.METHODS,
    **vm_methods.METHODS,
}


class VCenter:
    """Answers the requests of one simulated vCenter."""

    def __init__(self, world: World, sessions: Sessions, tasks: Tasks, faults: Faults) -> None:
        self.world = world
        self.sessions = sessions
        self.tasks = tasks
        self.faults = faults
        self.tags = tagging.Tagging(world, sessions)
        faults.on_failure("vcenter", _render_failure)

    def handle(self, request: Request) -> Response:
        """The HTTP handler of the whole server (the control API stands before it)."""
        path = request.path.rstrip("/")
        if path == "/sdk/vimServiceVersions.xml":
            return Response(200, dict(_XML), service_versions())
        if path == "/sdk" and request.method == "POST":
            return self._soap(request)
        if path.startswith("/folder"):
            return self.faults.wrap(
                "vcenter", "ReadDatastore", request.path, request, lambda: self._folder(request)
            )
        if path.startswith(tagging.BASE):
            return self.faults.wrap("vcenter", "Tagging", request.path, request, lambda: self.tags.handle(request))
        return Response(404, {"Content-Type": "text/plain"}, b"the lab's vCenter has /sdk, /folder and /rest\n")

    def _folder(self, request: Request) -> Response:
        return serve_file(self.world, self.sessions, request)

    def _soap(self, request: Request) -> Response:
        found = _METHOD.search(request.body)
        name = found[1].decode() if found else "Unknown"
        return self.faults.wrap(
            "vcenter", name, self._target(request.body), request, lambda: self._call(request)
        )

    def _target(self, body: bytes) -> str:
        """The name of the object that a call is about, for fault rules; its id where it has no name."""
        if not self.faults.rules():
            return ""
        found = re.search(rb"<_this[^>]*>([^<]+)<", body)
        moid = found[1].decode() if found else ""
        entity = self.world.objects.get(moid)
        if entity is None:
            return moid
        owner = self.world.objects.get(getattr(entity, "vm", ""))
        return f"{owner.name} {entity.name}" if owner else entity.name

    def _call(self, request: Request) -> Response:
        action = request.headers.get("soapaction", "")
        try:
            call = parse(request.body, action)
        except WireError as error:
            detail = Fault(vmodl.fault.InvalidRequest(), f"Unable to parse the request: {error}")
            return Response(500, dict(_XML), fault(detail, version_of(action)))
        session = self.sessions.find(request)
        context = Context(
            self.world, self.sessions, self.tasks, Scope(self.world, session), session, call.version
        )
        try:
            value = self._invoke(call, context)
            response = Response(200, dict(_XML), answer(call, value))
        except Fault as error:
            log.info("%s %s: %s", call.method, call.moid, error)
            return Response(500, dict(_XML), fault(error, call.version))
        except (
            Exception
        ) as error:  # the SOAP edge: a bug of the lab is a typed fault to its client, and in the log
            log.exception("%s of %s failed in the lab itself", call.method, call.moid)
            wrong = Fault(vmodl.fault.SystemError(reason=str(error)), f"The lab itself failed: {error!r}")
            return Response(500, dict(_XML), fault(wrong, call.version))
        if context.cookie:
            response.headers["Set-Cookie"] = cookie_header(context.cookie)
        return response

    def _invoke(self, call: Call, context: Context) -> Any:
        method = METHODS.get(call.method)
        if method is None:
            raise method_not_found(call)
        is_open = call.method in _OPEN or (
            call.method == "Fetch" and call.moid in ("ServiceInstance", "SessionManager")
        )
        if context.maybe_session is None and not is_open:
            raise not_authenticated(call.moid)
        this = context.scope.find(call.moid, call.kind)
        if call.method in vm_methods.METHODS and context.sessions.reads_only(context.maybe_session):
            detail = vim.fault.NoPermission(privilegeId="VirtualMachine.Config.Settings")
            raise Fault(detail, "Permission to perform this operation was denied.")
        return method(context, this, call.parameters)


def _render_failure(status: int, code: str, message: str) -> Response:
    """An ordered failure: `code` may name a vSphere fault ("TaskInProgress"); anything else is a HostConnectFault."""
    if status not in (500, 503):
        return Response(status, {"Content-Type": "text/plain"}, message.encode())
    if code in ("ServerBusy", ""):
        return Response(503, {"Content-Type": "text/plain"}, message.encode())
    kind = getattr(vim.fault, code, None) or getattr(vmodl.fault, code, vim.fault.HostConnectFault)
    return Response(500, dict(_XML), fault(Fault(kind(), message), version_of("")))
