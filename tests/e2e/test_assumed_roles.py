"""Issue 4, "Permissions" (S4): with `roles: assume` apply assigns nothing, so that every role, the data planes' too, has to be
there before: each that lacks is named with a command that works as it stands, and until then nothing is created."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.command import Ran
from tests.e2e.site import Site, Vm, standing
from tests.e2e.test_access import People, things, told

WRITES = "^(arm (PUT|PATCH|DELETE|POST) |blob (Put|Create|Delete)|keyvault (PUT|POST|PATCH|DELETE))"
GROUP = "{name: rg-wavelift, managed: true}"
GRANT = re.compile(r'az role assignment create --assignee-object-id (\S+) --role "([^"]+)" --scope (\S+)')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("assumed"), [Vm("web-01")], ["web-01"]) as made:
        yield made


def granted(site: Site, ran: Ran) -> set[tuple[str, str]]:
    """Carry out every command that was printed; who got which role. Azure refuses one at a scope that is not there."""
    found = set(GRANT.findall(ran.said))
    there = any(kind.lower().endswith("/storageaccounts") for kind in site.control("azure", "GET", "status")["resources"])
    networks = "/providers/Microsoft.Network/virtualNetworks/"
    early = [scope for _, _, scope in found if "/providers/" in scope and networks not in scope]
    assert there or not early, "a role at what is still to be made"
    for principal, role, scope in found:
        site.control("azure", "POST", "azure/roles", {"object_id": principal, "role": role, "scope": scope})
    return {(principal, role) for principal, role, _ in found}


def test_every_role_is_looked_for_and_none_is_assigned(site: Site) -> None:
    """S4: first with no role at all, then with those of the control plane alone, then by the printed commands alone."""
    people = People(site)
    people.declare(**people.ids)
    lab, whole = site.estate / "lab.yaml", site.estate / "estate.yaml"
    lab.write_text(lab.read_text().replace("  login: {plan", "  roles: assume\n  login: {plan").replace(GROUP, "rg-platform"))
    whole.write_text(whole.read_text().replace("{name: rg-e2e, managed: true}", "rg-shop"))
    for name in ("rg-platform", "rg-shop"):  # where the stores are to be made; a role cannot be given at what is not there yet
        groups = site.wiring().azure.resources(site.subscription).resource_groups
        groups.create_or_update(name, {"location": "koreacentral"})
    plan, apply, engine = (people.ids[who] for who in ("plan", "apply", "engine"))
    before = things(site)
    writes = site.fault("azure", WRITES, "delay", count=0)

    people.give("plan", "Reader")
    people.give("apply", "Reader")
    people.give("engine", "Reader")
    ran = site.here("plan")
    told(ran, 5, f"sp-apply (apply, {apply}) lacks Contributor", f"{engine} (engine) lacks Contributor")
    told(ran, 5, f"{engine} (engine) lacks Storage Blob Data Contributor", f"{plan} (plan) lacks Storage Blob Data Reader")
    assert "User Access Administrator" not in ran.said, "who assigns nothing needs not be allowed to"
    told(site.here("apply", "--auto-approve"), 5, "lacks Contributor", "Key Vault Secrets Officer")
    assert site.faults("azure")[writes]["hits"] == 0 and things(site) == before, "something was written though roles are missing"

    given = granted(site, site.here("plan", "--verbose"))
    blobs = "Storage Blob Data Contributor"
    assert given >= {(apply, "Contributor"), (engine, "Contributor"), (engine, "Network Contributor")}
    assert given >= {(apply, blobs), (engine, blobs)}
    assert given >= {(apply, "Locks Contributor"), (apply, "Key Vault Secrets Officer")}
    assert given >= {(engine, "Key Vault Secrets User"), (plan, "Storage Blob Data Reader")}
    told(site.here("plan"), 0)
    known = len(site.control("azure", "GET", "azure/roles"))
    told(site.here("apply", "--auto-approve", "--detach"), 0)
    assert len(site.control("azure", "GET", "azure/roles")) == known, "apply assigned a role"
    assert site.faults("azure")[writes]["hits"] > 0, "the watch on writes sees them"
    told(site.here("plan", "--detailed-exitcode"), 0)


def test_a_data_role_that_was_taken_away_is_named_at_its_store(site: Site) -> None:
    """S4, later: the store is there now; the message names it, in JSON and Markdown too, and apply does nothing."""
    roles = site.control("azure", "GET", "azure/roles")
    blobs = [one for one in roles if one["role"] == "Storage Blob Data Contributor"]
    for one in blobs:
        site.lab.control("azure", "DELETE", f"azure/roles?id={one['id']}")
    ran = site.here("plan")
    told(ran, 5, "WL347", "lacks Storage Blob Data Contributor on", "/providers/Microsoft.Storage/storageAccounts/")
    told(site.here("plan", "--json"), 5, "WL347", "Storage Blob Data Contributor")
    told(site.here("apply", "--auto-approve"), 5)
    granted(site, ran)
    told(site.here("plan", "--detailed-exitcode"), 0)
