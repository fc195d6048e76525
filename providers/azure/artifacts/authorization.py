"""Role assignments and management locks.

A role assignment is named by a uuid made of scope, principal and role, so that asking twice is one assignment. One that
somebody made earlier under another name is as good, and is never deleted by us.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from planner.ports import Json, Made, Observed, Operation, ResourceRef
from providers.azure.again import repeated
from providers.azure.artifacts.base import Spec, plain
from providers.azure.errors import error_code, translated
from providers.azure.ids import parse, same, scope_of
from providers.azure.operations import Deferred
from providers.azure.session import AzureSession
from replication.model.errors import NotFound, Permanent

ROLES: Mapping[str, str] = {
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "User Access Administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "Azure Service Bus Data Owner": "090c5cfd-751d-490a-894a-3ce6f1109419",
}
"""Azure's built-in roles by name -> the guid that they have in every tenant."""

_NAMES = uuid.UUID("7d0c1f52-6f39-5a77-9a41-0b6d2f9d3c11")
"""Namespace of assignment names. Never change it: the name is what makes an assignment idempotent."""


_LEVEL = "CanNotDelete"
"""Of our locks, unless a spec says otherwise."""


class RoleAssignments:
    """`<scope>#<role>`: a role for whoever is signed in; `<scope>#<role>#<object id>`: for that principal."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        for ref, found in self._found(refs):
            scope, role, _ = _parts(ref.id)
            spec = {"scope": scope, "role": role, "assignment": str(found.id), "principal": str(found.principal_id)}
            # Under a condition it holds for some of the data only, and Azure alone knows for which. Ours is written anew
            # without it; of somebody else's the plan says that it is in the way.
            under: dict[str, tuple[Json, Json]] = {"condition": (None, str(found.condition))} if found.condition else {}
            mine = found.name == _name(scope, str(found.principal_id), role)
            seen[ref.id.lower()] = Observed(ref.id, spec, ours=mine or not under, strayed=under)
        return seen

    def begin(self, ref: ResourceRef, spec: Spec) -> Operation:
        # A principal that was made just now is unknown to some of Azure for a while: Temporary, and waited for.
        return Deferred(lambda: repeated(lambda: self._assign(ref, spec), self._session.patience), ref.id)

    def resume(self, ref: ResourceRef, spec: Spec, token: str) -> Operation:
        return self.begin(ref, spec)

    def delete(self, ref: ResourceRef) -> None:
        """Delete the assignment that we made: for the principal that is named, or for whoever is signed in. Others' stay, and
        so do ours of the same role for somebody else."""
        scope, role, named = _parts(ref.id)
        whose = named or self._session.principal().object_id
        client = self._session.authorization(parse(scope).subscription)
        for _, found in self._found([ref]):
            if same(str(found.principal_id), whose) and found.name == _name(scope, whose, role):
                with translated(ref.id):
                    client.role_assignments.delete(scope, found.name)

    def _assign(self, ref: ResourceRef, spec: Spec) -> Made:
        from azure.core.exceptions import ResourceExistsError

        scope, role, named = _parts(ref.id)
        principal = str(named or spec.get("principal") or self._session.principal().object_id)
        at = parse(scope)
        definition = f"/subscriptions/{at.subscription}/providers/Microsoft.Authorization/roleDefinitions/{_definition(role)}"
        body: Any = {"properties": {"roleDefinitionId": definition, "principalId": principal}}
        client = self._session.authorization(at.subscription)
        name = _name(scope, principal, role)
        assignment = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"
        with translated(ref.id):
            try:
                assignment = client.role_assignments.create(scope, name, body).id or assignment
            except ResourceExistsError as error:
                if error_code(error) != "RoleAssignmentExists":
                    raise
                found = re.search(r"[0-9a-f]{32}|[0-9a-f-]{36}", error.message or "")
                if found:
                    assignment = assignment.replace(name, str(uuid.UUID(found.group())))
        return Made(ref.id, {"assignment": assignment, "principal": principal})

    def _found(self, refs: Sequence[ResourceRef]) -> Iterator[tuple[ResourceRef, Any]]:
        """Assignments that are what a ref asks for. Of one that names nobody: made by us for anybody whom no other ref names
        (plan and apply may sign in as two), or made by somebody for whoever is signed in now. One listing per resource group.
        """
        principal = self._session.principal().object_id
        others = {who.lower() for ref in refs if (who := _parts(ref.id)[2])}
        groups: dict[tuple[str, str], list[Any]] = {}
        for ref in refs:
            scope, role, named = _parts(ref.id)
            at = parse(scope)
            if (at.subscription, at.group) not in groups:
                groups[at.subscription, at.group] = self._listed(at.subscription, at.group)
            for one in groups[at.subscription, at.group]:
                if not same(str(one.scope), scope) or not same(str(one.role_definition_id).rpartition("/")[2], _definition(role)):
                    continue
                who = str(one.principal_id).lower()
                ours = one.name == _name(scope, who, role) and who not in others
                if (named and same(who, named)) or (not named and (ours or same(who, principal))):
                    yield ref, one

    def _listed(self, subscription: str, group: str) -> list[Any]:
        try:
            with translated(f"role assignments of {group}"):
                return list(self._session.authorization(subscription).role_assignments.list_for_resource_group(group))
        except NotFound:
            return []


class Locks:
    """CanNotDelete locks."""

    def __init__(self, session: AzureSession) -> None:
        self._session = session

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen: dict[str, Observed] = {}
        for scope in {scope_of(ref.id) for ref in refs}:
            try:
                with translated(scope):
                    found = list(self._session.locks(parse(scope).subscription).management_locks.list_by_scope(scope))
            except NotFound:
                continue
            for lock in found:
                level = plain(lock.level)
                strayed: dict[str, tuple[Json, Json]] = {"level": (_LEVEL, level)} if level != _LEVEL else {}
                properties = {"level": level, "notes": lock.notes}
                seen[str(lock.id).lower()] = Observed(str(lock.id), properties, strayed=strayed)
        wanted = {ref.id.lower() for ref in refs}
        return {key: value for key, value in seen.items() if key in wanted}

    def begin(self, ref: ResourceRef, spec: Spec) -> Operation:
        body: Any = {"properties": {"level": spec.get("level", _LEVEL), "notes": spec.get("notes", "wavelift")}}
        scope, at = scope_of(ref.id), parse(ref.id)

        def make() -> Made:
            locks = self._session.locks(at.subscription).management_locks
            return Made(locks.create_or_update_by_scope(scope, at.name, body).id or ref.id)

        return Deferred(make, ref.id)

    def resume(self, ref: ResourceRef, spec: Spec, token: str) -> Operation:
        return self.begin(ref, spec)

    def delete(self, ref: ResourceRef) -> None:
        at = parse(ref.id)
        try:
            with translated(ref.id):
                self._session.locks(at.subscription).management_locks.delete_by_scope(scope_of(ref.id), at.name)
        except NotFound:
            return


def _parts(ref: str) -> tuple[str, str, str]:
    """Scope, role and object id ("" when none is named)."""
    scope, _, rest = ref.partition("#")
    role, _, principal = rest.partition("#")
    return scope, role, principal


def _definition(role: str) -> str:
    for name, guid in ROLES.items():
        if same(name, role):
            return guid
    raise Permanent(f"no built-in role is called {role!r}", subject="role", remedy=f"one of {', '.join(ROLES)}")


def _name(scope: str, principal: str, role: str) -> str:
    return str(uuid.uuid5(_NAMES, f"{scope.lower()}|{principal.lower()}|{role.lower()}"))
