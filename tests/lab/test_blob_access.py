"""Who may do what to blobs: keys, tokens, shared access signatures and the policies behind them."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import (
    AccessPolicy,
    BlobSasPermissions,
    ContainerClient,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)

from tests.lab.blob_support import ACCOUNT, Blobs, Raw, Token, answered, refused


def test_a_request_needs_a_version_and_authentication(raw: Raw, blobs: Blobs, disk: str) -> None:
    plain = disk.partition("?")[0]
    answered(raw.send("GET", f"{plain}?"), 401, "NoAuthenticationInformation")
    headers = {"x-ms-version": "1999-01-01"}
    answered(raw.send("GET", disk, headers), 400, "InvalidHeaderValue")
    tampered = disk.replace("sp=rw", "sp=rwd")
    answered(raw.send("DELETE", tampered), 403, "AuthenticationFailed")
    answered(raw.send("DELETE", disk), 403, "AuthorizationPermissionMismatch")
    answered(raw.send("GET", disk, comp="tags"), 400, "UnsupportedQueryParameter")
    answered(raw.send("GET", f"{blobs.url}/nosuchaccount/c/b?x=y"), 404, "ResourceNotFound")
    head = raw.send("HEAD", disk.replace("disk.vhd", "other"))
    assert (head.status, head.code, head.body) == (403, "AuthenticationFailed", b"")


def test_a_regenerated_key_refuses_what_the_old_one_signed(blobs: Blobs) -> None:
    blobs.accounts.create("rotating")
    old, second = blobs.accounts.keys("rotating")
    client = blobs.client({"account_name": "rotating", "account_key": old}, "rotating")
    client.create_container("one")
    blobs.accounts.regenerate("rotating", "key1")
    with refused("AuthenticationFailed", 403):
        client.create_container("two")
    blobs.client({"account_name": "rotating", "account_key": second}, "rotating").create_container("two")
    blobs.accounts.delete("rotating")
    assert not list((blobs.root / "azure" / "blobs").glob("rotating/*"))


def test_bearer_tokens_go_by_what_the_caller_may(blobs: Blobs, container: ContainerClient) -> None:
    container.upload_blob("b", b"data")
    reader = blobs.client(Token("reader")).get_container_client(container.container_name)
    assert reader.download_blob("b").readall() == b"data"
    with refused("AuthorizationPermissionMismatch", 403):
        reader.upload_blob("c", b"data")
    writer = blobs.client(Token("writer")).get_container_client(container.container_name)
    writer.upload_blob("c", b"data")


def test_user_delegation_sas(blobs: Blobs, container: ContainerClient) -> None:
    container.upload_blob("b", b"data")
    service = blobs.client(Token("reader"))
    now = datetime.now(UTC)
    key = service.get_user_delegation_key(now - timedelta(minutes=1), now + timedelta(hours=1))
    arguments = {
        "account_name": ACCOUNT,
        "container_name": container.container_name,
        "blob_name": "b",
        "user_delegation_key": key,
        "permission": BlobSasPermissions(read=True),
        "expiry": now + timedelta(hours=1),
    }
    good = blobs.client(generate_blob_sas(**arguments))
    assert good.get_blob_client(container.container_name, "b").download_blob().readall() == b"data"
    key.signed_oid = str(uuid.uuid4())
    forged = blobs.client(generate_blob_sas(**arguments))
    with refused("AuthenticationFailed", 403):
        forged.get_blob_client(container.container_name, "b").download_blob()
    with refused("AuthenticationFailed", 403):
        blobs.client().get_user_delegation_key(now, now + timedelta(hours=1))


def test_a_stored_policy_ends_a_sas_when_it_goes(blobs: Blobs, container: ContainerClient) -> None:
    policy = AccessPolicy(ContainerSasPermissions(read=True), datetime.now(UTC) + timedelta(hours=1))
    container.set_container_access_policy({"readers": policy})
    assert [one.id for one in container.get_container_access_policy()["signed_identifiers"]] == ["readers"]
    container.upload_blob("b", b"data")
    token = generate_container_sas(
        ACCOUNT, container.container_name, account_key=blobs.key, policy_id="readers"
    )
    client = blobs.client(token).get_blob_client(container.container_name, "b")
    assert client.download_blob().readall() == b"data"
    container.set_container_access_policy({})
    with refused("AuthenticationFailed", 403):
        client.download_blob()


def test_a_create_only_sas_replaces_nothing(blobs: Blobs, container: ContainerClient) -> None:
    token = generate_container_sas(
        ACCOUNT,
        container.container_name,
        account_key=blobs.key,
        permission="c",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    client = blobs.client(token).get_blob_client(container.container_name, "log")
    client.upload_blob(b"1")
    with refused("AuthorizationPermissionMismatch", 403):
        client.upload_blob(b"2", overwrite=True)


def test_account_information(blobs: Blobs) -> None:
    found = blobs.client().get_account_information()
    assert (found["sku_name"], found["account_kind"]) == ("Standard_LRS", "StorageV2")


def test_an_old_request_is_not_replayed(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr("lab.azure.blob.service.time.time", lambda: now + 16 * 60)
    with refused("AuthenticationFailed", 403):
        blobs.client().create_container("late")
