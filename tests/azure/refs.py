"""References to artifacts for tests, under names that no test used before."""

from __future__ import annotations

from planner.ports import Observed, ResourceRef
from providers.azure.artifacts.provider import AzureArtifacts
from tests.azure.support import REGION, World, fresh

HERE = {"location": REGION}
BLOB_ROLE, SECRETS_ROLE = "Storage Blob Data Contributor", "Key Vault Secrets Officer"


def account(group: ResourceRef, kind: str = "log_store") -> ResourceRef:
    return ResourceRef(f"{kind}.{REGION}", kind, f"{group.id}/providers/Microsoft.Storage/storageAccounts/{fresh('wlt')}")


def vault(group: ResourceRef) -> ResourceRef:
    return ResourceRef(f"key_vault.{REGION}", "key_vault", f"{group.id}/providers/Microsoft.KeyVault/vaults/{fresh('kv-')}")


def one(world: World, ref: ResourceRef, artifacts: AzureArtifacts | None = None) -> Observed | None:
    return (artifacts or world.artifacts).observe([ref])[ref.address]


def make_vault(world: World, group: ResourceRef) -> tuple[ResourceRef, str]:
    ref = vault(group)
    uri = str(world.artifacts.create(ref, HERE).attributes["vault_uri"])
    world.artifacts.create(role(ref.id, SECRETS_ROLE), {"scope": ref.id, "role": SECRETS_ROLE})
    return ref, uri


def role(scope: str, name: str) -> ResourceRef:
    return ResourceRef(f"role.{scope[-8:]}", "role", f"{scope}#{name}")
