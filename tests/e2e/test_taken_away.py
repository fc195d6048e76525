"""A cut-over loses what it stands on while its source is off; an engine that slept through its lease wakes beside another."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from replication.model.record import Life
from tests.e2e.command import Process
from tests.e2e.site import Site, Vm, standing, until

Give = Callable[[], object]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    vms = [Vm(name, (8,), data=2) for name in ("key-01", "role-01", "quota-01", "lock-01", "pass-01", "two-01")]
    with standing(tmp_path_factory.mktemp("taken"), vms) as made:
        made.apply("--detach")
        yield made


@pytest.fixture(scope="module")
def engine(site: Site) -> Process:
    made = site.engine()
    site.in_delta_sync(*site.machines)
    return made


def cut_over(site: Site, name: str) -> str:
    """Order it and have its last snapshot refused, so that it stands with its source off; the fault's id."""
    site.control("vcenter", "POST", f"vm/{name}", {"shutdown_s": 4})  # the engine says what it does every second or so
    site.phase("migrate", name)
    site.apply("--detach")
    until("the shutdown", lambda: (one := site.shown(name)) is not None and one.step == "shut down the VM")
    rule = site.fault("vcenter", ".*CreateSnapshot", "fail", count=0)
    until("the power-off", lambda: site.vm(name)["power"] == "poweredOff")
    return rule


def go_on(site: Site, rule: str) -> None:
    site.control("vcenter", "DELETE", f"faults/{rule}")


def finished(site: Site, name: str) -> None:
    until(f"{name} migrated", lambda: site.known(name).life is Life.MIGRATED)
    site.apply()
    site.migrated_is_equal(name)


def _role(site: Site) -> Give:
    me = site.wiring().artifacts.principal()
    mine = [one for one in site.control("azure", "GET", "azure/roles") if one["object_id"] == me]
    site.control("azure", "DELETE", f"azure/roles?object_id={me}")
    asked = ({key: one[key] for key in ("object_id", "role", "scope")} for one in mine)
    return lambda: [site.control("azure", "POST", "azure/roles", body) for body in asked]


def _key(site: Site) -> Give:
    secrets = site.wiring().azure.secrets(site.state["artifacts"]["key_vault.koreacentral"]["attributes"]["vault_uri"])
    secrets.update_secret_properties("log-key", enabled=False)
    return lambda: secrets.update_secret_properties("log-key", enabled=True)


def _quota(site: Site) -> Give:
    family = {"family": "standardDSv5Family"}
    site.control("azure", "POST", "azure/quota", {**family, "limit": 0})
    return lambda: site.control("azure", "POST", "azure/quota", {**family, "limit": 100})


def _lock(site: Site) -> Give:
    locks = site.wiring().azure.locks(site.subscription).management_locks
    body: Any = {"properties": {"level": "ReadOnly"}}
    locks.create_or_update_at_resource_group_level("rg-e2e", "freeze", body)
    return lambda: locks.delete_at_resource_group_level("rg-e2e", "freeze")


TAKEN = [
    ("key-01", _key, "disabled secret"),
    ("role-01", _role, "not authorized"),
    ("quota-01", _quota, "ask Azure for more quota"),
    ("lock-01", _lock, "remove it with `az lock delete`"),
]


@pytest.mark.parametrize(("name", "take", "word"), TAKEN)
def test_what_it_stands_on_is_taken_away_with_the_source_off(
    site: Site, engine: Process, name: str, take: Callable[[Site], Give], word: str
) -> None:
    """S1.4, users.md The weeks 28: nothing automatic after the power-off but retries: it goes on when it is given back."""
    rule = cut_over(site, name)
    give = take(site)
    go_on(site, rule)
    try:
        until(f"the engine's word: {word}", lambda: word in engine.said)
        assert site.vm(name)["power"] == "poweredOff"
        if take is _role:
            return  # who may look at nothing has no card
        card = until("the card", lambda: said if "FAILURE" in (said := site.here("status", name).out) else "")
        assert f"FAILURE {name}" in card and "source: OFF since" in card and "wavelift rollback" in card
        assert "/subscriptions/" not in card, "at night a name is read, not an id"
    finally:
        give()
        finished(site, name)


def test_the_password_changes_while_the_guest_goes_down(site: Site, engine: Process) -> None:
    """S1.4: no order ends with its source off and nobody who thinks of it, because vCenter refused the login meanwhile."""
    name, path = "pass-01", site.estate / ".wavelift" / "secrets" / "vcenter.json"
    rule = cut_over(site, name)
    site.control("vcenter", "POST", "password", {"password": "another"})
    site.control("vcenter", "POST", "sessions/expire")
    go_on(site, rule)
    until("the engine's word", lambda: "was refused" in engine.said)
    path.write_text(json.dumps({**json.loads(path.read_text()), "password": "another"}))
    until("an end", lambda: site.known(name).orders_done == 1)
    record = site.known(name)
    assert record.life is Life.MIGRATED or site.vm(name)["power"] == "poweredOn", record.order


def test_an_engine_that_slept_through_its_lease(site: Site, engine: Process) -> None:
    """Design, one coordinator: SIGSTOP in mid-cut-over, another one takes over and ends it; awake, the first does nothing."""
    name = "two-01"
    rule = cut_over(site, name)
    second = site.engine()
    until("the second one waits", lambda: "coordinates; this one takes over" in second.said)
    engine.signal(signal.SIGSTOP)
    site.break_lease()
    go_on(site, rule)
    try:
        until(f"{name} migrated", lambda: site.known(name).life is Life.MIGRATED)
    finally:
        engine.signal(signal.SIGCONT)
    until("the first one knows", lambda: "lease was lost" in engine.said or "coordinates; this one takes over" in engine.said)
    assert f"{name}: migrate: done" in second.said and f"{name}: migrate: done" not in engine.said
    finished(site, name)
    vms = site.lab.control("azure", "GET", "status")["vms"]
    assert sum(name in arm for arm in vms) == 1
