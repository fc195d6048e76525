"""What lies above the providers: subscriptions, resource groups, the generic resource lists, provider registration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import ClassVar

from lab.azure.arm import regions
from lab.azure.arm.env import Call, Env
from lab.azure.arm.errors import ArmError, group_not_found, json_response
from lab.azure.arm.ids import Target
from lab.azure.arm.lro import Done, Finisher, Operation
from lab.azure.arm.store import Change, Gone, Json, Record, record
from lab.azure.arm.types.base import ResourceType, check_tags, limit_of, merge_tags, page_response, untoken
from lab.http import Response

GROUPS = "Microsoft.Resources/resourceGroups"
_READ = "Microsoft.Resources/subscriptions/resourceGroups/read"


class Core:
    """Handlers for paths without a provider. `types` is the router's table, by lower-cased full type."""

    def __init__(self, env: Env, types: Mapping[str, ResourceType]) -> None:
        self.env = env
        self._types = types

    def register(self) -> None:
        """Tell the operations how the deletion of a group ends."""
        self.env.operations.register("group.delete", Finisher(self._deleted, failed=self._restored))

    # -- subscriptions

    def subscriptions(self, call: Call, subscription: str | None) -> Response:
        """List subscriptions, or get one."""
        known = self.env.settings.values.subscriptions
        if subscription is None:
            return json_response(200, {"value": [self._subscription(one) for one in known]})
        return json_response(200, self._subscription(subscription))

    def locations(self, subscription: str) -> Response:
        """The regions of a subscription."""
        base = f"/subscriptions/{subscription}/locations"
        rows = [
            {"id": f"{base}/{name}", "name": name, "displayName": shown, "regionalDisplayName": shown}
            for name, shown in regions.REGIONS.items()
        ]
        return json_response(200, {"value": rows})

    # -- resource groups

    def groups(self, call: Call) -> Response:
        """All groups of a subscription that the caller may read."""
        subscription = call.target.subscription
        items = self.env.store.under(f"/subscriptions/{subscription}", GROUPS)
        if not self.env.authz.may(call.principal, _READ, f"/subscriptions/{subscription}"):
            items = [item for item in items if self.env.authz.may(call.principal, _READ, item.id)]
        wanted = _tag_filter(call)
        return _resource_page(call, [item for item in items if wanted(item.body)])

    def group(self, call: Call) -> Response:
        """One group: GET, HEAD, PUT, PATCH, DELETE."""
        verb = {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(call.method, "write")
        action = f"Microsoft.Resources/subscriptions/resourceGroups/{verb}"
        self.env.authz.require(call.principal, action, call.target.scope)
        existing = self.env.store.get(call.target.scope)
        match call.method:
            case "HEAD":
                return json_response(204 if existing else 404)
            case "PUT":
                return self._put(call, existing)
            case _ if existing is None:
                raise group_not_found(call.target.group)
            case "GET":
                return json_response(200, existing.raw)
            case "PATCH":
                check_tags(call.body.get("tags"))
                self.env.authz.require_unlocked(existing.id, deleting=False)
                body = existing.body
                merge_tags(body, call.body)
                self.env.store.commit([record(existing.id, existing.kind, body, existing.private)])
                return json_response(200, body)
            case "DELETE":
                return self._delete(call, existing)
            case _:
                raise ArmError(405, "MethodNotAllowed", f"A resource group has no {call.method}.")

    def _put(self, call: Call, existing: Record | None) -> Response:
        name = call.target.group
        if not re.fullmatch(r"[\w.()\-]{0,89}[\w()\-]", name):
            raise ArmError(
                400,
                "InvalidResourceGroupName",
                f"The provided resource group name '{name}' has these invalid characters or length: it may have 1 to 90 "
                "letters, digits, '_', '-', '.', '(' and ')', and no '.' at the end.",
            )
        location = call.body.get("location")
        if not isinstance(location, str) or not location:
            raise ArmError(400, "LocationRequired", "The location property is required for this definition.")
        location = regions.require_region(location, GROUPS)
        check_tags(call.body.get("tags"))
        if existing and existing.private.get("deleting"):
            raise ArmError(
                409,
                "ResourceGroupBeingDeleted",
                f"The resource group '{name}' is in deprovisioning state and cannot perform this operation.",
            )
        if existing and existing.body["location"] != location:
            raise ArmError(
                409,
                "InvalidResourceGroupLocation",
                f"Invalid resource group location '{location}'. The Resource group already exists in location "
                f"'{existing.body['location']}'.",
            )
        self.env.authz.require_unlocked(call.target.scope, deleting=False)
        body: Json = {
            "id": existing.id if existing else call.target.scope,
            "name": existing.body["name"] if existing else name,
            "type": GROUPS,
            "location": location,
            "properties": {"provisioningState": "Succeeded"},
        }
        for key in ("tags", "managedBy"):
            if call.body.get(key) is not None:
                body[key] = call.body[key]
        self.env.store.commit([record(body["id"], GROUPS, body)])
        return json_response(200 if existing else 201, body)

    def _delete(self, call: Call, existing: Record) -> Response:
        self.env.authz.require_unlocked(existing.id, deleting=True, below=True)
        body = existing.body
        body["properties"]["provisioningState"] = "Deleting"
        operation = self.env.operations.start(
            "group.delete",
            "DELETE",
            call.target,
            location=existing.body["location"],
            changes=[record(existing.id, existing.kind, body, {"deleting": True})],
            api_version=call.api_version,
            namespace="Microsoft.Resources",
        )
        return self.env.operations.accepted(operation, 202, by_status=False)

    def _deleted(self, operation: Operation) -> Done:
        group = self.env.store.get(operation.resource_id)
        if group is None:
            return Done()
        items = self.env.store.under(group.id)
        self._require_unused(group, items)
        changes: dict[str, Change] = {}
        for item in items:
            kind = self._types.get(item.kind)
            for change in kind.discard(item) if kind else [Gone(item.id)]:
                # A VM that goes lets its disks go free, but a disk of the same group is gone all the same.
                if not isinstance(changes.get(change.id.lower()), Gone):
                    changes[change.id.lower()] = change
        return Done([*changes.values(), Gone(group.id)])

    def _require_unused(self, group: Record, items: list[Record]) -> None:
        """Raise 409 where something outside of the group uses something inside."""
        for item in items:
            kind = self._types.get(item.kind)
            user = kind.user_outside(item, f"{group.key}/") if kind else None
            if user is not None:
                raise ArmError(
                    409,
                    "ResourceGroupDeletionBlocked",
                    f"Deletion of resource group '{group.body['name']}' failed as resources with identifiers '{item.id}' "
                    f"could not be deleted: it is in use by '{user}'. The provisioning state of the resource group will "
                    "be rolled back.",
                )

    def _restored(self, operation: Operation, error: ArmError) -> list[Change]:
        group = self.env.store.get(operation.resource_id)
        if group is None:
            return []
        body = group.body
        body["properties"]["provisioningState"] = "Succeeded"
        return [record(group.id, group.kind, body)]

    # -- lists over all types

    def resources(self, call: Call) -> Response:
        """All resources of a group or a subscription, optionally filtered by type, name or tag."""
        if call.target.group:
            self.env.group(call.target)
        self.env.authz.require(call.principal, "Microsoft.Resources/subscriptions/resources/read", call.target.scope)
        wanted = _tag_filter(call)
        found = [
            item
            for item in self.env.store.under(call.target.scope, _type_filter(call))
            if (kind := self._types.get(item.kind)) is not None and kind.located
        ]
        if "tagname" in call.request.query.get("$filter", "").lower():
            found = [item for item in found if wanted(item.body)]
        return _resource_page(call, found)

    def providers(self, call: Call, namespace: str, verb: str) -> Response:
        """List providers, get one, register or unregister it for the subscription."""
        subscription = call.target.subscription
        names = sorted({kind.full_type.split("/")[0] for kind in self._types.values()} | {"Microsoft.Resources"})
        if not namespace:
            return json_response(200, {"value": [self._provider(subscription, name) for name in names]})
        name = next((one for one in names if one.lower() == namespace.lower()), None)
        if name is None:
            raise invalid_namespace(namespace)
        if verb:
            action = f"{name}/{verb.lower()}/action"
            self.env.authz.require(call.principal, action, f"/subscriptions/{subscription}")
            key = f"{subscription}/{name}".lower()
            left = [one for one in self.env.settings.values.unregistered if one != key]
            self.env.settings.change(unregistered=[*left, key] if verb.lower() == "unregister" else left)
        return json_response(200, self._provider(subscription, name))

    def require_registered(self, target: Target) -> None:
        """Raise 409 MissingSubscriptionRegistration where the provider is not registered."""
        key = f"{target.subscription}/{target.namespace}".lower()
        if key in self.env.settings.values.unregistered:
            raise ArmError(
                409,
                "MissingSubscriptionRegistration",
                f"The subscription is not registered to use namespace '{target.namespace}'. See "
                "https://aka.ms/rps-not-found for how to register subscriptions.",
            )

    def require_subscription(self, subscription: str) -> None:
        """Raise 404 SubscriptionNotFound."""
        if subscription.lower() not in (one.lower() for one in self.env.settings.values.subscriptions):
            raise ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")

    def _provider(self, subscription: str, name: str) -> Json:
        registered = f"{subscription}/{name}".lower() not in self.env.settings.values.unregistered
        types = [kind.full_type.partition("/")[2] for kind in self._types.values() if kind.full_type.startswith(f"{name}/")]
        return {
            "id": f"/subscriptions/{subscription}/providers/{name}",
            "namespace": name,
            "registrationState": "Registered" if registered else "NotRegistered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": [
                {
                    "resourceType": kind,
                    "locations": list(regions.REGIONS.values()),
                    "apiVersions": ["2026-01-01"],
                }
                for kind in types
            ],
        }

    def _subscription(self, subscription: str) -> Json:
        number = [one.lower() for one in self.env.settings.values.subscriptions].index(subscription.lower()) + 1
        return {
            "id": f"/subscriptions/{subscription}",
            "subscriptionId": subscription,
            "tenantId": self.env.settings.values.tenant,
            "displayName": f"Lab subscription {number}",
            "state": "Enabled",
            "authorizationSource": "RoleBased",
            "subscriptionPolicies": {"quotaId": "Lab_2026-01-01", "spendingLimit": "Off"},
        }


class ResourceGroups(ResourceType):
    """Stands in the table of types so that a group counts as a resource that may be discarded."""

    full_type: ClassVar[str] = GROUPS
    located: ClassVar[bool] = False


def invalid_namespace(namespace: str) -> ArmError:
    """404 for a provider that does not exist."""
    return ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")


def _resource_page(call: Call, items: list[Record]) -> Response:
    """A page out of a list that is already filtered and ordered by key."""
    after = untoken(call.request.query.get("$skiptoken", ""))
    limit = limit_of(call)
    rest = [item for item in items if item.key > after]
    shown = rest[:limit]
    last = shown[-1].key if len(rest) > limit else None
    return page_response(call, (_brief(item) for item in shown), last)


_BRIEF = ("id", "name", "type", "location", "tags", "sku", "kind", "identity", "zones", "managedBy", "etag")


def _brief(item: Record) -> bytes:
    """What the generic lists show of a resource: everything but its properties (groups keep theirs)."""
    if item.kind == GROUPS.lower():
        return item.raw
    body = item.body
    return json.dumps({key: body[key] for key in _BRIEF if key in body}, separators=(",", ":")).encode()


def _type_filter(call: Call) -> str | None:
    found = re.search(r"resourceType eq '([^']+)'", call.request.query.get("$filter", ""), re.IGNORECASE)
    return found.group(1) if found else None


class _TagFilter:
    """`tagName eq 'a' and tagValue eq 'b'`, as a predicate over documents."""

    def __init__(self, text: str) -> None:
        name = re.search(r"tagName eq '([^']*)'", text, re.IGNORECASE)
        value = re.search(r"tagValue eq '([^']*)'", text, re.IGNORECASE)
        self._name = name.group(1).lower() if name else None
        self._value = value.group(1) if value else None

    def __call__(self, body: Json) -> bool:
        if self._name is None:
            return True
        tags = {name.lower(): value for name, value in (body.get("tags") or {}).items()}
        return self._name in tags and self._value in (None, tags[self._name])


def _tag_filter(call: Call) -> _TagFilter:
    return _TagFilter(call.request.query.get("$filter", ""))
