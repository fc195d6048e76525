"""Issue 4, "State for a team": apply over a file and over blobs, nobody waits for a lock, changes by hand."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from planner.config import read_lock
from planner.planfile import digest_of
from planner.state import dumps
from planner.store import LeasedStore, lineage_of
from replication.model import documents
from replication.model.record import Record
from replication.model.release import RELEASE
from tests.fakes.stateblobs import FakeStateBlobs
from tests.planner.pilot import WAVES
from tests.planner.site import Site, uuid_of, vm
from wavelift.applying.apply import keep_outcomes
from wavelift.applying.waiting import Waited, Watcher, goals_of, wait
from wavelift.planning.look import gateways, read_records
from wavelift.planning.skew import EngineVersion, refuse, versions_line
from wavelift.problems import LOCKED, UserProblem
from wavelift.state import care as statecare
from wavelift.workspace import Workspace


class TeamSite(Site):
    """Its state lies in blobs."""

    def __init__(self, *vms: object) -> None:
        self.blobs = FakeStateBlobs()
        super().__init__(Path(), *vms)  # type: ignore[arg-type]  # VmFacts

    @property
    def workspace(self) -> Workspace:
        found = super().workspace
        found.__dict__["store"] = LeasedStore(self.blobs, "shop.json", found.estate.name, lineage_of(found.estate))
        return found


@pytest.fixture(params=["file", "blobs"])
def site(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    vms = (vm(1, "web-01", (8, 16)), vm(2, "web-02"))
    made = Site(Path(), *vms) if request.param == "file" else TeamSite(*vms)
    made.files(waves=WAVES.format(phase="replicate"))
    yield made


def test_nobody_waits_for_a_lock_while_somebody_waits_for_replication(site: Site) -> None:
    """users.md, The weeks 13: an apply waits for the engine; a plan and an apply of somebody else go through meanwhile."""
    looked = site.look()
    outcome = site.apply(looked)
    goals = goals_of(looked.plan, frozenset(outcome.done))
    assert len(goals) == 2
    waits, stop = threading.Event(), threading.Event()
    results: list[Waited] = []

    class Told(Watcher):
        def progress(self, *_: object) -> None:
            waits.set()

    regions = gateways(site.workspace.view().state)
    waiting = threading.Thread(target=lambda: results.append(wait(goals, regions, site.engine, stop, Told())))
    waiting.start()
    try:
        assert waits.wait(10)
        site.files(waves=WAVES.format(phase="replicate").replace("web-02: Standard_D2s_v5", "web-02: Standard_D4s_v5"))
        assert site.apply(site.look()).complete
        with site.workspace.store.session("by hand"):
            pass
        assert waiting.is_alive(), "it had nothing to wait for"
        site.engine.run()
    finally:
        waiting.join(20)
        stop.set()
    assert (results[0].left, dict(results[0].failed)) == ((), {})


def test_a_second_apply_is_locked_out_with_its_own_exit_code(site: Site) -> None:
    looked = site.look()
    with site.workspace.store.session("apply"), pytest.raises(UserProblem, match="is locked by") as refused:
        site.apply(looked)
    assert refused.value.code == LOCKED
    assert site.apply(looked).complete


def test_the_history_names_the_plan(site: Site) -> None:
    looked = site.look()
    site.apply(looked)
    (change,) = site.workspace.view().state.history
    assert (change.serial, change.doing, change.about["plan"]) == (1, "apply", digest_of(looked.plan))


def test_mv_and_rm_are_recorded_and_touch_nothing_outside(site: Site) -> None:
    """A moved address takes what depends on it along; a forgotten machine is adopted again by the next plan."""
    site.go()
    before = dict(site.azure.contents.things)
    state = site.workspace.view().state
    seed = next(a for a in state.artifacts if a.startswith("seed_disk.web-01/"))
    statecare.move(site.workspace, seed, "seed_disk.web-01/99")
    state = site.workspace.view().state
    assert seed not in state.artifacts and "seed_disk.web-01/99" in state.artifacts
    assert not any(seed in r.deps for r in state.artifacts.values())
    with pytest.raises(UserProblem, match="another kind"):
        statecare.move(site.workspace, "seed_disk.web-01/99", "vault.x")
    with pytest.raises(UserProblem, match=r"the state has no machine\.web-09"):
        statecare.forget(site.workspace, ["machine.web-09"])
    serial = state.serial
    statecare.forget(site.workspace, ["machine.web-01"])
    state = site.workspace.view().state
    assert "web-01" not in state.by_name() and not any(r.machine == "web-01" for r in state.artifacts.values())
    assert (state.serial, state.history[-1].doing) == (serial + 1, "state rm")
    assert dict(site.azure.contents.things) == before


def test_a_machine_renamed_by_hand_keeps_everything(site: Site) -> None:
    site.go()
    statecare.move(site.workspace, "machine.web-01", "machine.shop-01")
    state = site.workspace.view().state
    assert state.by_name()["shop-01"].uuid == uuid_of(1)
    assert any(r.machine == "shop-01" for r in state.artifacts.values())
    assert read_lock(Path())[0].machines["shop-01"].instance_uuid == uuid_of(1)
    site.files(waves=WAVES.format(phase="replicate").replace("web-01:", "shop-01:"))
    assert [s.address for s in site.look().plan.steps] == ["replication.shop-01"], "the engine is told the name, no more"


def test_rebind_begins_again_and_keeps_what_was(site: Site) -> None:
    """users.md, The estate 7: a VM that was restored has another uuid. Its seeds stay until their number is named."""
    site.go()
    site.vms["web-01"] = vm(7, "web-01", (8, 16))
    assert any(d.code == "WL202" for d in site.look().plan.errors)
    said = statecare.rebind(site.workspace, "web-01", uuid_of(7), "/Seoul/vm/shop/web-01")
    was = f"web-01-was-{uuid_of(1)[-8:]}"
    assert was in said
    assert read_lock(Path())[0].machines["web-01"].instance_uuid == uuid_of(7)
    looked = site.look()
    assert not looked.plan.errors, looked.plan.errors
    assert any(n.machine == was for n in looked.plan.kept)
    site.go()
    state = site.workspace.view().state
    assert state.by_name()["web-01"].uuid == uuid_of(7)
    assert state.by_name()[was].uuid == uuid_of(1)
    records: dict[str, Record] = site.engine.records(gateways(state)["koreacentral"])
    assert {uuid_of(1), uuid_of(7)} <= records.keys()


def test_push_refuses_what_would_lose_something(site: Site) -> None:
    """Issue 4: other lineage and older serial refused; forced, it says what is lost, and no stale plan survives it."""
    site.go()
    old = dumps(site.workspace.view().state)
    statecare.forget(site.workspace, ["machine.web-02"])
    now, state, why = statecare.incoming(site.workspace, old)
    assert ["serial" in w for w in why] == [True]
    document = json.loads(old)
    document["lineage"] = "another"
    assert any("lineage" in w for w in statecare.incoming(site.workspace, json.dumps(document).encode())[2])
    assert statecare.lost(state, now) != []
    statecare.push(site.workspace, state, now, forced="older")
    found = site.workspace.view().state
    assert (found.serial, "web-02" in found.by_name()) == (now.serial + 1, True)
    assert found.history[-1].about["forced"] == "older"
    with pytest.raises(UserProblem, match="moved meanwhile"):
        statecare.push(site.workspace, state, now)
    for rubbish in (b"", b"[]", b"{}", b'{"version": 99}'):
        with pytest.raises(UserProblem, match="WL42"):
            statecare.incoming(site.workspace, rubbish)


def test_nothing_by_hand_while_steps_are_in_doubt(site: Site) -> None:
    store = site.workspace.store
    with store.session("apply") as session:
        session.journal.intent("vault", "Create")
        session.close = lambda: None  # type: ignore[method-assign]  # the process ends here
    with pytest.raises(UserProblem, match="in doubt"):
        statecare.forget(site.workspace, ["machine.web-01"])
    assert [d.address for d in site.workspace.view().doubts] == ["vault"]


def test_doubts_of_a_cut_off_apply_outlive_whoever_records_outcomes(site: Site) -> None:
    """Issue 4: one apply waits for the engine without the lock; another is cut off meanwhile. What the first records at its
    end must not take the second's doubts away: an order that was perhaps sent is looked up, not sent again."""
    looked = site.look()
    site.apply(looked)
    with site.workspace.store.session("apply") as session:
        session.journal.intent("order.web-01/1-test", "SendOrder")
        session.close = lambda: None  # type: ignore[method-assign]  # the process ends here
    site.engine.run()
    assert keep_outcomes(site.workspace, site.engine, read_records(site.engine, site.workspace.view().state)) == ""
    assert [d.address for d in site.workspace.view().doubts] == ["order.web-01/1-test"]
    with pytest.raises(UserProblem, match="in doubt"):
        statecare.move(site.workspace, "machine.web-01", "machine.x")
    stale = dataclasses.replace(looked, recorded=dataclasses.replace(looked.recorded, lineage="another"))
    with pytest.raises(UserProblem, match="stale"):
        site.apply(stale)
    assert site.workspace.view().doubts, "a refused apply settles nothing"
    assert site.apply(site.look()).complete
    assert (site.workspace.view().doubts, site.workspace.view().interrupted) == ((), False)


@pytest.mark.parametrize(("schema", "says"), [(1, "Upgrade the engine there first"), (3, "Upgrade wavelift here to 9.0")])
def test_versions_that_do_not_fit_are_refused_with_what_to_do(schema: int, says: str) -> None:
    """Issue 4: a version skew between apply and engine."""
    engine = EngineVersion("9.0", schema, "gw-1", seen=1000.0)
    with pytest.raises(UserProblem, match=says):
        refuse({"koreacentral": engine}, schema=2, now=1060.0)
    assert refuse({"koreacentral": engine}, schema=schema, now=1060.0) == ()
    assert "engine 9.0 on gw-1 (koreacentral)" in versions_line({"koreacentral": engine})


def test_an_older_engine_that_is_silent_keeps_nobody_out() -> None:
    """Issue 4: else nobody could plan until a release came back that was taken away; a newer one's documents cannot be read."""
    old = EngineVersion("0.1", 1, "gw-1", seen=1000.0)
    (remark,) = refuse({"koreacentral": old}, schema=2, now=2000.0)
    assert (remark.code, remark.severity) == ("WL428", "warning")
    assert "start one of" in remark.detail
    with pytest.raises(UserProblem, match="gone for good"):
        refuse({"koreacentral": EngineVersion("9.0", 3, "gw-1", seen=1000.0)}, schema=2, now=2000.0)


@pytest.mark.parametrize(("release", "side"), [("9.0", "upgrade wavelift here"), ("0.0.1", "upgrade the side that wrote it")])
def test_an_unknown_field_says_which_side_is_older(site: Site, release: str, side: str) -> None:
    """Issue 4: documents and states of the same form that hold what this release does not know."""
    site.go()
    state = json.loads(dumps(site.workspace.view().state))
    state["wavelift"] = release
    next(iter(state["machines"].values()))["colour"] = "red"
    with pytest.raises(UserProblem, match=f"colour.*{release}.*{side}"):
        statecare.incoming(site.workspace, json.dumps(state).encode())
    record = next(iter(site.engine.records(gateways(site.workspace.view().state)["koreacentral"]).values()))
    document = json.loads(documents.dumps(record))
    document["release"], document["body"]["colour"] = release, "red"
    with pytest.raises(documents.BadDocument, match=f"colour.*{release}.*{side}"):
        documents.load_record(json.dumps(document).encode())
    document["release"] = RELEASE
    with pytest.raises(documents.BadDocument, match=r"colour: not known$"):
        documents.load_record(json.dumps(document).encode())
