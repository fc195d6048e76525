"""The project's artifacts: vault, Service Bus, storage accounts, Key Vault; roles and permissions."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.authorization import AuthorizationManagementClient
from azure.mgmt.keyvault import KeyVaultManagementClient
from azure.mgmt.keyvault.models import DeletedVault, Vault
from azure.mgmt.recoveryservices import RecoveryServicesClient
from azure.mgmt.recoveryservices.models import Vault as RecoveryVault
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.servicebus import ServiceBusManagementClient
from azure.mgmt.servicebus.models import SBNamespace, SBQueue
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import BlobServiceProperties, StorageAccount

from lab.azure.blob.errors import BlobError
from tests.lab.arm_support import REGION, Azure, check_json, name, refused, running

CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("artifacts")) as made:
        yield made


def _account(azure: Azure, group: str, account: str, **more: Any) -> Any:
    body = {"location": REGION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, **more}
    return azure.client(StorageManagementClient).storage_accounts.begin_create(group, account, body).result()


def _vault(azure: Azure, group: str, vault: str, **properties: Any) -> Any:
    body = {
        "location": REGION,
        "properties": {"tenantId": azure.info["tenant"], "sku": {"family": "A", "name": "standard"}, **properties},
    }
    return azure.client(KeyVaultManagementClient).vaults.begin_create_or_update(group, vault, body).result()


def test_storage_account(azure: Azure) -> None:
    """S3: log, gateway and seed accounts: made, keyed, hardened, their soft delete switched."""
    group, account = azure.group(), name("st")
    client = azure.client(StorageManagementClient)
    assert client.storage_accounts.check_name_availability(
        {"name": account, "type": "Microsoft.Storage/storageAccounts"}
    ).name_available
    made = _account(azure, group, account, properties={"minimumTlsVersion": "TLS1_2", "allowSharedKeyAccess": True})
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.primary_endpoints.blob == f"{azure.info['blob']}/{account}/"
    check_json(StorageAccount, azure.arm("GET", made.id)[1])
    keys = client.storage_accounts.list_keys(group, account).keys_property
    again = client.storage_accounts.regenerate_key(group, account, {"keyName": "key1"}).keys_property
    assert keys[0].value != again[0].value
    assert keys[1].value == again[1].value
    services = client.blob_services
    assert not services.get_service_properties(group, account).delete_retention_policy.enabled
    policy = {"properties": {"deleteRetentionPolicy": {"enabled": True, "days": 7}}}
    services.set_service_properties(group, account, policy)
    assert services.get_service_properties(group, account).delete_retention_policy.days == 7
    check_json(BlobServiceProperties, azure.arm("GET", f"{made.id}/blobServices/default")[1])
    assert not client.storage_accounts.check_name_availability(
        {"name": account, "type": "Microsoft.Storage/storageAccounts"}
    ).name_available
    with refused(409, "StorageAccountAlreadyTaken"):
        _account(azure, azure.group(), account)
    for bad in ("Upper", "ab", "a" * 25, "with-hyphen"):
        with refused(400, "AccountNameInvalid"):
            _account(azure, group, bad)
    with refused(400, "InvalidParameter"):
        _account(azure, group, name("st"), sku={"name": "Premium_LRZ"})
    client.storage_accounts.delete(group, account)
    assert list(client.storage_accounts.list_by_resource_group(group)) == []


def test_recovery_services_vault(azure: Azure) -> None:
    """S3: the vault anchors the estate: tags, identity, etag preconditions, deletion with 202."""
    group, vault = azure.group(), name("vault-")
    client = azure.client(RecoveryServicesClient)
    body = {
        "location": REGION,
        "sku": {"name": "RS0", "tier": "Standard"},
        "tags": {"estate": "e"},
        "identity": {"type": "SystemAssigned"},
        "properties": {},
    }
    made = client.vaults.begin_create_or_update(group, vault, body).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.identity.principal_id
    check_json(RecoveryVault, azure.arm("GET", made.id)[1])
    changed = client.vaults.begin_update(group, vault, {"tags": {"estate": "f"}}).result()
    assert changed.tags == {"estate": "f"}
    assert [one.name for one in client.vaults.list_by_resource_group(group)] == [vault]
    client.vaults.begin_delete(group, vault).result()
    with refused(404, "ResourceNotFound"):
        client.vaults.get(group, vault)


def test_service_bus(azure: Azure) -> None:
    """S3: a namespace with its root key and queues."""
    group, namespace = azure.group(), name("sb-")
    client = azure.client(ServiceBusManagementClient)
    made = client.namespaces.begin_create_or_update(
        group, namespace, {"location": REGION, "sku": {"name": "Standard"}}
    ).result()
    assert (made.properties.provisioning_state, made.properties.status) == ("Succeeded", "Active")
    check_json(SBNamespace, azure.arm("GET", made.id)[1])
    keys = client.namespaces.list_keys(group, namespace, "RootManageSharedAccessKey")
    assert keys.primary_connection_string.startswith(f"Endpoint=sb://{namespace}.servicebus.windows.net/;")
    new = client.namespaces.regenerate_keys(group, namespace, "RootManageSharedAccessKey", {"keyType": "PrimaryKey"})
    assert new.primary_key != keys.primary_key
    queue = client.queues.create_or_update(group, namespace, "events", {"properties": {"lockDuration": "PT2M"}})
    check_json(SBQueue, azure.arm("GET", queue.id)[1])
    assert [one.name for one in client.queues.list_by_namespace(group, namespace)] == ["events"]
    assert [rule.name for rule in client.namespaces.list_authorization_rules(group, namespace)] == [
        "RootManageSharedAccessKey"
    ]
    with refused(404, "ResourceNotFound"):
        client.queues.create_or_update(group, "nothing", "q", {"properties": {}})
    assert not client.namespaces.check_name_availability({"name": namespace}).name_available
    client.queues.delete(group, namespace, "events")
    client.namespaces.begin_delete(group, namespace).result()
    with refused(404, "ResourceNotFound"):
        client.namespaces.get(group, namespace)


def test_key_vault_soft_delete(azure: Azure) -> None:
    """S3: a soft-deleted vault keeps its name: 409 until recovered or purged."""
    group, vault = azure.group(), name("kv-")
    client = azure.client(KeyVaultManagementClient)
    made = _vault(azure, group, vault, enableRbacAuthorization=True, softDeleteRetentionInDays=7)
    assert made.properties.vault_uri == f"{azure.info['arm']}/keyvault/{vault}/"
    check_json(Vault, azure.arm("GET", made.id)[1])
    client.vaults.delete(group, vault)
    deleted = client.vaults.get_deleted(vault, REGION)
    assert deleted.properties.vault_id == made.id
    check_json(DeletedVault, azure.arm("GET", deleted.id)[1])
    assert vault in [one.name for one in client.vaults.list_deleted()]
    with refused(409, "ConflictError"):
        _vault(azure, group, vault)
    with refused(409, "VaultAlreadyExists"):
        _vault(azure, azure.group(), vault)
    assert _vault(azure, group, vault, createMode="recover").properties.provisioning_state == "Succeeded"
    client.vaults.delete(group, vault)
    client.vaults.begin_purge_deleted(vault, REGION).result()
    assert _vault(azure, group, vault).name == vault
    for bad in ("ab", "1abc", "a--b", "abc-", "a" * 25):
        with refused(400, "VaultNameNotValid"):
            _vault(azure, group, bad)


def test_deleting_the_group_soft_deletes_its_vaults(azure: Azure) -> None:
    """S3: a vault that goes with its group is soft-deleted like any other."""
    group, vault = azure.group(), name("kv-")
    _vault(azure, group, vault)
    azure.client(ResourceManagementClient).resource_groups.begin_delete(group).result()
    assert azure.client(KeyVaultManagementClient).vaults.get_deleted(vault, REGION).name == vault


def _roles(azure: Azure, credential: Any = None) -> Any:
    return AuthorizationManagementClient(
        credential or azure.credential(),
        azure.subscription,
        base_url=azure.info["arm"],
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=azure.ca,
        retry_total=0,
    )


def test_role_assignments(azure: Azure) -> None:
    """S4: assignments exist once per principal, role and scope, are inherited downwards and can be listed by filter."""
    group = azure.group()
    client = _roles(azure)
    scope = f"/subscriptions/{azure.subscription}/resourceGroups/{group}"
    someone = azure.principal()
    definition = next(iter(client.role_definitions.list(scope, filter="roleName eq 'Contributor'")))
    assert definition.name == CONTRIBUTOR
    parameters = {
        "properties": {
            "roleDefinitionId": definition.id,
            "principalId": someone["object_id"],
            "principalType": "ServicePrincipal",
        }
    }
    made = client.role_assignments.create(scope, str(uuid.uuid4()), parameters)
    assert made.scope == scope
    with refused(409, "RoleAssignmentExists"):
        client.role_assignments.create(scope, str(uuid.uuid4()), parameters)
    assert client.role_assignments.create(scope, made.name, parameters).id == made.id
    with refused(400, "RoleAssignmentUpdateNotPermitted"):
        other = {"properties": {**parameters["properties"], "principalId": azure.info["object_id"]}}
        client.role_assignments.create(scope, made.name, other)
    with refused(400, "InvalidRoleAssignmentId"):
        client.role_assignments.create(scope, "no-guid", parameters)
    with refused(400, "PrincipalNotFound"):
        nobody = {"roleDefinitionId": definition.id, "principalId": str(uuid.uuid4())}
        client.role_assignments.create(scope, str(uuid.uuid4()), {"properties": nobody})
    with refused(400, "RoleDefinitionDoesNotExist"):
        wrong = {"roleDefinitionId": definition.id[:-4] + "0000", "principalId": someone["object_id"]}
        client.role_assignments.create(scope, str(uuid.uuid4()), {"properties": wrong})
    here = list(client.role_assignments.list_for_scope(scope, filter="atScope()"))
    assert {one.principal_id for one in here} >= {someone["object_id"], azure.info["object_id"]}
    mine = list(client.role_assignments.list_for_subscription(filter=f"principalId eq '{someone['object_id']}'"))
    assert [one.name for one in mine] == [made.name]
    client.role_assignments.delete(scope, made.name)
    assert list(client.role_assignments.list_for_scope(scope, filter=f"principalId eq '{someone['object_id']}'")) == []


def test_missing_roles_are_named(azure: Azure) -> None:
    """S4: 403 names who, what and where; a reader reads, a contributor assigns no roles."""
    group = azure.group()
    scope = f"/subscriptions/{azure.subscription}/resourceGroups/{group}"
    nobody = azure.credential_of(azure.principal())
    resources = azure.client(ResourceManagementClient, nobody)
    with pytest.raises(HttpResponseError) as caught:
        resources.resource_groups.get(group)
    assert caught.value.status_code == 403
    assert "does not have authorization to perform action 'Microsoft.Resources/subscriptions/resourceGroups/read'" in str(
        caught.value
    )
    assert scope in str(caught.value)
    assert list(resources.resource_groups.list()) == []
    reader = azure.credential_of(azure.principal(("Reader", scope)))
    assert [one.name for one in azure.client(ResourceManagementClient, reader).resource_groups.list()] == [group]
    with refused(403, "AuthorizationFailed"):
        azure.client(StorageManagementClient, reader).storage_accounts.begin_create(group, name("st"), {"location": REGION})
    maker = azure.principal(("Contributor", scope))
    roles = _roles(azure, azure.credential_of(maker))
    permissions = list(roles.permissions.list_for_resource_group(group))
    assert [one.actions for one in permissions] == [["*"]]
    assert "Microsoft.Authorization/*/Write" in permissions[0].not_actions
    definition = f"/subscriptions/{azure.subscription}/providers/Microsoft.Authorization/roleDefinitions/{BLOB_CONTRIBUTOR}"
    wanted = {"properties": {"roleDefinitionId": definition, "principalId": maker["object_id"]}}
    with refused(403, "AuthorizationFailed"):
        roles.role_assignments.create(scope, str(uuid.uuid4()), wanted)
    azure.control(
        "POST", "azure/roles", {"object_id": maker["object_id"], "role": "User Access Administrator", "scope": scope}
    )
    assert roles.role_assignments.create(scope, str(uuid.uuid4()), wanted).principal_id == maker["object_id"]


def test_groups_and_removed_roles(azure: Azure) -> None:
    """S4: a group's role counts for its members; a removed one counts no more."""
    group = azure.group()
    scope = f"/subscriptions/{azure.subscription}/resourceGroups/{group}"
    member = azure.principal()
    team = azure.control("POST", "azure/groups", {"members": [member["object_id"]]})
    azure.control("POST", "azure/roles", {"object_id": team["object_id"], "role": "Reader", "scope": scope})
    client = azure.client(ResourceManagementClient, azure.credential_of(member))
    assert client.resource_groups.get(group).name == group
    found = _roles(azure).role_assignments.list_for_scope(scope, filter=f"assignedTo('{member['object_id']}')")
    assert [one.principal_type for one in found] == ["Group"]
    azure.control("DELETE", f"azure/roles?object_id={team['object_id']}")
    with refused(403, "AuthorizationFailed"):
        client.resource_groups.get(group)


def test_data_roles_take_their_time(azure: Azure) -> None:
    """S4: an Owner reads no blob without a data role, and a new data role counts only after its propagation."""
    group, account = azure.group(), name("st")
    made = _account(azure, group, account)
    token = azure.token("https://storage.azure.com/.default")
    may = azure.lab.cloud.may_use_blobs
    assert not may(token, account, False)
    azure.control("POST", "azure/settings", {"role_delay": 30})
    azure.control(
        "POST",
        "azure/roles",
        {"object_id": azure.info["object_id"], "role": "Storage Blob Data Contributor", "scope": made.id},
    )
    assert not may(token, account, True)
    azure.control("POST", "azure/settings", {"role_delay": 0})
    assert may(token, account, True)
    with pytest.raises(BlobError) as refused:  # a token for ARM is none for blobs: 401, ask for another one
        may(azure.token(), account, True)
    assert refused.value.status == 401
