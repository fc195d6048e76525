"""The storage account that keeps a state: made or adopted, never owned by an estate, so never changed behind others' backs.

What is missing is made as it should be. On an account that was there, versioning and soft delete are switched on, since
that takes nothing from anybody; everything else that is weaker than we would make it is only named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from planner.estate import StateBlob
from planner.ports import ResourceRef
from providers.azure.artifacts.authorization import RoleAssignments
from providers.azure.artifacts.base import Spec, plain
from providers.azure.artifacts.blobs import Containers
from providers.azure.artifacts.shared import StorageAccounts
from providers.azure.artifacts.waiting import RoleWait
from providers.azure.errors import translated
from providers.azure.ids import ArmId, parse, same
from providers.azure.session import AzureSession
from providers.azure.tags import Owner
from replication.model.errors import Denied, NotFound

if TYPE_CHECKING:
    from azure.core.polling import LROPoller

DAYS = 30
"""So long a deleted or replaced state can be had back."""
ROLE = "Storage Blob Data Contributor"
_NOBODY = Owner("")


class _StateAccounts(StorageAccounts):
    """As the estate's accounts, but versions and deleted blobs are kept, and it carries no estate's tags."""

    def require_ours(self, at: ArmId) -> bool:
        return False  # asked only before one is made

    def put(self, at: ArmId, spec: Spec, tags: dict[str, str], **poll: Any) -> LROPoller[Any]:
        return super().put(at, spec, dict(spec["tags"]), **poll)

    def finish(self, at: ArmId, spec: Spec, found: Any) -> None:
        keep(self.session, at)


class _StateContainers(Containers):
    def require_ours(self, ref: ResourceRef, metadata: dict[str, str] | None) -> None:
        """A container of others serves as well: the blob's name is ours."""

    def metadata(self, ref: ResourceRef) -> dict[str, str]:
        return {}


def bootstrap(session: AzureSession, blob: StateBlob, wait: RoleWait, say: Callable[[str], None]) -> str:
    """Group, account, role, container: made or adopted, each said. The account's blob endpoint. Again changes nothing."""
    account = _find(session, blob)
    if account is None:
        _group(session, blob, say)
        at = f"/subscriptions/{blob.subscription}/resourceGroups/{blob.group}"
        ref = ResourceRef("state", "state", f"{at}/providers/Microsoft.Storage/storageAccounts/{blob.account}")
        _StateAccounts(session, _NOBODY).begin(ref, {"location": blob.region, "tags": {"used-by": "wavelift-state"}}).result()
        say(f"made storage account {blob.account} in {blob.group}: TLS 1.2, nothing public, no keys, versions kept {DAYS} days")
        account = _find(session, blob)
        if account is None:
            raise NotFound("it was made and is not listed yet", subject=blob.account, remedy="run this again in a minute")
    else:
        _adopt(session, account, say)
    endpoint = str(account.properties.primary_endpoints.blob)
    _role(session, str(account.id), say)
    _container(session, blob, str(account.id), endpoint, wait, say)
    return endpoint


def keep(session: AzureSession, at: ArmId) -> bool:
    """Switch versions and soft delete on; False when they were. Other settings stay as they are."""
    services = session.storage(at.subscription).blob_services
    with translated(f"blob service of {at.name}"):
        found = services.get_service_properties(at.group, at.name).as_dict()
        told = dict(found.get("properties") or {})
        kept = told.get("deleteRetentionPolicy") or {}
        if told.get("isVersioningEnabled") and kept.get("enabled"):
            return False
        told["isVersioningEnabled"] = True
        if not kept.get("enabled"):
            told["deleteRetentionPolicy"] = {"enabled": True, "days": DAYS}
        body: Any = {"properties": told}
        services.set_service_properties(at.group, at.name, body)
    return True


def _find(session: AzureSession, blob: StateBlob) -> Any:
    """The account, in whatever group of the subscription it is."""
    with translated(f"subscription {blob.subscription}"):
        for found in session.storage(blob.subscription).storage_accounts.list():
            if same(str(found.name), blob.account):
                return found
    return None


def _group(session: AzureSession, blob: StateBlob, say: Callable[[str], None]) -> None:
    groups = session.resources(blob.subscription).resource_groups
    with translated(f"resource group {blob.group}"):
        if groups.check_existence(blob.group):
            say(f"found resource group {blob.group}")
            return
        body: Any = {"location": blob.region, "tags": {"used-by": "wavelift-state"}}
        groups.create_or_update(blob.group, body)
    say(f"made resource group {blob.group} in {blob.region}")


def _adopt(session: AzureSession, account: Any, say: Callable[[str], None]) -> None:
    at = parse(str(account.id))
    say(f"found storage account {at.name} in {at.group}")
    if keep(session, at):
        say(f"switched versions and soft delete on in {at.name}")
    for lacking in _weaker(account.properties, at):
        say(lacking)


def _weaker(properties: Any, at: ArmId) -> Iterator[str]:
    """What others may rely on, and we would not have."""
    command = f"az storage account update --name {at.name} --resource-group {at.group}"
    if plain(properties.minimum_tls_version) in (None, "TLS1_0", "TLS1_1"):
        yield f"not changed: {at.name} allows TLS below 1.2: {command} --min-tls-version TLS1_2"
    if properties.allow_blob_public_access:
        yield f"not changed: {at.name} allows public blobs: {command} --allow-blob-public-access false"
    if properties.enable_https_traffic_only is False:
        yield f"not changed: {at.name} allows plain HTTP: {command} --https-only true"


def _role(session: AzureSession, account: str, say: Callable[[str], None]) -> None:
    ref = ResourceRef("state.role", "role", f"{account}#{ROLE}")
    roles = RoleAssignments(session)
    who = session.principal().object_id
    try:
        if roles.observe([ref]):
            say(f"found role {ROLE} for {who}")
            return
        roles.begin(ref, {"scope": account, "role": ROLE}).result()
    except Denied:
        command = f'az role assignment create --assignee {who} --role "{ROLE}" --scope {account}'
        say(f"not assigned: {who} may not assign roles; unless it has {ROLE} already: {command}")
        return
    say(f"assigned {ROLE} to {who}; others who apply need it too, and Storage Blob Data Reader is enough to plan")


def _container(
    session: AzureSession, blob: StateBlob, account: str, endpoint: str, wait: RoleWait, say: Callable[[str], None]
) -> None:
    ref = ResourceRef("state.container", "container", f"{account}/blobServices/default/containers/{blob.container}")

    def there() -> bool:
        with translated(ref.id):
            return session.blobs(endpoint).get_container_client(blob.container).exists()

    found = wait.run(there)
    _StateContainers(session, _NOBODY, wait).begin(ref, {"account": endpoint, "name": blob.container}).result()
    say(f"{'found' if found else 'made'} container {blob.container}; a probe was written to it and deleted")
