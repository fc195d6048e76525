"""ARM itself: groups, lists, paging, tags, locks, api-versions, operations, restarts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.compute.models import Disk
from azure.mgmt.resource.locks import ManagementLockClient
from azure.mgmt.resource.locks.models import ManagementLockObject
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.resources.models import ResourceGroup

from lab.azure.arm.store import record
from tests.lab.arm_support import REGION, Azure, check_json, fails, name, refused, running


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    with running(tmp_path_factory.mktemp("arm")) as made:
        yield made


def _disk(client: Any, group: str, disk: str, gib: int = 1, **more: Any) -> Any:
    body = {"location": REGION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": gib}, **more}
    return client.disks.begin_create_or_update(group, disk, body).result()


def test_resource_group_life(azure: Azure) -> None:
    """S3: groups are made, read in any case, tagged and deleted with all that is in them."""
    client = azure.client(ResourceManagementClient)
    group = name("rg-")
    assert not client.resource_groups.check_existence(group)
    with refused(404, "ResourceGroupNotFound"):
        client.resource_groups.get(group)
    made = client.resource_groups.create_or_update(group, {"location": "Korea Central", "tags": {"a": "b"}})
    assert (made.location, made.properties.provisioning_state) == ("koreacentral", "Succeeded")
    assert client.resource_groups.get(group.upper()).id == made.id
    check_json(ResourceGroup, azure.arm("GET", made.id)[1])
    with refused(409, "InvalidResourceGroupLocation"):
        client.resource_groups.create_or_update(group, {"location": "westeurope"})
    with refused(400, "LocationNotAvailableForResourceGroup"):
        client.resource_groups.create_or_update(name("rg-"), {"location": "atlantis"})
    compute = azure.client(ComputeManagementClient)
    _disk(compute, group, "d1")
    poller = client.resource_groups.begin_delete(group)
    with refused(409, "ResourceGroupBeingDeleted"):
        _disk(compute, group, "d2")
    poller.result()
    assert not client.resource_groups.check_existence(group)
    with refused(404, "ResourceGroupNotFound"):
        compute.disks.get(group, "d1")


def test_ids_are_case_insensitive_and_echo_the_caller(azure: Azure) -> None:
    """S3: `resourcegroups` and `resourceGroups` are the same, the first spelling stays."""
    group = azure.group()
    client = azure.client(ComputeManagementClient)
    made = _disk(client, group, "Disk-One")
    other = client.disks.get(group.upper(), "disk-one")
    assert (other.id, other.name) == (made.id, "Disk-One")
    assert azure.arm("GET", made.id.lower())[1]["id"] == made.id


def test_refusals_of_the_front_door(azure: Azure) -> None:
    """S3: missing api-version, unknown types, namespaces and subscriptions are refused with ARM's codes."""
    headers = {"Authorization": f"Bearer {azure.token()}"}
    base = f"/subscriptions/{azure.subscription}"
    assert azure.http("GET", f"{base}/resourcegroups", headers=headers)[1]["error"]["code"] == "MissingApiVersionParameter"
    group = azure.group()
    scope = f"{base}/resourceGroups/{group}/providers"
    for path, status, code in (
        (f"{scope}/Microsoft.Compute/nonsense/x", 404, "InvalidResourceType"),
        (f"{scope}/Microsoft.Nonsense/things/x", 404, "InvalidResourceNamespace"),
        (f"/subscriptions/{uuid.uuid4()}/resourcegroups", 404, "SubscriptionNotFound"),
        (f"{base}/resourceGroups/none/providers/Microsoft.Compute/disks/x", 404, "ResourceGroupNotFound"),
        (f"{scope}/Microsoft.Compute/disks/x", 404, "ResourceNotFound"),
    ):
        answer = azure.arm("GET", path)
        assert (answer[0], answer[1]["error"]["code"]) == (status, code), path
    status, answer, _ = azure.arm("PUT", f"{scope}/Microsoft.Compute/disks/x", ["no object"])
    assert (status, answer["error"]["code"]) == (400, "InvalidRequestContent")


def test_lists_are_paged_by_group_and_subscription(azure: Azure) -> None:
    """S10: lists of any length come in pages with nextLink."""
    group, other = azure.group(), azure.group()
    client = azure.client(ComputeManagementClient)
    for number in range(5):
        _disk(client, group, f"p{number}", tags={"n": str(number)})
    _disk(client, other, "elsewhere")
    azure.control("POST", "azure/settings", {"page_size": 2})
    try:
        assert [disk.name for disk in client.disks.list_by_resource_group(group)] == [f"p{n}" for n in range(5)]
        assert {"elsewhere", "p4"} <= {disk.name for disk in client.disks.list()}
        resources = azure.client(ResourceManagementClient).resources
        found = resources.list_by_resource_group(group, filter="tagName eq 'n' and tagValue eq '3'")
        assert [item.name for item in found] == ["p3"]
        assert len(list(resources.list(filter="resourceType eq 'Microsoft.Compute/disks'"))) >= 6
    finally:
        azure.control("POST", "azure/settings", {"page_size": 1000})


def test_tags_are_checked(azure: Azure) -> None:
    """D4: names and lengths of tags are refused as Azure refuses them."""
    group = azure.group()
    client = azure.client(ComputeManagementClient)
    for tags, code in (
        ({str(n): "x" for n in range(51)}, "InvalidTags"),
        ({"a/b": "x"}, "InvalidTagNameCharacters"),
        ({"a": "x" * 257}, "InvalidTagValue"),
    ):
        with refused(400, code):
            _disk(client, group, "t", tags=tags)
    _disk(client, group, "t", tags={"a": "1"})
    assert client.disks.begin_update(group, "t", {"tags": {"b": "2"}}).result().tags == {"b": "2"}


def test_locks_block_deletion(azure: Azure) -> None:
    """S3: the vault's delete lock works: 409 ScopeLocked for the resource and for its group."""
    group = azure.group()
    client, locks = azure.client(ComputeManagementClient), azure.client(ManagementLockClient).management_locks
    disk = _disk(client, group, "locked")
    made = locks.create_or_update_by_scope(disk.id, "keep", ManagementLockObject(level="CanNotDelete", notes="replicating"))
    assert made.level == "CanNotDelete"
    with refused(409, "ScopeLocked"):
        client.disks.begin_delete(group, "locked")
    with refused(409, "ScopeLocked"):
        azure.client(ResourceManagementClient).resource_groups.begin_delete(group)
    client.disks.begin_update(group, "locked", {"tags": {"still": "writable"}}).result()
    assert [lock.name for lock in locks.list_at_resource_group_level(group)] == ["keep"]
    locks.delete_by_scope(disk.id, "keep")
    client.disks.begin_delete(group, "locked").result()
    locks.create_or_update_at_resource_group_level(group, "ro", ManagementLockObject(level="ReadOnly"))
    with refused(409, "ScopeLocked"):
        _disk(client, group, "new")


def test_provider_registration(azure: Azure) -> None:
    """S4: an unregistered provider answers 409, and the SDK's own policy registers it."""
    resources = azure.client(ResourceManagementClient)
    resources.providers.unregister("Microsoft.Network")
    group = azure.group()
    path = f"/subscriptions/{azure.subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/x"
    resources.providers.unregister("Microsoft.Storage")
    status, answer, _ = azure.arm("PUT", path, {"location": REGION})
    assert (status, answer["error"]["code"]) == (409, "MissingSubscriptionRegistration")
    assert resources.providers.register("Microsoft.Storage").registration_state == "Registered"
    assert resources.providers.register("Microsoft.Network").registration_state == "Registered"


def test_long_running_put_shows_both_addresses_and_resumes(azure: Azure) -> None:
    """D3: an operation is polled by absolute addresses and taken up again from a continuation token."""
    group = azure.group()
    client = azure.client(ComputeManagementClient)
    body = {"location": REGION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 1}}
    azure.control("POST", "azure/settings", {"latency": 0.4})
    try:
        poller = client.disks.begin_create_or_update(group, "slow", body)
        token = poller.continuation_token()
        assert client.disks.get(group, "slow").properties.provisioning_state == "Updating"
        with refused(409, "Conflict"):
            client.disks.begin_update(group, "slow", {"tags": {}})
        again = azure.client(ComputeManagementClient)
        assert again.disks.begin_create_or_update(group, "slow", body, continuation_token=token).result().name == "slow"
    finally:
        azure.control("POST", "azure/settings", {"latency": 0.03})
    path = f"/subscriptions/{azure.subscription}/resourceGroups/{group}/providers/Microsoft.Compute/disks/two"
    status, _, headers = azure.arm("PUT", path, body)
    assert status == 202
    assert headers["azure-asyncoperation"].startswith(azure.info["arm"])
    assert headers["location"].startswith(azure.info["arm"])


def test_ordered_failures_of_requests_and_operations(azure: Azure) -> None:
    """D3: 429 with Retry-After, a request done but answered with 503, and an operation that ends as Failed."""
    group = azure.group()
    client = azure.client(ComputeManagementClient, retry_total=2, retry_backoff_factor=0.01)
    azure.control(
        "POST",
        "faults",
        {
            "match": "arm PUT Microsoft.Compute/disks .*throttled",
            "action": "fail",
            "status": 429,
            "code": "TooManyRequests",
            "retry_after": 1,
        },
    )
    begun = time.monotonic()
    _disk(client, group, "throttled")
    assert time.monotonic() - begun >= 1
    azure.control("POST", "azure/operations/fail", {"match": "disk.create .*/broken", "code": "InternalExecutionError"})
    with fails("InternalExecutionError"):
        _disk(client, group, "broken")
    assert client.disks.get(group, "broken").properties.provisioning_state == "Failed"
    rule = azure.control("POST", "faults", {"match": "arm PUT .*/disks/landed", "action": "fail", "when": "after"})
    _disk(client, group, "landed")
    assert next(r for r in azure.control("GET", "faults")["rules"] if r["id"] == rule["id"])["hits"] == 1


def test_state_and_operations_survive_a_restart(tmp_path: Path) -> None:
    """D3: what was answered is still there after a kill, and an operation in flight finishes afterwards."""
    with running(tmp_path) as azure:
        group = azure.group("kept")
        client = azure.client(ComputeManagementClient)
        _disk(client, group, "before", tags={"k": "v"})
        azure.control("POST", "azure/settings", {"latency": 30})
        body = {"location": REGION, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 2}}
        client.disks.begin_create_or_update(group, "inflight", body, polling=False)
        azure.lab.cloud.settings.change(latency=0.03)
        operation = next(iter(azure.lab.cloud.store.of_kind("lab/operation")))
        for item in azure.lab.cloud.store.of_kind("lab/operation"):
            if item.private["status"] == "InProgress":
                operation = item
        azure.lab.cloud.store.commit([record(operation.id, operation.kind, {}, {**operation.private, "due": time.time()})])
        old = azure.info
    with running(tmp_path) as azure:
        assert azure.info["arm"] == old["arm"]
        assert azure.info["subscriptions"] == old["subscriptions"]
        client = azure.client(ComputeManagementClient)
        assert client.disks.get(group, "before").tags == {"k": "v"}
        end = time.monotonic() + 5
        while client.disks.get(group, "inflight").properties.provisioning_state != "Succeeded":
            assert time.monotonic() < end
            time.sleep(0.02)
        check_json(Disk, azure.arm("GET", client.disks.get(group, "inflight").id)[1])


def test_a_torn_last_line_of_the_journal_is_dropped(tmp_path: Path) -> None:
    """D3: a kill -9 in the middle of a write costs only what was never answered."""
    with running(tmp_path) as azure:
        azure.group("kept")
    with open(tmp_path / "azure" / "arm.journal", "ab") as stream:
        stream.write(b'[{"i":"/subscriptions/x/half')
    with running(tmp_path) as azure:
        azure.group("new")
    with running(tmp_path) as azure:
        names = {group.name for group in azure.client(ResourceManagementClient).resource_groups.list()}
        assert {"kept", "new"} <= names


def test_seventy_thousand_resources_are_listed_quickly(tmp_path: Path) -> None:
    """S10: an estate of 10,000 machines with disks and NICs is observed in seconds."""
    with running(tmp_path) as azure:
        group = azure.group("big")
        prefix = f"/subscriptions/{azure.subscription}/resourceGroups/{group}/providers/Microsoft.Compute/disks"
        body = {"name": "x", "location": REGION, "properties": {"diskSizeGB": 4, "diskState": "Unattached"}}
        items = [
            record(f"{prefix}/d{n:05}", "microsoft.compute/disks", {"id": f"{prefix}/d{n:05}", **body})
            for n in range(70_000)
        ]
        azure.lab.cloud.store.commit(items)
        begun = time.monotonic()
        total, path = 0, f"{prefix}"
        while path:
            status, answer, _ = (
                azure.arm("GET", path)
                if total == 0
                else azure.http("GET", path, headers={"Authorization": f"Bearer {azure.token()}"})
            )
            assert status == 200
            total += len(answer["value"])
            path = answer.get("nextLink", "").removeprefix(azure.info["arm"])
        assert total == 70_000
        assert time.monotonic() - begun < 15


def test_second_subscription_is_separate(azure: Azure) -> None:
    """S3: project and target can be two subscriptions."""
    group = azure.group()
    other = azure.client(ResourceManagementClient, subscription=azure.info["subscriptions"][1])
    with pytest.raises(ResourceNotFoundError):
        other.resource_groups.get(group)
    assert issubclass(ResourceNotFoundError, HttpResponseError)
