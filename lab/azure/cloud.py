"""One lab Azure put together: services, resource types, both handlers. `main` gives it servers."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from lab.azure.arm.authz import Authorization
from lab.azure.arm.builtin_roles import BY_ID, Role
from lab.azure.arm.env import Addresses, Env
from lab.azure.arm.errors import ArmError
from lab.azure.arm.lro import Operations
from lab.azure.arm.router import Router
from lab.azure.arm.store import Store
from lab.azure.arm.types import catalogue, serial_log
from lab.azure.arm.types.roles import assignment
from lab.azure.arm.types.storage import ACCOUNTS
from lab.azure.blob.accounts import Accounts
from lab.azure.blob.disks import DiskFiles
from lab.azure.blob.errors import BlobError
from lab.azure.login import STORAGE, Login, TokenError
from lab.azure.settings import Settings
from lab.faults import Faults
from lab.http import Request, Response

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


class Cloud:
    """Everything behind the "arm" server, and the `may` that the blob service asks.

    `addresses` must be filled in before the first request, `run` called once they are.
    """

    def __init__(self, root: Path, accounts: Accounts, disks: DiskFiles, addresses: Addresses, faults: Faults) -> None:
        self.settings = Settings(root)
        self._learn_roles()
        self.store = Store(root)
        self.faults = faults
        self.addresses = addresses
        self.login = Login(self.settings, lambda: addresses.arm)
        self.operations = Operations(self.store, self.settings, lambda: addresses.arm)
        self.authz = Authorization(self.store, self.settings)
        self.env = Env(self.store, self.settings, self.operations, self.authz, accounts, disks, addresses)
        self.router = Router(self.env, self.login, faults)
        self.secrets = catalogue.build(self.router, self.login, faults)

    def run(self) -> None:
        """Take up the operations that were in flight."""
        self.operations.run()

    def close(self) -> None:
        """Stop the operations and close the journal."""
        self.operations.stop()
        self.store.close()

    def handle(self, request: Request) -> Response:
        """Answer any request to the "arm" server but the control API's."""
        if request.path.lower().startswith("/keyvault/"):
            return self.secrets.handle(request)
        if request.path.startswith(serial_log.PREFIX):
            return self.faults.wrap("boot", "GET", request.path, request, lambda: serial_log.serve(self.env, request))
        if self.login.owns(request.path):
            operation = f"{request.method} {request.path.rpartition('/')[2]}"
            return self.faults.wrap("login", operation, request.path, request, lambda: self.login.handle(request))
        return self.router.handle(request)

    def may_use_blobs(self, token: str, account: str, write: bool) -> bool:
        """Whether a bearer token may read (or write) the blobs of an account: the role must be a data role."""
        try:
            principal = self.login.check_token(token, STORAGE)
        except TokenError as error:  # 401, not 403: the client's way to know that it needs a new token
            authority = f"{self.addresses.arm}/{self.settings.values.tenant}/oauth2/authorize"
            challenge = f"Bearer authorization_uri={authority} resource_id={STORAGE[0]}"
            text = (
                "Server failed to authenticate the request. Please refer to the information in the www-authenticate header."
            )
            raise BlobError(401, "InvalidAuthenticationInfo", text, {"WWW-Authenticate": challenge}) from error
        item = next((one for one in self.store.of_kind(ACCOUNTS) if one.key.endswith(f"/{account}")), None)
        if item is None:
            return False
        action = f"{_BLOBS}/{'write' if write else 'read'}"
        return self.authz.may(principal, action, item.id, data=True)

    def ensure_subscriptions(self, wanted: int) -> None:
        """Have at least so many subscriptions."""
        known = self.settings.values.subscriptions
        fresh = [str(uuid.uuid4()) for _ in range(wanted - len(known))]
        if fresh:
            self.settings.change(subscriptions=[*known, *fresh])

    def add_principal(self, client_id: str, object_id: str, secret: str, name: str = "") -> None:
        """Make a service principal, or change its secret."""
        entry = {"secret": secret, "object_id": object_id, "name": name}
        self.settings.change(principals={**self.settings.values.principals, client_id: entry})

    def trust(self, client_id: str, subject: str) -> None:
        """Let a service principal sign in with federated tokens of that subject."""
        known = self.settings.values.principals
        self.settings.change(principals={**known, client_id: {**known[client_id], "subject": subject}})

    def define(self, role: dict[str, Any]) -> None:
        """A custom role, by the fields of `Role`; it is known again when the lab starts anew."""
        known = [one for one in self.settings.values.custom_roles if one["id"] != role["id"]]
        self.settings.change(custom_roles=[*known, role])
        self._learn_roles()

    def _learn_roles(self) -> None:
        for one in self.settings.values.custom_roles:
            told: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in one.items()}
            BY_ID[one["id"]] = Role(**told)

    def assign(self, object_id: str, role: str, scope: str) -> str:
        """Assign a role by id or name, as an administrator outside the lab would; returns the assignment's id.

        Raises ArmError 404 for an unknown role.
        """
        found = BY_ID.get(role.lower()) or next((one for one in BY_ID.values() if one.name.lower() == role.lower()), None)
        if found is None:
            raise ArmError(404, "RoleDefinitionDoesNotExist", f"There is no role '{role}'.")
        kind = "Group" if object_id in self.settings.values.groups else "ServicePrincipal"
        item = assignment(self.settings.values.tenant, scope, str(uuid.uuid4()), found, object_id, kind)
        self.store.commit([item])
        return item.id
