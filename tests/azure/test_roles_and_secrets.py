"""Roles and secrets: who may, and what nobody may see (S3, S4, S6)."""

from __future__ import annotations

import base64
import time
import uuid
from typing import Any

import pytest

from planner.ports import ResourceRef
from providers.azure.artifacts.provider import AzureArtifacts
from providers.azure.artifacts.waiting import RoleWait
from providers.azure.tags import Owner
from replication.model.errors import Denied, Permanent
from tests.azure.refs import BLOB_ROLE, HERE, SECRETS_ROLE, account, make_vault, one, role
from tests.azure.support import OWNER, World, fresh


def test_roles_are_assigned_once_and_the_first_write_waits_for_them(azure_world: World, group: ResourceRef) -> None:
    """S4: data-plane roles take minutes; the container's probe write waits for them."""
    store = account(group)
    endpoint = azure_world.artifacts.create(store, HERE).attributes["blob_endpoint"]
    box = ResourceRef("container.x", "container", f"{store.id}/blobServices/default/containers/log")
    spec = {"account": endpoint, "name": "log"}
    unready = azure_world.artifacts.observe([box])["container.x"]
    assert unready is not None and not unready.readable
    with pytest.raises(Denied) as caught:
        AzureArtifacts(azure_world.session, OWNER, RoleWait(0)).create(box, spec)
    assert "Storage Blob Data Contributor" in caught.value.remedy
    azure_world.lab.control("POST", "azure/settings", {"role_delay": 1.0})
    try:
        wanted = role(store.id, BLOB_ROLE)
        assert one(azure_world, wanted) is None
        made = azure_world.artifacts.create(wanted, {"scope": store.id, "role": BLOB_ROLE})
        assert azure_world.artifacts.create(wanted, {"scope": store.id, "role": BLOB_ROLE}) == made
        started = time.monotonic()
        azure_world.artifacts.create(box, spec)
        assert time.monotonic() - started > 0.5
    finally:
        azure_world.lab.control("POST", "azure/settings", {"role_delay": 0.0})
    found = azure_world.artifacts.observe([box, wanted])
    assert all(seen is not None and seen.ours and seen.readable for seen in found.values())
    azure_world.artifacts.delete(box)
    azure_world.artifacts.delete(box)
    azure_world.artifacts.delete(wanted)
    assert one(azure_world, wanted) is None


def test_a_wrong_login_is_not_waited_for(azure_world: World) -> None:
    """Only a role may come into force with time; a wrong password does not become right."""
    box = f"{azure_world.group}/providers/Microsoft.Storage/storageAccounts/wllog/blobServices/default/containers/new"
    wrong = {"client_id": azure_world.lab.info["client_id"], "client_secret": "wrong"}
    artifacts = AzureArtifacts(azure_world.lab.session(wrong), OWNER, RoleWait(60))
    started = time.monotonic()
    spec = {"account": azure_world.endpoint("log_store"), "name": "new"}
    with pytest.raises(Denied):
        artifacts.create(ResourceRef("container.x", "container", box), spec)
    assert time.monotonic() - started < 10


def test_a_role_that_somebody_assigned_before_is_as_good(azure_world: World, group: ResourceRef) -> None:
    """RoleAssignmentExists is success; what others assigned is not deleted."""
    store = account(group)
    azure_world.artifacts.create(store, HERE)
    who = azure_world.artifacts.principal()
    azure_world.lab.control("POST", "azure/roles", {"object_id": who, "role": BLOB_ROLE, "scope": store.id})
    wanted = role(store.id, BLOB_ROLE)
    theirs = azure_world.artifacts.create(wanted, {"scope": store.id, "role": BLOB_ROLE}).attributes["assignment"]
    azure_world.artifacts.delete(wanted)
    seen = one(azure_world, wanted)
    assert seen is not None and seen.properties["assignment"].lower() == theirs.lower()


@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_a_role_under_a_condition_is_no_plain_one(azure_world: World, group: ResourceRef, whose: str) -> None:
    """S4: ours is seen as changed and written anew without the condition; another's is not as good, and is left as it is."""
    store = account(group)
    azure_world.artifacts.create(store, HERE)
    wanted, spec = role(store.id, BLOB_ROLE), {"scope": store.id, "role": BLOB_ROLE}
    made = azure_world.artifacts.create(wanted, spec).attributes["assignment"]
    client = azure_world.session.authorization(azure_world.lab.subscription).role_assignments
    there = client.get_by_id(made)
    body: Any = {"properties": {"roleDefinitionId": there.role_definition_id, "principalId": there.principal_id,
                                "condition": "@Resource[x] StringEquals 'y'", "conditionVersion": "2.0"}}  # fmt: skip
    name = str(there.name)
    if whose == "theirs":
        client.delete_by_id(made)
        name = str(uuid.uuid4())
    client.create(store.id, name, body)
    seen = one(azure_world, wanted)
    assert seen is not None and seen.strayed["condition"][1] == "@Resource[x] StringEquals 'y'"
    assert seen.ours == (whose == "ours")
    azure_world.artifacts.update(wanted, spec)
    again = one(azure_world, wanted)
    assert again is not None and bool(again.strayed) == (whose == "theirs")


def test_a_role_for_the_engine_is_seen_by_the_plan(azure_world: World, group: ResourceRef) -> None:
    """Two logins: what apply assigned for one is no change to the other."""
    store = account(group)
    azure_world.artifacts.create(store, HERE)
    other = azure_world.lab.control("POST", "azure/principals", {"roles": [{"role": "Reader", "scope": group.id}]})
    wanted = role(store.id, BLOB_ROLE)
    azure_world.artifacts.create(wanted, {"scope": store.id, "role": BLOB_ROLE})
    reader = AzureArtifacts(azure_world.lab.session(other), OWNER)
    seen = one(azure_world, wanted, reader)
    assert seen is not None and seen.properties["principal"] == azure_world.artifacts.principal()


def test_a_role_that_leaves_takes_no_other_with_it(azure_world: World, group: ResourceRef) -> None:
    """Issue 4, Permissions: one role of two principals, both assigned by us: each goes by itself, whoever is signed in."""
    store = account(group)
    azure_world.artifacts.create(store, HERE)
    spec = {"scope": store.id, "role": BLOB_ROLE}
    me = azure_world.artifacts.principal()
    engine = azure_world.lab.control("POST", "azure/principals", {})["object_id"]
    mine = role(store.id, BLOB_ROLE)
    theirs = ResourceRef(f"{mine.address}/engine", "role", f"{mine.id}#{engine}")

    def held() -> set[str]:
        found = azure_world.lab.control("GET", "azure/roles")
        return {one["object_id"] for one in found if one["scope"].lower() == store.id.lower() and one["role"] == BLOB_ROLE}

    assert azure_world.artifacts.create(mine, spec).attributes["principal"] == me
    azure_world.artifacts.create(theirs, {**spec, "principal": engine})
    assert held() == {me, engine}
    azure_world.artifacts.delete(mine)
    assert held() == {engine}
    azure_world.artifacts.create(mine, spec)
    azure_world.artifacts.delete(theirs)
    assert held() == {me}
    # apply signs in as somebody else now; what is recorded names whom it was assigned to
    owner = azure_world.lab.control("POST", "azure/principals", {"roles": [{"role": "Owner", "scope": group.id}]})
    later = AzureArtifacts(azure_world.lab.session(owner), OWNER)
    later.delete(mine)
    assert held() == {me}
    later.delete(ResourceRef(mine.address, "role", f"{mine.id}#{me}"))
    assert held() == set()


def test_a_key_is_made_once_and_never_shown(azure_world: World, group: ResourceRef) -> None:
    """S3, S6: 32 random bytes; applying again keeps them, and nothing that leaves the provider holds them."""
    at, uri = make_vault(azure_world, group)
    ref = ResourceRef("secret.log", "secret", f"{at.id}/secrets/log-key")
    spec = {"vault": uri, "name": "log-key", "source": "random-256"}
    made = azure_world.artifacts.create(ref, spec)
    version, key = azure_world.stores.keys(uri).current("log-key")
    assert made.attributes == {"version": version} and len(set(key)) > 8
    assert azure_world.artifacts.update(ref, spec) == made
    seen = one(azure_world, ref)
    assert seen is not None and seen.ours
    assert base64.b64encode(key).decode() not in repr((made, seen))


def test_a_deleted_key_comes_back_with_its_value(azure_world: World, group: ResourceRef) -> None:
    at, uri = make_vault(azure_world, group)
    ref = ResourceRef("secret.log", "secret", f"{at.id}/secrets/log-key")
    spec = {"vault": uri, "name": "log-key", "source": "random-256"}
    azure_world.artifacts.create(ref, spec)
    before = azure_world.stores.keys(uri).current("log-key")
    azure_world.artifacts.delete(ref)
    azure_world.artifacts.delete(ref)
    assert one(azure_world, ref) is None
    azure_world.artifacts.create(ref, spec)
    assert azure_world.stores.keys(uri).current("log-key") == before


def test_a_deleted_vault_is_recovered(azure_world: World, group: ResourceRef) -> None:
    """Design: soft-deleted names are recovered, with the keys in them."""
    at, uri = make_vault(azure_world, group)
    ref = ResourceRef("secret.log", "secret", f"{at.id}/secrets/log-key")
    azure_world.artifacts.create(ref, {"vault": uri, "name": "log-key", "source": "random-256"})
    before = azure_world.stores.keys(uri).current("log-key")
    azure_world.artifacts.delete(at)
    assert one(azure_world, at) is None
    azure_world.artifacts.create(at, HERE)
    azure_world.artifacts.create(role(at.id, SECRETS_ROLE), {"scope": at.id, "role": SECRETS_ROLE})
    assert azure_world.stores.keys(uri).current("log-key") == before


def test_a_deleted_vault_of_others_is_not_recovered(azure_world: World, group: ResourceRef) -> None:
    at, _ = make_vault(azure_world, group)
    azure_world.artifacts.delete(at)
    with pytest.raises(Permanent, match="not this estate's") as caught:
        AzureArtifacts(azure_world.session, Owner("another")).create(at, HERE)
    assert "az keyvault purge" in caught.value.remedy


def test_the_service_bus_connection_is_stored_and_follows(azure_world: World, group: ResourceRef) -> None:
    """S3: the Key Vault holds the Service Bus connection string; it never passes through a plan or a state."""
    at, uri = make_vault(azure_world, group)
    name = fresh("wl-sb-")
    bus = ResourceRef("service_bus.x", "service_bus", f"{group.id}/providers/Microsoft.ServiceBus/namespaces/{name}")
    azure_world.artifacts.create(bus, {**HERE, "queues": ["commands"]})
    ref = ResourceRef("secret.bus", "secret", f"{at.id}/secrets/service-bus")
    spec = {"vault": uri, "name": "service-bus", "source": "service-bus", "namespace": bus.id}
    made = azure_world.artifacts.create(ref, spec)
    stored = azure_world.session.secrets(uri).get_secret("service-bus").value or ""
    assert stored.startswith("Endpoint=sb://") and "SharedAccessKey" not in repr(made)
    assert azure_world.artifacts.update(ref, spec) == made
