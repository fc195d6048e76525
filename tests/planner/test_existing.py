"""W6: artifacts that others have made are used as they are: planned, applied, drifted, destroyed without a change to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.config import load
from planner.drift.azure import compare
from planner.explain import text
from planner.ports import ResourceRef
from planner.state import State
from tests.planner.site import GROUP, PROJECT, Site, vm
from wavelift.doctor import places_of
from wavelift.leaving.destroying import aim, going

CORP = PROJECT.rpartition("/")[0] + "/rg-corp"
ACCOUNTS = "providers/Microsoft.Storage/storageAccounts"
THEIRS = {
    "vault": f"{CORP}/providers/Microsoft.RecoveryServices/vaults/rsv-corp",
    "service_bus": f"{CORP}/providers/Microsoft.ServiceBus/namespaces/sb-corp",
    "log_store": f"{CORP}/{ACCOUNTS}/stcorplog",
    "gateway_store": f"{CORP}/{ACCOUNTS}/stcorpgateway",
    "key_vault": f"{CORP}/providers/Microsoft.KeyVault/vaults/kv-corp",
    "seed_store": f"{GROUP}/{ACCOUNTS}/stcorpseeds",
}
FACTS = {"location": "koreacentral", "sku": "Standard_GRS"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """All six are there already, made by others."""
    monkeypatch.chdir(tmp_path)
    made = Site(tmp_path, vm(1, "web-01"))
    made.azure.put("resource_group", CORP, {"location": "koreacentral"}, ours=False)
    for kind, arm_id in THEIRS.items():
        queues = {"queues": ["commands", "events", "theirs"]} if kind == "service_bus" else {}
        made.azure.put(kind, arm_id, {**FACTS, **queues}, ours=False)
    made.files(waves="waves: {pilot: {target: korea, machines: {web-01: Standard_D2s_v5}}}\n")
    return made


def use(site: Site, *kinds: str) -> None:
    """Declare these as existing; the seed store by its name alone, as it lies where ours would."""
    said = []
    for kind in kinds:
        place = "korea" if kind == "seed_store" else "koreacentral"
        name = "stcorpseeds" if kind == "seed_store" else THEIRS[kind]
        said.append(f"{kind}: {name}" if kind == "vault" else f"{kind}: {{{place}: {name}}}")
    estate = site.folder / "estate.yaml"
    written = estate.read_text()
    estate.write_text(written.replace("  tenant: corp.example\n", f"  tenant: corp.example\n  existing: {{{', '.join(said)}}}\n"))


def state(site: Site) -> State:
    return site.workspace.view().state


def theirs(site: Site) -> dict[str, object]:
    things = {kind: site.azure.contents.things[arm_id.lower()] for kind, arm_id in THEIRS.items()}
    return {kind: (one.ours, dict(one.spec)) for kind, one in things.items()}


@pytest.mark.parametrize("kinds", [[kind] for kind in THEIRS] + [list(THEIRS)])
def test_what_exists_is_used_recorded_and_never_changed(site: Site, kinds: list[str]) -> None:
    """W6: `=` in the plan, its endpoint recorded, what is needed made inside of it; the next plan is empty."""
    use(site, *kinds)
    before, looked = theirs(site), site.look()
    assert not looked.plan.errors, looked.plan.errors
    said = text(looked.plan)
    for kind in kinds:
        line = next(one for one in said.splitlines() if one.strip().startswith(f"= {kind}"))
        assert "never changed and never deleted" in line
    assert ("lock.vault" in said) == ("vault" not in kinds)
    assert site.apply(looked).complete
    site.settle()
    assert theirs(site) == before
    recorded = state(site).artifacts
    for kind in kinds:
        assert THEIRS[kind] in [one.id for one in recorded.values()]
    if "log_store" in kinds:
        assert recorded["log_store.koreacentral"].attributes["blob_endpoint"] == "https://stcorplog.blob.example/"
        assert site.azure.has(f"{THEIRS['log_store']}/blobServices/default/containers/log")
    assert not site.look().plan.steps


def test_what_is_not_there_or_not_fit_is_refused(site: Site) -> None:
    """W6: missing (WL570); elsewhere, soft delete, no page blobs, no queues (WL571), all at once; nothing is made instead."""
    use(site, "log_store", "seed_store", "service_bus", "key_vault")
    site.azure.remove(THEIRS["key_vault"])
    site.azure.put("log_store", THEIRS["log_store"], {"location": "japaneast", "soft_delete": True}, ours=False)
    site.azure.put("seed_store", THEIRS["seed_store"], {**FACTS, "hierarchical_namespace": True}, ours=False)
    site.azure.put("service_bus", THEIRS["service_bus"], {**FACTS, "queues": ["events"]}, ours=False)
    found = {e.detail.split(":")[0]: e for e in site.look().plan.errors}
    assert {k: e.code for k, e in found.items()} == {
        "key_vault.koreacentral": "WL570",
        "log_store.koreacentral": "WL571",
        "seed_store.korea": "WL571",
        "service_bus.koreacentral": "WL571",
    }
    log = found["log_store.koreacentral"].detail
    assert "it is in japaneast" in log and "soft delete" in log
    assert "page blobs" in found["seed_store.korea"].detail and "queue commands" in found["service_bus.koreacentral"].detail


def test_leaving_the_estate_forgets_it_and_takes_only_what_is_ours(site: Site) -> None:
    """W6: neither `--allow-destroy` nor destroy counts or deletes it; containers, secrets and roles of ours go."""
    use(site, *THEIRS)
    site.go()
    what = going(state(site), aim(site.workspace.estate, state(site), (), ()))
    assert {r.id for r in what.stays} >= set(THEIRS.values()) and not {r.id for r in what.data} & set(THEIRS.values())
    site.files(waves="waves: {}\n")
    for _ in range(4):
        looked = site.look(site.look(0).plan.destroys)
        assert not looked.plan.errors, looked.plan.errors
        if not looked.plan.steps:
            break
        assert site.apply(looked).complete
        site.settle()
    left = state(site).artifacts
    assert not [r for r in left.values() if r.id in THEIRS.values()]
    assert all(site.azure.has(one) for one in THEIRS.values())
    assert not site.azure.has(f"{THEIRS['log_store']}/blobServices/default/containers/log")


def test_drift_judges_what_it_needs_and_nothing_else(site: Site) -> None:
    """W6: other tags, other settings of its owner are no drift; what makes it unusable is, and so is that it is gone."""
    use(site, *THEIRS)
    site.go()
    workspace = site.workspace
    refs = [ResourceRef(a, r.kind, r.id) for a, r in state(site).artifacts.items() if r.id in THEIRS.values()]
    assert not compare(workspace.estate, state(site), site.azure.observe(refs), ()).findings
    site.azure.put("log_store", THEIRS["log_store"], {**FACTS, "soft_delete": True}, ours=False)
    site.azure.remove(THEIRS["vault"])
    found = {f.address: f.what for f in compare(workspace.estate, state(site), site.azure.observe(refs), ()).findings}
    assert set(found) == {"log_store.koreacentral", "vault"}


def test_a_private_endpoint_is_said_and_doctor_tries_the_way(site: Site) -> None:
    """W6: accepted, with a warning; what is recorded of it is what `doctor` connects to."""
    use(site, "log_store", "key_vault")
    for kind in ("log_store", "key_vault"):
        site.azure.put(kind, THEIRS[kind], {**FACTS, "public_network_access": "Disabled"}, ours=False)
    plan = site.look().plan
    assert [w.code for w in plan.warnings if w.path == "azure.existing"] == ["WL572", "WL572"] and not plan.errors
    site.go()
    places = {p.host for p in places_of(site.workspace.estate.azure, state(site))}
    assert {"stcorplog.blob.example", "kv-corp.vault.example"} <= places


def test_a_seed_store_of_no_target_is_told(site: Site) -> None:
    """W6: a misspelled target would leave the account unused."""
    use(site, "seed_store")
    estate = site.folder / "estate.yaml"
    estate.write_text(estate.read_text().replace("seed_store: {korea:", "seed_store: {corea:"))
    assert [d.code for d in load(site.folder).diagnostics] == ["WL140"]
