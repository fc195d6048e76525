"""kill -9 and Ctrl-C of `wavelift apply` (issue 2): run again it finishes, without duplicates; nothing recorded is lost."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from replication.model.record import Life
from tests.e2e.site import PATIENCE, Site, Vm, standing, until
from wavelift.labs.lab import Service

KILLS: tuple[tuple[Service, str], ...] = (
    ("vcenter", "ReconfigVM_Task plain-01"),
    ("azure", "arm PUT Microsoft.RecoveryServices/vaults "),
    ("azure", "arm PUT Microsoft.Storage/storageAccounts "),
    ("azure", "arm PUT Microsoft.KeyVault/vaults "),
    ("azure", "arm PUT Microsoft.Authorization/roleAssignments "),
    ("azure", "blob CreateContainer .*/gateway"),
    ("azure", "keyvault PUT secrets"),
    ("azure", "blob PutBlob .*/seeds/"),
    ("azure", "blob PutBlob .*/gateway/items/"),
)
"""Calls that an apply dies in: the lab carries each of them out a moment after the kill, so that its fate is in doubt."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with standing(tmp_path, [Vm("web-01", (4,), data=1), Vm("plain-01", (4,), data=1, cbt=False)]) as made:
        yield made


def resources(site: Site) -> set[str]:
    """Every ARM resource in the groups that are ours, lower-cased."""
    clients = site.wiring().azure.resources(site.subscription)
    listed = [r for group in ("rg-wavelift", "rg-e2e") for r in clients.resources.list_by_resource_group(group)]
    return {str(resource.id).lower() for resource in listed}


def no_duplicates(site: Site) -> None:
    """What is in Azure is what the state knows, each once, every role assigned once."""
    recorded = {artifact["id"].lower() for artifact in site.state["artifacts"].values()}
    assert resources(site) <= recorded
    kinds = Counter(address.partition(".")[0] for address in site.state["artifacts"])
    assert kinds["vault"] == kinds["key_vault"] == kinds["log_store"] == kinds["seed_store"] == kinds["service_bus"] == 1
    roles = Counter((r["object_id"], r["role"], r["scope"].lower()) for r in site.control("azure", "GET", "azure/roles"))
    assert max(roles.values()) == 1


@pytest.mark.timeout(240)
def test_killed_at_every_kind_of_call(site: Site) -> None:
    """Issue: "kill -9 in the middle of an apply": nine times in a row, each with a call on the wire; the tenth finishes."""
    for service, match in KILLS:
        rule = site.fault(service, match, "delay", count=1, seconds=0.5)
        dying = site.beside("apply", "--auto-approve", "--detach", "--parallelism", "1")
        try:
            site.struck(service, rule, seconds=30)
        except AssertionError as error:
            raise AssertionError(f"{match} was never called:\n{dying.said}") from error
        dying.kill()
        site.heal()
    plan = site.here("plan", "--detailed-exitcode")
    assert plan.code == 2, plan.said
    site.apply("--detach")
    no_duplicates(site)
    assert site.vm("plain-01")["cbt"] is True
    assert site.vm("plain-01")["snapshots"] == []
    assert site.here("plan", "--detailed-exitcode").code == 0

    # an order whose sending was cut off is sent once
    site.engine()
    site.in_delta_sync("web-01", "plain-01")
    site.phase("test", "web-01")
    rule = site.fault("azure", "blob PutBlob .*/gateway/orders/", "delay", count=1, seconds=0.5)
    dying = site.beside("apply", "--auto-approve", "--detach")
    site.struck("azure", rule)
    dying.kill()
    site.heal()
    site.apply()
    assert len(site.document_names("orders/")) == 1
    tests = [arm for arm in site.control("azure", "GET", "status")["vms"] if "web-01" in arm]
    assert len(tests) == 1
    assert site.known("web-01").life is Life.DELTA
    no_duplicates(site)


@pytest.mark.timeout(240)
def test_ctrl_c_once(site: Site) -> None:
    """Issue: "Ctrl-C once finishes running steps, saves and leaves", with exit code 130; apply again continues. Twice leaves at
    once, whatever is on the wire: it stays announced."""
    rule = site.fault("azure", "arm PUT ", "delay", count=1, seconds=9)
    leaving = site.beside("apply", "--auto-approve", "--detach")
    site.struck("azure", rule)
    leaving.signal(signal.SIGINT)
    until("the first one to be heard", lambda: "Stopping" in leaving.said)
    leaving.signal(signal.SIGINT)
    assert leaving.wait(6) == 130, leaving.said
    assert "Nothing is lost" in leaving.said
    assert site.wiring().workspace.view().doubts

    rule = site.fault("azure", "arm PUT Microsoft.Storage/storageAccounts ", "delay", count=1, seconds=2)
    stopped = site.beside("apply", "--auto-approve", "--detach")
    site.struck("azure", rule)
    stopped.signal(signal.SIGINT)
    assert stopped.wait(PATIENCE) == 130, stopped.said
    assert "Stopping: running steps finish" in stopped.said
    assert "not started" in stopped.said
    assert "Run `wavelift apply` again" in stopped.said
    stores = [a for a in site.state["artifacts"] if a.partition(".")[0] in ("log_store", "gateway_store", "seed_store")]
    assert len(stores) == 3, "the running steps were finished and recorded"
    assert not [a for a in site.state["artifacts"] if a.startswith("replication.")]
    assert not (site.estate / ".wavelift" / "state.json.journal").exists(), "folded into the state"
    site.heal()
    site.apply("--detach")
    no_duplicates(site)
    assert site.here("plan", "--detailed-exitcode").code == 0

    # while it waits for the engine, Ctrl-C leaves; the engine would go on
    waiting = site.beside("apply", "--auto-approve")
    rule = site.fault("azure", "blob ListBlobs .*/gateway", "delay", count=0)
    site.struck("azure", rule, times=3)
    waiting.signal(signal.SIGINT)
    assert waiting.wait(PATIENCE) == 130, waiting.said
    assert "Still under way: " in waiting.said
