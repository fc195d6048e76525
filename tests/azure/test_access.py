"""S4: who may do what, of anybody, by roles inherited from above and through groups, less what deny assignments take away."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from planner.ports import Lack, Need, ResourceRef
from providers.azure.artifacts.authorization import ROLES as ROLE_IDS
from providers.azure.artifacts.provider import AzureArtifacts
from tests.azure.refs import BLOB_ROLE, HERE, account, one
from tests.azure.support import OWNER, World, fresh
from wavelift.planning.access import APPLY, ASSIGN, BLOB_DATA, READ_GROUP

WORK, ROLES = APPLY[1:], (ASSIGN,)


class Somebody:
    """A principal that has just been made, and what is asked of it."""

    def __init__(self, world: World, *roles: tuple[str, str]) -> None:
        given = [{"role": name, "scope": scope} for name, scope in roles]
        self.world = world
        self.secret = world.lab.control("POST", "azure/principals", {"roles": given})
        self.id: str = self.secret["object_id"]

    def need(self, scope: str, *actions: str, data: tuple[str, ...] = (), role: str = "Contributor") -> Need:
        return Need("apply", self.id, role, scope, "it could not", actions, data)

    def lacks(self, need: Need, *, itself: bool = False) -> list[Lack]:
        """As the estate's owner sees it, or as it sees itself."""
        session = self.world.lab.session(self.secret) if itself else self.world.session
        return AzureArtifacts(session, OWNER).missing_access([need])


@pytest.fixture(autouse=True)
def forgiven(azure_world: World) -> Iterator[None]:
    yield
    azure_world.lab.control("DELETE", "azure/denials")


@pytest.mark.parametrize("itself", [True, False], ids=["of itself", "of another"])
def test_contributor_works_and_may_not_assign(azure_world: World, group: ResourceRef, itself: bool) -> None:
    """S4: Contributor alone is enough for later replications, not for the first."""
    who = Somebody(azure_world, ("Contributor", group.id))
    assert who.lacks(who.need(group.id, *WORK), itself=itself) == []
    asked = who.need(group.id, *ROLES, role="User Access Administrator")
    assert who.lacks(asked, itself=itself) == [Lack(asked, group.id)]
    owner = Somebody(azure_world, ("Owner", group.id))
    assert owner.lacks(owner.need(group.id, *WORK, *ROLES), itself=itself) == []
    both = Somebody(azure_world, ("Contributor", group.id), ("User Access Administrator", group.id))
    assert both.lacks(both.need(group.id, *WORK, *ROLES), itself=itself) == []
    nobody = Somebody(azure_world)
    assert [one.unknown for one in nobody.lacks(nobody.need(group.id, *WORK), itself=itself)] == [""]


def test_reading_groups_is_asked_of_the_subscription(azure_world: World, group: ResourceRef) -> None:
    """S4: an Owner of the group is no reader of the subscription."""
    top = f"/subscriptions/{azure_world.lab.subscription}"
    who = Somebody(azure_world, ("Owner", group.id))
    assert [one.scope for one in who.lacks(who.need(top, READ_GROUP), itself=True)] == [top]
    reader = Somebody(azure_world, ("Reader", top))
    assert reader.lacks(reader.need(top, READ_GROUP)) == []


def test_a_group_that_is_still_to_be_made(azure_world: World) -> None:
    """S4: what holds at the subscription will hold in it; the role that lacks can be assigned there alone."""
    top = f"/subscriptions/{azure_world.lab.subscription}"
    missing = f"{top}/resourceGroups/{fresh('rg-none-')}"
    who = Somebody(azure_world, ("Reader", top))
    assert [one.scope for one in who.lacks(who.need(missing, *WORK))] == [top]
    above = Somebody(azure_world, ("Contributor", top))
    assert above.lacks(above.need(missing, *APPLY)) == []


def test_roles_through_groups_and_management_groups(azure_world: World, group: ResourceRef) -> None:
    """Issue 4: role assignments count from parent scopes and through groups too."""
    lab = azure_world.lab
    who = Somebody(azure_world)
    team = lab.control("POST", "azure/groups", {"members": [who.id]})["object_id"]
    lab.control("POST", "azure/roles", {"object_id": team, "role": "Contributor", "scope": group.id})
    assert who.lacks(who.need(group.id, *WORK)) == []
    high = Somebody(azure_world)
    name = fresh("mg-")
    scope = f"/providers/Microsoft.Management/managementGroups/{name}"
    lab.control("POST", "azure/managementgroups", {"name": name, "subscriptions": [lab.subscription]})
    lab.control("POST", "azure/roles", {"object_id": high.id, "role": "Contributor", "scope": scope})
    assert high.lacks(high.need(group.id, *WORK)) == []
    assert high.lacks(high.need(f"{group.id}-to-come", *WORK)) == []
    other = f"/subscriptions/{lab.info['subscriptions'][-1]}"
    if other.rpartition("/")[2] != lab.subscription:
        assert high.lacks(high.need(other, READ_GROUP))


def test_data_roles_are_roles_of_their_own(azure_world: World, group: ResourceRef) -> None:
    """An Owner can not read a single blob: data actions are looked for apart, at the store or above it."""
    store = account(group)
    azure_world.artifacts.create(store, HERE)
    owner = Somebody(azure_world, ("Owner", group.id))
    assert [one.scope for one in owner.lacks(owner.need(store.id, data=BLOB_DATA, role=BLOB_ROLE))] == [store.id]
    for place in (store.id, group.id):
        writer = Somebody(azure_world, (BLOB_ROLE, place))
        assert writer.lacks(writer.need(store.id, data=BLOB_DATA)) == []
    reader = Somebody(azure_world, ("Storage Blob Data Reader", store.id))
    assert reader.lacks(reader.need(store.id, data=BLOB_DATA[:1])) == []
    assert reader.lacks(reader.need(store.id, data=BLOB_DATA)) != []


def test_custom_roles_with_exceptions(azure_world: World, group: ResourceRef) -> None:
    """S4: what a role excepts by NotActions or NotDataActions, wildcards too, it does not give; another role may."""
    lab, stores = azure_world.lab, fresh("stores-")
    wide = {"actions": ["*"], "data_actions": ["Microsoft.Storage/*"]}
    lab.control("POST", "azure/roledefinitions", {"name": stores, **wide, "not_actions": ["microsoft.compute/*/WRITE"]})
    who = Somebody(azure_world, (stores, group.id))
    assert who.lacks(who.need(group.id, WORK[0])) == [] == who.lacks(who.need(group.id, data=BLOB_DATA))
    assert [one.unknown for one in who.lacks(who.need(group.id, *WORK))] == [""], "disks and VMs are excepted"
    readers = fresh("readers-")
    lab.control("POST", "azure/roledefinitions", {"name": readers, **wide, "not_data_actions": ["*/blobs/delete", "*/blobs/w*"]})
    other = Somebody(azure_world, (readers, group.id))
    assert other.lacks(other.need(group.id, *WORK, *ROLES)) == []
    assert other.lacks(other.need(group.id, data=BLOB_DATA[:1])) == []
    assert other.lacks(other.need(group.id, data=BLOB_DATA)) != [] != other.lacks(other.need(group.id, data=BLOB_DATA[2:]))
    lab.control("POST", "azure/roles", {"object_id": other.id, "role": BLOB_ROLE, "scope": group.id})
    assert other.lacks(other.need(group.id, data=BLOB_DATA)) == [], "an exception of one role takes nothing from another"


def test_a_role_under_a_condition_cannot_be_checked(azure_world: World, group: ResourceRef) -> None:
    """S4: it is neither a yes nor a no, for what it allows; a plain one beside it is a yes."""
    who = Somebody(azure_world)
    kind = "Microsoft.Authorization/roleDefinitions"
    definition = f"/subscriptions/{azure_world.lab.subscription}/providers/{kind}/{ROLE_IDS['Contributor']}"
    body: Any = {
        "properties": {"roleDefinitionId": definition, "principalId": who.id, "condition": "@Request[x] BoolEquals true"}
    }
    client = azure_world.session.authorization(azure_world.lab.subscription).role_assignments
    client.create(group.id, str(uuid.uuid4()), body)
    for itself in (False, True):
        assert ["under a condition" in lack.unknown for lack in who.lacks(who.need(group.id, *WORK), itself=itself)] == [True]
        assert [lack.unknown for lack in who.lacks(who.need(group.id, *ROLES), itself=itself)] == [""]
    top = f"/subscriptions/{azure_world.lab.subscription}"
    azure_world.lab.control("POST", "azure/roles", {"object_id": who.id, "role": "Contributor", "scope": top})
    assert who.lacks(who.need(group.id, *WORK)) == []


def test_deny_assignments(azure_world: World, group: ResourceRef) -> None:
    """A deny assignment takes away what a role gives, unless it excepts the principal; a group in it cannot be looked into."""
    who = Somebody(azure_world, ("Contributor", group.id))
    need = who.need(group.id, *WORK)
    deny = {"scope": group.id, "actions": ["Microsoft.Compute/*"], "principals": ["*"]}
    lab = azure_world.lab
    lab.control("POST", "azure/denials", {"name": "but-me", **deny, "exclude": [who.id]})
    assert who.lacks(need) == []
    lab.control("POST", "azure/denials", {"name": "blueprint", **deny})
    assert [one.denied_by for one in who.lacks(need)] == ["blueprint"]
    lab.control("DELETE", "azure/denials")
    strangers = lab.control("POST", "azure/groups", {"members": []})["object_id"]
    lab.control("POST", "azure/denials", {"name": "strangers", **deny, "principals": [strangers]})
    assert ["strangers" in one.unknown for one in who.lacks(need)] == [True]


def test_who_may_not_look_says_so(azure_world: World, group: ResourceRef) -> None:
    """Issue 4: "cannot check" is a result of its own, not an error and not a yes."""
    who = Somebody(azure_world, ("Contributor", group.id))
    blind = azure_world.lab.session(azure_world.lab.control("POST", "azure/principals", {}))
    found = AzureArtifacts(blind, OWNER).missing_access([who.need(group.id, *WORK)])
    assert len(found) == 1 and "cannot be read" in found[0].unknown


def test_a_role_for_a_named_principal(azure_world: World, group: ResourceRef) -> None:
    """Issue 4: apply assigns what the engine's and the plan's identity need, beside its own; each is seen and removed apart."""
    store = account(group)
    azure_world.artifacts.create(store, HERE)
    engine = Somebody(azure_world)
    mine = ResourceRef("role.x", "role", f"{store.id}#{BLOB_ROLE}")
    theirs = ResourceRef("role.x/engine", "role", f"{store.id}#{BLOB_ROLE}#{engine.id}")
    azure_world.artifacts.create(theirs, {"scope": store.id, "role": BLOB_ROLE, "principal": engine.id})
    found = azure_world.artifacts.observe([mine, theirs])
    assert found["role.x"] is None and found["role.x/engine"] is not None
    assert engine.lacks(engine.need(store.id, data=BLOB_DATA)) == []
    azure_world.artifacts.create(mine, {"scope": store.id, "role": BLOB_ROLE})
    azure_world.artifacts.delete(theirs)
    assert one(azure_world, theirs) is None and one(azure_world, mine) is not None
