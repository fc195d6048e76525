"""Who we are at Azure and where it is: one login, one set of clients, made when first used and kept.

Rules
1. Every client gets the same CA, endpoint and patience; one that is made elsewhere is a bug.
2. Storage clients never retry by themselves: `again` does, because a repeated conditional write must be looked after.
3. Secrets are read when the first token is asked for, and are in no error and no repr.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from planner.estate import Azure, SecretRef, WorkloadIdentity
from planner.fence import Fence
from providers.azure.again import Patience
from providers.azure.errors import redacted, translated
from providers.azure.firstmodels import guard
from replication.model.errors import Denied, Leaving, Permanent

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.keyvault.secrets import SecretClient
    from azure.mgmt.authorization.v2022_04_01 import AuthorizationManagementClient
    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.keyvault import KeyVaultManagementClient
    from azure.mgmt.network import NetworkManagementClient
    from azure.mgmt.recoveryservices import RecoveryServicesClient
    from azure.mgmt.resource.locks import ManagementLockClient
    from azure.mgmt.resource.resources import ResourceManagementClient
    from azure.mgmt.servicebus import ServiceBusManagementClient
    from azure.mgmt.storage import StorageManagementClient
    from azure.storage.blob import BlobServiceClient

    from providers.azure.fenced import FencedTransport
    from providers.azure.login import Login, Renewal
    from providers.azure.wire import Wire

PUBLIC = "https://management.azure.com"
STORAGE_SCOPE = "https://storage.azure.com/.default"
_AUDIENCES: Mapping[str, str] = {
    "management.chinacloudapi.cn": "https://management.core.chinacloudapi.cn",
    "management.usgovcloudapi.net": "https://management.core.usgovcloudapi.net",
}
"""ARM hosts whose tokens are for another name than theirs."""

POLLING = 5.0
"""Seconds between two looks at an operation whose answer names no time of its own (Azure's nearly always do)."""

_EARLY = 300.0
"""A token is renewed this many seconds before it ends: longer than any single request takes."""

C = TypeVar("C")
Role = Literal["plan", "engine"]
ReadSecret = Callable[[SecretRef], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is signed in: object id and tenant id, both guids, from the token's claims."""

    object_id: str
    tenant_id: str


class AzureSession:
    """One login (`role` says which of the two) at one cloud. Safe to use from several threads.

    `read_secret(ref) -> {"client_id", "client_secret"}`; by default `providers.secrets.resolve` in the working folder.
    `polling_interval` seconds between two looks at a long-running operation that names no time itself.
    """

    def __init__(
        self,
        azure: Azure,
        role: Role,
        read_secret: ReadSecret | None = None,
        *,
        polling_interval: float | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._azure = azure
        self._role: Role = role
        self._read_secret = read_secret
        self.endpoint = (azure.endpoint or PUBLIC).rstrip("/")
        self.ca = azure.ca
        self.polling_interval = polling_interval if polling_interval is not None else POLLING
        self.patience = replace(patience or Patience(), sleep=self.pause)
        self._leaving = threading.Event()
        self._lock = threading.RLock()
        self._kept: dict[tuple[str, ...], Any] = {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self.fence = Fence()
        self.ahead = 0.0
        """Seconds that this host's clock is ahead of Azure's, by the last answer; 0 before the first."""

    def __repr__(self) -> str:
        return f"AzureSession({self.endpoint}, {self._role})"

    # --- waiting

    def pause(self, seconds: float) -> None:
        """Every wait between two tries, and between two looks at an operation. Raises `Leaving` after `leave`."""
        if self._leaving.wait(seconds):
            raise Leaving("not waited for any longer: this process is to stop")

    def leave(self) -> None:
        """Whoever waits, now or later, waits no more: each call is tried once. Safe from any thread."""
        self._leaving.set()

    # --- who we are

    @property
    def credential(self) -> Login:
        """The credential itself. Raises `Denied` when the secret lacks what a login needs."""

        def make() -> Login:
            from providers.azure.login import Login

            return Login(self._sign_in)

        return self._keep(("credential",), make)

    def token(self, scope: str, *, fresh: bool = False) -> str:
        """A bearer token for `scope`, kept until shortly before it ends; `fresh` asks for another one."""
        held = self._tokens.get(scope)
        if held and not fresh and held[1] - _EARLY > time.time():
            return held[0]
        with translated("signing in to Azure"):
            if fresh:
                self.credential.renew()
            made = self.credential.get_token(scope)
        self._tokens[scope] = (made.token, float(made.expires_on))
        return made.token

    def principal(self) -> Principal:
        """Object id and tenant of the signed-in principal. Raises `Denied`."""
        claims = _claims(self.token(self._scope))
        if "oid" not in claims or "tid" not in claims:
            raise Permanent("the token names no object id", subject="signing in to Azure", remedy="use a service principal")
        return Principal(str(claims["oid"]), str(claims["tid"]))

    def _sign_in(self) -> TokenCredential:
        from azure.identity import ClientSecretCredential, DefaultAzureCredential

        from providers.azure.federated import workload_login

        # Python prints warnings of libraries that nobody listens to; what these have to say comes as our errors.
        for library in ("azure", "msal", "urllib3"):
            logging.getLogger(library).addHandler(logging.NullHandler())
        options = {"transport": self._transport(may=lambda: None), **self._options(), **self._retries()}  # it changes nothing
        if self._azure.authority:
            options |= {"authority": self._azure.authority, "disable_instance_discovery": True}
        if self._azure.login is None:
            return DefaultAzureCredential(**options)
        ref = self._azure.login.plan if self._role == "plan" else self._azure.login.engine
        if isinstance(ref, WorkloadIdentity):
            return self._configured(lambda: workload_login(self._azure.tenant, ref, **options))
        secret = self._secret(ref)
        missing = [key for key in ("client_id", "client_secret") if not secret.get(key)]
        if missing:
            text = f"the secret lacks {' and '.join(missing)}"
            raise Denied(text, subject=str(ref), remedy='it must be JSON: {"client_id": "...", "client_secret": "..."}')
        return self._configured(
            lambda: ClientSecretCredential(self._azure.tenant, secret["client_id"], secret["client_secret"], **options)
        )

    @staticmethod
    def _configured(make: Callable[[], TokenCredential]) -> TokenCredential:
        try:
            return make()
        except ValueError as error:
            raise Permanent(
                redacted(str(error)), subject="azure", remedy="check azure.tenant and azure.authority"
            ) from error

    def _secret(self, ref: SecretRef) -> Mapping[str, str]:
        if self._read_secret is not None:
            return self._read_secret(ref)
        from providers.secrets import AZURE_KEYS, resolve

        return resolve(ref, AZURE_KEYS)

    # --- clients of the control plane

    def compute(self, subscription: str) -> ComputeManagementClient:
        from azure.mgmt.compute import ComputeManagementClient

        return self._arm(ComputeManagementClient, subscription)

    def network(self, subscription: str) -> NetworkManagementClient:
        from azure.mgmt.network import NetworkManagementClient

        return self._arm(NetworkManagementClient, subscription)

    def storage(self, subscription: str) -> StorageManagementClient:
        from azure.mgmt.storage import StorageManagementClient

        return self._arm(StorageManagementClient, subscription)

    def key_vaults(self, subscription: str) -> KeyVaultManagementClient:
        from azure.mgmt.keyvault import KeyVaultManagementClient

        return self._arm(KeyVaultManagementClient, subscription)

    def service_bus(self, subscription: str) -> ServiceBusManagementClient:
        from azure.mgmt.servicebus import ServiceBusManagementClient

        return self._arm(ServiceBusManagementClient, subscription)

    def recovery(self, subscription: str) -> RecoveryServicesClient:
        from azure.mgmt.recoveryservices import RecoveryServicesClient

        return self._arm(RecoveryServicesClient, subscription)

    def resources(self, subscription: str) -> ResourceManagementClient:
        from azure.mgmt.resource.resources import ResourceManagementClient

        return self._arm(ResourceManagementClient, subscription)

    def locks(self, subscription: str) -> ManagementLockClient:
        from azure.mgmt.resource.locks import ManagementLockClient

        return self._arm(ManagementLockClient, subscription)

    def authorization(self, subscription: str) -> AuthorizationManagementClient:
        from azure.mgmt.authorization.v2022_04_01 import AuthorizationManagementClient

        return self._arm(AuthorizationManagementClient, subscription)

    # --- clients of the data planes

    def blobs(self, endpoint: str) -> BlobServiceClient:
        """The blob service at `endpoint` (https://…/). It never retries: see `again`."""

        def make() -> BlobServiceClient:
            from azure.storage.blob import BlobServiceClient, ExponentialRetry

            from providers.azure.login import StorageLogin

            login, retry = StorageLogin(self.credential), ExponentialRetry(retry_total=0)
            return BlobServiceClient(endpoint.rstrip("/"), credential=login, retry_policy=retry, transport=self._transport())

        return self._keep(("blobs", endpoint.rstrip("/")), make)

    def secrets(self, vault: str) -> SecretClient:
        """The secrets of the key vault at `vault` (its url)."""

        def make() -> SecretClient:
            from azure.keyvault.secrets import SecretClient

            # Another cloud than the public one answers challenges in its own name.
            return SecretClient(
                vault,
                self.credential,
                verify_challenge_resource=self._azure.endpoint is None,
                per_call_policies=[self._renewal()],
                transport=self._transport(),
                **self._retries(),
            )

        return self._keep(("secrets", vault.rstrip("/")), make)

    @property
    def wire(self) -> Wire:
        """Plain HTTPS for page blobs and disks, with tokens of this login."""

        def make() -> Wire:
            from providers.azure.wire import Wire

            self._options()
            return Wire(self.ca, lambda fresh: self.token(STORAGE_SCOPE, fresh=fresh), self.patience)

        return self._keep(("wire",), make)

    def keep(self, key: str, make: Callable[[], C]) -> C:
        """What others want to have once a session: made at the first call."""
        return self._keep((key,), make)

    # --- how they are made

    @property
    def _scope(self) -> str:
        host = urlsplit(self.endpoint).hostname or ""
        return f"{_AUDIENCES.get(host, PUBLIC)}/.default"

    def _options(self) -> dict[str, Any]:
        if self.ca and not Path(self.ca).is_file():
            raise Permanent("there is no such CA file", subject=self.ca, remedy="check azure.ca")
        return {"connection_verify": self.ca} if self.ca else {}

    def _transport(self, may: Callable[[], object] | None = None) -> FencedTransport:
        from providers.azure.fenced import FencedTransport

        return FencedTransport(may or self.fence, self.pause, self._heard, **self._options())

    def _heard(self, date: str) -> None:
        with suppress(ValueError):  # no date, or none that can be read: nothing was heard
            self.ahead = time.time() - parsedate_to_datetime(date).timestamp()

    def _retries(self) -> dict[str, Any]:
        """ARM's throttling asks for its waiting time; without it the pauses grow from `patience.pause`."""
        return {"retry_total": self.patience.times, "retry_connect": 3, "retry_backoff_factor": self.patience.pause}

    def _arm(self, client: Callable[..., C], subscription: str) -> C:
        def make() -> C:
            guard(cast(type, client))
            return client(
                self.credential,
                subscription,
                base_url=self.endpoint,
                credential_scopes=[self._scope],
                polling_interval=self.polling_interval,
                per_call_policies=[self._renewal()],
                transport=self._transport(),
                **self._retries(),
            )

        name = cast(Any, client).__module__ + cast(Any, client).__name__
        return self._keep((name, subscription.lower()), make)

    def _renewal(self) -> Renewal:
        from providers.azure.login import Renewal

        return Renewal(self.credential)

    def _keep(self, key: tuple[str, ...], make: Callable[[], C]) -> C:
        kept = self._kept.get(key)
        if kept is None:
            with self._lock:
                kept = self._kept.get(key)
                if kept is None:
                    kept = self._kept[key] = make()
        return cast(C, kept)


def _claims(token: str) -> dict[str, Any]:
    """The claims of a token; {} when it is no JWT. Not verified: only Azure, to whom it is sent, has to."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    padded = parts[1] + "=" * (-len(parts[1]) % 4)
    claims = json.loads(base64.urlsafe_b64decode(padded))
    return claims if isinstance(claims, dict) else {}
