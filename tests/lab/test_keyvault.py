"""Key Vault's data plane through azure-keyvault-secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.secrets import SecretClient
from azure.mgmt.keyvault import KeyVaultManagementClient

from tests.lab.arm_support import REGION, Azure, name, running


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("keyvault")) as made:
        yield made


def _vault(azure: Azure, **properties: Any) -> Any:
    group = azure.group()
    body = {
        "location": REGION,
        "properties": {"tenantId": azure.info["tenant"], "sku": {"family": "A", "name": "standard"}, **properties},
    }
    return azure.client(KeyVaultManagementClient).vaults.begin_create_or_update(group, name("kv-"), body).result()


def _secrets(azure: Azure, vault: Any, credential: Any = None) -> SecretClient:
    return SecretClient(
        vault.properties.vault_uri,
        credential or azure.credential(),
        verify_challenge_resource=False,
        connection_verify=azure.ca,
        retry_total=0,
    )


def _officer(azure: Azure, vault: Any) -> SecretClient:
    body = {"object_id": azure.info["object_id"], "role": "Key Vault Secrets Officer", "scope": vault.id}
    azure.control("POST", "azure/roles", body)
    return _secrets(azure, vault)


def test_secrets_have_versions(azure: Azure) -> None:
    """S3: keys and the connection string live in the vault and can be rotated: every set is a version."""
    client = _officer(azure, _vault(azure))
    first = client.set_secret("log-key", "one", content_type="text/plain", tags={"v": "1"})
    second = client.set_secret("log-key", "two")
    assert client.get_secret("log-key").value == "two"
    assert client.get_secret("log-key", first.properties.version).value == "one"
    assert second.properties.version != first.properties.version
    versions = list(client.list_properties_of_secret_versions("log-key"))
    assert {one.version for one in versions} == {first.properties.version, second.properties.version}
    client.update_secret_properties("log-key", second.properties.version, enabled=False)
    with pytest.raises(HttpResponseError, match="disabled"):
        client.get_secret("log-key")
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("nothing")


def test_lists_are_paged(azure: Azure) -> None:
    """S3: more secrets than a page holds."""
    client = _officer(azure, _vault(azure))
    for number in range(30):
        client.set_secret(f"s{number:02}", str(number))
    assert [one.name for one in client.list_properties_of_secrets()] == [f"s{number:02}" for number in range(30)]


def test_soft_deleted_secrets(azure: Azure) -> None:
    """S3: a deleted secret keeps its name until recovered or purged."""
    client = _officer(azure, _vault(azure))
    client.set_secret("gone", "x")
    deleted = client.begin_delete_secret("gone").result()
    assert deleted.recovery_id
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("gone")
    with pytest.raises(ResourceExistsError) as caught:
        client.set_secret("gone", "y")
    assert caught.value.error is not None
    assert caught.value.error.innererror["code"] == "ObjectIsDeletedButRecoverable"
    assert [one.name for one in client.list_deleted_secrets()] == ["gone"]
    client.begin_recover_deleted_secret("gone").result()
    assert client.get_secret("gone").value == "x"
    client.begin_delete_secret("gone").result()
    client.purge_deleted_secret("gone")
    assert client.set_secret("gone", "z").value == "z"


def test_an_owner_reads_no_secrets(azure: Azure) -> None:
    """S4: the control plane's Owner needs a data role; a Secrets User reads and does not write."""
    vault = _vault(azure)
    with pytest.raises(HttpResponseError) as caught:
        _secrets(azure, vault).set_secret("a", "b")
    assert caught.value.status_code == 403
    assert "ForbiddenByRbac" in str(caught.value)
    _officer(azure, vault).set_secret("a", "b")
    user = azure.credential_of(azure.principal(("Key Vault Secrets User", vault.id)))
    client = _secrets(azure, vault, user)
    assert client.get_secret("a").value == "b"
    with pytest.raises(HttpResponseError, match="not authorized"):
        client.set_secret("a", "c")


def test_access_policies_where_roles_are_off(azure: Azure) -> None:
    """S4: a vault with access policies goes by them alone."""
    policy = {
        "tenantId": azure.info["tenant"],
        "objectId": azure.info["object_id"],
        "permissions": {"secrets": ["get", "set"]},
    }
    client = _secrets(azure, _vault(azure, enableRbacAuthorization=False, accessPolicies=[policy]))
    client.set_secret("a", "b")
    with pytest.raises(HttpResponseError, match="list permission"):
        list(client.list_properties_of_secrets())


def test_secrets_survive_deletion_and_recovery_of_the_vault(azure: Azure) -> None:
    """S3: a recovered vault has its secrets; a purged one has none."""
    vault = _vault(azure)
    _officer(azure, vault).set_secret("kept", "v")
    client = azure.client(KeyVaultManagementClient)
    group = vault.id.split("/")[4]
    client.vaults.delete(group, vault.name)
    with pytest.raises(ResourceNotFoundError):
        _secrets(azure, vault).get_secret("kept")
    body = {
        "location": REGION,
        "properties": {
            "tenantId": azure.info["tenant"],
            "sku": {"family": "A", "name": "standard"},
            "createMode": "recover",
        },
    }
    client.vaults.begin_create_or_update(group, vault.name, body).result()
    # Role assignments on the vault went with it, as in Azure: the officer must be named again.
    assert _officer(azure, vault).get_secret("kept").value == "v"


def test_faults_and_expired_tokens(azure: Azure) -> None:
    """S6: the data plane is throttled with Retry-After, and an expired token is challenged again by the SDK itself."""
    vault = _vault(azure)
    client = _officer(azure, vault)
    client.set_secret("a", "b")
    azure.control("POST", "azure/tokens/expire")
    with pytest.raises(HttpResponseError):
        client.get_secret("a")
    azure.control("POST", "faults", {"match": "keyvault GET secrets", "action": "fail", "status": 429, "code": "Throttled"})
    with pytest.raises(HttpResponseError) as caught:
        _secrets(azure, vault).get_secret("a")
    assert caught.value.status_code == 429
