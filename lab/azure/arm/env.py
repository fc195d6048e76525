"""What every ARM handler works with: the shared services (`Env`) and one request (`Call`)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from lab.azure.arm.authz import Authorization
from lab.azure.arm.errors import ArmError
from lab.azure.arm.ids import Target
from lab.azure.arm.lro import Operations
from lab.azure.arm.store import Json, Record, Store
from lab.azure.blob.accounts import Accounts
from lab.azure.blob.disks import DiskFiles
from lab.azure.login import Principal
from lab.azure.settings import Settings
from lab.http import Request


@dataclass(slots=True)
class Addresses:
    """Where the two servers are; known once they listen."""

    arm: str = ""
    blob: str = ""


@dataclass(frozen=True, slots=True)
class Env:
    """The services of one lab Azure."""

    store: Store
    settings: Settings
    operations: Operations
    authz: Authorization
    accounts: Accounts
    disks: DiskFiles
    addresses: Addresses

    def group(self, target: Target) -> Record:
        """The resource group that a target is in. Raises 404 ResourceGroupNotFound."""
        found = self.store.get(f"/subscriptions/{target.subscription}/resourceGroups/{target.group}")
        if found is None:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{target.group}' could not be found.")
        return found

    def busy(self, item: Record, key: str = "busy") -> bool:
        """Whether the operation that a record names under a private key is still in flight."""
        operation = self.operations.find(item.private.get(key, ""))
        return operation is not None and operation.status == "InProgress"


@dataclass(slots=True)
class Call:
    """One authorized request to one resource type."""

    env: Env
    request: Request
    target: Target
    principal: Principal
    _body: Json | None = field(default=None)

    @property
    def method(self) -> str:
        """GET, PUT, …"""
        return self.request.method

    @property
    def api_version(self) -> str:
        """The `api-version` of the request."""
        return self.request.query.get("api-version", "")

    @property
    def existing(self) -> Record | None:
        """The resource that the request names, as it is now."""
        return self.env.store.get(self.target.resource_id)

    @property
    def body(self) -> Json:
        """The request's JSON object. Raises 400 InvalidRequestContent."""
        if self._body is None:
            self._body = _document(self.request.body)
        return self._body


def _document(text: bytes) -> Json:
    try:
        document: Any = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise _unreadable(str(error)) from error
    if not isinstance(document, dict):
        raise _unreadable("the content is no JSON object")
    return document


def _unreadable(why: str) -> ArmError:
    return ArmError(400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{why}'.")
