"""The artifacts that machines share: resource groups, the vault, Service Bus, storage accounts, key vaults (S3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from planner.ports import Json, Made, Observed, Operation, ResourceRef
from providers.azure.artifacts.base import GroupKind, Listed, Spec, place, plain
from providers.azure.errors import error_code, translated
from providers.azure.ids import ArmId, parse, same
from providers.azure.operations import Deferred
from replication.model.errors import NotFound, Permanent

if TYPE_CHECKING:
    from azure.core.polling import LROPoller

    from providers.azure.session import AzureSession


class ResourceGroups(Listed):
    """Groups that the estate declares as managed.

    Deleting one deletes what is in it, so it goes only when that is nothing, or shared artifacts of ours. A VM, disk or NIC
    in it keeps it, ours or not: what was migrated is never destroyed along the way.
    """

    def listing(self, at: ArmId) -> Iterable[Any]:
        return self.session.resources(at.subscription).resource_groups.list()

    def get(self, at: ArmId) -> Any:
        return self.session.resources(at.subscription).resource_groups.get(at.group)

    def begin(self, ref: ResourceRef, spec: Spec) -> Operation:
        at = parse(ref.id)

        def make() -> Made:
            body: Any = {"location": spec["location"], "tags": self.tags(at, ref.address, spec)}
            made = self.session.resources(at.subscription).resource_groups.create_or_update(at.group, body)
            return Made(made.id or at.text)

        return Deferred(make, at.name)

    def resume(self, ref: ResourceRef, spec: Spec, token: str) -> Operation:
        return self.begin(ref, spec)

    def remove(self, at: ArmId) -> LROPoller[Any]:
        client = self.session.resources(at.subscription)
        others = self.others(at)
        if others:
            shown = ", ".join(str(one) for one in others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
            text = f"it holds machines, or what is not ours: {shown}"
            raise Permanent(text, subject=at.text, remedy="move it elsewhere or delete it yourself", code="NotOurs")
        return client.resource_groups.begin_delete(at.group)

    def properties(self, found: Any) -> dict[str, Json]:
        return {"location": place(found.location)}

    def others(self, at: ArmId) -> list[str]:
        """Ids of what keeps the group from being deleted."""
        found = self.session.resources(at.subscription).resources.list_by_resource_group(at.group)
        return [str(one.id) for one in found if not self._may_go(one)]

    def _may_go(self, found: Any) -> bool:
        kept = str(found.type).lower().startswith(("microsoft.compute/", "microsoft.network/"))
        return self.owner.owns(found.tags) and not kept


class RecoveryVaults(GroupKind):
    """The Recovery Services vault: the estate's anchor."""

    def listing(self, at: ArmId) -> Iterable[Any]:
        return self.session.recovery(at.subscription).vaults.list_by_resource_group(at.group)

    def get(self, at: ArmId) -> Any:
        return self.session.recovery(at.subscription).vaults.get(at.group, at.name)

    def put(self, at: ArmId, spec: Spec, tags: dict[str, str], **poll: Any) -> LROPoller[Any]:
        body: Any = {
            "location": spec["location"],
            "tags": tags,
            "sku": {"name": "Standard"},
            "properties": {"publicNetworkAccess": "Enabled"},
        }
        return self.session.recovery(at.subscription).vaults.begin_create_or_update(at.group, at.name, body, **poll)

    def remove(self, at: ArmId) -> LROPoller[Any]:
        return self.session.recovery(at.subscription).vaults.begin_delete(at.group, at.name)

    def settings(self, found: Any) -> dict[str, tuple[Json, Json]]:
        return {
            "sku": ("Standard", plain(found.sku and found.sku.name)),
            "public_network_access": ("Enabled", plain(found.properties and found.properties.public_network_access)),
        }

    def properties(self, found: Any) -> dict[str, Json]:
        return {"location": place(found.location)}


class ServiceBuses(GroupKind):
    """A namespace and its queues; queues that are missing are drift of the bus."""

    def listing(self, at: ArmId) -> Iterable[Any]:
        return self.session.service_bus(at.subscription).namespaces.list_by_resource_group(at.group)

    def get(self, at: ArmId) -> Any:
        return self.session.service_bus(at.subscription).namespaces.get(at.group, at.name)

    def put(self, at: ArmId, spec: Spec, tags: dict[str, str], **poll: Any) -> LROPoller[Any]:
        body: Any = {
            "location": spec["location"],
            "tags": tags,
            "sku": {"name": "Standard", "tier": "Standard"},
            "properties": {"minimumTlsVersion": "1.2"},
        }
        return self.session.service_bus(at.subscription).namespaces.begin_create_or_update(at.group, at.name, body, **poll)

    def finish(self, at: ArmId, spec: Spec, found: Any) -> None:
        queues = self.session.service_bus(at.subscription).queues
        there = set(self._queues(at))
        empty: Any = {"properties": {}}
        for queue in spec.get("queues", ()):
            if queue not in there:
                queues.create_or_update(at.group, at.name, queue, empty)

    def observe(self, refs: Sequence[ResourceRef]) -> dict[str, Observed]:
        seen = super().observe(refs)
        for key, found in seen.items():
            with translated(found.id):
                queues = self._queues(parse(found.id))
            seen[key] = replace(found, properties={**found.properties, "queues": queues})
        return seen

    def remove(self, at: ArmId) -> LROPoller[Any]:
        return self.session.service_bus(at.subscription).namespaces.begin_delete(at.group, at.name)

    def settings(self, found: Any) -> dict[str, tuple[Json, Json]]:
        return {
            "sku": ("Standard", plain(found.sku and found.sku.name)),
            "tier": ("Standard", plain(found.sku and found.sku.tier)),
            "minimum_tls_version": ("1.2", plain(found.properties and found.properties.minimum_tls_version)),
        }

    def properties(self, found: Any) -> dict[str, Json]:
        return {"location": place(found.location)}

    def attributes(self, found: Any) -> dict[str, Json]:
        return {"endpoint": found.properties.service_bus_endpoint}

    def _queues(self, at: ArmId) -> list[str]:
        found = self.session.service_bus(at.subscription).queues.list_by_namespace(at.group, at.name)
        return sorted(str(queue.name) for queue in found)


class StorageAccounts(GroupKind):
    """Log, gateway and seed accounts: HTTPS with TLS 1.2 only, nothing public, no keys needed (S6), no soft delete.

    Soft delete would keep (and bill) what was deleted: seeds after stopping (S11), the log after each cycle.
    """

    def listing(self, at: ArmId) -> Iterable[Any]:
        return self.session.storage(at.subscription).storage_accounts.list_by_resource_group(at.group)

    def get(self, at: ArmId) -> Any:
        return self.session.storage(at.subscription).storage_accounts.get_properties(at.group, at.name)

    def put(self, at: ArmId, spec: Spec, tags: dict[str, str], **poll: Any) -> LROPoller[Any]:
        body: Any = {
            "location": spec["location"],
            "tags": tags,
            "kind": "StorageV2",
            "sku": {"name": spec.get("sku", "Standard_LRS")},
            "properties": {
                "supportsHttpsTrafficOnly": True,
                "minimumTlsVersion": "TLS1_2",
                "allowBlobPublicAccess": False,
                "allowSharedKeyAccess": False,
                "allowCrossTenantReplication": False,
                "accessTier": "Hot",
            },
        }
        return self.session.storage(at.subscription).storage_accounts.begin_create(at.group, at.name, body, **poll)

    def finish(self, at: ArmId, spec: Spec, found: Any) -> None:
        policy: Any = {"properties": {"deleteRetentionPolicy": {"enabled": False}}}
        self.session.storage(at.subscription).blob_services.set_service_properties(at.group, at.name, policy)

    def remove(self, at: ArmId) -> None:
        self.session.storage(at.subscription).storage_accounts.delete(at.group, at.name)

    def settings(self, found: Any) -> dict[str, tuple[Json, Json]]:
        now = found.properties
        return {
            "kind": ("StorageV2", plain(found.kind)),
            "https_only": (True, now.enable_https_traffic_only),
            "minimum_tls_version": ("TLS1_2", plain(now.minimum_tls_version)),
            "public_blobs": (False, now.allow_blob_public_access),
            "shared_keys": (False, now.allow_shared_key_access),
            "cross_tenant_replication": (False, now.allow_cross_tenant_replication),
            "access_tier": ("Hot", plain(now.access_tier)),
        } | ({"soft_delete": (False, self._soft_delete(found))} if self.owner.owns(found.tags) else {})

    def properties(self, found: Any) -> dict[str, Json]:
        """With what counts for one that others have made."""
        said: dict[str, Json] = {"location": place(found.location), "sku": plain(found.sku and found.sku.name)}
        if self.owner.owns(found.tags):
            return said
        return said | {
            "soft_delete": self._soft_delete(found),
            "hierarchical_namespace": bool(found.properties.is_hns_enabled),
            "public_network_access": plain(found.properties.public_network_access),
        }

    def attributes(self, found: Any) -> dict[str, Json]:
        return {"blob_endpoint": found.properties.primary_endpoints.blob}

    def _soft_delete(self, found: Any) -> bool:
        """Asked of each account: no listing of accounts tells."""
        at = parse(str(found.id))
        with translated(at.name):
            blobs = self.session.storage(at.subscription).blob_services.get_service_properties(at.group, at.name)
        kept = blobs.delete_retention_policy
        return bool(kept and kept.enabled)


class KeyVaults(GroupKind):
    """Key vaults that are governed by roles. Deleted ones keep their name for 90 days: ours are recovered."""

    def listing(self, at: ArmId) -> Iterable[Any]:
        return self.session.key_vaults(at.subscription).vaults.list_by_resource_group(at.group)

    def get(self, at: ArmId) -> Any:
        return self.session.key_vaults(at.subscription).vaults.get(at.group, at.name)

    def put(self, at: ArmId, spec: Spec, tags: dict[str, str], **poll: Any) -> LROPoller[Any]:
        from azure.core.exceptions import HttpResponseError

        properties: dict[str, Json] = {
            # The tenant of the estate may be written as a domain; Azure wants the guid.
            "tenantId": self.session.principal().tenant_id,
            "sku": {"family": "A", "name": "standard"},
            "enableRbacAuthorization": True,
            "enabledForDeployment": False,
        }
        body: Any = {"location": spec["location"], "tags": tags, "properties": properties}
        vaults = self.session.key_vaults(at.subscription).vaults
        try:
            return vaults.begin_create_or_update(at.group, at.name, body, **poll)
        except HttpResponseError as error:
            if error.status_code != 409 or not self._recoverable(at, str(spec["location"]), error_code(error)):
                raise
        properties["createMode"] = "recover"
        return vaults.begin_create_or_update(at.group, at.name, body, **poll)

    def finish(self, at: ArmId, spec: Spec, found: Any) -> None:
        """One that was recovered has the settings that it had when it was deleted: they are set once more."""
        if any(made != now for made, now in self.settings(found).values()):
            self.put(at, spec, dict(found.tags or {})).result()

    def _recoverable(self, at: ArmId, location: str, code: str) -> bool:
        """Whether the 409 is about our own deleted vault. `Permanent` when it is about another one of that name."""
        try:
            with translated(at.name):
                deleted = self.session.key_vaults(at.subscription).vaults.get_deleted(at.name, location)
        except NotFound:
            return False
        kept = deleted.properties
        if kept is not None and same(kept.vault_id or "", at.text) and self.owner.owns(kept.tags):
            return True
        text = "a deleted key vault of that name is kept, and it is not this estate's"
        raise Permanent(text, subject=at.text, remedy=f"purge it: az keyvault purge --name {at.name}", code=code)

    def remove(self, at: ArmId) -> None:
        self.session.key_vaults(at.subscription).vaults.delete(at.group, at.name)

    def settings(self, found: Any) -> dict[str, tuple[Json, Json]]:
        now = found.properties
        return {
            "tenant": (self.session.principal().tenant_id, now.tenant_id),
            "rbac": (True, now.enable_rbac_authorization),
            "deployment": (False, bool(now.enabled_for_deployment)),
            "sku": ("standard", plain(now.sku and now.sku.name)),
        }

    def properties(self, found: Any) -> dict[str, Json]:
        return {"location": place(found.location), "public_network_access": plain(found.properties.public_network_access)}

    def attributes(self, found: Any) -> dict[str, Json]:
        return {"vault_uri": found.properties.vault_uri}


def kept_until(session: AzureSession, arm_id: str, location: str) -> str:
    """When Azure will purge a key vault that was deleted, as an ISO date. `NotFound` when it keeps none."""
    at = parse(arm_id)
    with translated(at.name):
        kept = session.key_vaults(at.subscription).vaults.get_deleted(at.name, location).properties
    if kept is None or not same(kept.vault_id or "", at.text):
        raise NotFound("no deleted key vault is kept", subject=at.text)
    return f"{kept.scheduled_purge_date:%Y-%m-%d}" if kept.scheduled_purge_date else "its retention ends"
