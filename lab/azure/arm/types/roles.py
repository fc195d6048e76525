"""Microsoft.Authorization: role assignments, role definitions, permissions, management locks."""

from __future__ import annotations

import re
import time
import uuid
from typing import ClassVar

from lab.azure.arm.authz import ASSIGNMENTS, LOCKS, covers
from lab.azure.arm.builtin_roles import BY_ID, ROLES, Role
from lab.azure.arm.env import Call
from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.fields import Fields
from lab.azure.arm.store import Json, Record, record
from lab.azure.arm.times import now_text
from lab.azure.arm.types.base import ResourceType, page_response
from lab.azure.login import Principal
from lab.http import Response

_DEFINITIONS = "Microsoft.Authorization/roleDefinitions"


class RoleAssignments(ResourceType):
    """Microsoft.Authorization/roleAssignments, on any scope."""

    full_type: ClassVar[str] = "Microsoft.Authorization/roleAssignments"
    located: ClassVar[bool] = False

    def listing(self, call: Call) -> Response:
        """Assignments at the scope, above it and below it, narrowed by `$filter`."""
        scope = call.target.scope.lower().rstrip("/")
        text = call.request.query.get("$filter", "")
        items = self.env.store.of_kind(ASSIGNMENTS)
        below, reaches = "atscope()" not in text.lower(), self.env.authz.reaches
        places = [(item, item.private["scope"]) for item in items]
        found = [item for item, at in places if reaches(at, scope) or (below and covers(scope, at.lower().rstrip("/")))]
        principal = re.search(r"principalId eq '([^']+)'", text, re.IGNORECASE)
        assigned = re.search(r"assignedTo\('([^']+)'\)", text, re.IGNORECASE)
        if principal:
            found = [item for item in found if item.private["principal"].lower() == principal.group(1).lower()]
        if assigned:
            holders = self.env.authz.holders(assigned.group(1))
            found = [item for item in found if item.private["principal"].lower() in holders]
        return page_response(call, (item.raw for item in sorted(found, key=lambda item: item.key)), None)

    def check_name(self, call: Call) -> None:
        """The name must be a GUID."""
        if not _is_guid(call.target.name):
            raise ArmError(
                400,
                "InvalidRoleAssignmentId",
                f"The role assignment ID '{call.target.name}' is not valid. The role assignment ID must be a GUID.",
            )

    def create(self, call: Call) -> Response:
        """201, or 409 RoleAssignmentExists for the same principal, role and scope under another name."""
        role, principal, kind = self._wanted(call)
        scope = call.target.scope
        for item in self.env.store.of_kind(ASSIGNMENTS):
            private = item.private
            same = (private["scope"].lower(), private["role"], private["principal"].lower())
            if same == (scope.lower(), role.id, principal.lower()):
                existing = uuid.UUID(item.body["name"]).hex
                raise ArmError(
                    409,
                    "RoleAssignmentExists",
                    f"The role assignment already exists. The ID of the existing role assignment is {existing}.",
                )
        condition = Fields("", call.body).text("properties.condition")
        tenant = self.env.settings.values.tenant
        item = assignment(tenant, scope, call.target.name, role, principal, kind, call.principal, condition)
        self.env.store.commit([item])
        return json_response(201, item.raw)

    def replace(self, call: Call, existing: Record) -> Response:
        """The same again is fine, and its condition may change; anything else is not."""
        role, principal, _ = self._wanted(call)
        if (role.id, principal.lower()) != (existing.private["role"], existing.private["principal"].lower()):
            raise ArmError(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        condition = Fields("", call.body).text("properties.condition")
        if condition == existing.private.get("condition", ""):
            return json_response(200, existing.raw)
        where, private, tenant = call.target, existing.private, self.env.settings.values.tenant
        kind = existing.body["properties"]["principalType"]
        item = assignment(tenant, where.scope, where.name, role, private["principal"], kind, call.principal, condition)
        self.env.store.commit([item])
        return json_response(200, item.raw)

    def remove(self, call: Call, existing: Record) -> Response:
        """200 with what was deleted."""
        self.env.store.commit(self.discard(existing))
        return json_response(200, existing.raw)

    def _wanted(self, call: Call) -> tuple[Role, str, str]:
        fields = Fields("", call.body)
        definition = fields.text("properties.roleDefinitionId", required=True)
        role = BY_ID.get(definition.rpartition("/")[2].lower())
        if role is None:
            raise ArmError(
                400,
                "RoleDefinitionDoesNotExist",
                f"The specified role definition with ID '{definition}' does not exist.",
            )
        principal = fields.text("properties.principalId", required=True)
        kinds = ("User", "Group", "ServicePrincipal", "ForeignGroup", "Device")
        given = fields.text("properties.principalType", allowed=kinds)
        return role, principal, given or self._kind(principal)

    def _kind(self, principal: str) -> str:
        values = self.env.settings.values
        wanted = principal.lower()
        if wanted in (group.lower() for group in values.groups):
            return "Group"
        known = {entry["object_id"].lower() for entry in values.principals.values()}
        if wanted in known | {one.lower() for one in values.identities}:
            return "ServicePrincipal"
        raise ArmError(
            400,
            "PrincipalNotFound",
            f"Principal {principal} does not exist in the directory {values.tenant}. Check that you have the correct "
            "principal ID. If you are creating this principal and then immediately assigning a role, this error might "
            "be related to a replication delay. In this case, set the role assignment principalType property to a "
            "value, such as ServicePrincipal, User, or Group.",
        )


class DenyAssignments(ResourceType):
    """Microsoft.Authorization/denyAssignments, read only: Azure makes them itself, here the control API does."""

    full_type: ClassVar[str] = "Microsoft.Authorization/denyAssignments"
    located: ClassVar[bool] = False

    def listing(self, call: Call) -> Response:
        """Those at the scope and above it."""
        found = self.env.authz.denials(call.target.scope)
        kind = self.full_type
        return json_response(
            200,
            {
                "value": [
                    {"id": f"{one['scope']}/providers/{kind}/{one['id']}", "name": one["id"], "type": kind, "properties": one}
                    for one in found
                ]
            },
        )


class RoleDefinitions(ResourceType):
    """Microsoft.Authorization/roleDefinitions: the built-in ones, seen from any scope."""

    full_type: ClassVar[str] = _DEFINITIONS
    located: ClassVar[bool] = False

    def listing(self, call: Call) -> Response:
        """All, or the one called so: `$filter=roleName eq 'Owner'`."""
        text = call.request.query.get("$filter", "")
        name = re.search(r"roleName eq '([^']+)'", text, re.IGNORECASE)
        found = [role for role in ROLES if name is None or role.name.lower() == name.group(1).lower()]
        return json_response(200, {"value": [_definition(role, call.target.subscription) for role in found]})

    def get(self, call: Call) -> Response:
        """One by its id."""
        role = BY_ID.get(call.target.name.lower())
        if role is None:
            raise ArmError(
                404,
                "RoleDefinitionDoesNotExist",
                f"The specified role definition with ID '{call.target.name}' does not exist.",
            )
        return json_response(200, _definition(role, call.target.subscription))


class Locks(ResourceType):
    """Microsoft.Authorization/locks, on any scope."""

    full_type: ClassVar[str] = "Microsoft.Authorization/locks"
    located: ClassVar[bool] = False
    name_rule: ClassVar[str] = r"[^<>%&:\\?/]{1,260}"

    def listing(self, call: Call) -> Response:
        """Locks at the scope, above it and (unless `atScope()`) below it."""
        scope = call.target.scope.lower().rstrip("/")
        below = "atscope()" not in call.request.query.get("$filter", "").lower()
        found = [item for item in self.env.store.of_kind(LOCKS) if _related(item, scope, below=below)]
        return page_response(call, (item.raw for item in sorted(found, key=lambda item: item.key)), None)

    def put(self, call: Call) -> Response:
        """Create (201) or change (200). A lock does not lock locks."""
        self.check_name(call)
        fields = Fields("", call.body)
        level = fields.text("properties.level", required=True, allowed=("CanNotDelete", "ReadOnly"))
        properties: Json = {"level": level}
        for name, value in (
            ("notes", fields.text("properties.notes")),
            ("owners", fields.rows("properties.owners")),
        ):
            if value:
                properties[name] = value
        existing = call.existing
        item = self.new(call, self.document(call, properties), {"scope": call.target.scope, "level": level})
        self.env.store.commit([item])
        return json_response(200 if existing else 201, item.raw)

    def delete(self, call: Call) -> Response:
        """200, or 204 where there is none."""
        existing = call.existing
        if existing is None:
            return json_response(204)
        self.env.store.commit(self.discard(existing))
        return json_response(200)


def permissions(call: Call, rest: str) -> Response:
    """GET {scope}/providers/Microsoft.Authorization/permissions: what the caller's own roles allow there."""
    grants = call.env.authz.grants(call.principal.object_id, call.target.scope)
    return json_response(200, {"value": [_permission(grant.role) for grant in grants]})


def assignment(
    tenant: str,
    scope: str,
    name: str,
    role: Role,
    principal: str,
    kind: str,
    by: Principal | None = None,
    condition: str | None = None,
) -> Record:
    """A role assignment as a record; also used for the ones that the lab starts with. Conditions are kept, not evaluated."""
    parts = scope.split("/")
    above = f"/subscriptions/{parts[2]}" if parts[1].lower() == "subscriptions" else ""  # none for a management group
    properties: Json = {
        "roleDefinitionId": f"{above}/providers/{_DEFINITIONS}/{role.id}",
        "principalId": principal,
        "principalType": kind,
        "scope": scope,
        "createdOn": now_text(),
        "updatedOn": now_text(),
        "createdBy": by.object_id if by else tenant,
        "updatedBy": by.object_id if by else tenant,
    }
    if condition:
        properties |= {"condition": condition, "conditionVersion": "2.0"}
    kind_ = RoleAssignments.full_type
    resource_id = f"{scope}/providers/{kind_}/{name}"
    body = {"id": resource_id, "name": name, "type": kind_, "properties": properties}
    private = {"scope": scope, "role": role.id, "principal": principal, "since": time.time(), "condition": condition or ""}
    return record(resource_id, kind_, body, private)


def _related(item: Record, scope: str, *, below: bool) -> bool:
    own = item.private["scope"].lower().rstrip("/")
    return covers(own, scope) or (below and covers(scope, own))


def _definition(role: Role, subscription: str) -> Json:
    prefix = f"/subscriptions/{subscription}" if subscription else ""
    return {
        "id": f"{prefix}/providers/{_DEFINITIONS}/{role.id}",
        "name": role.id,
        "type": _DEFINITIONS,
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": role.description,
            "assignableScopes": ["/"],
            "permissions": [_permission(role)],
        },
    }


def _permission(role: Role) -> Json:
    return {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": list(role.not_data_actions),
    }


def _is_guid(text: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None
