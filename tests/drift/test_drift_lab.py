"""Drift on a lab: an estate that nobody touched is silent in every phase; each change from outside is found, and only it."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import schemas
from planner.drift import Drift, Severity
from planner.drift.document import to_json
from replication.ports import DocumentStore
from tests.drift import properties
from tests.drift.changes import CHANGES, Change, id_of, out_of_the_inventory, tags
from tests.e2e.site import Site, Vm, standing, until
from wavelift.planning.drifting import look
from wavelift.planning.look import gateways


@pytest.fixture(scope="module")
def said() -> list[str]:
    """What drift said of the phases that `site` goes through."""
    return []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, said: list[str]) -> Iterator[Site]:
    """`still` and `third` replicate, `away` is migrated; the engine has been stopped, so that nothing moves by itself."""
    vms = [Vm("still", disks=(20, 20), more={"folder": "/Seoul/vm/shop"}), Vm("away", disks=(20, 20)), Vm("third")]
    with standing(tmp_path_factory.mktemp("drift"), vms) as site:
        site.control("azure", "POST", "azure/sent", {"keep": True})
        cutover = {"shutdown": {"mode": "guest", "wait": "20s", "then": "fail"}, "ready": "boot-log"}
        site.machines["away"] |= {"zone": "1", "licence": "RHEL_BYOS", "tags": {"cost": "4711"}, "cutover": cutover}
        site.write_wave()
        site.apply("--detach")
        note(said, site, "made")
        engine = site.engine()
        note(said, site, "initial replication")
        site.in_delta_sync("still", "away", "third")
        note(said, site, "delta sync")
        site.phase("test", "away")
        site.apply()
        note(said, site, "test")
        site.phase("migrate", "away")
        site.apply()
        note(said, site, "migrated")
        engine.signal(15)
        engine.wait(60)
        yield site


def seen(site: Site) -> Drift:
    wiring = site.wiring()
    wiring.refresh()
    wiring.__dict__.pop("artifacts", None)
    return look(wiring, time.time())


def found(site: Site) -> set[Change]:
    return {(f.severity.value, f.address, f.property) for f in seen(site).findings}


def note(said: list[str], site: Site, phase: str) -> None:
    drift = seen(site)
    if drift.findings or drift.unmanaged or drift.blind:
        said.append(f"{phase}: {drift.findings} {drift.unmanaged} {drift.blind}")


def content(store: DocumentStore, name: str) -> bytes:
    found = store.get(name)
    assert found is not None, name
    return found[0]


def test_an_estate_that_nobody_touched_is_silent_in_every_phase(site: Site, said: list[str]) -> None:
    """issue 4, Drift: normalisers, so that an untouched estate is silent; users.md, The weeks 20 (a removed test is none)."""
    assert said == []
    drift = seen(site)
    assert not drift.findings and not drift.unmanaged
    assert drift.lag is not None and drift.lag.machine in ("still", "third")
    assert drift.cycles.kept > 0 and drift.cycles.unexplained == 0
    vm = site.state["artifacts"]["vm.away"]["spec"]
    assert vm["size"] == "Standard_D2s_v5" and len(vm["disks"]) == 2 and len(vm["nics"]) == 1, "what was made is recorded"


def test_every_property_that_was_set_is_compared(site: Site) -> None:
    """issue 4, Drift: every property that we set. They are taken from what the lab was sent, changed one by one."""
    before, leaves = found(site), properties.sent(site)
    silent, strange = set(), set()
    for several in properties.rounds([leaf for leaf in leaves if leaf.kind not in properties.ELSEWHERE]):
        for leaf in several:
            properties.put(site, leaf, properties.otherwise(leaf.value))
        after = {(address, class_) for class_, address, _ in found(site) - before}
        for leaf in several:
            properties.put(site, leaf, leaf.value)
        silent |= {leaf.kind for leaf in several if not {(leaf.address, "ours"), (leaf.address, "urgent")} & after}
        strange |= {address for address, _ in after} - {leaf.address for leaf in several}
    assert silent == set(properties.FIXED) and not strange
    assert found(site) == before and len({leaf.kind for leaf in leaves}) > 60


def test_what_others_add_to_anything_is_left_alone(site: Site) -> None:
    """issue 4, Drift: a tag of others is foreign on each resource, a setting that we never make is nothing."""
    before = found(site)
    tagged = {leaf.address: leaf for leaf in properties.sent(site) if leaf.at[0] == "tags"}
    for leaf in tagged.values():
        properties.put(site, leaf._replace(at=("tags", "owner")), "finance")
        properties.put(site, leaf._replace(at=("properties", "madeLater")), {"enabled": True})
    assert found(site) - before == {("foreign", address, "tags.owner") for address in tagged}
    for leaf in tagged.values():
        properties.take(site, leaf._replace(at=("tags", "owner")))
    assert found(site) == before


def test_one_listing_for_each_kind_and_scope(site: Site) -> None:
    """issue 4, Drift: one list call per type and scope, and the snapshots of all machines in one call."""
    kinds = {
        "networkInterfaces": 1,
        "Microsoft.Compute/disks": 1,
        "virtualMachines": 1,
        "Microsoft.RecoveryServices/vaults": 2,  # the vaults of the project's group; the locks of the vault
        "/locks": 1,
        "roleAssignments": 2,  # the project's group, the target's
        "storageAccounts$": 2,
        "Microsoft.ServiceBus": 2,  # namespaces of the group; queues of the namespace
        "Microsoft.KeyVault/vaults$": 1,
        "blobServices": 3,  # soft delete is a setting of each account's blobs, and in no listing
        "subscriptions/[^/]*/resources$": 1,
    }
    rules = {name: site.fault("azure", f"^arm .*{name}", "delay", seconds=0.0, count=0) for name in kinds}
    snapshots = site.fault("vcenter", "^.* RetrieveProperties", "delay", seconds=0.0, count=0)
    try:
        seen(site)
        counted = {name: site.faults("azure")[rule]["seen"] for name, rule in rules.items()}
        read = site.faults("vcenter")[snapshots]["seen"]
    finally:
        site.heal()
    assert counted == kinds
    assert 0 < read < 10


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_from_outside_is_found_and_only_it(site: Site, change: str) -> None:
    """issue 4, Drift: exactly what was changed is reported; what others set is left alone."""
    before = found(site)
    do, expected = CHANGES[change]
    do(site)
    after = found(site)
    assert after - before == expected - before
    assert expected <= after
    assert before - after <= {("foreign", "machine.still", "snapshot")}


def test_the_command_has_three_forms_and_its_exit_codes(site: Site) -> None:
    """issue 4, Drift: text, Markdown, JSON with a schema; exit 0 / 2; the user chooses what fails."""
    import jsonschema

    text = site.here("drift")
    assert text.code == 2, text.said
    assert "SOURCE POWERED ON" in text.out and "URGENT" in text.out
    page = site.here("drift", "--markdown", "--fail", "none")
    assert page.code == 0 and page.out.startswith("<!-- wavelift drift e2e -->") and len(page.out) <= 65_536
    whole = site.here("drift", "--json", "--fail", "unmanaged")
    assert whole.code == 0, whole.said
    document = json.loads(whole.out)
    jsonschema.validate(document, schemas.load("drift-1"))
    assert document["counts"]["urgent"] >= 2
    assert site.here("drift", "--fail", "theirs").code == 1
    assert site.here("drift", "--json", "--markdown").code == 1


def test_status_checks_have_their_exit_code(site: Site) -> None:
    """issue 4: `status --check lag=4h` has an exit code, 7, and says which machine fails."""
    ran = site.here("status", "--check", "lag=1s", "--check", "heartbeat=10m")
    assert ran.code == 7 and "lag: still is" in ran.out, ran.said
    assert site.here("status", "--check", "lag=4d").code == 0
    assert site.here("status", "--check", "speed=1").code == 1
    assert "gw-1" in site.here("status").out.splitlines()[0]


def test_a_log_key_that_cannot_be_used_is_urgent_and_plan_says_so(site: Site) -> None:
    """issue 4, Drift: disabled and expired are as good as gone; no apply undoes what whoever looks after the vault did."""
    attributes = site.state["artifacts"]["key_vault.koreacentral"]["attributes"]
    secrets = site.wiring().azure.secrets(attributes["vault_uri"])
    day, now = timedelta(days=1), datetime.now(UTC)
    try:
        for change, word in (({"enabled": False}, "disabled"), ({"enabled": True, "expires_on": now - day}, "expired")):
            secrets.update_secret_properties("log-key", **change)
            (finding,) = [f for f in seen(site).of(Severity.URGENT) if f.address == "secret.koreacentral/log-key"]
            assert finding.property == "usable" and word in finding.what
            planned = json.loads(site.here("plan", "--json").out)
            (note,) = [one for one in planned["drift"] if one["subject"] == "secret.koreacentral/log-key"]
            assert word in note["what"] and "key vault" in note["why"]
            assert "secret.koreacentral/log-key" not in {step["address"] for step in planned["steps"]}
        secrets.begin_delete_secret("log-key").wait()
        assert ("urgent", "secret.koreacentral/log-key", "") in found(site)
        secrets.begin_recover_deleted_secret("log-key").wait()
    finally:
        secrets.update_secret_properties("log-key", enabled=True, expires_on=now + 3650 * day)
    assert not [change for change in found(site) if change[1].startswith("secret.")]


def test_what_is_gone_from_azure_is_urgent_and_plan_says_the_same(site: Site) -> None:
    """issue 4, Drift: one comparison with plan, no second opinion."""
    at = id_of(site, "key_vault.koreacentral").split("/")
    site.wiring().azure.key_vaults(site.subscription).vaults.delete(at[4], at[-1])
    drift = seen(site)
    gone = {f.address for f in drift.of(Severity.URGENT) if not f.property}
    assert {"key_vault.koreacentral", "container.log_store.koreacentral"} <= gone
    planned = json.loads(site.here("plan", "--json").out)["drift"]
    said = {note["subject"] for note in planned}
    ours = {f.address for f in drift.findings if f.severity is not Severity.FOREIGN and "machine." not in f.address}
    assert {a for a in ours if not a.startswith("appliance.")} <= said


def test_what_carries_our_tag_and_is_not_recorded_is_unmanaged(site: Site) -> None:
    """issue 4, Drift: a report of unmanaged things that carry our tag; one listing of each kind, whatever the number."""
    client = site.wiring().azure.resources(site.subscription).resource_groups
    tags = {"wavelift-estate": "e2e", "wavelift-address": "resource_group.copied"}
    client.create_or_update("rg-copied", {"location": "koreacentral", "tags": tags})
    client.create_or_update("rg-other", {"location": "koreacentral", "tags": {"wavelift-estate": "other"}})
    assert [t.id.rpartition("/")[2] for t in seen(site).unmanaged] == ["rg-copied"]
    assert to_json(seen(site))["unmanaged"][0]["address"] == "resource_group.copied"
    client.begin_delete("rg-copied").result()


def test_an_item_that_somebody_wrote_is_urgent(site: Site) -> None:
    """issue 4, Drift: recorded against observed, also what the engine is told in the gateway store; plan says the same."""
    wiring = site.wiring()
    account = gateways(wiring.workspace.view().state)["koreacentral"]
    uuid = site.uuid("still")
    kept = wiring.engine.items(account)[uuid]
    reads = site.fault("azure", "blob GetBlob .*/gateway/items/", "delay", count=0)  # counts, delays by nothing
    site.here("plan")
    assert site.faults("azure")[reads]["seen"] == 0, "items that are as apply left them, by their ETags, are not read"
    site.heal()
    try:
        wiring.engine.put_item(account, dataclasses.replace(kept, seed_container="elsewhere"))
        assert ("urgent", "replication.still", "seed_container") in found(site)
        planned = json.loads(site.here("plan", "--json").out)
        assert "replication.still" in {note["subject"] for note in planned["drift"]}
    finally:
        wiring.engine.put_item(account, kept)
    assert not [change for change in found(site) if change[1].startswith("replication.")]


def test_a_damaged_document_is_named_and_told_from_one_of_a_newer_release(site: Site) -> None:
    """issue 4, Drift: an item that is cut off is urgent and plan writes it anew; a record is named with what to do."""
    store = site.wiring().engine.open(site.gateway())
    item, record = (f"{what}/{site.uuid('still')}.json" for what in ("items", "records"))
    kept = {name: content(store, name) for name in (item, record)}
    try:
        store.put_any(item, kept[item][:40])
        assert ("urgent", "replication.still", "document") in found(site)
        planned = site.here("plan", "--json")
        assert "replication.still" in {note["subject"] for note in json.loads(planned.out)["drift"]}, planned.said
        assert "replication.still" in {step["address"] for step in json.loads(planned.out)["steps"]}
        store.put_any(item, kept[item].replace(b'"schema":1', b'"schema":9'))
        for command in ("plan", "drift"):
            ran = site.here(command)
            assert ran.code == 1 and "WL426" in ran.err and "upgrade wavelift here" in ran.err, ran.said
        store.put_any(item, kept[item])
        store.put_any(record, kept[record][:40])
        for command in ("plan", "drift"):
            ran = site.here(command)
            assert ran.code == 1 and "WL429" in ran.err and record in ran.err and "earlier copy" in ran.err, ran.said
    finally:
        for name, data in kept.items():
            store.put_any(name, data)


def test_a_record_that_is_gone_is_urgent_and_what_is_left_is_kept(site: Site) -> None:
    """issue 4, Drift and Protection: the engine's memory of a machine is looked for; its seeds go only when that is asked for."""
    store = site.wiring().engine.open(site.gateway())
    names = {name: f"records/{site.uuid(name)}.json" for name in ("still", "away")}
    kept = {name: content(store, blob) for name, blob in names.items()}
    try:
        for blob in names.values():
            store.delete(blob)
        assert {("urgent", "replication.still", "record"), ("urgent", "replication.away", "record")} <= found(site)
        planned = json.loads(site.here("plan", "--json").out)
        assert {"still", "away"} <= {note["subject"] for note in planned["drift"] if "record is gone" in note["what"]}
        assert not [step for step in planned["steps"] if step["address"].startswith("order.")]
        asked = json.loads(site.here("plan", "--json", "--machine", "still", "--allow-destroy", "2").out)
        assert [step["address"] for step in asked["steps"] if step["address"].startswith("order.")] == ["order.still/000001-stop"]
    finally:
        for name, data in kept.items():
            store.put_any(names[name], data)


def test_a_vcenter_that_does_not_answer_is_an_error_and_no_silence(site: Site) -> None:
    """issue 4, Drift: what could not be looked at is said, and never taken for no drift."""
    rule = site.fault("vcenter", ".*", "fail", count=0)
    try:
        ran = until("an answer", lambda: site.here("drift", "--fail", "none"))
    finally:
        site.control("vcenter", "DELETE", f"faults/{rule}")
    assert ran.code == 1 and "could not be read" in ran.out, ran.said


def test_apply_sets_back_what_is_ours_and_leaves_what_others_set(site: Site) -> None:
    """issue 4, Drift: what others set is left alone, also by the apply that sets ours back."""
    tags(site, "gateway_store.koreacentral", **{"wavelift-estate": "e2e"})
    tags(site, "seed_store.korea", owner="finance")
    site.here("apply", "--auto-approve", "--detach")
    left = found(site)
    shared = {change for change in left if not change[1].startswith(("machine.", "vm.", "nic.", "appliance."))}
    assert shared == {("foreign", "log_store.koreacentral", "tags.env"), ("foreign", "seed_store.korea", "tags.owner")}


def test_a_recovery_point_that_was_deleted_is_urgent_and_plan_offers_the_way_on(site: Site) -> None:
    """issue 4, Drift: a seed without the snapshot that its deltas go on from can take no more of them."""
    item, record = site.item("still"), site.known("still")
    key = item.disks[0].key
    blobs = site.blobs(item.seed_account).get_container_client(item.seed_container)
    assert record.committed is not None
    cycle, point = record.committed.cycle, record.committed.points[key]
    blobs.get_blob_client(item.disks[0].seed, snapshot=point).delete_blob()
    address = f"seed_disk.still/{key}"
    (finding,) = [f for f in seen(site).of(Severity.URGENT) if f.address == address]
    assert finding.property == "recovery_point" and finding.what == f"recovery point {cycle} was deleted"
    planned = json.loads(site.here("plan", "--json", "--machine", "still").out)
    assert address in {note["subject"] for note in planned["drift"]}
    (kept,) = [note for note in planned["kept"] if note["subject"] == "still"]
    assert "1 recovery point is gone" in kept["why"] and "--allow-destroy 3" in kept["why"]
    asked = json.loads(site.here("plan", "--json", "--machine", "still", "--allow-destroy", "3").out)
    assert [step["address"] for step in asked["steps"] if step["address"].startswith("order.")] == ["order.still/000001-stop"]


def test_a_lag_beyond_its_limit_and_a_machine_that_vanished_are_urgent(site: Site) -> None:
    """issue 4, Drift: replication lag beyond policy, a machine that vanished. The engine has been stopped, so lag only grows."""
    (site.estate / "drift.yaml").write_text("drift: {lag: 1s}\n")
    try:
        assert {("urgent", "machine.still", "lag"), ("urgent", "machine.third", "lag")} <= found(site)
    finally:
        (site.estate / "drift.yaml").unlink()
    out_of_the_inventory(site, "third")
    assert {change for change in found(site) if change[1] == "machine.third"} == {("urgent", "machine.third", "")}


def test_a_lost_state_is_seen_by_what_it_leaves_behind(site: Site) -> None:
    """issue 4, Drift: with nothing recorded, everything with our tag is unmanaged."""
    state = site.estate / ".wavelift" / "state.json"
    kept = state.rename(state.with_name("kept"))
    state.with_name("state.json.serial").unlink()
    try:
        types = {one.type for one in seen(site).unmanaged}
    finally:
        kept.rename(state)
    assert {"Microsoft.Compute/virtualMachines", "Microsoft.Storage/storageAccounts"} <= types
