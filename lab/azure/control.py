"""What the control API of the lab's Azure adds: who exists, which roles they have, what is scarce, what fails.

GET    status                        managed disks (path, size, state), VMs, counts, settings
POST   azure/settings                {"latency", "token_seconds", "role_delay", "page_size", "default_quota"}
POST   azure/tokens/expire           every token made until now is refused
POST   azure/principals              {"client_id"?, "object_id"?, "secret"?, "name"?, "roles"?: [{"role", "scope"}]}
POST   azure/federations             {"client_id", "subject", "seconds"?}  trusts the subject; answers a token of it
POST   azure/groups                  {"object_id"?, "members": [object ids]}
GET    azure/roles                   all role assignments
POST   azure/roles                   {"object_id", "role": name or id, "scope"}
DELETE azure/roles                   ?object_id=&role=&scope=  (each optional): removes the matching ones
POST   azure/roledefinitions          {"name", "actions"?, "not_actions"?, "data_actions"?, "not_data_actions"?}  a custom role
POST   azure/managementgroups        {"name", "subscriptions": [...]}  a scope for roles, above the subscriptions
POST   azure/denials                 {"name", "scope", "actions"?, "dataActions"?, "principals": [ids or "*"], "exclude"?: [ids]}
DELETE azure/denials                 all of them
POST   azure/quota                   {"family", "limit", "region"?}
POST   azure/sizes                   {"size", "region"?, "code": "SkuNotAvailable" | "AllocationFailed" | null}
POST   azure/zones                   {"size", "region"?, "zones": ["1"]}  zones that the size is not offered in
POST   azure/hanging                 {"names": ["vm"]}  VMs whose guests do not come up from now on: for boot logs
POST   azure/blob/flip               {"account", "container", "blob", "byte"}  one bit spoiled at rest: no new ETag
POST   azure/sent                    {"keep": true}  from now on the bodies of PUT and PATCH are kept
GET    azure/sent                    what was kept: [[method, path, body]], oldest first
POST   azure/rewrite                 {"id", "at": [keys and numbers], "value"?}  another document, as of a resource that was
                                     deleted and made again; without a value the key goes
POST   azure/operations/fail         {"match": regex over "<operation> <resource id>", "code", "message"?, "count"?}
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from lab.azure.arm.authz import EVERYONE
from lab.azure.arm.builtin_roles import BY_ID
from lab.azure.arm.errors import ArmError
from lab.azure.arm.store import Gone, Json, record
from lab.azure.arm.types.disk_spec import DISKS
from lab.azure.blob.service import BlobService
from lab.azure.cloud import Cloud
from lab.control import Control, ControlError

_VMS = "Microsoft.Compute/virtualMachines"
_NUMBERS = ("latency", "token_seconds", "role_delay", "page_size", "default_quota")


def extend(control: Control, extras: Extras) -> None:
    """Add the routes."""
    control.route("POST", "azure/settings", lambda body, parameters: extras.settings(body))
    control.route("POST", "azure/tokens/expire", lambda body, parameters: extras.expire_tokens())
    control.route("POST", "azure/principals", lambda body, parameters: extras.principal(body))
    control.route("POST", "azure/federations", lambda body, parameters: extras.federate(body))
    control.route("POST", "azure/groups", lambda body, parameters: extras.group(body))
    control.route("GET", "azure/roles", lambda body, parameters: extras.roles())
    control.route("POST", "azure/roles", lambda body, parameters: extras.assign(body))
    control.route("DELETE", "azure/roles", lambda body, parameters: extras.unassign(parameters))
    control.route("POST", "azure/roledefinitions", lambda body, parameters: extras.define(body))
    control.route("POST", "azure/managementgroups", lambda body, parameters: extras.management_group(body))
    control.route("POST", "azure/denials", lambda body, parameters: extras.deny(body))
    control.route("DELETE", "azure/denials", lambda body, parameters: extras.forgive())
    control.route("POST", "azure/quota", lambda body, parameters: extras.quota(body))
    control.route("POST", "azure/sizes", lambda body, parameters: extras.size(body))
    control.route("POST", "azure/hanging", lambda body, parameters: extras.hanging(body))
    control.route("POST", "azure/zones", lambda body, parameters: extras.zones(body))
    control.route("POST", "azure/blob/flip", lambda body, parameters: extras.flip(body))
    control.route("POST", "azure/sent", lambda body, parameters: extras.keep(body))
    control.route("GET", "azure/sent", lambda body, parameters: extras.sent())
    control.route("POST", "azure/rewrite", lambda body, parameters: extras.rewrite(body))
    control.route("POST", "azure/operations/fail", lambda body, parameters: extras.fail(body))


class Extras:
    """The actions behind the routes. All raise ControlError for a bad request."""

    def __init__(self, cloud: Cloud, blobs: BlobService) -> None:
        self._cloud = cloud
        self._blobs = blobs
        self._values = cloud.settings.values

    def status(self) -> Json:
        """What exists, for tests and for `lab status`."""
        store, disks = self._cloud.store, self._cloud.env.disks
        found = {}
        for item in store.of_kind(DISKS):
            properties = item.body["properties"]
            found[item.id] = {
                "path": str(disks.path(item.private["file"])) if item.private.get("made") else None,
                "size": item.private["size"],
                "state": properties["diskState"],
                "provisioning": properties["provisioningState"],
            }
        machines = {
            item.id: {
                "power": item.private.get("power"),
                "provisioning": item.body["properties"]["provisioningState"],
            }
            for item in store.of_kind(_VMS)
        }
        counts = {kind: number for kind, number in store.kinds().items() if not kind.startswith("lab/")}
        settings = {name: getattr(self._values, name) for name in _NUMBERS}
        return {"disks": found, "vms": machines, "resources": counts, "settings": settings}

    def settings(self, body: Json) -> Json:
        """Change numbers."""
        for name, value in body.items():
            if name not in _NUMBERS or not isinstance(value, int | float) or value < 0:
                raise ControlError(f"{name}: {value!r} is no setting; there are {', '.join(_NUMBERS)} (numbers)")
            if name == "page_size" and value < 1:
                raise ControlError("page_size must be 1 or more")
        self._cloud.settings.change(**body)
        return {name: getattr(self._values, name) for name in _NUMBERS}

    def expire_tokens(self) -> None:
        """Refuse every token made until now."""
        self._cloud.settings.expire_tokens()

    def principal(self, body: Json) -> Json:
        """Make a service principal."""
        client_id = body.get("client_id") or str(uuid.uuid4())
        known = self._values.principals.get(client_id, {})
        object_id = body.get("object_id") or known.get("object_id") or str(uuid.uuid4())
        secret = body.get("secret") or known.get("secret") or uuid.uuid4().hex
        self._cloud.add_principal(client_id, object_id, secret, body.get("name", ""))
        for role in body.get("roles", ()):
            self.assign({"object_id": object_id, **role})
        return {"client_id": client_id, "object_id": object_id, "client_secret": secret}

    def federate(self, body: Json) -> Json:
        """A federated credential, and a token as the platform would write it. `seconds` may be negative: it has run out."""
        if body.get("client_id") not in self._values.principals:
            raise ControlError(f"there is no application {body.get('client_id')!r}")
        self._cloud.trust(body["client_id"], body["subject"])
        return {"token": self._cloud.login.federated_token(body["subject"], float(body.get("seconds", 3600)))}

    def group(self, body: Json) -> Json:
        """Make a group or set its members."""
        object_id = body.get("object_id") or str(uuid.uuid4())
        self._cloud.settings.change(groups={**self._values.groups, object_id: list(body.get("members", ()))})
        return {"object_id": object_id}

    def roles(self) -> list[Json]:
        """All assignments."""
        items = self._cloud.store.of_kind("Microsoft.Authorization/roleAssignments")
        return [
            {
                "id": item.id,
                "object_id": item.private["principal"],
                "role": BY_ID[item.private["role"]].name,
                "scope": item.private["scope"],
            }
            for item in items
        ]

    def assign(self, body: Json) -> Json:
        """Assign a role."""
        try:
            return {"id": self._cloud.assign(_need(body, "object_id"), _need(body, "role"), _need(body, "scope"))}
        except ArmError as error:
            raise ControlError(error.message) from error

    def unassign(self, parameters: dict[str, str]) -> Json:
        """Remove the assignments that match all given parameters."""
        wanted = {key: value.lower() for key, value in parameters.items() if key in ("id", "object_id", "role", "scope")}
        found = [one for one in self.roles() if all(str(one[key]).lower() == value for key, value in wanted.items())]
        self._cloud.store.commit([Gone(one["id"]) for one in found])
        return {"removed": [one["id"] for one in found]}

    def define(self, body: Json) -> Json:
        """Make a custom role."""
        lists = ("actions", "not_actions", "data_actions", "not_data_actions")
        role = {"id": str(uuid.uuid4()), "name": _need(body, "name"), "description": ""}
        self._cloud.define({**role, **{name: list(body.get(name, ())) for name in lists}})
        return role

    def management_group(self, body: Json) -> Json:
        """Make a management group or set its subscriptions."""
        made = {_need(body, "name"): [str(one) for one in body.get("subscriptions", ())]}
        self._cloud.settings.change(management_groups={**self._values.management_groups, **made})
        return made

    def deny(self, body: Json) -> Json:
        """Make a deny assignment."""
        made = {
            "id": str(uuid.uuid4()),
            "denyAssignmentName": _need(body, "name"),
            "scope": _need(body, "scope"),
            "permissions": [{"actions": body.get("actions", []), "dataActions": body.get("dataActions", [])}],
            "principals": [self._named(one) for one in body.get("principals", ())],
            "excludePrincipals": [self._named(one) for one in body.get("exclude", ())],
            "isSystemProtected": True,
        }
        self._cloud.settings.change(denials=[*self._values.denials, made])
        return made

    def forgive(self) -> None:
        """Forget all deny assignments."""
        self._cloud.settings.change(denials=[])

    def _named(self, principal: str) -> Json:
        if principal == "*":
            return {"id": EVERYONE, "type": "SystemDefined"}
        return {"id": principal, "type": "Group" if principal in self._values.groups else "ServicePrincipal"}

    def quota(self, body: Json) -> Json:
        """Set a vCPU limit, for a region or everywhere."""
        key = _scoped(body, _need(body, "family"))
        self._cloud.settings.change(quotas={**self._values.quotas, key: int(body["limit"])})
        return {key: int(body["limit"])}

    def size(self, body: Json) -> Json:
        """Make a VM size unavailable with an error code, or available again."""
        key, code = _scoped(body, _need(body, "size")), body.get("code")
        if code not in (None, "SkuNotAvailable", "AllocationFailed"):
            raise ControlError(f"code is {code!r}; there are SkuNotAvailable, AllocationFailed and null")
        left = {name: value for name, value in self._values.restricted_sizes.items() if name != key}
        self._cloud.settings.change(restricted_sizes={**left, key: code} if code else left)
        return {key: code}

    def zones(self, body: Json) -> Json:
        """Say in which zones a VM size is not offered."""
        key = _scoped(body, _need(body, "size"))
        zones = [str(zone) for zone in body.get("zones", ())]
        self._cloud.settings.change(restricted_zones={**self._values.restricted_zones, key: zones})
        return {key: zones}

    def hanging(self, body: Json) -> Json:
        """Say which VMs' guests hang while they start."""
        names = [str(name) for name in body.get("names", ())]
        self._cloud.settings.change(hanging=names)
        return {"names": names}

    def flip(self, body: Json) -> None:
        """Spoil one bit of a blob, as a bad disk would."""
        byte = body.get("byte", 0)
        if not isinstance(byte, int):
            raise ControlError(f"byte is {byte!r}; it must be an offset in the blob")
        try:
            self._blobs.flip_bit(_need(body, "account"), _need(body, "container"), _need(body, "blob"), byte)
        except LookupError as error:
            raise ControlError(str(error), 404) from error

    def keep(self, body: Json) -> None:
        """Begin or end to keep what clients ask for."""
        self._cloud.router.sent = [] if body.get("keep") else None

    def sent(self) -> list[Any]:
        """What was kept."""
        return [list(one) for one in self._cloud.router.sent or ()]

    def rewrite(self, body: Json) -> None:
        """Set or take away one key of a resource's document."""
        store = self._cloud.store
        with store.lock:
            item = store.get(_need(body, "id"))
            if item is None:
                raise ControlError(f"there is no {body['id']}", 404)
            document = item.body
            try:
                *way, last = body["at"]
                place: Any = document
                for step in way:
                    place = place[step]
                if "value" in body:
                    place[last] = body["value"]
                else:
                    del place[last]
            except (LookupError, TypeError, ValueError) as error:
                raise ControlError(f"at: {body.get('at')!r} is no place in {document}") from error
            store.commit([record(item.id, item.kind, document, item.private)])

    def fail(self, body: Json) -> Json:
        """Let coming long-running operations end as Failed."""
        match = _need(body, "match")
        try:
            re.compile(match)
        except re.error as error:
            raise ControlError(f"match is no regular expression: {error}") from error
        rule = {
            "match": match,
            "code": body.get("code", "InternalExecutionError"),
            "message": body.get("message", "An internal execution error occurred. Please retry later."),
            "count": int(body.get("count", 1)),
        }
        self._cloud.settings.change(operation_failures=[*self._values.operation_failures, rule])
        return rule


def _need(body: Json, key: str) -> str:
    value: Any = body.get(key)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{key} is missing")
    return value


def _scoped(body: Json, name: str) -> str:
    region = body.get("region")
    return f"{region}/{name}".lower() if region else name.lower()
