"""Apply: the order of steps, what a failure stops and what not, leaving early, stale plans, and what is never written down."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from planner.apply import Outcome, Reporter, execute
from planner.artifact import Kind
from planner.drift import Seen, find
from planner.explain import text, to_json
from planner.planfile import digest_of
from planner.ports import ResourceRef
from planner.steps import Create, Forget, SendOrder, Step, Update
from replication.model.errors import Permanent, Temporary
from replication.model.item import Order
from tests.planner.pilot import WAVES, pilot
from tests.planner.site import PROJECT, Site
from wavelift.applying.apply import keep_outcomes
from wavelift.problems import UserProblem


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    yield pilot()


def step(address: str, *needs: str) -> Step:
    return Forget(address, Kind.VM, needs, "")


class Heard(Reporter):
    """What a reporter is told, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def started(self, step: Step) -> None:
        self.events.append(("started", step.address))

    def done(self, step: Step) -> None:
        self.events.append(("done", step.address))

    def failed(self, step: Step, problem: str) -> None:
        self.events.append(("failed", step.address))

    def skipped(self, step: Step, because: str) -> None:
        self.events.append(("skipped", f"{step.address} < {because}"))


def run(steps: list[Step], do: Callable[[Step], None], parallelism: int = 4, stop: threading.Event | None = None) -> Outcome:
    return execute(steps, do, parallelism, stop or threading.Event(), Reporter())


# --- the executor


def test_nothing_starts_before_what_it_needs() -> None:
    """D3: whatever is free runs; each step after the ends of all that it needs."""
    steps = [step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c"), step("e", "not in the plan")]
    ended: list[str] = []
    lock = threading.Lock()

    def do(one: Step) -> None:
        with lock:
            assert all(n in ended for n in one.needs if n != "not in the plan")
        time.sleep(0.002)
        with lock:
            ended.append(one.address)

    assert run(steps, do).done and sorted(ended) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("parallelism", [1, 3])
def test_as_many_at_once_as_allowed(parallelism: int) -> None:
    """Issue 2: independent steps in parallel, and no more than asked for."""
    running, most = 0, 0
    lock = threading.Lock()

    def do(one: Step) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    run([step(f"s{i}") for i in range(8)], do, parallelism)
    assert most == parallelism


def test_a_failed_step_skips_its_dependents_and_nothing_else() -> None:
    """Issue 2: "a failed step skips its dependents and lets the rest finish"."""
    steps = [step("bad"), step("b", "bad"), step("c", "b", "x"), step("x"), step("y", "x")]
    heard = Heard()

    def do(one: Step) -> None:
        if one.address == "bad":
            raise Temporary("no answer", subject="bad")

    outcome = execute(steps, do, 2, threading.Event(), heard)
    assert outcome.failed == {"bad": "bad: no answer"}
    assert outcome.skipped == {"b": "bad", "c": "bad"}
    assert sorted(outcome.done) == ["x", "y"]
    assert not outcome.complete and outcome.not_started == ()
    assert ("skipped", "c < bad") in heard.events and ("started", "b") not in heard.events


def test_stopping_lets_running_steps_finish() -> None:
    """Issue 2: "Ctrl-C once finishes running steps, saves and leaves"."""
    stop = threading.Event()

    def do(one: Step) -> None:
        stop.set()
        time.sleep(0.02)

    outcome = run([step(f"s{i}", *([f"s{i - 3}"] if i > 2 else [])) for i in range(9)], do, 3, stop)
    assert 1 <= len(outcome.done) <= 3
    assert len(outcome.done) + len(outcome.not_started) == 9
    assert not outcome.complete


@pytest.mark.parametrize("parallelism", [1, 4])
def test_a_bug_comes_to_light(parallelism: int) -> None:
    """Not a port's error: what runs finishes, nothing more starts, and it is raised; nobody waits for ever."""
    ended: list[str] = []

    def do(one: Step) -> None:
        if one.address == "s1":
            raise ZeroDivisionError("ours")
        ended.append(one.address)

    with pytest.raises(ZeroDivisionError, match="ours"):
        run([step(f"s{i}") for i in range(100)], do, parallelism)
    assert len(ended) < 100


# --- apply


def test_a_failed_apply_goes_on_when_it_is_run_again(site: Site) -> None:
    """Issue 2: "running it again continues": what was done is not done again, what failed and what needed it is."""

    def refuse(verb: str, ref: ResourceRef) -> None:
        if ref.kind == Kind.KEY_VAULT:
            raise Permanent("quota exceeded", subject=ref.address)

    site.azure.fault = refuse
    outcome = site.apply()
    assert outcome.failed == {"key_vault.koreacentral": "key_vault.koreacentral: quota exceeded"}
    assert set(outcome.skipped.values()) == {"key_vault.koreacentral"}
    assert {"replication.web-01", "replication.web-02"} <= set(outcome.skipped)
    assert "seed_disk.web-01/2000" in outcome.done
    site.azure.fault = lambda verb, ref: None
    again = site.look()
    assert {s.address for s in again.plan.steps} == set(outcome.skipped) | set(outcome.failed)
    assert site.apply(again).complete
    assert site.look().plan.steps == ()


def test_stopping_an_apply_saves_what_is_done(site: Site) -> None:
    """Ctrl-C: the state holds what was done; the next apply does the rest."""

    class Stopper(Reporter):
        def done(self, step: Step) -> None:
            site.stop.set()

    outcome = site.apply(reporter=Stopper(), parallelism=2)
    assert outcome.not_started and outcome.done
    state = site.workspace.view().state
    assert (state.serial, set(state.artifacts)) == (1, set(outcome.done))
    assert not site.workspace.view().interrupted
    site.stop.clear()
    site.go()
    assert site.look().plan.steps == ()


def test_a_stale_plan_is_refused_and_says_what_moved(site: Site) -> None:
    """Issue 2, "a stale state": made from another state than it is applied to; nothing is changed."""
    site.go(engine=False)
    site.files(waves=WAVES.format(phase="test"))
    old = site.look()
    keys = "appliances: {gw-1: {role: primary, source: seoul, schedule: {delta_minimum: 2h}}}\n"
    text_of = Path("estate.yaml").read_text()
    Path("estate.yaml").write_text(text_of.replace("appliances:\n  gw-1: {role: primary, source: seoul}\n", keys))
    site.go(engine=False)
    made = len(site.azure.contents.made)
    with pytest.raises(UserProblem) as refused:
        site.apply(old)
    assert "replication.web-01, replication.web-02" in refused.value.text
    assert "serial 1 to 2" in refused.value.text
    assert len(site.azure.contents.made) == made


def test_progress_of_the_engine_makes_no_plan_stale(site: Site) -> None:
    """Design, "Staleness": a cycle between review and merge is no change of the state."""
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    looked = site.look()
    for documents in site.engine.stores.values():
        for uuid, record in documents.records.items():
            documents.records[uuid] = replace(record, cycle=record.cycle + 3, last_completed=1.0)
    assert digest_of(site.look().plan) == digest_of(looked.plan)
    assert site.apply(looked).complete


def test_a_plan_with_problems_is_not_applied(site: Site) -> None:
    site.azure.put("vault", f"{PROJECT}/providers/Microsoft.RecoveryServices/vaults/wavelift-shop", {}, ours=False)
    looked = site.look()
    assert looked.plan.errors
    with pytest.raises(UserProblem, match="1 problems"):
        site.apply(looked)
    assert site.azure.contents.made == []


def test_an_unwritable_state_is_said(site: Site) -> None:
    """No traceback: which file, and that nothing is lost."""
    looked = site.look()
    Path("state.json.new").mkdir()
    with pytest.raises(UserProblem, match=r"cannot be written.*state\.json\.new"):
        site.apply(looked)
    assert site.azure.contents.made == []


def test_what_the_engine_did_is_kept_however_the_apply_ends(site: Site) -> None:
    """The order after a migration takes its place in the engine's record: what the migration made must be on record by then."""
    site.go()
    site.files(waves=WAVES.format(phase="complete"))
    site.go(engine=False)
    site.engine.run()
    looked = site.look()
    assert {s.order.value for s in looked.plan.steps if isinstance(s, SendOrder)} == {"stop"}

    class Dies(Reporter):
        def started(self, step: Step) -> None:
            view = site.workspace.view()
            assert {"vm.web-01", "disk.web-01/2000", "nic.web-01/4000"} <= set(view.state.artifacts)
            assert {m.life for m in view.state.machines.values()} == {"migrated"}

    assert site.apply(looked, reporter=Dies()).complete
    site.settle()
    assert {m.life for m in site.workspace.view().state.machines.values()} == {"completed"}
    assert site.look().plan.steps == ()


def test_an_order_of_unknown_fate_is_never_taken_for_another(site: Site) -> None:
    """The answer to a written order is lost, then the files ask for something else: refused, not mistaken for it."""
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    real = site.engine.put_order

    def lost(account: str, order: Order) -> None:
        real(account, order)
        raise Temporary("the connection broke")

    site.engine.put_order = lost  # type: ignore[method-assign]  # the wire, not the engine, is what fails
    assert len(site.apply().failed) == 2
    site.engine.put_order = real  # type: ignore[method-assign]  # the wire is whole again
    same = site.look()
    assert site.apply(same).complete, "the same order again is the same order"
    site.engine.run()
    site.files(waves=WAVES.format(phase="replicate"))
    site.go()
    numbers = sorted(n for d in site.engine.stores.values() for _, n in d.orders)
    assert numbers == [1, 1, 2, 2]


def test_an_order_that_was_deleted_before_it_was_read_is_told_and_sent_again(site: Site) -> None:
    """S8: nothing stays "in progress" for ever: plan says that the order is gone, and apply sends it under a new number."""
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    site.go(engine=False)
    assert {note.what for note in site.look().plan.in_progress} and not site.look().plan.drift
    (documents,) = (d for d in site.engine.stores.values() if d.orders)
    uuid, number = min(documents.orders)
    del documents.orders[uuid, number]
    looked = site.look()
    assert [note.what for note in looked.plan.drift] == ["its order is gone from the gateway store"]
    assert [(s.uuid, s.number) for s in looked.plan.steps if isinstance(s, SendOrder)] == [(uuid, number + 1)]
    drift = find(site.workspace.estate, looked.state, Seen(looked.seen, looked.records), site.now)
    told = [(one.severity.value, one.machine) for one in drift.findings if one.property == "order"]
    assert told == [("urgent", looked.state.machines[uuid].name)]
    site.go()
    assert site.look().plan.steps == () and not site.look().plan.in_progress and not site.look().plan.drift


def test_another_order_of_the_same_number_is_refused(site: Site) -> None:
    site.go()
    site.files(waves=WAVES.format(phase="test"))
    looked = site.look()
    (order, *_) = [s for s in looked.plan.steps if isinstance(s, SendOrder)]
    site.files(waves=WAVES.format(phase="migrate"))
    other = next(s for s in site.look().plan.steps if isinstance(s, SendOrder) and s.uuid == order.uuid)
    assert (other.number, other.document["replication"]) == (order.number, order.document["replication"])
    assert other.document["id"] != order.document["id"]


def test_no_secret_in_plan_state_or_journal(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 3 of the state: plan, state and journal hold references to secrets, never what they hold."""
    canary = "c4n4ry-0ne"
    secrets = Path("secrets.json")
    secrets.write_text(json.dumps({"user": "u", "password": canary, "client_id": "i", "client_secret": canary}))
    monkeypatch.setenv("VC", secrets.read_text())
    estate = Path("estate.yaml").read_text().replace("tenant: corp.example", "tenant: corp.example\n  login: file:secrets.json")
    Path("estate.yaml").write_text(estate)
    looked = site.look()
    journal: list[bytes] = []

    class Reads(Reporter):
        def done(self, step: Step) -> None:
            journal.append(Path("state.json.journal").read_bytes())

    assert site.apply(looked, reporter=Reads()).complete
    site.settle()
    seen = [text(looked.plan), json.dumps(to_json(looked.plan)), *(j.decode() for j in journal)]
    seen += [p.read_text() for p in Path().iterdir() if p.is_file() and p != secrets]
    assert len(journal) > 10
    assert not [s for s in seen if canary in s]
    assert "random-256" in seen[1], "the secret's source is what the plan knows of it"


def test_outcomes_are_not_recorded_over_somebody_else(site: Site) -> None:
    """The lock is not held while waiting; who holds it now, and plans later, records what the engine did."""
    site.go(engine=False)
    site.engine.run()
    before = site.workspace.view().state
    with site.workspace.store.session("apply"):
        keep_outcomes(site.workspace, site.engine, {})
    assert site.workspace.view().state == before


def test_a_rename_and_a_change_do_not_race(site: Site) -> None:
    """What is recorded of a renamed machine is recorded under its new name, whatever runs first."""
    site.go()
    waves = WAVES.format(phase="replicate").replace("web-01: Standard_D2s_v5", "front: {vm: web-01, size: Standard_D2s_v5}")
    site.files(waves=waves)
    looked = site.look()
    (renamed,) = [s for s in looked.plan.steps if s.address == "rename.front"]
    assert all(renamed.address in s.needs for s in looked.plan.steps if s.machine == "front" and s is not renamed)
    site.apply(looked, parallelism=8)
    state = site.workspace.view().state
    assert state.artifacts["replication.front"].spec["name"] == "front"
    assert not [a for a in state.artifacts if "web-01" in a]
    assert "web-01" not in Path("wavelift.lock.yaml").read_text().replace("shop/web-01", "")
    assert site.look().plan.steps == ()


def test_an_item_that_somebody_wrote_is_set_back(site: Site) -> None:
    """Issue 4, Drift: plan shows what was changed in the gateway store, apply writes it as the estate asks, and is done."""
    site.go()
    uuid = site.vms["web-01"].uuid
    (documents,) = [d for d in site.engine.stores.values() if uuid in d.items]
    meant = documents.items[uuid]
    for other in (replace(meant, seed_container="elsewhere"), None):
        if other is None:
            del documents.items[uuid]
        else:
            documents.items[uuid] = other
        looked = site.look()
        assert [note.machine for note in looked.plan.drift] == ["replication.web-01"]
        (step,) = looked.plan.steps
        assert step.address == "replication.web-01" and isinstance(step, Create if other is None else Update)
        assert site.apply(looked).complete
        assert documents.items[uuid] == meant
        assert not site.look().plan.steps and not site.look().plan.drift


def test_a_migrated_source_that_runs_again_stands_in_the_plan(site: Site) -> None:
    """Issue 4, Drift: with the words of `drift`; a source that is off is not worth a word."""
    site.go()
    for phase in ("migrate", "complete"):
        site.files(waves=WAVES.format(phase=phase))
        site.go()
        source = site.vms["web-01"]
        site.vms["web-01"] = replace(source, power="poweredOff")
        off = [note.machine for note in site.look().plan.drift]
        site.vms["web-01"] = replace(source, power="poweredOn")
        found = {note.machine: note for note in site.look().plan.drift}
        assert "web-01" not in off and found["web-01"].what == "SOURCE POWERED ON while the Azure VM exists"
        assert ("rollback web-01" in found["web-01"].why) == (phase == "migrate")
