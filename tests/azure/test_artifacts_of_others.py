"""W6 against the lab's Azure: what others have made is read through the real SDK, judged, and left as it was."""

from __future__ import annotations

from typing import Any

from planner.artifact import Artifact, Kind
from planner.existing import unfit
from planner.ports import ResourceRef
from tests.azure.support import REGION, World, fresh


def account(world: World, *, tls: str = "TLS1_2", https: bool = True, soft: bool = False, **more: Any) -> str:
    name = fresh("st").lower()
    client = world.session.storage(world.lab.subscription)
    properties = {"minimumTlsVersion": tls, "supportsHttpsTrafficOnly": https, **more}
    body: Any = {"location": REGION, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "properties": properties}
    made = client.storage_accounts.begin_create("rg-wavelift", name, body).result()
    if soft:
        policy: Any = {"properties": {"deleteRetentionPolicy": {"enabled": True, "days": 7}}}
        client.blob_services.set_service_properties("rg-wavelift", name, policy)
    return str(made.id)


def judged(world: World, arm_id: str, region: str = REGION) -> list[str]:
    wanted = Artifact("log_store.x", Kind.LOG_STORE, arm_id, {"location": region, "existing": True})
    seen = world.artifacts.observe([ResourceRef("x", Kind.LOG_STORE, arm_id)])["x"]
    assert seen is not None
    return list(unfit(wanted, seen))


def test_an_account_that_fits_is_taken_as_it_is(azure_world: World) -> None:
    """W6: no PUT, no tag, its endpoint known."""
    arm_id = account(azure_world)
    before = azure_world.session.storage(azure_world.lab.subscription).storage_accounts.get_properties(
        "rg-wavelift", arm_id.rpartition("/")[2]
    )
    assert judged(azure_world, arm_id) == []
    ref = ResourceRef("log_store.x", Kind.LOG_STORE, arm_id)
    made = azure_world.artifacts.update(ref, {"location": REGION, "existing": True})
    assert str(made.attributes["blob_endpoint"]).endswith(f"/{arm_id.rpartition('/')[2]}/")
    after = azure_world.session.storage(azure_world.lab.subscription).storage_accounts.get_properties(
        "rg-wavelift", arm_id.rpartition("/")[2]
    )
    assert after.as_dict() == before.as_dict() and not after.tags


def test_an_account_that_does_not_fit_is_told_why(azure_world: World) -> None:
    """W6, decision 11: TLS below 1.2, plain HTTP, soft delete, another region."""
    said = judged(azure_world, account(azure_world, tls="TLS1_0", https=False, soft=True), "japaneast")
    assert [w for w in ("japaneast", "HTTPS", "TLS below 1.2", "soft delete") if not any(w in one for one in said)] == []
