"""Azure as the estate names it: who signs in, where things are made, where the state is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret is, never the secret: ("env", "VC_RO") or ("file", "/etc/wavelift/vc.json")."""

    kind: Literal["env", "file", "keyvault"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Login:
    """Who signs in. The secret holds JSON {"user","password"} for vCenter, {"client_id","client_secret"} for Azure.

    `plan` is the read-only account of the plan runner, `engine` the account of the appliance; one given means both.
    """

    plan: SecretRef
    engine: SecretRef


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """Signs in to Azure with a token that the platform keeps in a file, as the application `client_id` that trusts it."""

    client_id: str
    token_file: str

    def __str__(self) -> str:
        return f"workload identity {self.client_id} by {self.token_file}"


@dataclass(frozen=True, slots=True)
class AzureLogin:
    """As `Login`, for Azure, where no secret is needed."""

    plan: SecretRef | WorkloadIdentity
    engine: SecretRef | WorkloadIdentity


@dataclass(frozen=True, slots=True)
class ResourceGroup:
    """A resource group by name; `managed` groups are made (and emptied of ours) by apply, others must exist."""

    name: str
    managed: bool = False


@dataclass(frozen=True, slots=True)
class Identities:
    """Object ids of those who sign in elsewhere than here, so that their roles can be checked and assigned. None: not said.
    `names` are pairs of an object id and what its owners call it."""

    plan: str | None = None
    apply: str | None = None
    engine: str | None = None
    names: tuple[tuple[str, str], ...] = ()

    def name(self, object_id: str) -> str:
        """What it is called; empty when nobody says."""
        return next((name for known, name in self.names if known.lower() == object_id.lower()), "")


@dataclass(frozen=True, slots=True)
class Existing:
    """Artifacts of others that are used: a name in the group where ours would be, or an ARM id. `places` are pairs of
    "log_store.koreacentral" or "seed_store.korea" (a kind, and its region or target) and one of these."""

    vault: str | None = None
    places: tuple[tuple[str, str], ...] = ()

    def at(self, place: str) -> str | None:
        """What is used there; None: nothing, it is made."""
        return next((given for name, given in self.places if name == place), None)


@dataclass(frozen=True, slots=True)
class Azure:
    """`endpoint` and `authority` are None for the public cloud; `login` None means the ambient identity."""

    tenant: str
    project_subscription: str
    project_region: str
    project_group: ResourceGroup
    endpoint: str | None = None
    authority: str | None = None
    ca: str | None = None
    login: AzureLogin | None = None
    roles: Literal["assign", "assume"] = "assign"
    identities: Identities = Identities()
    existing: Existing = Existing()


@dataclass(frozen=True, slots=True)
class StateBlob:
    """A state in a storage account, which is no part of the estate. `subscription`, `group` and `region` say where
    `init --bootstrap` makes or finds the account; `endpoint` None is the cloud's usual one."""

    account: str
    container: str
    key: str
    subscription: str
    group: str
    region: str
    endpoint: str | None = None
