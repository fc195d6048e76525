"""Issue 4, "Permissions" (S4): who plans, who applies and whom the engine runs as are three; each is checked for what it needs
before anything is created, and what is missing is named with the command that grants it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import Ran
from tests.e2e.site import Site, Vm, standing

SECRETS = Path(".wavelift") / "secrets"


class People:
    """Three service principals with roles of their own, declared in the estate's `lab.yaml`."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.ids: dict[str, str] = {}
        self.top = f"/subscriptions/{site.subscription}"
        logins = {}
        for who in ("plan", "apply", "engine"):
            made = site.control("azure", "POST", "azure/principals", {"name": f"sp-{who}"})
            self.ids[who] = made["object_id"]
            path = site.estate / SECRETS / f"azure-{who}.json"
            path.write_text(json.dumps({key: made[key] for key in ("client_id", "client_secret")}))
            path.chmod(0o600)
            logins[who] = f"file:{SECRETS}/azure-{who}.json"
        self._yaml = (site.estate / "lab.yaml").read_text()
        self._logins = logins

    def declare(self, seat: str = "apply", **identities: str) -> None:
        """Plan's login beside that of apply (or the engine), and the identities that the estate names."""
        old = f"  login: file:{SECRETS}/azure.json\n"
        assert old in self._yaml
        written = {who: f"{{name: sp-{who}, id: {oid}}}" if who == "apply" else oid for who, oid in identities.items()}
        named = "".join(f"    {who}: {one}\n" for who, one in written.items())
        new = f"  login: {{plan: {self._logins['plan']}, engine: {self._logins[seat]}}}\n"
        text = self._yaml.replace(old, new + (f"  identities:\n{named}" if named else ""))
        (self.site.estate / "lab.yaml").write_text(text)

    def give(self, who: str, role: str, scope: str = "") -> None:
        self.site.control("azure", "POST", "azure/roles", {"object_id": self.ids[who], "role": role, "scope": scope or self.top})

    def take(self, who: str, role: str) -> None:
        self.site.lab.control("azure", "DELETE", f"azure/roles?object_id={self.ids[who]}&role={role.replace(' ', '%20')}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with standing(tmp_path_factory.mktemp("access"), [Vm("web-01")], ["web-01"]) as made:
        yield made


@pytest.fixture(scope="module")
def people(site: Site) -> People:
    return People(site)


def things(site: Site) -> Any:
    """All of Azure but the roles that the test itself gives and takes."""
    status = site.control("azure", "GET", "status")
    made = {kind: count for kind, count in status["resources"].items() if not kind.endswith("/roleassignments")}
    return status["disks"], status["vms"], made


def told(ran: Ran, code: int, *words: str) -> None:
    assert ran.code == code, ran.said
    missing = [word for word in words if word not in ran.said]
    assert not missing, f"{missing} not in:\n{ran.said}"


def test_privileges_in_vcenter(site: Site) -> None:
    """S4: a privilege that lacks fails in plan, with its name and the machines, and nothing is done."""
    site.control("vcenter", "POST", "settings", {"denied": ["VirtualMachine.State.CreateSnapshot"]})
    before = things(site)
    try:
        told(site.here("apply", "--auto-approve"), 5, "WL444")
        told(site.here("plan"), 5, "WL444", "VirtualMachine.State.CreateSnapshot", "web-01")
        assert things(site) == before
    finally:
        site.control("vcenter", "POST", "settings", {"denied": []})


def test_a_plan_login_that_only_reads(site: Site) -> None:
    """Users, The weeks 4: vCenter's role "Read-only" is enough for plan and for nothing else; apply checks the engine's."""
    account = {"user": "reader@vsphere.local", "password": "reads-only"}
    site.control("vcenter", "POST", "readers", account)
    secret = site.estate / SECRETS / "vcenter-plan.json"
    secret.write_text(json.dumps(account))
    secret.chmod(0o600)
    lab = site.estate / "lab.yaml"
    text = lab.read_text()
    both, own = f"file:{SECRETS}/vcenter.json", f"file:{SECRETS}/vcenter-plan.json"
    try:
        lab.write_text(text.replace(f"login: {both}", f"login: {{plan: {own}, engine: {both}}}"))
        told(site.here("plan"), 0, "WL442", "apply checks the engine's")
        lab.write_text(text.replace(f"login: {both}", f"login: {{plan: {both}, engine: {own}}}"))
        told(site.here("apply", "--auto-approve"), 5, "WL444", "VirtualMachine.State.CreateSnapshot", "Datastore.Browse")
    finally:
        lab.write_text(text)


def test_privileges_to_cut_a_source_off_its_networks(site: Site) -> None:
    """Issue 4, Permissions: `source_after: off-and-nic-disconnected` asks for what it takes, and only where it is said."""
    site.control("vcenter", "POST", "settings", {"denied": ["VirtualMachine.Interact.DeviceConnection"]})
    try:
        told(site.here("plan"), 0)
        site.machines["web-01"]["cutover"] = {"source_after": "off-and-nic-disconnected"}
        site.write_wave()
        told(site.here("plan"), 5, "WL444", "VirtualMachine.Interact.DeviceConnection", "web-01")
    finally:
        del site.machines["web-01"]["cutover"]
        site.write_wave()
        site.control("vcenter", "POST", "settings", {"denied": []})


def test_permissions_from_the_first_plan_to_a_read_only_one(site: Site, people: People) -> None:
    """S4, one life: nothing is created while a role is missing; then it works, for each with the least it needs."""
    before = things(site)
    people.declare()
    people.give("plan", "Reader")
    told(site.here("plan"), 0, "NOT CHECKED", "WL346", "azure.identities")  # who applies is not known to whoever plans

    people.declare(**people.ids)
    ran = site.here("plan")
    apply, engine = people.ids["apply"], people.ids["engine"]
    called = f"sp-apply (apply, {apply})"
    told(ran, 5, f"{called} lacks Contributor on {people.top}", f"{called} lacks User Access Administrator")
    told(ran, 5, f"{engine} (engine) lacks Contributor", f"{engine} (engine) lacks Reader")
    told(ran, 5, f'az role assignment create --assignee-object-id {apply} --role "Contributor" --scope {people.top}')
    told(site.here("apply", "--auto-approve"), 5, f"{called} lacks Contributor")
    people.give("apply", "Contributor")
    people.give("engine", "Contributor")
    told(site.here("apply", "--auto-approve"), 5, f"{called} lacks User Access Administrator", "first replication")
    assert things(site) == before, "something was created though a role was missing"

    people.give("apply", "User Access Administrator")
    made = ("role.gateway_store.koreacentral/plan", "role.key_vault.koreacentral/engine")
    told(site.here("plan", "--out", "named.wlplan"), 0, *made)
    page = site.run("show", "named.wlplan", "--markdown")
    told(page, 0, f"rights checked for plan {people.ids['plan']}, apply sp-apply, engine")
    told(site.run("show", "named.wlplan", "--json"), 0, f"apply sp-apply ({apply})")
    told(site.here("apply", "--auto-approve", "--detach"), 0)
    # later: User Access Administrator is not needed any more, and the plan login reads what apply let it read
    people.take("apply", "User Access Administrator")
    blind = "secrets: this login may not read their data plane"
    told(site.here("plan", "--detailed-exitcode"), 0, "NOT CHECKED", blind)
    told(site.here("drift", "--fail", "none"), 0, blind)
    roles = site.control("azure", "GET", "azure/roles")
    engines = {one["role"] for one in roles if one["object_id"] == engine}
    assert engines == {"Contributor", "Storage Blob Data Contributor", "Key Vault Secrets User"}
    # what cannot be told (who is in a group that is denied something) is said in every form, and the plan is one all the same
    group = site.control("azure", "POST", "azure/groups", {"members": []})["object_id"]
    denial = {"name": "no-disks", "scope": people.top, "principals": [group], "actions": ["Microsoft.Compute/disks/write"]}
    site.control("azure", "POST", "azure/denials", denial)
    ran = site.here("plan", "--out", "blind.wlplan", "--detailed-exitcode")
    told(ran, 0, "NOT CHECKED:", "WL346", f"Whether {called} has Contributor", f"Whether {engine} (engine) has Contributor")
    told(site.run("show", "blind.wlplan", "--markdown"), 0, "apply sp-apply (in part), engine", "not checked")
    told(site.run("show", "blind.wlplan", "--json"), 0, '"WL346"', f"apply sp-apply ({apply}) (in part)")
    site.control("azure", "DELETE", "azure/denials")
    people.take("plan", "Storage Blob Data Reader")
    ran = site.here("plan")
    told(ran, 5, "WL443", "Storage Blob Data Reader", "az role assignment create", people.ids["plan"])
    told(ran, 5, "`azure.identities.plan` names it already")
    people.declare(**{**people.ids, "plan": engine})
    told(site.here("plan"), 5, "WL443", f"names {engine}, which is somebody else")
    people.declare(seat="engine", **people.ids)
    told(site.here("apply", "--auto-approve"), 5, "WL441", f"{engine} (apply) lacks User Access Administrator")
