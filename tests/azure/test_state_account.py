"""Issue 4: `init --bootstrap` makes or adopts the state's account; again changes nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planner.estate import StateBlob
from planner.store import LeasedStore
from providers.azure.artifacts.base import plain
from providers.azure.artifacts.state import bootstrap
from providers.azure.artifacts.waiting import RoleWait
from providers.azure.stateblobs import AzureStateBlobs
from tests.azure.support import REGION, fresh, lab


def asked() -> StateBlob:
    return StateBlob(fresh("sttf"), "wavelift", "shop.json", lab().subscription, fresh("rg-state-"), REGION)


def account(blob: StateBlob) -> Any:
    return lab().session().storage(blob.subscription).storage_accounts.get_properties(blob.group, blob.account)


def service(blob: StateBlob) -> dict[str, Any]:
    storage = lab().session().storage(blob.subscription)
    return dict(storage.blob_services.get_service_properties(blob.group, blob.account).as_dict()["properties"])


def test_it_is_made_and_made_once() -> None:
    """TLS 1.2, nothing public, no keys, versions and soft delete, a role, a container: and a state can live there."""
    blob, said = asked(), list[str]()
    endpoint = bootstrap(lab().session(), blob, RoleWait(30), said.append)
    assert [line.split()[0] for line in said] == ["made", "made", "assigned", "made"]
    properties = account(blob).properties
    assert (plain(properties.minimum_tls_version), properties.allow_blob_public_access) == ("TLS1_2", False)
    assert properties.allow_shared_key_access is False
    assert (service(blob)["isVersioningEnabled"], service(blob)["deleteRetentionPolicy"]["enabled"]) == (True, True)
    assert not any(key.startswith("wavelift-") for key in account(blob).tags), "no estate owns it"
    again: list[str] = []
    assert bootstrap(lab().session(), blob, RoleWait(30), again.append) == endpoint
    assert [line.split()[0] for line in again] == ["found"] * 3
    with LeasedStore(AzureStateBlobs(lab().session(), endpoint, "wavelift"), "shop.json", "shop", "l").session("x"):
        pass


def test_an_account_of_others_is_adopted_with_care() -> None:
    """Versions and soft delete are switched on; what its owners may rely on is named, not changed; it may lie in any group."""
    blob = asked()
    session = lab().session()
    group: Any = {"location": REGION}
    session.resources(blob.subscription).resource_groups.create_or_update(blob.group, group)
    body: Any = {
        "location": REGION,
        "kind": "StorageV2",
        "sku": {"name": "Standard_LRS"},
        "tags": {"owner": "platform"},
        "properties": {"minimumTlsVersion": "TLS1_0", "allowBlobPublicAccess": True, "allowSharedKeyAccess": True},
    }
    session.storage(blob.subscription).storage_accounts.begin_create(blob.group, blob.account, body).result()
    said: list[str] = []
    bootstrap(session, replace(blob, group="elsewhere"), RoleWait(30), said.append)
    assert said[0] == f"found storage account {blob.account} in {blob.group}"
    assert sum(line.startswith("not changed: ") for line in said) == 2
    properties = account(blob).properties
    assert (plain(properties.minimum_tls_version), properties.allow_blob_public_access) == ("TLS1_0", True)
    assert (properties.allow_shared_key_access, account(blob).tags) == (True, {"owner": "platform"})
    assert service(blob)["isVersioningEnabled"] is True
