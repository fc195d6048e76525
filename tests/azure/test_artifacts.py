"""Artifacts of an estate: made once, found again, changed only when ours (D2, D3, S3, S4, S11)."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from planner.ports import ResourceRef
from providers.azure.artifacts.provider import AzureArtifacts
from providers.azure.tags import Owner
from replication.model.errors import NotFound, Permanent, PortError
from replication.model.extents import MIB
from tests.azure.refs import BLOB_ROLE, HERE, account, one, role, vault
from tests.azure.support import OWNER, REGION, World, fresh

ARM_KINDS = [
    ("vault", "Microsoft.RecoveryServices/vaults", "wl-vault", HERE),
    (
        "service_bus",
        "Microsoft.ServiceBus/namespaces",
        "wl-sb-",
        {**HERE, "queues": ["commands", "events"]},
    ),
    ("seed_store", "Microsoft.Storage/storageAccounts", "wlt", {**HERE, "sku": "Standard_LRS"}),
    ("key_vault", "Microsoft.KeyVault/vaults", "kv-", HERE),
]


@pytest.mark.parametrize(("kind", "arm_type", "prefix", "spec"), ARM_KINDS)
def test_made_observed_made_again_deleted(
    azure_world: World, group: ResourceRef, kind: str, arm_type: str, prefix: str, spec: dict[str, Any]
) -> None:
    """S3: each shared artifact; a second apply finds it, and what is observed is what was asked for."""
    ref = ResourceRef(f"{kind}.{REGION}", kind, f"{group.id}/providers/{arm_type}/{fresh(prefix)}")
    assert one(azure_world, ref) is None
    made = azure_world.artifacts.create(ref, {**spec, "tags": {"cost": "4711"}})
    json.dumps([made.id, dict(made.attributes)])
    found = one(azure_world, ref)
    assert found is not None and found.ours
    assert {key: found.properties[key] for key in spec} == spec
    assert found.tags["cost"] == "4711" and found.tags["wavelift-address"] == ref.address
    json.dumps(dict(found.properties))
    again = azure_world.artifacts.update(ref, spec)
    assert again == made
    azure_world.artifacts.delete(ref)
    azure_world.artifacts.delete(ref)
    assert one(azure_world, ref) is None


def test_storage_is_closed(azure_world: World) -> None:
    """S6, S11: TLS 1.2 only, nothing public, no account keys; deleted seeds cost nothing."""
    client = azure_world.session.storage(azure_world.lab.subscription)
    found: Any = client.storage_accounts.get_properties("rg-wavelift", "wlsed").properties
    assert found.minimum_tls_version == "TLS1_2"
    assert found.enable_https_traffic_only and not found.allow_blob_public_access and not found.allow_shared_key_access
    service: Any = client.blob_services.get_service_properties("rg-wavelift", "wlsed")
    assert not service.delete_retention_policy.enabled


def test_a_missing_queue_is_drift_and_update_brings_it_back(azure_world: World, group: ResourceRef) -> None:
    name = fresh("wl-sb-")
    ref = ResourceRef("service_bus.x", "service_bus", f"{group.id}/providers/Microsoft.ServiceBus/namespaces/{name}")
    spec = {**HERE, "queues": ["commands", "events"]}
    azure_world.artifacts.create(ref, spec)
    azure_world.session.service_bus(azure_world.lab.subscription).queues.delete(group.id.rpartition("/")[2], name, "events")
    found = one(azure_world, ref)
    assert found is not None and found.properties["queues"] == ["commands"]
    azure_world.artifacts.update(ref, spec)
    found = one(azure_world, ref)
    assert found is not None and found.properties["queues"] == ["commands", "events"]


def test_what_is_there_and_not_ours_is_refused(azure_world: World, group: ResourceRef) -> None:
    ref = account(group)
    azure_world.artifacts.create(ref, HERE)
    others = AzureArtifacts(azure_world.session, Owner("another", "lineage-9"))
    seen = one(azure_world, ref, others)
    assert seen is not None and not seen.ours
    for refused in (lambda: others.create(ref, HERE), lambda: others.delete(ref)):
        with pytest.raises(Permanent) as caught:
            refused()
        assert caught.value.code == "NotOurs" and caught.value.remedy
    assert one(azure_world, ref) is not None


def test_a_name_that_the_world_has_taken(azure_world: World, group: ResourceRef) -> None:
    """StorageAccountAlreadyTaken says that the name is somebody else's."""
    taken = f"{group.id}/providers/Microsoft.Storage/storageAccounts/wllog"
    with pytest.raises(Permanent) as caught:
        azure_world.artifacts.create(ResourceRef("log_store.x", "log_store", taken), HERE)
    assert caught.value.code == "StorageAccountAlreadyTaken" and "unique in the world" in caught.value.remedy


def test_a_group_with_things_of_others_is_not_deleted(azure_world: World) -> None:
    name = fresh("rg-")
    ref = azure_world.ref("resource_group", name, f"/subscriptions/{azure_world.lab.subscription}/resourceGroups/{name}")
    azure_world.artifacts.create(ref, HERE)
    mine = account(ref)
    azure_world.artifacts.create(mine, HERE)
    foreign: Any = {"location": REGION, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    networks = azure_world.session.network(azure_world.lab.subscription).virtual_networks
    networks.begin_create_or_update(name, "vnet-others", foreign).result()
    with pytest.raises(Permanent, match="vnet-others"):
        azure_world.artifacts.delete(ref)
    assert one(azure_world, mine) is not None
    networks.begin_delete(name, "vnet-others").result()
    disk: Any = {
        "location": REGION,
        "tags": OWNER.tags(),
        "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4},
    }
    disks = azure_world.session.compute(azure_world.lab.subscription).disks
    disks.begin_create_or_update(name, "migrated-os", disk).result()
    with pytest.raises(Permanent, match="migrated-os"):
        azure_world.artifacts.delete(ref)
    disks.begin_delete(name, "migrated-os").result()
    azure_world.artifacts.delete(ref)
    assert one(azure_world, ref) is None


def test_a_group_that_others_made_is_not_taken_over(azure_world: World) -> None:
    name = fresh("rg-")
    azure_world.session.resources(azure_world.lab.subscription).resource_groups.create_or_update(name, {"location": REGION})
    ref = azure_world.ref("resource_group", name, f"/subscriptions/{azure_world.lab.subscription}/resourceGroups/{name}")
    with pytest.raises(Permanent, match="tags"):
        azure_world.artifacts.create(ref, HERE)


RESUME = """
import json, sys
from tests.azure import support
from planner.ports import ResourceRef
from providers.azure.artifacts.provider import AzureArtifacts
document = json.load(sys.stdin)
class Lab(support.LabAzure):
    def __init__(self): self.__dict__.update(document=document["lab"], info=document["lab"]["azure"])
lab = Lab(); lab.subscription = lab.info["subscriptions"][0]
artifacts = AzureArtifacts(lab.session(), support.OWNER)
ref = ResourceRef(*document["ref"])
made = artifacts.resume(ref, document["spec"], document["token"]).result()
print(json.dumps([made.id, dict(made.attributes)]))
"""


def test_an_operation_goes_on_in_another_process(azure_world: World, group: ResourceRef) -> None:
    """Issue: a killed apply carries on from its journal: the token is plain text without secrets."""
    ref = account(group)
    azure_world.lab.control("POST", "azure/settings", {"latency": 1.0})
    try:
        token = azure_world.artifacts.begin(ref, HERE).token
        assert token is not None
        held = base64.b64decode(token).decode()
        assert "Bearer" not in held and azure_world.lab.info["client_secret"] not in held
        told = {"lab": azure_world.lab.document, "ref": [ref.address, ref.kind, ref.id], "spec": HERE, "token": token}
        root = str(Path(__file__).parents[2])
        done = subprocess.run(
            [sys.executable, "-c", RESUME],
            input=json.dumps(told),
            capture_output=True,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": root},
            check=False,
        )
    finally:
        azure_world.lab.control("POST", "azure/settings", {"latency": 0.02})
    assert done.returncode == 0, done.stderr
    made_id, attributes = json.loads(done.stdout)
    assert made_id.lower() == ref.id.lower() and attributes["blob_endpoint"]


def test_a_token_that_azure_forgot_begins_again(azure_world: World, group: ResourceRef) -> None:
    ref = account(group)
    token = azure_world.artifacts.begin(ref, HERE).token
    assert token is not None
    held = base64.b64decode(token).decode()
    assert "/operations/" in held
    forgotten = re.sub(r"/operations/[0-9a-f-]{8}", "/operations/00000000", held)
    for stale in (token, base64.b64encode(forgotten.encode()).decode(), "no token at all"):
        assert azure_world.artifacts.resume(ref, HERE, stale).result().id.lower() == ref.id.lower()


def test_a_failed_operation_says_why(azure_world: World, group: ResourceRef) -> None:
    ref = account(group)
    fault = {
        "match": f"storage.create.*{ref.id.rpartition('/')[2]}",
        "code": "RequestDisallowedByPolicy",
        "message": "no",
        "count": 1,
    }
    azure_world.lab.control("POST", "azure/operations/fail", fault)
    with pytest.raises(Permanent) as caught:
        azure_world.artifacts.create(ref, HERE)
    assert caught.value.code == "RequestDisallowedByPolicy" and "Azure Policy" in caught.value.remedy


def test_a_lock_holds_the_vault(azure_world: World, group: ResourceRef) -> None:
    """S3: the vault cannot go while anything replicates."""
    at = ResourceRef("vault", "vault", f"{group.id}/providers/Microsoft.RecoveryServices/vaults/{fresh('wl-v-')}")
    azure_world.artifacts.create(at, HERE)
    lock = ResourceRef("lock.vault", "lock", f"{at.id}/providers/Microsoft.Authorization/locks/wavelift")
    spec = {"level": "CanNotDelete", "notes": "machines replicate through this vault"}
    azure_world.artifacts.create(lock, spec)
    seen = one(azure_world, lock)
    assert seen is not None and dict(seen.properties) == spec
    with pytest.raises(Permanent) as caught:
        azure_world.artifacts.delete(at)
    assert caught.value.code == "ScopeLocked" and "lock" in caught.value.remedy
    azure_world.artifacts.delete(lock)
    azure_world.artifacts.delete(lock)
    azure_world.artifacts.delete(at)


def test_seed_disks(azure_world: World) -> None:
    """S1.2, S11: an empty page blob with sequence number 0; made again it keeps what it holds; gone with its snapshots."""
    account_id = f"{azure_world.group}/providers/Microsoft.Storage/storageAccounts/wlsed"
    blob = f"{fresh('m')}/r/2000.vhd"
    ref = ResourceRef("seed_disk.m/2000", "seed_disk", f"{account_id}/blobServices/default/containers/seeds/blobs/{blob}")
    spec = {"account": azure_world.endpoint("seed_store"), "container": "seeds", "blob": blob, "size": 2 * MIB}
    assert one(azure_world, ref) is None
    azure_world.artifacts.create(ref, spec)
    replicas = azure_world.stores.replicas(azure_world.endpoint("seed_store"), "seeds")
    replicas.write(blob, 0, b"x" * 512, 0)
    azure_world.artifacts.update(ref, {**spec, "size": 3 * MIB})
    assert replicas.read(blob, None, 0, 512) == b"x" * 512
    seen = one(azure_world, ref)
    assert seen is not None and seen.ours and seen.properties["size"] == 3 * MIB
    replicas.checkpoint(blob)
    azure_world.artifacts.delete(ref)
    azure_world.artifacts.delete(ref)
    with pytest.raises(NotFound):
        replicas.read(blob, None, 0, 512)


def test_nothing_in_an_account_that_is_not_there(azure_world: World, group: ResourceRef) -> None:
    """The first plan: a missing account reads as nothing."""
    store = account(group)
    refs = [
        store,
        ResourceRef("container.a", "container", f"{store.id}/blobServices/default/containers/log"),
        ResourceRef("seed_disk.a", "seed_disk", f"{store.id}/blobServices/default/containers/log/blobs/x/y.vhd"),
        role(store.id, BLOB_ROLE),
        ResourceRef("secret.a", "secret", f"{vault(group).id}/secrets/log-key"),
        ResourceRef("lock.a", "lock", f"{vault(group).id}/providers/Microsoft.Authorization/locks/wavelift"),
        ResourceRef("vm.a", "vm", f"{group.id}/providers/Microsoft.Compute/virtualMachines/a"),
        ResourceRef("nowhere", "disk", f"{group.id}-none/providers/Microsoft.Compute/disks/a"),
    ]
    assert set(azure_world.artifacts.observe(refs).values()) == {None}


def test_networks_sizes_and_quotas_are_observed(azure_world: World) -> None:
    from tests.azure.support import subnet

    root = f"/subscriptions/{azure_world.lab.subscription}/providers/Microsoft.Compute/locations/{REGION}"
    network = ResourceRef("network.x", "network", subnet().partition("/subnets/")[0])
    size = ResourceRef("sku.x", "sku", f"{root}/skus/Standard_D2s_v5")
    none = ResourceRef("sku.y", "sku", f"{root}/skus/Standard_Nonsense")
    found = azure_world.artifacts.observe([network, size, none])
    assert found["sku.y"] is None and found["network.x"] is not None and found["sku.x"] is not None
    assert found["network.x"].properties["subnets"] == {"snet-web": "10.20.1.0/24"}
    family = found["sku.x"].properties["family"]
    assert found["sku.x"].properties["vcpus"] == 2
    quota = azure_world.artifacts.observe([ResourceRef("q", "quota", f"{root}/usages/{family}")])["q"]
    assert quota is not None and quota.properties["limit"] > 0
    json.dumps([dict(one.properties) for one in (*found.values(), quota) if one])


def test_observing_many_is_one_list(azure_world: World) -> None:
    """D2: one listing per kind and scope, whatever the number of artifacts."""
    account_id = f"{azure_world.group}/providers/Microsoft.Storage/storageAccounts/wlsed"
    box = f"{account_id}/blobServices/default/containers/seeds/blobs"
    refs = [ResourceRef(f"seed_disk.{n}", "seed_disk", f"{box}/none/{n}") for n in range(500)]
    refs += [
        azure_world.ref("disk", str(n), f"{azure_world.group}/providers/Microsoft.Compute/disks/d{n}") for n in range(500)
    ]
    started = time.monotonic()
    assert len(azure_world.artifacts.observe(refs)) == 1000
    assert time.monotonic() - started < 1.0  # a thousand requests take several seconds


def test_a_plan_runner_may_only_look(azure_world: World, group: ResourceRef) -> None:
    """D4: the plan's read-only login observes everything that it needs and changes nothing."""
    who = azure_world.lab.control("POST", "azure/principals", {"roles": [{"role": "Reader", "scope": group.id}]})
    reader = AzureArtifacts(azure_world.lab.session(who), OWNER)
    store = account(group)
    azure_world.artifacts.create(store, HERE)
    assert one(azure_world, store, reader) is not None
    with pytest.raises(PortError) as caught:
        reader.create(account(group), HERE)
    assert caught.value.code == "AuthorizationFailed" and "Contributor" in caught.value.remedy
