"""The lab's login authority, spoken to by azure-identity."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.mgmt.resource.resources import ResourceManagementClient

from tests.lab.arm_support import Azure, refused, running


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("login")) as made:
        yield made


def test_client_secret_credential_gets_a_token_that_arm_takes(azure: Azure) -> None:
    """S6: only authenticated calls over TLS; the real credential class works with nothing but configuration."""
    client = azure.client(ResourceManagementClient)
    assert list(client.resource_groups.list()) == []


def test_wrong_secret_is_invalid_client(azure: Azure) -> None:
    """S4: a wrong password is said so, in Entra's words."""
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        azure.credential(secret="wrong").get_token("https://management.azure.com/.default")


def test_unknown_client_and_tenant(azure: Azure) -> None:
    """S4: an unknown application is told apart from a wrong secret."""
    with pytest.raises(ClientAuthenticationError, match="AADSTS700016"):
        azure.credential(client_id="11111111-2222-3333-4444-555555555555").get_token("https://vault.azure.net/.default")
    status, _, _ = azure.http("GET", "/00000000-0000-0000-0000-000000000000/v2.0/.well-known/openid-configuration")
    assert status == 400


def test_audience_and_signature_are_checked(azure: Azure) -> None:
    """S6: a token for the vault opens no door in ARM, nor does a forged one."""
    path = f"/subscriptions/{azure.subscription}/resourcegroups?api-version=2025-04-01"
    vault_token = azure.token("https://vault.azure.net/.default")
    for token, code in (
        (vault_token, "InvalidAuthenticationTokenAudience"),
        (azure.token()[:-2] + "xx", "InvalidAuthenticationToken"),
    ):
        status, answer, headers = azure.http("GET", path, headers={"Authorization": f"Bearer {token}"})
        assert (status, answer["error"]["code"]) == (401, code)
        assert "authorization_uri" in headers["www-authenticate"]
    assert azure.http("GET", path)[1]["error"]["code"] == "AuthenticationFailed"


def test_expired_tokens_are_refused_and_new_ones_work(azure: Azure) -> None:
    """S6: the control API can let all tokens run out."""
    client = azure.client(ResourceManagementClient)
    list(client.resource_groups.list())
    azure.control("POST", "azure/tokens/expire")
    with refused(401, "ExpiredAuthenticationToken"):
        list(client.resource_groups.list())
    assert list(azure.client(ResourceManagementClient).resource_groups.list()) == []


def test_control_needs_its_own_token(azure: Azure) -> None:
    """The control API is not open to Azure credentials."""
    status, _, _ = azure.http("GET", "/lab/v1/status", headers={"Authorization": f"Bearer {azure.token()}"})
    assert status == 401
