"""Issue 4, "State for a team", through the command as processes: one lab, whose state lies in a blob.

The tests of this module are one story: each goes on from what the one before it has left.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.site import PATIENCE, Vm, standing, until
from tests.e2e.team import TEAM, Team, told

NAMES = [f"web-0{number}" for number in range(1, 8)]
SEEDS = "blob PutBlob .*/seeds/"
JOURNAL = "blob AppendBlock .*e2e.json.journal/"


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    vms = [Vm(name, (4,), data=1) for name in NAMES]
    with standing(tmp_path_factory.mktemp("team"), vms, NAMES[:1]) as site:
        (site.estate / "team.yaml").write_text(TEAM)
        yield Team(site)


def test_bootstrap_then_apply_while_a_colleague_is_locked_out(team: Team) -> None:
    """`init --bootstrap` makes or adopts; a second apply is refused with 4 and the holder; `unlock` refuses a live one; the
    history has approver, pull request and plan."""
    told(team.here("plan"), 1, "WL424", "init --bootstrap")
    told(team.here("init", "--bootstrap"), 0, "made storage account sttfstate", "made container wavelift", "e2e.json")
    told(team.here("init", "--bootstrap"), 0, "found storage account sttfstate", "found container wavelift")
    applying = team.slow("arm PUT Microsoft.KeyVault/vaults ", 8, "--approver", "ann", "--pull-request", "https://git/pr/7")
    told(team.colleague("apply", "--auto-approve"), 4, "is locked by", f"process {applying.pid}, apply", "state unlock")
    told(team.colleague("state", "rm", "machine.web-01", "--yes"), 1, "the state has no machine.web-01")
    told(team.colleague("state", "unlock"), 4, "that one lives")
    for reading in ("plan", "drift"):
        told(team.colleague(reading), 0, "The state is locked by", f"process {applying.pid}, apply")
    assert applying.running, "it was to be held meanwhile"
    assert applying.wait(PATIENCE) == 0, applying.said
    digest = team.pulled()["history"][-1]["about"]["plan"]
    told(team.colleague("state", "history"), 0, "approver=ann", "pull_request=https://git/pr/7", f"plan={digest[:12]}")
    told(team.colleague("status"), 0, "web-01", "waiting for the engine")
    drifted = team.colleague("drift")
    told(drifted, 0)
    assert "locked" not in drifted.said
    told(team.colleague("apply", "--auto-approve", "--detach"), 0, "0 done")
    assert not (team.site.estate / ".wavelift" / "state.json").exists()
    team.settled()


def test_a_killed_apply_is_taken_over_at_once(team: Team) -> None:
    """kill -9 with its lease running and calls in doubt: on the same machine nobody waits, nothing is made twice."""
    team.add("web-02")
    dying = team.slow(SEEDS, 1)
    dying.kill()
    assert team.journal(), "what was begun is written down"
    told(team.colleague("state", "mv", "machine.web-01", "machine.x"), 1, "in doubt", "wavelift apply")
    told(team.colleague("state", "pull"), 0, "in doubt")
    told(team.here("apply", "--auto-approve", "--detach"), 0)
    team.settled()


def test_a_lease_that_was_lost_stops_its_apply(team: Team) -> None:
    """Broken from outside and taken by a colleague: the first apply writes nothing more and says what to do."""
    from azure.storage.blob import BlobLeaseClient

    team.add("web-03")
    losing = team.slow(SEEDS, 5)
    BlobLeaseClient(team.container().get_blob_client("e2e.json")).break_lease(lease_break_period=0)
    told(team.colleague("apply", "--auto-approve", "--detach"), 0)
    assert losing.running
    serial = team.pulled()["serial"]
    assert losing.wait(PATIENCE) == 4, losing.said
    assert "was lost" in losing.said and "Apply again" in losing.said, losing.said
    assert team.pulled()["serial"] == serial
    team.settled()


def test_ctrl_c_saves_and_gives_the_lock_back(team: Team) -> None:
    team.add("web-04")
    stopped = team.slow(SEEDS, 1)
    stopped.signal(signal.SIGINT)
    assert stopped.wait(PATIENCE) == 130, stopped.said
    assert "1 done, 1 not started" in stopped.said
    assert not team.journal()
    told(team.colleague("state", "unlock"), 0, "Nobody holds")
    told(team.colleague("apply", "--auto-approve", "--detach"), 0)
    team.settled()


def test_a_state_account_that_fails_in_the_middle(team: Team) -> None:
    """The apply begins nothing that it cannot write down, and goes on when the account is back."""
    team.add("web-05")
    rule = team.site.fault("azure", JOURNAL, "fail", nth=2, count=0)
    ran = team.here("apply", "--auto-approve", "--detach")
    told(ran, 1, "cannot be written", "apply again")
    assert team.site.faults("azure")[rule]["hits"] > 1
    team.site.heal()
    told(team.here("apply", "--auto-approve", "--detach"), 0)
    team.settled()


def test_plan_with_a_read_only_login(team: Team) -> None:
    """Storage Blob Data Reader is enough; without it the role and the account are named."""
    site = team.site
    made = site.control("azure", "POST", "azure/principals", {"name": "sp-plan"})
    path = site.estate / ".wavelift" / "secrets" / "plan.json"
    path.write_text(json.dumps({key: made[key] for key in ("client_id", "client_secret")}))
    path.chmod(0o600)
    lab = site.estate / "lab.yaml"
    before = lab.read_text()
    engine = "file:.wavelift/secrets/azure.json"
    lab.write_text(before.replace(f"login: {engine}", f"login: {{plan: file:.wavelift/secrets/plan.json, engine: {engine}}}"))
    scope = f"/subscriptions/{site.subscription}"
    site.control("azure", "POST", "azure/roles", {"object_id": made["object_id"], "role": "Reader", "scope": scope})
    told(team.here("plan"), 5, "Storage Blob Data Reader", "sttfstate", made["object_id"])
    role = {"object_id": made["object_id"], "role": "Storage Blob Data Reader", "scope": scope}
    site.control("azure", "POST", "azure/roles", role)
    told(team.here("plan"), 0)
    lab.write_text(before)


def test_apply_waits_for_the_engine_without_the_lock(team: Team) -> None:
    """While one waits for an initial replication, a colleague changes the state; what the engine did is recorded."""
    engine = team.site.engine()
    team.add("web-06")
    ran = team.here("apply", "--auto-approve")
    told(ran, 0, "Waiting for")
    team.settled()
    told(team.colleague("status"), 0, "delta")
    told(team.here("plan", "--detailed-exitcode"), 0)
    assert engine.running
    engine.signal(signal.SIGTERM)
    engine.wait(PATIENCE)


def test_engine_and_apply_of_other_forms(team: Team) -> None:
    """A version skew is refused with which side to upgrade; an engine of this release that is started takes over."""
    documents = team.site.wiring().engine.open(team.site.gateway())

    def put(document: bytes) -> None:
        found = documents.get("coordinator.json")
        assert found is not None
        documents.put("coordinator.json", document, found[1])

    before = documents.get("coordinator.json")
    assert before is not None
    told_by = json.loads(before[0])
    put(json.dumps({**told_by, "schema": 9, "release": "7.0"}).encode())
    told(team.here("apply", "--auto-approve"), 1, "WL426", "Upgrade wavelift here to 7.0", "start one of 0.1.0 there")
    put(json.dumps({**told_by, "schema": 0, "release": "0.0.1"}).encode())
    told(team.colleague("plan"), 1, "WL426", "Upgrade the engine there first", "use wavelift 0.0.1 here")
    put(b"{}")
    told(team.colleague("plan"), 0)
    put(b"rubbish")
    told(team.colleague("plan"), 1, "WL426", "coordinator.json says no version")
    put(json.dumps({**told_by, "schema": 9, "release": "7.0"}).encode())
    team.site.engine()
    until("the new engine to take over", lambda: json.loads((documents.get("coordinator.json") or (b"{}",))[0])["schema"] == 1)
    told(team.here("plan", "--detailed-exitcode"), 0)


def test_rebind_to_a_vm_of_the_source(team: Team) -> None:
    """A VM that was restored or registered anew: one that is there and nobody else's, and the lock file says so."""
    told(team.here("state", "rebind", "web-01", "--vm", "nowhere"), 1, "'nowhere' names none")
    told(team.here("state", "rebind", "web-99", "--vm", "web-07"), 1, "the estate has no machine 'web-99'")
    told(team.here("state", "rebind", "web-01", "--vm", "web-02"), 1, "is the VM of web-02 already")
    told(team.here("state", "rebind", "web-01", "--vm", "web-07"), 0, "/Seoul/vm/web-07", "Its earlier replica is kept as")
    assert "/Seoul/vm/web-07" in (team.site.estate / "wavelift.lock.yaml").read_text()
    told(team.colleague("state", "history"), 0, "state rebind  machine=web-01")
