"""Key Vault's data plane: secrets with versions, soft delete, recovery and purge, at `/keyvault/{vault}/…`.

The identifiers in answers are `https://{vault}.vault.localhost:{port}/secrets/…`: the SDK takes an id apart and accepts
no path before `/secrets`, and a name under `.localhost` can never lead a client out of this machine.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from lab.azure.arm.authz import Authorization
from lab.azure.arm.env import Env
from lab.azure.arm.errors import ArmError, json_response
from lab.azure.arm.store import Gone, Json, Record, record
from lab.azure.arm.types.base import token_of, untoken
from lab.azure.arm.types.keyvault import SECRET, find_vault
from lab.azure.login import VAULT, Login, Principal, TokenError
from lab.faults import Faults
from lab.http import Request, Response

_DAY = 86400
_NAME = r"[0-9a-zA-Z-]{1,127}"
_ACTIONS = {  # operation -> (data action, permission in an access policy)
    "get": ("getSecret/action", "get"),
    "set": ("setSecret/action", "set"),
    "list": ("readMetadata/action", "list"),
    "update": ("update/action", "set"),
    "delete": ("delete", "delete"),
    "recover": ("recover/action", "recover"),
    "purge": ("purge/action", "purge"),
}


class Secrets:
    """Handler of the data plane of all vaults."""

    def __init__(self, env: Env, login: Login, faults: Faults) -> None:
        self._env = env
        self._authz: Authorization = env.authz
        self._login = login
        self._faults = faults
        faults.on_failure("keyvault", lambda status, code, message: ArmError(status, code, message).response())

    def handle(self, request: Request) -> Response:
        """Answer one request below `/keyvault/`."""
        parts = [part for part in request.path.split("/") if part][1:]
        operation = f"{request.method} {'/'.join(parts[1:2])}"
        return self._faults.wrap("keyvault", operation, request.path, request, lambda: self._answer(request, parts))

    def _answer(self, request: Request, parts: list[str]) -> Response:
        try:
            principal = self._login.check(request, VAULT)
        except TokenError as error:
            return self._challenge(error)
        try:
            vault = find_vault(self._env, parts[0]) if parts else None
            if vault is None:
                raise ArmError(404, "VaultNotFound", "There is no such vault (in the real cloud: no such host).")
            if not re.fullmatch(r"\d+\.\d+(-preview\.\d+)?|\d{4}-\d\d-\d\d", request.query.get("api-version", "")):
                raise ArmError(400, "BadParameter", "api-version must be specified")
            _ = request.body
            with self._env.store.lock:
                return self._dispatch(_Vault(self._env, vault), principal, request, parts[1:])
        except ArmError as error:
            return error.response()

    def _dispatch(self, vault: _Vault, principal: Principal, request: Request, parts: list[str]) -> Response:
        def allowed(operation: str) -> None:
            self._require(vault, principal, operation, "/".join(parts))

        match request.method, [parts[0].lower(), *parts[1:]] if parts else []:
            case "PUT", ["secrets", name]:
                allowed("set")
                return vault.set(name, _body(request))
            case "GET", ["secrets"]:
                allowed("list")
                return vault.page(request, vault.current, "secrets")
            case "GET", ["secrets", name, "versions"]:
                allowed("list")
                return vault.page(request, lambda: vault.versions(name), f"secrets/{name}/versions")
            case "GET", ["secrets", name, *version]:
                allowed("get")
                return vault.get(name, version[0] if version else "")
            case "PATCH", ["secrets", name, *version]:
                allowed("update")
                return vault.update(name, version[0] if version else "", _body(request))
            case "DELETE", ["secrets", name]:
                allowed("delete")
                return vault.delete(name)
            case "GET", ["deletedsecrets"]:
                allowed("list")
                return vault.page(request, vault.deleted, "deletedsecrets")
            case "GET", ["deletedsecrets", name]:
                allowed("get")
                return json_response(200, vault.deleted_document(vault.require_deleted(name)))
            case "POST", ["deletedsecrets", name, "recover"]:
                allowed("recover")
                return vault.recover(name)
            case "DELETE", ["deletedsecrets", name]:
                allowed("purge")
                return vault.purge(name)
            case _:
                raise ArmError(404, "NotFound", f"No operation {request.method} '/{'/'.join(parts)}'.")

    def _require(self, vault: _Vault, principal: Principal, operation: str, path: str) -> None:
        action, permission = _ACTIONS[operation]
        properties = vault.record.body["properties"]
        full = f"Microsoft.KeyVault/vaults/secrets/{action}"
        if properties.get("enableRbacAuthorization"):
            scope = f"{vault.record.id}/{path}"
            if self._authz.may(principal, full, scope, data=True):
                return
            inner, reason = (
                "ForbiddenByRbac",
                f"Action: '{full}'\r\nResource: '{scope}'\r\nAssignment: (not found)",
            )
        else:
            if _policy_allows(properties["accessPolicies"], principal, permission):
                return
            inner = "ForbiddenByPolicy"
            reason = f"The principal does not have secrets {permission} permission on key vault '{vault.name}'."
        error = ArmError(
            403,
            "Forbidden",
            "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
            "definitions were changed recently, please observe propagation time.\r\n"
            f"Caller: appid={principal.client_id};oid={principal.object_id}\r\n{reason}\r\nVault: {vault.name}",
        )
        raise _Inner(error, inner)

    def _challenge(self, error: TokenError) -> Response:
        response = ArmError(401, "Unauthorized", f"AKV10000: {error.message}").response()
        authority = f"{self._env.addresses.arm}/{self._env.settings.values.tenant}"
        challenge = f'Bearer authorization="{authority}", resource="https://vault.azure.net"'
        if error.code != "AuthenticationFailed":
            challenge += ', error="invalid_token"'
        response.headers["WWW-Authenticate"] = challenge
        return response


class _Inner(ArmError):
    """An error with an `innererror`, as Key Vault writes them."""

    def __init__(self, outer: ArmError, inner: str) -> None:
        super().__init__(outer.status, outer.code, outer.message)
        self._inner = inner

    def document(self) -> Json:
        return {**super().document(), "innererror": {"code": self._inner}}


class _Vault:
    """The secrets of one vault: a record each, with all versions."""

    def __init__(self, env: Env, vault: Record) -> None:
        self._env = env
        self.record = vault
        self.name: str = vault.body["name"]
        self._prefix = f"/lab/secrets/{vault.private['uid']}/"

    # -- operations

    def set(self, name: str, body: Json) -> Response:
        """A new version."""
        if not re.fullmatch(_NAME, name):
            raise ArmError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        value = body.get("value")
        if not isinstance(value, str) or len(value) > 25600:
            raise ArmError(400, "BadParameter", "Property value has an invalid value: a string of at most 25 kB is needed.")
        item = self._find(name)
        if item is not None and "deleted" in item.private:
            raise _Inner(
                ArmError(
                    409,
                    "Conflict",
                    f"Secret {name} is currently in a deleted but recoverable state, and its name cannot be reused; in "
                    "this state, the secret can only be recovered or purged.",
                ),
                "ObjectIsDeletedButRecoverable",
            )
        now = int(time.time())
        attributes = {"enabled": True, **_attributes(body), "created": now, "updated": now}
        version: Json = {"version": uuid.uuid4().hex, "value": value, "attributes": attributes}
        for key in ("contentType", "tags"):
            if body.get(key) is not None:
                version[key] = body[key]
        versions = [*(item.body["versions"] if item else ()), version]
        self._save(item.body["name"] if item else name, versions)
        return json_response(200, self._document(name, version))

    def get(self, name: str, wanted: str) -> Response:
        """A version (the newest by default) with its value."""
        version = self._version(name, wanted)
        now = time.time()
        attributes = version["attributes"]
        if not attributes["enabled"]:
            raise _Inner(
                ArmError(403, "Forbidden", "Operation get is not allowed on a disabled secret."),
                "SecretDisabled",
            )
        if not attributes.get("nbf", 0) <= now < attributes.get("exp", float("inf")):
            raise _Inner(ArmError(403, "Forbidden", "The secret is expired or not yet valid."), "SecretNotInTimeRange")
        return json_response(200, self._document(name, version))

    def update(self, name: str, wanted: str, body: Json) -> Response:
        """Attributes, tags, content type of a version."""
        item = self._live(name)
        versions = item.body["versions"]
        version = self._version(name, wanted)
        changed = next(one for one in versions if one["version"] == version["version"])
        changed["attributes"] |= {**_attributes(body), "updated": int(time.time())}
        for key in ("contentType", "tags"):
            if body.get(key) is not None:
                changed[key] = body[key]
        self._save(item.body["name"], versions)
        return json_response(200, {k: v for k, v in self._document(name, changed).items() if k != "value"})

    def delete(self, name: str) -> Response:
        """Soft delete."""
        item = self._live(name)
        now = int(time.time())
        days = self.record.body["properties"].get("softDeleteRetentionInDays", 90)
        deleted = {"at": now, "until": now + days * _DAY}
        self._save(item.body["name"], item.body["versions"], deleted)
        return json_response(200, self.deleted_document(self.require_deleted(name)))

    def recover(self, name: str) -> Response:
        """Undo the deletion."""
        item = self.require_deleted(name)
        self._save(item.body["name"], item.body["versions"])
        return json_response(200, {**self._document(name, item.body["versions"][-1], value=False)})

    def purge(self, name: str) -> Response:
        """Delete for good."""
        item = self.require_deleted(name)
        if self.record.body["properties"].get("enablePurgeProtection"):
            raise ArmError(
                403,
                "Forbidden",
                f"Operation purge is not allowed on vault {self.name}: purge protection is on.",
            )
        self._env.store.commit([Gone(item.id)])
        return json_response(204)

    # -- lists

    def current(self) -> list[Json]:
        """The newest version of every secret that is not deleted, without values."""
        items = [item for item in self._all() if "deleted" not in item.private]
        return [self._document(item.body["name"], item.body["versions"][-1], value=False, short=True) for item in items]

    def versions(self, name: str) -> list[Json]:
        """All versions of a secret, without values."""
        item = self._live(name)
        return [self._document(name, version, value=False) for version in item.body["versions"]]

    def deleted(self) -> list[Json]:
        """All deleted secrets, without values."""
        items = [item for item in self._all() if "deleted" in item.private]
        documents = [self.deleted_document(item) for item in items]
        return [{key: value for key, value in one.items() if key != "value"} for one in documents]

    def page(self, request: Request, rows: Callable[[], list[Json]], path: str) -> Response:
        """A page of a list: `maxresults` (25 at most), nextLink."""
        size = min(25, int(request.query.get("maxresults", "25") or "25"))
        token = request.query.get("$skiptoken", "")
        start = int(untoken(token) or "0") if token else 0
        found = rows()
        answer: Json = {"value": found[start : start + size], "nextLink": None}
        if start + size < len(found):
            query = {**request.query, "$skiptoken": token_of(str(start + size))}
            answer["nextLink"] = f"{self._env.addresses.arm}/keyvault/{self.name}/{path}?{urlencode(query)}"
        return json_response(200, answer)

    # -- records

    def require_deleted(self, name: str) -> Record:
        """The deleted secret. Raises 404."""
        item = self._find(name)
        if item is None or "deleted" not in item.private:
            raise ArmError(404, "SecretNotFound", f"Deleted Secret not found: {name}")
        return item

    def deleted_document(self, item: Record) -> Json:
        """A deleted secret as it is shown."""
        name, deleted = item.body["name"], item.private["deleted"]
        return {
            **self._document(name, item.body["versions"][-1], value=False),
            "recoveryId": f"{self._host()}/deletedsecrets/{name}",
            "deletedDate": deleted["at"],
            "scheduledPurgeDate": deleted["until"],
        }

    def _document(self, name: str, version: Json, *, value: bool = True, short: bool = False) -> Json:
        days = self.record.body["properties"].get("softDeleteRetentionInDays", 90)
        level = "Recoverable" if self.record.body["properties"].get("enablePurgeProtection") else "Recoverable+Purgeable"
        suffix = "" if short else f"/{version['version']}"
        shown: Json = {key: version[key] for key in ("contentType", "tags") if key in version}
        document: Json = {
            "id": f"{self._host()}/secrets/{name}{suffix}",
            "attributes": {**version["attributes"], "recoveryLevel": level, "recoverableDays": days},
            **shown,
        }
        return {"value": version["value"], **document} if value else document

    def _host(self) -> str:
        port = self._env.addresses.arm.rpartition(":")[2]
        return f"https://{self.name}.vault.localhost:{port}"

    def _all(self) -> list[Record]:
        return [item for item in self._env.store.of_kind(SECRET) if item.id.startswith(self._prefix)]

    def _find(self, name: str) -> Record | None:
        return self._env.store.get(f"{self._prefix}{name}")

    def _live(self, name: str) -> Record:
        item = self._find(name)
        if item is None or "deleted" in item.private:
            raise ArmError(
                404,
                "SecretNotFound",
                f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you "
                "may be able to recover it using the correct recovery command. For help resolving this issue, please see "
                "https://go.microsoft.com/fwlink/?linkid=2125182",
            )
        return item

    def _version(self, name: str, wanted: str) -> Json:
        versions: list[Json] = self._live(name).body["versions"]
        if not wanted:
            return versions[-1]
        for version in versions:
            if version["version"] == wanted.lower():
                return version
        raise ArmError(404, "SecretNotFound", f"A secret with (name/id) {name}/{wanted} was not found in this key vault.")

    def _save(self, name: str, versions: list[Json], deleted: Json | None = None) -> None:
        private = {"deleted": deleted} if deleted else {}
        body = {"name": name, "versions": versions}
        self._env.store.commit([record(f"{self._prefix}{name}", SECRET, body, private)])


def _policy_allows(policies: list[Json], principal: Principal, permission: str) -> bool:
    for policy in policies:
        granted = [str(one).lower() for one in policy.get("permissions", {}).get("secrets") or ()]
        if policy.get("objectId", "").lower() == principal.object_id.lower() and {permission, "all"} & set(granted):
            return True
    return False


def _attributes(body: Json) -> Json:
    given: Any = body.get("attributes") or {}
    return {key: given[key] for key in ("enabled", "nbf", "exp") if given.get(key) is not None}


def _body(request: Request) -> Json:
    try:
        document = json.loads(request.body or b"{}")
    except ValueError as error:
        raise ArmError(400, "BadParameter", f"The request body is no JSON: {error}") from error
    if not isinstance(document, dict):
        raise ArmError(400, "BadParameter", "The request body must be a JSON object.")
    return document
