"""Azure's refusals as ours: the code decides, the remedy is there, the secrets are not."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError

from providers.azure.codes import TEMPORARY
from providers.azure.errors import redacted, refused, retry_after, translate
from replication.engine.orders.steps import NO_CAPACITY
from replication.model.errors import Conflict, Denied, NotFound, Permanent, PortError, Temporary, UnknownFate


def test_who_may_not_read_is_not_told_to_take_the_right_to_write() -> None:
    """As the how-to grants: Reader is what reads."""
    text = "The client 'x' does not have authorization to perform action 'Microsoft.Storage/storageAccounts/read' over scope '/y'"
    error = refused(403, "AuthorizationFailed", text, "web-01")
    assert "Reader" in error.remedy and "Contributor" not in error.remedy


@pytest.mark.parametrize(
    ("status", "code", "kind", "remedy"),
    [
        (403, "AuthorizationFailed", Denied, "Contributor"),
        (403, "AuthorizationPermissionMismatch", Denied, "Storage Blob Data Contributor"),
        (403, "ForbiddenByRbac", Denied, "Key Vault Secrets Officer"),
        (403, "SecretDisabled", Denied, "enable its newest version"),
        (403, "SecretNotInTimeRange", Denied, "an expiry or a beginning"),
        (401, "InvalidAuthenticationTokenTenant", Denied, "azure.tenant"),
        (404, "ResourceNotFound", NotFound, ""),
        (404, "ResourceGroupNotFound", NotFound, "managed: true"),
        (404, "SubscriptionNotFound", Permanent, "subscription id"),
        (409, "ScopeLocked", Permanent, "az lock delete"),
        (409, "StorageAccountAlreadyTaken", Permanent, "unique in the world"),
        (409, "VaultAlreadyExists", Permanent, "az keyvault recover"),
        (409, "SkuNotAvailable", Temporary, "another size"),
        (409, "AllocationFailed", Temporary, "another size"),
        (409, "AnotherOperationInProgress", Temporary, ""),
        (409, "BlobAlreadyExists", Conflict, ""),
        (409, "LeaseAlreadyPresent", Conflict, ""),
        (412, "ConditionNotMet", Conflict, ""),
        (412, "SequenceNumberConditionNotMet", Conflict, ""),
        (409, "SomethingNobodyKnows", Permanent, ""),
        (429, "TooManyRequests", Temporary, ""),
        (503, "ServerBusy", Temporary, ""),
        (500, "InternalError", UnknownFate, ""),
        (504, "GatewayTimeout", UnknownFate, ""),
        (400, "InvalidParameter", Permanent, ""),
        (0, "AllocationFailed", Temporary, "another size"),
    ],
)
def test_the_code_decides(status: int, code: str, kind: type[PortError], remedy: str) -> None:
    error = refused(status, code, "what Azure said", "web-01")
    assert type(error) is kind
    assert error.code == code and error.subject == "web-01" and "what Azure said" in str(error)
    assert remedy in error.remedy


def test_quota_is_told_by_its_text() -> None:
    """Azure has no code for it: OperationNotAllowed is many things."""
    text = "Operation could not be completed as it results in exceeding approved standardDSv5Family Cores quota."
    error = refused(409, "OperationNotAllowed", text, "vm")
    assert error.code == "QuotaExceeded" and "more quota" in error.remedy


def test_a_waiting_time_is_kept() -> None:
    error = refused(429, "TooManyRequests", "slow down", "x", 17.0)
    assert isinstance(error, Temporary) and error.retry_after == 17.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "3"}, 3.0), ({"x-ms-retry-after-ms": "250"}, 0.25), ({"Retry-After": "soon"}, None), ({}, None)],
)
def test_waiting_times(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "GET https://a/b?sv=1&sig=TOPSECRET%3D&se=2 failed",
        "Authorization: Bearer TOPSECRET.abc-def_x",
        "Endpoint=sb://a/;SharedAccessKeyName=k;SharedAccessKey=TOPSECRET=",
        'client_secret=TOPSECRET and {"access_token": "TOPSECRET"}',
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=TOPSECRET==;",
    ],
)
def test_secrets_do_not_show(text: str) -> None:
    assert "TOPSECRET" not in redacted(text)


def test_only_azures_first_sentence_is_told() -> None:
    text = "(BlobNotFound) The specified blob does not exist.\nRequestId:1f\nTime:2026-01-01T00:00:00Z"
    assert refused(404, "BlobNotFound", text, "").message == "The specified blob does not exist."


def test_a_login_server_that_is_not_there_is_unreachable_and_not_a_wrong_secret() -> None:
    """Bad input: nobody should go and change a secret that is right."""
    error = ClientAuthenticationError("Authentication failed: Failed to establish a new connection: [Errno 111] refused")
    made = translate(error, "signing in")
    assert isinstance(made, Temporary) and made.code == "Unreachable"


def test_every_way_to_say_that_there_is_no_room_lets_the_next_size_be_tried() -> None:
    """`size: [first, second]`: the provider knows a code of its own for zones, and the engine tried the first size for ever."""
    assert {code for code, remedy in TEMPORARY.items() if remedy == TEMPORARY["AllocationFailed"]} <= NO_CAPACITY
