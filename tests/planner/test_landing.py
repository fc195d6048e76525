"""E9: licence, keys, security type, zone and resource group of a machine, by the levels, in plan and checked there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from planner.config import load
from planner.estate import Landing, Security
from planner.explain import text
from replication.model.documents import dumps, load_order
from tests.planner.site import GROUP, TARGET, Site, vm

SETS = "providers/Microsoft.Compute/diskEncryptionSets"
SIZE = "size: Standard_D2s_v5"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    made = Site(tmp_path, vm(1, "web-01", (8, 16)), vm(2, "web-02"))
    for group, name, region in ((GROUP, "des-prod", "koreacentral"), (GROUP, "des-japan", "japaneast")):
        spec = {"location": region, "kind": "EncryptionAtRestWithCustomerKey"}
        made.azure.put("encryption_set", f"{group}/{SETS}/{name}", spec, ours=False)
    made.azure.put("resource_group", f"{TARGET}/resourceGroups/rg-db", {"location": "koreacentral"}, ours=False)
    return made


def waves(site: Site, machine: str, phase: str = "replicate", more: str = "") -> None:
    site.files(waves=f"waves: {{shop: {{target: korea, phase: {phase}, {more}machines: {{web-01: {{{SIZE}, {machine}}}}}}}}}\n")


def codes(site: Site) -> set[str]:
    return {one.code for one in site.look().plan.errors}


def test_licence_keys_and_security_fall_through_the_levels(site: Site) -> None:
    """E9: estate -> target -> wave -> machine; `none` takes back; zone and group are the machine's own or the target's."""
    site.files(
        waves="waves: {shop: {target: korea, defaults: {licence: SLES_BYOS, disk_encryption_set: des-prod, "
        f"security_type: TrustedLaunch}}, machines: {{web-01: {{{SIZE}, licence: RHEL_BYOS, zone: 2, resource_group: rg-db}}, "
        f"web-02: {{{SIZE}, licence: none, disk_encryption_set: none, security_type: {{type: TrustedLaunch, vtpm: false}}}}}}}}"
        "}\n"
    )
    estate = load(site.folder).estate
    assert estate is not None
    first, second = estate.machines["web-01"], estate.machines["web-02"]
    trusted = Security("TrustedLaunch")
    assert first.landing == Landing("2", "rg-db", "RHEL_BYOS", "des-prod", trusted)
    assert second.landing == Landing(security=replace(trusted, vtpm=False))
    assert first.spans["disk_encryption_set"].line == second.spans["security_type"].line == 1


def test_a_cut_over_carries_all_of_it_and_the_plan_shows_it(site: Site) -> None:
    """E9: the order that the engine gets holds group, zone, licence, keys by id and security; the plan's lines name them."""
    asked = "zone: 2, resource_group: rg-db, licence: RHEL_BYOS, disk_encryption_set: "
    asked += f"{GROUP}/{SETS}/des-prod, security_type: {{type: TrustedLaunch, secure_boot: false}}"
    site.azure.put(
        "sku",
        f"{TARGET}/providers/Microsoft.Compute/locations/koreacentral/skus/Standard_D2s_v5",
        {"zones": ["1", "2", "3"], "trusted_launch": True},
        ours=False,
    )
    waves(site, asked)
    site.go()
    waves(site, asked, "migrate")
    looked = site.look()
    said = text(looked.plan)
    assert "vm.web-01 (by the engine) Standard_D2s_v5, zone 2, RHEL_BYOS, TrustedLaunch without secure boot" in said
    assert said.count("keys of des-prod") == 2
    assert site.apply(looked).complete
    (order,) = (o for documents in site.engine.stores.values() for o in documents.orders.values())
    vm_of = order.vm
    assert vm_of is not None
    assert (vm_of.resource_group, vm_of.zone, vm_of.licence) == ("rg-db", "2", "RHEL_BYOS")
    assert vm_of.disk_encryption_set == f"{GROUP}/{SETS}/des-prod"
    assert vm_of.security == Security("TrustedLaunch", secure_boot=False)
    assert load_order(dumps(order)) == order


def test_what_does_not_fit_the_guest_is_refused_at_its_line(site: Site) -> None:
    """E9: a licence for another OS (WL560), trusted launch from BIOS (WL561)."""
    waves(site, "licence: Windows_Server")
    assert codes(site) == {"WL560"}
    site.vms["web-01"] = replace(site.vms["web-01"], firmware="bios")
    waves(site, "security_type: TrustedLaunch")
    assert codes(site) == {"WL561"}
    waves(site, "security_type: Standard")
    assert not codes(site)


def test_what_azure_does_not_have_is_refused_in_the_plan(site: Site) -> None:
    """E9: size without trusted launch (WL562), keys that are missing or elsewhere (WL563), zone (WL564), group (WL341)."""
    sku = f"{TARGET}/providers/Microsoft.Compute/locations/koreacentral/skus/Standard_D2s_v5"
    site.azure.put("sku", sku, {"zones": ["1"], "trusted_launch": False}, ours=False)
    waves(site, "security_type: TrustedLaunch, disk_encryption_set: des-japan, zone: 3, resource_group: rg-none")
    assert codes(site) == {"WL562", "WL563", "WL564", "WL341"}
    waves(site, "disk_encryption_set: des-none")
    found = site.look().plan.errors
    assert [e.code for e in found] == ["WL563"] and "does not exist" in found[0].detail
    waves(site, f"zone: 1, disk_encryption_set: {GROUP}/{SETS}/des-prod, resource_group: rg-db")
    assert not codes(site)


def test_the_engine_must_be_allowed_to_read_the_keys(site: Site) -> None:
    """E9: Reader on the disk encryption set is asked for the engine (WL347 names it)."""
    waves(site, "disk_encryption_set: des-prod")
    from wavelift.planning.access import READ_KEYS, Principals, needs

    looked = site.look()
    asked = [n for n in needs(looked.desired, looked.state, Principals("p", "a", "e")) if READ_KEYS in n.actions]
    assert [(n.who, n.role, n.scope) for n in asked] == [("engine", "Reader", f"{GROUP}/{SETS}/des-prod")]


def test_ready_by_boot_log_switches_boot_diagnostics_on(site: Site) -> None:
    """W19: `boot-log` or a pattern, in the order and in the plan; a pattern that is none is refused at its line (WL565)."""
    ready = "cutover: {ready: {boot_log: 'shop: [a-z]+ up'}}, "
    waves(site, "ip: keep", more=ready)
    site.go()
    waves(site, "ip: keep", "migrate", ready)
    looked = site.look()
    assert "ready when its serial port says /shop: [a-z]+ up/, looked for during 900 s" in text(looked.plan)
    assert site.apply(looked).complete
    (order,) = (o for documents in site.engine.stores.values() for o in documents.orders.values())
    assert order.cutover.ready == "boot-log:shop: [a-z]+ up" and order.vm is not None and order.vm.boot_log
    waves(site, "ip: keep", more="cutover: {ready: {boot_log: 'shop ['}}, ")
    assert [d.code for d in load(site.folder).diagnostics] == ["WL565"]


def test_what_azure_needs_of_a_guest_is_said_before_it_starts_there(site: Site) -> None:
    """W19, preparation per OS: a warning for each OS type in phase test or later, none while machines only replicate."""
    waves(site, "ip: keep")
    assert not [d for d in site.look().plan.warnings if d.code == "WL566"]
    waves(site, "ip: keep", "test")
    (said,) = (d for d in site.look().plan.warnings if d.code == "WL566")
    assert said.severity == "warning" and "hv_storvsc" in said.detail and "web-01" in said.detail
